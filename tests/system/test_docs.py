# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is written about the project is what it is: gst-inspect's words, docs/plugins.json, the
schema, README.md, the SECTION blocks, the man page and the commands' own help do not disagree."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

import stage

sys.path.insert(0, str(stage.TOP / "docs"))
import reference  # noqa: E402 (found by the path above)

README = reference.README.read_text()
PAGES = {path: path.read_text() for path in [reference.README, *sorted((reference.TOP / "docs").glob("*.md"))]}
MAN = stage.TOP / "docs" / "headend.1"
HELD = json.loads(reference.CACHE.read_text())
MAKE_ANEW = f'; "{reference.COMMAND}" writes it anew'


def _differences(held, said, path=""):
    """Where two JSON values differ, one line each."""
    if isinstance(held, dict) and isinstance(said, dict):
        return [line for key in {**held, **said}
                for line in _differences(held.get(key), said.get(key), f"{path}/{key}")]
    return [] if held == said else [f"{path}: {held!r} is {said!r} in the plugins"]


def test_the_plugin_cache_is_what_the_plugins_say():
    said = reference.cache(os.environ["PLUGIN_CACHE"], os.environ["PLUGIN_MODULES"].split(":"))
    wrong = _differences(HELD, said)
    assert not wrong, "docs/plugins.json" + MAKE_ANEW + "\n" + "\n".join(wrong)


def test_the_cache_holds_every_element_completely():
    for name, element in reference.elements(HELD).items():
        for field in ("long-name", "klass", "description", "author"):
            assert element[field], f"{name}: no {field}"
        assert element["pad-templates"], f"{name}: no pads"
        for owned in [element, *element["pad-templates"].values()]:
            for prop, said in owned.get("properties", {}).items():
                assert said["blurb"].strip(), f"{name}: {prop} says nothing of itself"


def test_the_made_parts_of_the_readme_are_what_their_sources_say():
    wanted = reference.filled(README, HELD)
    if wanted != README:
        pairs = zip(README.splitlines(), wanted.splitlines())
        has, should = next((a, b) for a, b in pairs if a != b)
        raise AssertionError(f"README.md{MAKE_ANEW}\nhas:    {has}\nshould: {should}")


_SCHEMA = reference.Schema(json.loads(reference.SCHEMA.read_text()))
# Keys whose other values do not follow from their type, each with one.
_OTHERS = {"secret": {"file": "other"}, "edge.trusted": ["10.0.0.1"], "gate.allowed-origins": ["https://tv.example"],
           "channels[].segment-duration": 4, "channels[].video[].frame-rate": "50/1",
           "channels[].audio": [{}, {}], "channels[].watermark": False}

# What has to stand beside a key for its values to mean anything.
_BESIDE = {"channels[].playlist": {"source": "file:clip.ts", "destination": "file:out", "encryption": "none"}}

# Keys whose other values not every encoder takes.
_ENCODERS = {"channels[].video[].bit-depth": "x265"}


def _understood(path, value=None, encoder="x264"):
    """What the launcher understands of a description with this value at a path of the schema, or
    without it; None when it refuses it."""
    description = {"edge": {"listen": "127.0.0.1:1"}, "tokens": {}, "sessions": {},
                   "gate": {"renewal": {"uri": "http://a/"}, "alarms": {}},
                   "nodes": [{"name": "A", "listen": "127.0.0.1:2", "internal": "127.0.0.1:3"}],
                   "channels": [{"name": "demo", "source": "srt://127.0.0.1:4", "audio": [{}], "watermark": False,
                                 "video": [{"width": 640, "height": 360, "bitrate": 800, "encoder": encoder}]}]}
    place = description
    *steps, last = path.split(".")
    for step in steps:
        name = step.removesuffix("[]")
        if isinstance(place[name], bool):  # a switch that may be an object
            place[name] = {}
        place = place[name]
        place = place[0] if step.endswith("[]") else place
    place.update(_BESIDE.get(path, {}))
    place.pop(last, None)
    if value is not None:
        place[last] = value
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        file = pathlib.Path(folder) / "d.json"
        file.write_text(json.dumps(description))
        done = subprocess.run([os.environ["MODEL_TEXT"], str(file)], capture_output=True, text=True, timeout=60)
        return None if done.returncode else done.stdout.replace(folder, "")


