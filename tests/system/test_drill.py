# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend drill plays a channel through the edge, breaks it, and says what a viewer saw. Given nodes
whose workers are killed one after the other, then no frame is lost or seen twice."""
import subprocess
import tempfile

import stage

COSTS = ("frames-lost", "frames-repeated", "frames-undecoded", "aac-frames-lost", "aac-frames-repeated",
         "misplaced", "uneven", "broken", "jumps")


def test_killed_workers_cost_viewers_nothing():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        code, said, report = stage.drill(folder, "kill-worker")
        print("#", said.replace("\n", "\n# "))
        drill, = report["drills"]
        assert not any(drill[cost] for cost in COSTS), said
        assert drill["frames"] > 5 * stage.FPS and drill["aac-frames"] > 5 * 46, drill
        assert [s["node"] for s in drill["strikes"]] == ["A", "B"], drill
        assert all(s["recover-ms"] > s["detect-ms"] >= 0 for s in drill["strikes"]), drill
        # How long a player stands still is for a machine that does nothing else.
        assert all("stands still" in reason for reason in drill["reasons"]), said
        assert code == (1 if drill["reasons"] else 0) and report["passed"] == (code == 0), said


def test_what_is_used_wrongly_is_said():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        for words, told in ((["kill-everything"], "is no drill"), (["--viewers", "-1"], "expected 0..500"),
                            (["--seconds", "0"], "expected 1..39600")):
            code, said, report = stage.drill(folder, *words)
            assert code == 2 and told in said and report is None, said
        code, said, report = stage.drill(folder, "kill-worker", "--channel", "other")
        assert code == 1 and "no such channel" in said and not report["passed"], said


def test_the_list_names_every_drill():
    done = subprocess.run([stage.HEADEND, "drill", "--list"], capture_output=True, text=True, timeout=60)
    names = [line.split()[0] for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(names) == len(set(names)) > 20, names
    assert {"kill-node", "stop-node", "leg-loss", "clock-ahead", "feed-wrap", "soak"} <= set(names), names


stage.main()
