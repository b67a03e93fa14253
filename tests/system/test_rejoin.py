# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given a node that comes back from the dead, when the other is killed at the very moment that it says
it is ready, then its viewers find a whole window at once and every picture that follows."""
import time

import stage

RENDITIONS = ("360p", "audio")


def _become_ready(air, name):
    """Returns at the first answer that says so."""
    end = time.monotonic() + 120
    while not air.is_ready(name):
        assert time.monotonic() < end, "it did not become ready"
        time.sleep(0.02)


def test_the_other_dies_as_this_one_is_ready():
    with stage.Stage().on_air() as air:
        # What the nodes make of the same feed agrees, as each of them sees it.
        for name in air.origin:
            copies = stage.wait_for("second copies", lambda: (
                (c := air.channel(name)["copies"])["agree"] > 6 and c["agreement"] == "identical" and c))
            assert copies["conflict"] == 0, copies
            assert {n["node"] for n in copies["nodes"]} == set(air.origin), copies
        words = air.headend("status", str(air.description))
        assert words.count(" identical ") == 2, words
        viewer = stage.Viewer(air.url("viewer", "path", air.origin["B"]))
        player = stage.Counters(air.url("player", "path"))
        stage.wait_for("the first frames", lambda: len(player.frames) > 4 * stage.FPS)
        air.kill_node("A")
        before = viewer.media("360p")
        time.sleep(4)
        air.start_node("A")
        _become_ready(air, "A")
        air.kill_node("B")

        # A whole window is there, and nothing of it is missing.
        at = viewer.media("360p", air.origin["A"])
        assert len(at) == len(before), (before, at)
        assert [n for n, _ in at] == list(range(at[0][0], at[0][0] + len(at))), at
        # It goes on without a gap.
        listed, pieces = dict(at), {r: {} for r in RENDITIONS}
        last = at[-1][0]

        def more():
            for rendition in RENDITIONS:
                for msn, key in viewer.media(rendition, air.origin["A"]):
                    listed[msn] = key
                    if msn not in pieces[rendition]:
                        pieces[rendition][msn] = viewer.segment(rendition, msn, key, air.origin["A"])
            return max(listed) >= last + len(at) and listed
        stage.wait_for("a window of its own", more, 120)
        assert sorted(listed) == list(range(min(listed), max(listed) + 1)), sorted(listed)
        video = b"".join(data for _, data in sorted(pieces["360p"].items()))
        seen, words = stage.counters_of(video)
        assert words == "" and not stage.consecutive(seen), (words, stage.consecutive(seen))
        audio = b"".join(data for _, data in sorted(pieces["audio"].items()))
        pts = stage.timestamps(audio, "a")
        assert {b - a for a, b in zip(pts, pts[1:])} == {1920}, set(b - a for a, b in zip(pts, pts[1:]))

        # So does a player behind the edge, which knew both.
        stage.wait_for("the player", lambda: len(player.frames) and player.frames[-1][0] >= seen[-1])
        played = player.stop()
        assert player.words == "", player.words
        assert not stage.consecutive(played), stage.consecutive(played)
        taken = "segments taken over from peers" in (air.dir / "node-A.log").read_text()
        assert taken, "A did not take its window over"


stage.main()