def _other_values(path, node):
    """Values that may stand where the default does."""
    default = node["default"]
    if path in _OTHERS:
        return [_OTHERS[path]]
    if "enum" in node:
        return [v for v in node["enum"] if v != default]
    if node["type"] == "array" and "enum" in node["items"]:
        return [[v] for v in node["items"]["enum"] if [v] != default]
    if node["type"] == "integer":
        return [default + 1, default - 1]
    return [not default] if node["type"] == "boolean" else ["other"]


def test_what_the_schema_gives_as_default_is_the_default():
    checked = 0
    for path, node, _ in _SCHEMA.rows():
        if "default" not in node:
            continue
        without = _understood(path, encoder=_ENCODERS.get(path, "x264"))
        assert without is not None, path
        assert _understood(path, node["default"], _ENCODERS.get(path, "x264")) == without, f"{path}: {node['default']} is not the default"
        # The comparison would see another value, or there is none.
        seen = [_understood(path, other, _ENCODERS.get(path, "x264")) for other in _other_values(path, node)]
        assert not seen or any(s not in (None, without) for s in seen), \
            f"tests/system/model-text.c does not print {path}"
        checked += 1
    assert checked > 10, checked


def test_the_limits_of_the_schema_are_the_launchers():
    checked = 0
    for path, node, _ in _SCHEMA.rows():
        step = node.get("multipleOf", 1)
        for limit, beyond in (("minimum", -step), ("maximum", step)):
            if limit in node:
                assert _understood(path, node[limit]), f"{path}: {node[limit]} is refused"
                assert not _understood(path, node[limit] + beyond), f"{path}: {node[limit] + beyond} passes"
                checked += 1
    assert checked > 20, checked


def test_the_words_of_the_schema_are_the_launchers():
    encoders = next(n["enum"] for path, n, _ in _SCHEMA.rows() if path.endswith(".encoder"))
    for path, node, _ in _SCHEMA.rows():
        for word in node.get("enum", []):
            # Each encoder has presets of its own.
            assert any(_understood(path, word, e) for e in encoders), f"{path}: \"{word}\" is refused"
        assert "enum" not in node or not _understood(path, "no such thing"), f"{path}: anything passes"


def _names_with_fields(text, name):
    """The fields that a text lists behind a name: `name` {`a`, `b`}."""
    found = re.search(rf"`{re.escape(name)}`\s*\{{([^}}]*)\}}", text)
    return found and re.findall(r"`([^`]+)`", found.group(1))


def test_messages_and_events_are_told_with_their_fields():
    known = reference.elements(HELD)
    assert HELD["messages"] and HELD["events"]
    for name, fields in {**HELD["messages"], **HELD["events"]}.items():
        told = _names_with_fields(README, name)
        assert told is not None, f"README.md does not tell of `{name}` {{…}}"
        assert sorted(told) == sorted(fields), f"README.md: {name} has {list(fields)}, not {told}"
    for name in HELD["messages"]:
        element = name.split("-")[0]
        assert element in known, f"{name}: expected a name that begins with the element's"
        assert name in _section(element), f"the SECTION block of {element} does not tell of {name}"


def test_signals_are_told_with_their_arguments():
    for name, element in reference.elements(HELD).items():
        for signal, said in element["signals"].items():
            told = re.search(rf"`{re.escape(signal)} \(([^)]*)\)", _chapter(name))
            assert told, f"README.md: {name} has the signal {signal}"
            arguments = [a for a in told.group(1).split(",") if a.strip()]
            assert len(arguments) == len(said["args"]), f"README.md: {signal} takes {said['args']}"
            assert f"::{signal}" in _section(name), f"the SECTION block of {name} does not tell of {signal}"


def _chapter(element):
    """README's words on an element."""
    found = re.search(rf"^### {element}\n(.*?)^##", README, re.S | re.M)
    assert found, f"README.md has no chapter on {element}"
    return found.group(1)


def _section(element):
    for path in sorted((stage.TOP / "plugins").rglob("gst-*.c")):
        text = path.read_text()
        if f"SECTION:element-{element}\n" in text:
            return text.split("SECTION:element-" + element, 1)[1].split("*/", 1)[0]
    raise AssertionError(f"{element} has no SECTION block")


def test_section_blocks_name_the_properties_there_are():
    for name, element in reference.elements(HELD).items():
        section = _section(name)
        there = set(element["properties"])
        for owned in element["pad-templates"].values():
            there |= set(owned.get("properties", {}))
        told = {p for p in there if re.search(rf"[`:]{re.escape(p)}(?![\w-])", section)}
        assert told == there, f"the SECTION block of {name} leaves out {sorted(there - told)}"
        invented = set(re.findall(r"#Gst\w+:([a-z][\w-]*)", section)) - there
        assert not invented, f"the SECTION block of {name} has {sorted(invented)}, which the element has not"


