# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given a player that watches through the edge, when node A is killed whole, comes back, and then
node B is killed, then the player sees every frame once and never stands still."""
import time

import stage


def test_viewers_notice_no_death():
    with stage.Stage(small=True).on_air() as air:
        machine, late = stage.Machine(), []
        players = {t: stage.Counters(air.url("viewer-" + t, t)) for t in ("cookie", "path")}
        for player in players.values():
            stage.wait_for("the first frames", lambda: len(player.frames) > 4 * stage.FPS, 30)
        air.kill_node("A")
        time.sleep(6)
        air.start_node("A")
        air.wait_ready("A")
        air.kill_node("B")
        time.sleep(12)
        for transport, player in players.items():
            seen = player.stop()
            print(f"# {transport}: {len(seen)} frames, nothing came for at most {player.longest_stall():.2f} s, "
                  f"stood still for at most {player.longest_wait():.2f} s")
            player.judge_words()
            assert len(seen) > 25 * stage.FPS, f"only {len(seen)} frames"
            assert not stage.consecutive(seen), stage.consecutive(seen)
            # Whatever the machine does: of two nodes one is always there.
            assert player.longest_wait() <= 2.5 * stage.SEGMENT, player.longest_wait()
            # It began three segments behind, so that it has time in hand. A segment comes when the one before is
            # over. One that a dead node cannot acknowledge is listed up to half a segment later; a player asks again
            # after half a segment, most of which passes while it waits anyway. 2.05 to 2.48 s were measured.
            if player.longest_wait() > 0.5 or player.longest_stall() > 1.5 * stage.SEGMENT:
                late.append(f"{transport} stood still, or nothing came")
        machine.judge(late)


stage.main()
