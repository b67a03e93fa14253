#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""That no test vanishes: every file is in the build, and no program holds fewer cases than
tests/LEDGER says. After adding or removing cases: tests/system/test_ledger.py --write BUILD."""
import ast
import json
import os
import pathlib
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parent.parent
LEDGER = TESTS / "LEDGER"
BUILD = pathlib.Path(os.environ.get("BUILDDIR", "build"))


def listed():
    """What meson runs: {(folder, name): its description}."""
    found = {}
    for test in json.loads((BUILD / "meson-info" / "intro-tests.json").read_text()):
        suites = {suite.split(":")[-1] for suite in test["suite"]}
        folder = (suites & {"unit", "elements", "fuzz"} or {"system"}).pop()
        found[folder, test["name"].removeprefix("fuzz-")] = test
    return found


def cases(folder, test):
    """How many cases a test holds."""
    if folder == "fuzz":
        return 1
    command = test["cmd"]
    script = next((word for word in command if word.endswith(".py")), None)
    if script:
        tree = ast.parse(pathlib.Path(BUILD, script).read_text())
        return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
                   for node in tree.body)
    if folder == "system":
        return 1  # a program of its own kind
    done = subprocess.run([*command, "-l"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, **test["env"]}, cwd=BUILD)
    assert done.returncode == 0, f"{command[0]} -l: {done.returncode}: {done.stderr}"
    # GLib of 2.84 makes comments of them, as TAP has it.
    return sum(line.removeprefix("# ").startswith("/") for line in done.stdout.splitlines())


def counts():
    return {f"{folder}/{name}": cases(folder, test) for (folder, name), test in listed().items()}


def ledger():
    lines = (line.split() for line in LEDGER.read_text().splitlines() if line and line[0] != "#")
    return {name: int(count) for name, count in lines}


def test_every_file_is_in_the_build():
    patterns = {"unit": "test-*.c", "elements": "test-*.c", "fuzz": "fuzz-*.c", "system": "test_*.py"}
    there = listed()
    for folder, pattern in patterns.items():
        files = [path.stem[5:] for path in (TESTS / folder).glob(pattern)]
        assert files, f"no {pattern} in tests/{folder}"
        missing = [name for name in files if (folder, name) not in there]
        assert not missing, f"tests/{folder}: not in a table of tests/meson.build: {missing}"


def test_no_case_vanished():
    there = counts()
    for name, count in ledger().items():
        assert there.get(name, 0) >= count, (
            f"{name} holds {there.get(name, 0)} cases, tests/LEDGER says {count}; if that is meant: "
            "tests/system/test_ledger.py --write BUILD")
    empty = [name for name, count in there.items() if not count]
    assert not empty, f"no case in {empty}"


def test_each_has_a_registry_of_its_own():
    registries = [test["env"]["GST_REGISTRY"] for (folder, _), test in listed().items()
                  if folder in ("elements", "system")]
    assert len(registries) > 20 and len(set(registries)) == len(registries), registries


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        BUILD = pathlib.Path(sys.argv[2]).resolve()
        LEDGER.write_text("# Cases of each test, which must not become fewer: tests/system/test_ledger.py --write BUILD\n"
                          + "".join(f"{name} {count}\n" for name, count in sorted(counts().items())))
    else:
        import stage
        stage.main()