def _help(*words):
    done = subprocess.run([stage.HEADEND, *words, "--help"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, f"headend {' '.join(words)} --help: {done.stderr}"
    return done.stdout


_OPTION = r"(?<![\w-])--([a-z][a-z-]*)"
# At the beginning of a line of help, with the letter that is short for it.
_TOLD_OPTION = r"^\s+(-\w, )?--([a-z][a-z-]*)"


def _commands():
    """{words of a command: {option: "-x, " or ""}}, as their help says."""
    found = {}
    for name in re.findall(r"^  headend (\w+)", _help(), re.M):
        verbs = re.findall(rf"headend {name} (\w+)", _help(name)) if name == "token" else []
        for words in [(name, verb) for verb in verbs] or [(name,)]:
            found[words] = {o: short for short, o in re.findall(_TOLD_OPTION, _help(*words), re.M) if o != "help"}
    assert len(found) > 5, found
    return found


def _man_text():
    done = subprocess.run(["groff", "-man", "-Tutf8", "-P-cbou", "-ww", "-z", str(MAN)],
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 0 and not done.stderr, f"groff: {done.stderr}"
    return subprocess.run(["groff", "-man", "-Tutf8", "-P-cbou", "-rLL=1000n", str(MAN)], capture_output=True,
                          text=True, timeout=60, check=True).stdout


def test_the_man_page_has_every_command_and_option_and_no_other():
    text = _man_text()
    has = _commands()
    chapter = re.search(r"^COMMANDS\n(.*?)^[A-Z]", text, re.S | re.M).group(1)
    parts = re.split(r"^ +headend ((?:[a-z]+ ?)+)\b.*$", chapter, flags=re.M)[1:]
    told = {}
    for words, body in zip(parts[::2], parts[1::2]):
        beside = re.findall(rf"^ +--[a-z-]+=\w+, {_OPTION}", body, re.M)
        told[tuple(words.split())] = {o: short for short, o in re.findall(_TOLD_OPTION, body, re.M)} | \
            dict.fromkeys(beside, "")
    wrong = [f"{' '.join(c)}: {told.get(c)} here, {has.get(c)} in --help"
             for c in {*told, *has} if told.get(c) != has.get(c)]
    assert not wrong, "docs/headend.1: " + "; ".join(wrong)


def test_the_man_pages_synopsis_has_every_command():
    synopsis = re.search(r"^SYNOPSIS\n(.*?)^[A-Z]", _man_text(), re.S | re.M).group(1)
    told = {tuple(words.split()) for words in re.findall(r"^ +headend ((?:[a-z]+ ?)+)\b", synopsis, re.M)}
    assert told == set(_commands()), told
    for option in re.findall(_OPTION, synopsis):
        assert option in {"help", "version"}.union(*_commands().values()), option


def test_the_man_page_tells_every_exit_code():
    codes = re.search(r"^EXIT STATUS\n(.*?)^[A-Z]", _man_text(), re.S | re.M).group(1)
    assert re.findall(r"^ +(\d+)\b", codes, re.M) == re.findall(r"(\d) (?:done|failed|used|a drill)", _help())


def test_the_readme_shows_commands_and_options_that_exist():
    commands = _commands()
    shown = set()
    for line in re.findall(r"^headend ([^#\n]*)", README.replace("\\\n", " "), re.M):
        words = tuple(re.match(r"(?:[a-z]+[ |]?)+", line).group(0).split())
        for verb in words[1].split("|") if words[0] == "token" and len(words) > 1 else [""]:
            command = (words[0], verb) if verb else words[:1]
            assert command in commands, f"README.md: headend {line}"
            wrong = set(re.findall(_OPTION, line)) - set(commands[command])
            assert not wrong, f"README.md: headend {line}: {wrong}"
            shown.add(command)
    assert shown == set(commands), f"README.md shows no {set(commands) - shown}"


def _page_chapter(page, heading):
    return re.search(rf"^## {heading}\n(.*?)^## ", PAGES[reference.TOP / page] + "## ", re.S | re.M).group(1)


def test_every_metric_is_listed():
    sources = "".join((stage.TOP / "plugins" / "gate" / f).read_text() for f in ("he-metrics.c", "he-exposition.c", "he-input-exchange.c"))
    there = {name.removesuffix("_total") for name in re.findall(r'"headend_([a-z_]+)["{]', sources)}
    rows = re.findall(r"^\|.*\| (`.*) \|$", _page_chapter("docs/http.md", "Metrics"), re.M)
    told = {name.removesuffix("_total") for name in re.findall(r"`([a-z_]+)`", " ".join(rows))}
    assert told == there and len(there) > 10, f"docs/http.md has {told - there} too many, leaves out {there - told}"


def test_every_denial_code_is_listed():
    header = (stage.TOP / "plugins" / "gate" / "he-token.h").read_text()
    there = set(re.findall(r"HE_CODE_\w+ = ([4-9]\d\d)", header))
    told = set(re.findall(r"\| (\d{3}) (?=\|)", _page_chapter("docs/gate.md", "Denials")))
    assert told == there and len(there) > 10, f"docs/gate.md has {told - there} too many, leaves out {there - told}"


_TOP_FILES = {"docs", "launcher", "pipelines", "plugins", "tests", "tools", "debian"}


def test_every_file_that_a_page_names_exists():
    for page, text in PAGES.items():
        paths = [word for word in re.findall(r"`([\w.][\w./*-]*)`", text) if word.split("/")[0] in _TOP_FILES]
        paths += re.findall(r"(?<![\w/$])((?:docs|pipelines|tests|tools)/[\w./-]*\w)", text)
        assert len(paths) > 5 or page != reference.README, paths
        for path in [p.replace("NAME", "*") for p in paths]:
            assert list(stage.TOP.glob(path)), f"{page.name} names {path}, which is not there"


def test_the_readme_tells_what_every_folder_holds():
    folders = [f.parent for f in [*stage.TOP.glob("*/meson.build"), *stage.TOP.glob("plugins/*/meson.build")]]
    folders = {str(f.relative_to(stage.TOP)) for f in folders} - {"plugins"}
    rows = re.findall(r"^\| (`.+?) \|", _page_chapter("README.md", "Changing it"), re.M)
    told = set(re.findall(r"`([\w/-]+)`", "".join(rows)))
    assert folders <= told, f"README.md does not say what {folders - told} hold"
    assert all((stage.TOP / f).is_dir() for f in told), f"README.md tells of folders that are not there: {told}"


def _chapters(text):
    return {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
            for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def test_every_link_of_a_page_leads_somewhere():
    for page, text in PAGES.items():
        links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
        assert links or page != reference.README
        for link in links:
            name, _, chapter = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name}: there is no {name}"
            assert not chapter or chapter in _chapters(target.read_text()), f"{page.name}: {link} leads to no chapter"


def test_every_description_is_told_in_the_readme():
    for path in sorted((stage.TOP / "pipelines").glob("*.json")):
        assert f"pipelines/{path.name}" in README, f"README.md does not tell of pipelines/{path.name}"


def _depends(field, package):
    """The names in a dependency field of a paragraph of debian/control, alternatives included."""
    paragraph, = [part for part in (stage.TOP / "debian" / "control").read_text().split("\n\n")
                  if part.startswith(package + "\n")]
    value = re.search(rf"^{field}:(.*\n(?:[ \t].*\n?)*)", paragraph + "\n", re.M).group(1)
    return set(re.findall(r"(?:^|[,|])\s*([a-z0-9][a-z0-9+.-]+)", value))


def test_debian_packages_need_what_check_installs():
    lines = [line.split() for line in (stage.TOP / "tools" / "packages").read_text().splitlines()
             if line and line[0] != "#"]
    kinds = {kind: {words[0] for words in lines if words[1:2] == [kind]} for kind in ("build", "run", "cores")}
    # The rest comes with debhelper and meson, or with another one's -dev package.
    given = {"gcc", "libc6-dev", "ninja-build", "libglib2.0-dev-bin", "pkg-config"}
    # The package's build runs the unit tests; of what they start, these have the name of their package.
    sources = "".join(path.read_text() for path in (stage.TOP / "tests" / "unit").glob("*.[ch]"))
    started = kinds["run"] & set(re.findall(r'argv\[\] = {\s*(?:\(char \*\))?"([^"]+)"', sources))
    assert "openssl" in started
    # The build of tests asks gst-inspect-1.0.
    wanted = kinds["build"] - given | kinds["cores"] | started | {"gstreamer1.0-tools"}
    assert wanted <= (there := _depends("Build-Depends", "Source: gst-headend")), wanted - there
    elements = {name for name in kinds["run"] if name.startswith("gstreamer1.0-") and name != "gstreamer1.0-tools"}
    assert len(elements) >= 5 and elements <= _depends("Depends", "Package: headend")


stage.main()
