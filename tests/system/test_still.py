# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given a source, or a node's disk, that stands still and goes on, then viewers see filler where the
source itself had nothing, and lose no picture. The disk takes root and loop devices."""
import tempfile

import stage

COSTS = ("frames-lost", "frames-repeated", "frames-undecoded", "aac-frames-lost", "aac-frames-repeated",
         "misplaced", "uneven", "broken")


def _assert_harmless(name, jumps):
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        code, said, report = stage.drill(folder, name)
        print("#", said.replace("\n", "\n# "))
        assert report, said
        drill, = report["drills"]
        assert drill["name"] == name and not any(drill[cost] for cost in COSTS), said
        assert drill["jumps"] <= jumps and drill["frames"] > 5 * stage.FPS, drill
        # How long a player stands still is for a machine that does nothing else.
        assert all("stands still" in reason for reason in drill["reasons"]), said
        assert code == (1 if drill["reasons"] else 0), said
        return drill


def test_a_source_that_pauses():
    drill = _assert_harmless("feed-pause", 2)
    # It is seen again: not all that came meanwhile.
    assert drill["frames-filler"] > 0 and drill["jumps"] > 0, drill


def test_a_disk_that_stands_still():
    _assert_harmless("disk-slow", 1)


stage.main()
