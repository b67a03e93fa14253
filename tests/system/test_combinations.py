# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every combination of disabled features builds, and holds what it should. One build folder goes from
each combination to the next. What leaves it is deleted by meson, so ccache keeps each object that was made,
and nothing is compiled twice."""
import json
import os
import pathlib
import subprocess
import tempfile

import stage

PLUGINS = ("timeline", "watermark", "encryption", "hls")
# Whatever changes last in a Gray code is toggled least: the tests are most of the work.
FEATURES = ("timeline", "watermark", "encryption", "hls", "launcher", "tests")
LIGHT = ("man", "completions", "systemd", "redis")


def _combinations():
    """Sets of disabled features, each one step from the one before."""
    for soup in (True, False):
        # Without soup there is neither hls nor launcher, whatever they say.
        names = FEATURES if soup else tuple(n for n in FEATURES if n not in ("hls", "launcher"))
        for number in range(2 ** len(names)):
            gray = number ^ (number >> 1)
            off = {name for bit, name in enumerate(names) if gray >> bit & 1}
            off |= {name for bit, name in enumerate(LIGHT) if number >> bit & 1}
            yield off if soup else off | {"soup"}


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-1000:]}"
    return done.stdout


def _tests(folder):
    listed = json.loads((pathlib.Path(folder) / "meson-info" / "intro-tests.json").read_text())
    return {test["name"] for test in listed}


def _judge(folder, off):
    http = "soup" not in off
    hls = http and "hls" not in off
    launcher = hls and not off & {"timeline", "launcher"}
    modules = {path.name for path in pathlib.Path(folder).rglob("libgstheadend*.so")}
    expected = {f"libgstheadend{p}.so" for p in PLUGINS if p not in off and (p != "hls" or hls)}
    assert modules == expected, (off, modules)
    assert (pathlib.Path(folder) / "launcher" / "headend").exists() == launcher, off
    if "tests" in off:
        return
    tests = _tests(folder)
    for test, there in (("json", True), ("epochdemux", "timeline" not in off), ("segmentencrypt", "encryption" not in off),
                        ("forensicmark", "watermark" not in off), ("hlsgatesink", hls), ("origin", http),
                        ("redis", http and "redis" not in off), ("description", launcher),
                        ("failover", launcher and not off & set(PLUGINS))):
        assert (test in tests) == there, (off, test, sorted(tests))


def test_every_combination_of_disabled_features_builds():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as top:
        folder = f"{top}/build"
        os.environ |= {"CCACHE_DIR": f"{top}/ccache", "CC": "ccache gcc"}
        _run("meson", "setup", folder, str(stage.TOP), "-Doptimization=0", "-Ddebug=false")
        combinations = list(_combinations())
        for number, off in enumerate(combinations):
            settings = [f"-D{name}={'disabled' if name in off else 'auto'}" for name in (*FEATURES, *LIGHT, "soup")]
            _run("meson", "setup", "--reconfigure", folder, *settings)
            _run("nice", "ninja", "-C", folder, "-j", str(len(os.sched_getaffinity(0))))
            _judge(folder, off)
            print(f"# {number + 1} of {len(combinations)}", flush=True)


stage.main()
