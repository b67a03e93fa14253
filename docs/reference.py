# SPDX-License-Identifier: LGPL-2.1-or-later
"""docs/plugins.json and the marked parts of README.md, made from what the built plugins say of
themselves, from the messages and events in their sources, and from the description's schema.

    ninja -C build reference      writes both (reference.py CACHE-PROGRAM MODULE...)

The test `docs` compares. A part of README.md stands between "<!-- made: NAME -->" and
"<!-- /made -->"; NAME is "description", "properties of ELEMENT", "pad properties of ELEMENT" or "file PATH".
In the schema, a description that ends with "Default: ..." says a default that is not a constant,
and a `title` is a word for a type that a pattern would otherwise have to explain.
"""
import json
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
CACHE = TOP / "docs" / "plugins.json"
README = TOP / "README.md"
SCHEMA = TOP / "pipelines" / "headend.schema.json"
COMMAND = "ninja -C build reference"


class ReferenceError(Exception):
    """What is wrong with a source of the reference; the message says where."""


# --- Plugins ---------------------------------------------------------------------------------

_G_TYPES = {"STRING": "gchararray", "BOOLEAN": "gboolean", "UINT": "guint", "INT": "gint",
            "UINT64": "guint64", "INT64": "gint64", "DOUBLE": "gdouble"}


def plugins(program, modules):
    """What the elements of the built modules say, by the program plugin-cache."""
    done = subprocess.run([program, *modules], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise ReferenceError(f"{program}: {done.stderr.strip()}")
    return json.loads(done.stdout)


def structures(top=TOP):
    """{name: {field: type}} of the messages and of the events that the elements' sources make.
    Messages are named ELEMENT-EVENT, events headend-EVENT."""
    names, messages, events = {}, {}, {}
    for path in sorted((top / "plugins").rglob("*.h")):
        names.update(re.findall(r'#define (GST_HEADEND_\w+) "([\w-]+)"', path.read_text()))
    for path in sorted((top / "plugins").rglob("gst-*.c")):
        text = path.read_text()
        posted = 0
        for name, fields in re.findall(r'gst_structure_new \(\s*("[\w/-]+"|\w+),(.*?)\bNULL\)', text, re.S):
            name = name.strip('"') if name[0] == '"' else names.get(name)
            fields = {f: _G_TYPES[t] for f, t in re.findall(r'"([\w-]+)",\s*G_TYPE_(\w+)', fields)}
            if name is None or name.endswith("-stats"):
                continue
            posted += not name.startswith("headend-")
            (events if name.startswith("headend-") else messages)[name] = fields
        told = len(re.findall(r"gst_message_new_element \(", text))
        if told != posted:
            raise ReferenceError(f"{path}: {told} messages are made, but {posted} of their structures "
                                 'are readable here; expected gst_structure_new ("ELEMENT-EVENT", …, NULL)')
    return messages, events


def cache(program, modules):
    """What docs/plugins.json holds."""
    messages, events = structures()
    return {"plugins": plugins(program, modules), "messages": messages, "events": events}


def elements(held):
    """{name: element} of a cache."""
    return {name: element for plugin in held["plugins"].values()
            for name, element in plugin["elements"].items()}


# --- Tables ----------------------------------------------------------------------------------


def _table(head, rows):
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(c.replace("|", "\\|") for c in line) + " |" for line in lines)


def _code(words):
    return ", ".join(f"`{w}`" for w in words)


_TYPES = {"gchararray": "text", "gboolean": "boolean", "GstStructure": "structure"}
_UNBOUND = {str(2**31 - 1), str(2**32 - 1), str(2**63 - 1), str(2**64 - 1)}


def _property_type(prop):
    if "values" in prop:
        words = _code(v["name"] for v in prop["values"])
    elif "min" in prop and prop["max"] in _UNBOUND:
        words = f"from {prop['min']}"
    elif "min" in prop:
        words = f"{prop['min']}..{prop['max']}"
    else:
        words = _TYPES.get(prop["type"], prop["type"])
    return words + ("" if prop["readable"] else ", write-only") + ("" if prop["writable"] else ", read-only")


def _property_row(name, prop):
    default = prop.get("default", "NULL") if prop["writable"] else "NULL"
    fields = ": " + _code(prop["fields"]) if "fields" in prop else ""
    return [f"`{name}`", _property_type(prop), "" if default in ("NULL", "") else f"`{default}`",
            prop["blurb"] + fields]


def properties(owned):
    return _table(["property", "type", "default", "meaning"],
                  [_property_row(name, prop) for name, prop in owned.items()])


def pad_properties(element):
    """Of the pads of one element, which must agree where several templates have one type."""
    kinds = [pad["properties"] for pad in element["pad-templates"].values() if "properties" in pad]
    if not kinds or any(kind != kinds[0] for kind in kinds):
        raise ReferenceError("expected pads with properties, all the same")
    return kinds[0]


# --- Description -----------------------------------------------------------------------------


