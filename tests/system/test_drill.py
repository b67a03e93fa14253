# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend drill plays a channel through the edge, breaks it, and says what a viewer saw. Given nodes
whose workers are killed one after the other, then no frame is lost or seen twice; given a source that is
silent, then there is filler instead."""
import subprocess
import tempfile

import stage

# What a machine that gives the nodes no time is never the cause of, and what it may be.
FAULTS = ("frames-repeated", "frames-undecoded", "aac-frames-repeated", "misplaced", "uneven", "broken")
COSTS = FAULTS + ("frames-lost", "aac-frames-lost", "jumps")
TRIES = 3


def _run(names):
    """What each drill had to say. A drill that proves nothing because the machine was busy is run again; where
    it always is, what it saw is still good for FAULTS."""
    reports, left = {}, list(names)
    for _ in range(TRIES):
        with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
            code, said, report = stage.drill(folder, *left)
        print("#", said.replace("\n", "\n# "))
        assert [d["name"] for d in report["drills"]] == left, said
        for drill in report["drills"]:
            reports[drill["name"]] = drill
            assert not any(drill[fault] for fault in FAULTS), said
            if drill["starved"]:
                assert drill["withheld-ms"] >= 500 and not drill["passed"], drill
                continue
            assert not any(drill[cost] for cost in COSTS), said
            # How long a player stands still is for a machine that does nothing else.
            assert all("stands still" in reason for reason in drill["reasons"]), said
            assert drill["passed"] == (not drill["reasons"]), drill
        failed = [d for d in report["drills"] if not d["passed"] and not d["starved"]]
        left = [d["name"] for d in report["drills"] if d["starved"]]
        assert code == (1 if failed else 3 if left else 0) and report["passed"] == (code == 0), said
        if not left:
            break
    return reports


def test_what_viewers_do_not_see():
    """Killed workers and a source that is silent for a while."""
    for drill in _run(["kill-worker", "feed-loss"]).values():
        if drill["starved"]:
            continue
        assert drill["frames"] > 5 * stage.FPS and drill["aac-frames"] > 5 * 46, drill
        nodes = ["feed"] if drill["name"] == "feed-loss" else ["A", "B"]
        assert [s["node"] for s in drill["strikes"]] == nodes, drill
        assert all(s["recover-ms"] > s["detect-ms"] >= 0 for s in drill["strikes"]), drill
        assert (drill["frames-filler"] > 0) == (drill["name"] == "feed-loss"), drill


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
