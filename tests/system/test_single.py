# SPDX-License-Identifier: LGPL-2.1-or-later
"""The smallest description: one node, no edge, a player straight at the origin."""
import json
import os
import re
import signal
import subprocess

import stage


def _a_dead_worker_is_started_again(air, name):
    workers = lambda: subprocess.run(["pgrep", "-f", "-s", str(air.nodes[name].pid), "headend worker"],
                                     capture_output=True, text=True).stdout.split()
    before = workers()
    assert len(before) == 1, before
    os.kill(int(before[0]), signal.SIGKILL)
    stage.wait_for("another worker", lambda: workers() not in ([], before))


def test_single_plays_without_an_edge():
    with stage.Stage("single.json").on_air() as air:
        (name, base), = air.origin.items()
        channel = air.model["channels"][0]["name"]
        player = stage.Counters(air.headend("token", "mint", "--key", str(air.dir / "token.pem"),
                                            "--account", "viewer", "--channel", channel, "--url", base,
                                            "--transport", "path").strip())
        stage.wait_for("ten seconds of pictures", lambda: len(player.frames) > 10 * stage.FPS)
        seen = player.stop()
        assert player.words == "", player.words
        assert not stage.consecutive(seen), stage.consecutive(seen)

        status = json.loads(subprocess.run([stage.HEADEND, "status", "--json", str(air.description)],
                                           capture_output=True, timeout=120, check=True).stdout)
        assert status, status
        metrics = stage.get(air.internal[name] + "/metrics").body.decode()
        assert metrics.endswith("# EOF\n"), metrics[-200:]
        source = re.escape("{channel=\"demo\",input=\"source\"} ")
        for seen in ("headend_input_taken" + source + "1", "headend_input_bytes_total" + source + "[1-9]"):
            stage.wait_for(seen, lambda: re.search(seen, stage.get(air.internal[name] + "/metrics").body.decode()))

        _a_dead_worker_is_started_again(air, name)

        # A polite end: everything goes, with exit code 0.
        process = air.nodes[name]
        group = process.pid
        assert air.kill_node(name, signal.SIGTERM) == 0
        left = subprocess.run(["ps", "-o", "pid,args", "-s", str(group), "--no-headers"],
                              capture_output=True, text=True).stdout
        assert not left.strip(), left


def test_a_source_that_is_lost_is_filled():
    """Ready once there is a source, and not by being alive; when it is lost the channel goes on."""
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        air.start_node(name)
        stage.wait_for("the process", lambda: stage.status(air.internal[name] + "/healthz") == 200, 15)
        assert stage.status(air.internal[name] + "/readyz") == 503, "ready without a source"
        air.start_feed()
        air.wait_ready(name, seconds=90)
        stage.end(air.processes[-1])
        def channel():
            return json.loads(stage.get(air.internal[name] + "/status").body)["channels"][0]
        stage.wait_for("word of filler", lambda: channel()["newest"] == "filled", 20)
        stage.wait_for("word of a source that is silent", lambda: " source: silent, " in _words(air), 20)
        last = channel()["last-msn"]
        stage.wait_for("filler beyond what a worker once waited for", lambda: channel()["last-msn"] > last + 9, 60)
        assert channel()["newest"] == "filled" and channel()["run"] >= 10, channel()
        assert "headend_channel_filler{channel=\"demo\"} 1" in stage.get(air.internal[name] + "/metrics").body.decode()
        assert " filler" in _words(air), _words(air)
        assert stage.status(air.internal[name] + "/readyz") == 200
        air.start_feed()
        stage.wait_for("the source again", lambda: channel()["newest"] == "clean", 60)
        stage.wait_for("word of it", lambda: " source: on air, " in _words(air), 20)
        assert channel()["run"] >= 10 and channel()["anchor"]["generation"] == 1, channel()


def _words(air):
    """What `headend status` prints, whatever it thinks of it."""
    return subprocess.run([stage.HEADEND, "status", str(air.description)], capture_output=True, text=True).stdout


stage.main()
