# SPDX-License-Identifier: LGPL-2.1-or-later
"""What people and networks do wrong ends in a clear message and an exit code: never in a hang, a
crash or a silence."""
import os
import socket
import subprocess
import tempfile
import time

import stage


def _ends(command, *expected, seconds=60, env=None, code=1):
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds,
                          stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
    said = done.stdout + done.stderr
    assert done.returncode == code, f"{command}: exit {done.returncode}: {said[-1500:]}"
    for words in expected:
        assert words.lower() in said.lower(), f"{command}: no {words!r} in {said[-1500:]}"
    return said


def _transport_stream(folder):
    path = os.path.join(folder, "good.ts")
    subprocess.run(["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25", "-f", "lavfi",
                    "-i", "sine", "-t", "4", "-c:v", "libx264", "-preset", "ultrafast", "-g", "25", "-c:a", "aac", "-f",
                    "mpegts", path], check=True)
    with open(path, "rb") as file:
        return file.read()


def _demux(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as file:
        file.write(data)
    return subprocess.run([os.path.join(os.environ["BUILDDIR"], "tests", "demux-file"), path],
                          capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)


def test_malformed_transport_streams():
    with tempfile.TemporaryDirectory() as folder:
        good = _transport_stream(folder)
        packets = [good[i:i + 188] for i in range(0, len(good) - 187, 188)]
        pid = lambda p: (p[1] & 0x1f) << 8 | p[2]
        assert _demux(folder, "good", good).returncode == 0
        cases = {
            "random bytes": os.urandom(6 << 20),
            "no PAT": b"".join(p for p in packets if pid(p) != 0) * 40,
            "nothing": b"",
            "half a packet": good[:100],
        }
        for name, data in cases.items():
            done = _demux(folder, name, data)
            assert done.returncode == 1, f"{name}: exit {done.returncode} {done.stderr}"
            assert "ERROR" in done.stderr, f"{name}: {done.stderr}"
        recover = {
            "cut in the middle": good[:len(good) // 2 + 77],
            "from the middle": good[len(good) // 3 + 55:],
            "every tenth packet lost": b"".join(p for i, p in enumerate(packets) if i % 10 or i < 30),
            "zero section length": b"".join(p[:6] + b"\xb0\x00" + p[8:] if pid(p) == 0 and i > 20 else p
                                            for i, p in enumerate(packets)),
        }
        for name, data in recover.items():
            done = _demux(folder, name, data)
            assert done.returncode in (0, 1), f"{name}: exit {done.returncode} {done.stderr}"


def test_a_port_in_use_is_named():
    with stage.Stage("single.json") as air, socket.socket() as taken:
        address, port = air.model["nodes"][0]["listen"].split(":")
        taken.bind((address, int(port)))
        taken.listen()
        _ends([stage.HEADEND, "run", str(air.description)], port, "in use")


def test_an_unwritable_state_folder_is_named():
    def change(model):
        model["nodes"][0]["state"] = "/proc/headend-state"
    with stage.Stage("single.json", change=change) as air:
        _ends([stage.HEADEND, "run", str(air.description)], "/proc/headend-state")


def test_a_missing_encoder_is_named_with_its_package():
    with stage.Stage("single.json") as air:
        env = {"GST_PLUGIN_FEATURE_RANK": "", "GST_REGISTRY": str(air.dir / "registry.bin"),
               "GST_PLUGIN_SYSTEM_PATH": str(air.dir / "few")}
        few = air.dir / "few"
        few.mkdir()
        installed = "/usr/lib/" + subprocess.run(["gcc", "-print-multiarch"], capture_output=True, text=True,
                                                 check=True).stdout.strip() + "/gstreamer-1.0"
        for name in os.listdir(installed):
            if "x264" not in name and name.endswith(".so"):
                os.symlink(os.path.join(installed, name), few / name)
        _ends([stage.HEADEND, "check", str(air.description)], "x264enc", "gstreamer1.0-plugins-ugly", env=env)
        _ends([stage.HEADEND, "run", str(air.description)], "x264enc", "gstreamer1.0-plugins-ugly", env=env)


def test_a_missing_or_open_secret_is_named_with_its_remedy():
    with stage.Stage("single.json") as air:
        secret = air.dir / "headend.secret"
        secret.chmod(0o644)
        _ends([stage.HEADEND, "run", str(air.description)], "headend.secret", "chmod")
        secret.unlink()
        _ends([stage.HEADEND, "run", str(air.description)], "headend.secret", "openssl rand")


def test_a_source_that_never_comes_is_said_and_tried_again():
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        air.start_node(name)
        log = air.dir / f"node-{name}.log"
        stage.wait_for("word of the missing source",
                       lambda: log.exists() and f"127.0.0.1:{air.feed_port}" in log.read_text(), 40)
        assert air.nodes[name].poll() is None, "the node gave up"
        air.start_feed()
        air.wait_ready(name, seconds=90)


def test_usage_errors_exit_with_2():
    _ends([stage.HEADEND, "frobnicate"], "frobnicate", code=2)
    _ends([stage.HEADEND, "run"], code=2)
    _ends([stage.HEADEND, "token", "mint", "--key", "k", "--account", "a", "--channel", "c", "--page"], "--url", code=2)
    _ends([stage.HEADEND, "check", "/nonexistent.json"], "/nonexistent.json")


stage.main()
