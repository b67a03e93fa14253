# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tree of processes that headend run makes: who is in which group, what each may know, and that
nothing is left whatever happens to whom."""
import contextlib
import os
import pathlib
import resource
import signal
import subprocess

import stage


def _children(pid):
    """All processes below pid, by name of their command: [(pid, "worker A/demo")]."""
    found = []
    for line in subprocess.run(["ps", "-e", "-o", "pid=,ppid=,args="], capture_output=True, text=True).stdout.splitlines():
        child, parent, arguments = line.split(None, 2)
        if int(parent) == pid and not arguments.startswith("["):
            found.append((int(child), arguments.split("headend ", 1)[-1]))
            found += _children(int(child))
    return found


def _alive(pids):
    left = []
    for pid in pids:
        with contextlib.suppress(OSError):
            if pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z":
                left.append(pid)
    return left


def _all_nodes(air, **options):
    process = air.spawn("all", stage.HEADEND, "run", str(air.description), start_new_session=True, **options)
    air.processes.append(process)
    wanted = 3 * len(air.model["nodes"])
    stage.wait_for("all processes", lambda: len(_children(process.pid)) >= wanted, 20)
    return process


def test_each_node_is_a_group_of_its_own():
    with stage.Stage() as air:
        process = _all_nodes(air)
        tree = _children(process.pid)
        nodes = [pid for pid, name in tree if name.startswith("run")]
        assert len(nodes) == 2, tree
        for node in nodes:
            assert os.getpgid(node) == node, tree
            below = _children(node)
            assert sorted(name.split()[0] for _, name in below) == ["origin", "worker"], below
            assert all(os.getpgid(pid) == node for pid, _ in below), below
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0
        assert not _alive(pid for pid, _ in tree), tree


def test_nothing_survives_a_killed_supervisor():
    with stage.Stage() as air:
        process = _all_nodes(air)
        everybody = [pid for pid, _ in _children(process.pid)]
        process.kill()
        process.wait()
        stage.wait_for("the end of all", lambda: not _alive(everybody), 10)


def test_a_killed_node_is_started_again():
    with stage.Stage() as air:
        process = _all_nodes(air)
        first = {pid for pid, name in _children(process.pid) if name.startswith("run")}
        victim = min(first)
        family = [pid for pid, _ in _children(victim)]
        os.kill(victim, signal.SIGKILL)
        stage.wait_for("the end of its family", lambda: not _alive(family), 5)

        def replaced():
            now = {pid for pid, name in _children(process.pid) if name.startswith("run")}
            return len(now) == 2 and victim not in now and now - first
        stage.wait_for("another one", replaced, 10)


def test_a_killed_origin_is_started_again():
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        air.start_node(name)
        node = air.nodes[name].pid
        origins = lambda: [pid for pid, command in _children(node) if command.startswith("origin")]
        (first,) = stage.wait_for("the origin", origins, 10)
        stage.wait_for("its listener", lambda: stage.status(air.internal[name] + "/healthz") == 200, 10)
        soft, hard = resource.prlimit(first, resource.RLIMIT_NOFILE)
        assert soft >= 8192 or soft == hard, (soft, hard)  # room for the connections that it admits
        os.kill(first, signal.SIGKILL)
        stage.wait_for("another origin", lambda: origins() not in ([], [first]), 10)
        stage.wait_for("its listener", lambda: stage.status(air.internal[name] + "/healthz") == 200, 10)


def test_no_process_shows_a_secret():
    secret = os.urandom(32).hex()

    def change(model):
        model["secret"] = "${HEADEND_TEST_SECRET}"
        for channel in model["channels"]:
            channel["source"] += "?passphrase=verysecretwords"
    with stage.Stage(change=change, secret=secret) as air:
        process = _all_nodes(air, env=dict(os.environ, HEADEND_TEST_SECRET=secret))
        for pid, name in _children(process.pid):
            arguments = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
            environment = pathlib.Path(f"/proc/{pid}/environ").read_bytes()
            assert secret.encode() not in arguments and b"verysecret" not in arguments, name
            # A node reads the variable that it was given; what it starts knows nothing of it.
            if not name.startswith("run"):
                assert secret.encode() not in environment, name
        stage.wait_for("word of the missing source", lambda: "no data from" in (air.dir / "all.log").read_text()
                       or "source srt" in (air.dir / "all.log").read_text(), 30)
        said = (air.dir / "all.log").read_text()
        assert secret not in said and "verysecret" not in said, said


def test_the_decoder_that_readiness_asks_tells_pictures_from_noise():
    clip = subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", "testsrc2=size=320x180:rate=25",
                           "-t", "1", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-f", "mpegts",
                           "pipe:1"], capture_output=True, timeout=60, check=True).stdout
    for given, code, word in ((clip, 0, b""), (os.urandom(100000), 1, b"no picture"), (b"", 1, b"empty")):
        done = subprocess.run([stage.HEADEND, "decode", "h264"], input=given, capture_output=True, timeout=60)
        assert done.returncode == code and word in done.stderr, (len(given), done.returncode, done.stderr)


stage.main()
