# SPDX-License-Identifier: LGPL-2.1-or-later
"""The smallest description: one node, no edge, a player straight at the origin."""
import json
import signal
import subprocess

import stage


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
                                           capture_output=True, timeout=20, check=True).stdout)
        assert status, status
        metrics = stage.get(air.internal[name] + "/metrics").body.decode()
        assert metrics.endswith("# EOF\n"), metrics[-200:]

        # A polite end: everything goes, with exit code 0.
        process = air.nodes[name]
        group = process.pid
        assert air.kill_node(name, signal.SIGTERM) == 0
        left = subprocess.run(["ps", "-o", "pid,args", "-s", str(group), "--no-headers"],
                              capture_output=True, text=True).stdout
        assert not left.strip(), left


def test_readiness_follows_the_media():
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        air.start_node(name)
        stage.wait_for("the process", lambda: _status(air.internal[name] + "/healthz") == 200, 15)
        assert _status(air.internal[name] + "/readyz") == 503, "ready without a source"
        air.start_feed()
        air.wait_ready(name, seconds=90)
        stage.end(air.processes[-1])
        stage.wait_for("the end of readiness", lambda: _status(air.internal[name] + "/readyz") == 503, 20)
        assert _status(air.internal[name] + "/healthz") == 200


def test_a_dead_worker_is_started_again():
    with stage.Stage("single.json").on_air() as air:
        (name, _), = air.origin.items()
        workers = lambda: subprocess.run(["pgrep", "-f", "-s", str(air.nodes[name].pid), "headend worker"],
                                         capture_output=True, text=True).stdout.split()
        before = workers()
        assert len(before) == 1, before
        import os
        os.kill(int(before[0]), signal.SIGKILL)
        stage.wait_for("another worker", lambda: workers() not in ([], before), 15)


def _status(url):
    try:
        return stage.get(url).status
    except OSError:
        return 0


stage.main()
