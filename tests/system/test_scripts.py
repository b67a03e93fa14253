# SPDX-License-Identifier: LGPL-2.1-or-later
"""Scripts that nothing runs every day, such as benches, fit the ones that they use all the same: each
Python file of ours parses, and every name in it is somewhere."""
import ast
import builtins
import pathlib
import symtable

import stage

BENCH = stage.TOP / "tests" / "bench"
BUILTINS = set(dir(builtins))
# A module has them without saying so.
GIVEN = {"__doc__", "__file__", "__name__"}


def _is_python(path):
    if path.suffix == ".py":
        return True
    with path.open("rb") as file:
        first = file.readline(80)
    return first.startswith(b"#!") and b"python" in first


class _Script:
    def __init__(self, path):
        text = path.read_text()
        self.name = str(path.relative_to(stage.TOP))
        self.tree = ast.parse(text, self.name)
        self.table = symtable.symtable(text, self.name, "exec")

    def names(self):
        """What it has as a module: its own names and those that it imports."""
        return {symbol.get_name() for symbol in self.table.get_symbols()
                if symbol.is_assigned() or symbol.is_imported()} | GIVEN

    def uses(self):
        """(module, name) of each name that it takes from a module that it imports by name."""
        nodes = list(ast.walk(self.tree))
        imported = {alias.asname or alias.name: alias.name
                    for node in nodes if isinstance(node, ast.Import) for alias in node.names}
        for node in nodes:
            if isinstance(node, ast.ImportFrom):
                yield from ((node.module, alias.name) for alias in node.names)
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in imported:
                yield imported[node.value.id], node.attr


def _unknown(table, known):
    """Names that are used in a scope or below it, and are nowhere."""
    inside = table.get_type() != "module"
    for symbol in table.get_symbols():
        if symbol.is_referenced() and symbol.get_name() not in known and (symbol.is_global() or not inside):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _unknown(child, known)


_SCRIPTS = {path: _Script(path) for folder in ("docs", "tests", "tools")
            for path in (stage.TOP / folder).rglob("*")
            # Others write into __pycache__ meanwhile.
            if "__pycache__" not in path.parts and path.is_file() and _is_python(path)}


def test_every_script_knows_its_names():
    assert len(_SCRIPTS) > 60, sorted(_SCRIPTS)
    for script in _SCRIPTS.values():
        wrong = sorted(set(_unknown(script.table, script.names() | BUILTINS)))
        assert not wrong, f"{script.name}: {wrong} is nowhere"


def test_what_a_script_uses_of_another_is_there():
    held = {path.stem: script.names() for path, script in _SCRIPTS.items() if path.suffix == ".py"}
    assert len(held) == sum(path.suffix == ".py" for path in _SCRIPTS), "two modules have one name"
    used = [(script.name, *use) for script in _SCRIPTS.values() for use in script.uses() if use[0] in held]
    assert len(used) > 500, len(used)
    for script, module, name in used:
        assert name in held[module], f"{script}: {module}.py has no {name}"


def test_every_bench_can_be_named():
    run = _SCRIPTS[BENCH / "run"]
    names, = [ast.literal_eval(node.value) for node in run.tree.body
              if isinstance(node, ast.Assign) and node.targets[0].id == "NAMES"]
    benches = {path.stem.removesuffix("_bench"): path for path in BENCH.glob("*_bench.py")}
    assert sorted(names) == sorted(benches), (names, sorted(benches))
    for path in benches.values():
        assert "run" in _SCRIPTS[path].names(), f"{path.name} has no run()"


stage.main()