class Schema:
    def __init__(self, root):
        self.root = root

    def resolved(self, node):
        """The node with what its $ref says, its own words first."""
        while "$ref" in node:
            target = self.root
            for step in node["$ref"].lstrip("#/").split("/"):
                target = target[step]
            node = {**target, **{k: v for k, v in node.items() if k != "$ref"}}
        return node

    def rows(self, node=None, path=""):
        """(path, node, whether it is required) of every key, outside in, in the order written."""
        node = self.resolved(node or self.root)
        if node.get("type") == "array":
            yield from self.rows(node["items"], path + "[]")
        for name, child in node.get("properties", {}).items():
            child = self.resolved(child)
            here = f"{path}.{name}" if path else name
            yield here, child, name in node.get("required", [])
            if "properties" in child or child.get("type") == "array":
                yield from self.rows(child, here)

    def type_of(self, node):
        node = self.resolved(node)
        if "title" in node:
            return node["title"]
        if "enum" in node:
            return _code(str(v) for v in node["enum"])
        for many in ("oneOf", "anyOf"):
            if many in node and "type" not in node:
                return " or ".join(self.type_of(n) for n in node[many])
        kind = node["type"]
        if kind == "array" and "enum" in node["items"]:
            return "list of " + self.type_of(node["items"])
        if kind == "array":
            return "list of " + _limits(node.get("minItems", 0), node["maxItems"])
        if kind == "object" and path_free(node):
            inner = ", ".join(f'"{k}": {self.type_of(v)}' for k, v in node["properties"].items())
            return f"`{{{inner}}}`"
        if kind in ("integer", "number"):
            even = "even, " if node.get("multipleOf") == 2 else ""
            return even + _limits(node["minimum"], node["maximum"])
        return kind


def path_free(node):
    """Whether an object is a way to write one value rather than a place with keys."""
    return list(node.get("properties", {})) == node.get("required") and "description" not in node


def _limits(least, most):
    return f"{least}..{most}"


def _description_row(schema, path, node, required):
    text = node.get("description", "")
    if not text:
        raise ReferenceError(f"{SCHEMA.name}: {path} has no description")
    default = "**required**" if required else ""
    if "default" in node:
        value = node["default"]
        default = f"`{value if isinstance(value, str) else json.dumps(value)}`"
    else:
        told = re.search(r"\s*Default: (.+?)\.?$", text)
        if told:
            default, text = told.group(1), text[:told.start()]
    return [f"`{path}`", schema.type_of(node), default, text.rstrip(".")]


def description(root):
    schema = Schema(root)
    return _table(["key", "type", "default", "meaning"],
                  [_description_row(schema, *row) for row in schema.rows() if row[0] != "$schema"])


# --- README ----------------------------------------------------------------------------------

_PART = re.compile(r"(<!-- made: ([^>]+?) -->\n).*?(<!-- /made -->)", re.S)


def part(name, held):
    """The text of one marked part."""
    words = name.split()
    known = elements(held)
    if words[0] == "file":
        return f"```json\n{(TOP / words[1]).read_text().rstrip()}\n```"
    if name == "description":
        return description(json.loads(SCHEMA.read_text()))
    if words[:2] == ["properties", "of"] and words[2] in known:
        return properties(known[words[2]]["properties"])
    if words[:3] == ["pad", "properties", "of"] and words[3] in known:
        return properties(pad_properties(known[words[3]]))
    raise ReferenceError(f"README.md: nobody knows how to make the part \"{name}\"")


def wanted_parts(held):
    names = ["description"]
    for name, element in elements(held).items():
        names.append(f"properties of {name}")
        if any("properties" in pad for pad in element["pad-templates"].values()):
            names.append(f"pad properties of {name}")
    return names


def filled(text, held):
    """README.md with its marked parts made anew."""
    there = [m[1] for m in _PART.findall(text) if not m[1].startswith("file ")]
    if sorted(there) != sorted(wanted_parts(held)):
        raise ReferenceError(f"README.md: has the parts {sorted(there)}; expected {sorted(wanted_parts(held))}")
    return _PART.sub(lambda m: m.group(1) + part(m.group(2), held) + "\n" + m.group(3), text)


def dump(held):
    return json.dumps(held, indent=1, sort_keys=False, ensure_ascii=False) + "\n"


def write(program, modules):
    held = cache(program, modules)
    if CACHE.exists():
        missing = set(json.loads(CACHE.read_text())["plugins"]) - set(held["plugins"])
        if missing:
            raise ReferenceError(f"docs/plugins.json has {', '.join(sorted(missing))}, which this build has not; "
                                 "build with every feature, or take the plugin out of the file by hand")
    README.write_text(filled(README.read_text(), held))
    CACHE.write_text(dump(held))


if __name__ == "__main__":
    try:
        write(sys.argv[1], sys.argv[2:])
    except ReferenceError as error:
        sys.exit(f"reference: {error}")
