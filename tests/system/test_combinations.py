# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every combination of disabled features builds without a warning, and holds what it should. One build
folder goes from each combination to the next. What leaves it is deleted, so ccache keeps each object that
was made, and nothing is compiled twice."""
import json
import os
import pathlib
import subprocess
import tempfile

import stage

PLUGINS = ("timeline", "watermark", "encryption", "hls")
# What comes first in a Gray code is toggled most: that which the least is built for.
FEATURES = ("encryption", "watermark", "launcher", "timeline", "hls", "tests")
# These only install files, and know nothing of the others: each alone, and with many of them.
LIGHT = ("man", "completions", "systemd")
# Without these libraries there is none of that, whatever it says itself.
LIBRARIES = {"soup": {"hls", "launcher"}, "redis": set()}


def _combinations():
    """Sets of disabled features, most of them one step from the one before."""
    yield from ({name} for name in LIGHT)
    for without in ((), ("redis",), ("soup",)):
        moot = set().union(*(LIBRARIES[library] for library in without))
        names = [name for name in FEATURES if name not in moot]
        for number in range(2 ** len(names)):
            gray = number ^ (number >> 1)
            off = {name for bit, name in enumerate(names) if gray >> bit & 1}
            off |= {name for bit, name in enumerate(LIGHT) if number >> bit & 1}
            yield off | set(without)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
    return done.stdout


def _tests(folder):
    listed = json.loads((pathlib.Path(folder) / "meson-info" / "intro-tests.json").read_text())
    return {test["name"] for test in listed}


def _judge(folder, off):
    out = off.union(*(LIBRARIES[library] for library in off & set(LIBRARIES)))
    launcher = not out & {"timeline", "hls", "launcher"}
    modules = {path.name for path in pathlib.Path(folder).rglob("libgstheadend*.so")}
    assert modules == {f"libgstheadend{p}.so" for p in PLUGINS if p not in out}, (off, modules)
    assert (pathlib.Path(folder) / "launcher" / "headend").exists() == launcher, off
    if "tests" in off:
        return
    tests = _tests(folder)
    for test, there in (("json", True), ("epochdemux", "timeline" not in out), ("segmentencrypt", "encryption" not in out),
                        ("forensicmark", "watermark" not in out), ("hlsgatesink", "hls" not in out),
                        ("origin", "soup" not in off), ("redis", not off & {"soup", "redis"}),
                        ("mark", True), ("description", launcher),
                        ("failover", launcher and not out & set(PLUGINS))):
        assert (test in tests) == there, (off, test, sorted(tests))


def test_every_combination_of_disabled_features_builds():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as top:
        folder = f"{top}/build"
        os.environ |= {"CCACHE_DIR": f"{top}/ccache", "CC": "ccache gcc"}
        _run("meson", "setup", folder, str(stage.TOP), "-Doptimization=0", "-Ddebug=false", "-Dwerror=true")
        combinations = list(_combinations())
        for number, off in enumerate(combinations):
            settings = [f"-D{name}={'disabled' if name in off else 'auto'}" for name in (*FEATURES, *LIGHT, *LIBRARIES)]
            _run("meson", "setup", "--reconfigure", folder, str(stage.TOP), *settings)
            _run("ninja", "-C", folder, "-t", "cleandead")
            _run("nice", "ninja", "-C", folder, "-j", str(len(os.sched_getaffinity(0))))
            _judge(folder, off)
            print(f"# {number + 1} of {len(combinations)}", flush=True)


stage.main()
