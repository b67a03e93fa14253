# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend load sends viewers through the edge. Given a channel that is on air, then each of them
plays; given one that goes off the air, then it says what broke, and when."""
import json
import subprocess

import stage

VIEWERS = 20


def _small(model):
    channel = model["channels"][0]
    channel.update({"watermark": False, "video": [{"width": 160, "height": 90, "bitrate": 200}]})


def _load(where, *words):
    return subprocess.Popen(
        [stage.HEADEND, "load", str(where.description), "--key", str(where.dir / "token.pem"), "--viewers",
         str(VIEWERS), "--report", str(where.dir / "load.json"), *words],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def test_viewers_play_by_cookie_and_by_path():
    with stage.Stage("active-active.json", _small).on_air() as where:
        for transport in ["cookie", "path"]:
            load = _load(where, "--seconds", "2", "--transport", transport)
            said, _ = load.communicate(timeout=100)
            print("#", said.replace("\n", "\n# "))
            steps = json.loads((where.dir / "load.json").read_text())["steps"]
            assert [s["viewers"] for s in steps] == list(range(2, VIEWERS + 1, 2)), steps
            assert sum(s["start"]["count"] for s in steps) == VIEWERS, steps
            assert not any(s["errors"] or s["segments-lost"] for s in steps), steps
            # Pictures and sound of ten seconds, each of 2 s, for the first two; fewer for the others.
            assert sum(s["segment"]["count"] for s in steps) > 5 * VIEWERS, steps
            assert steps[-1]["bytes"] > 0 and steps[-1]["client-late"]["count"] > 0, steps


def test_what_breaks_is_said():
    with stage.Stage("active-active.json", _small).on_air() as where:
        load = _load(where, "--seconds", "3")
        where.kill_node("A")
        where.kill_node("B")
        said, _ = load.communicate(timeout=100)
        report = json.loads((where.dir / "load.json").read_text())
        assert load.returncode == 1 and "first signal to break is" in said, said
        assert not report["holds"] and any(s["errors"] for s in report["steps"]), report


if __name__ == "__main__":
    stage.main()
