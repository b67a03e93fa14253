# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given ffmpeg, GStreamer's two HLS clients and hls.js in Chromium, which play through the edge, when
either node is killed whole and comes back, and then either node is stopped and goes on, then each of
them shows every picture once and in order, and none ever runs out of data."""
import contextlib
import signal
import time

import browser
import players
import stage
import watcher

# Longer than nginx leaves out a node that failed (10 s): it asks the stopped one again.
STOPPED = 15


def _await_own(air, name):
    """Waits until the node says that it is ready and every node holds two segments that it made from here on."""
    def newest(holder):
        return max((p["last-msn"] for p in air.channel(holder)["publishers"] if p["node"] == name), default=0)
    air.wait_ready(name)
    first = max(air.channel(holder)["last-msn"] for holder in air.origin) + 1
    for holder in air.origin:
        stage.wait_for(f"{name}'s segments on {holder}", lambda: newest(holder) >= first + 1, 120)


def _killed(air, name):
    air.kill_node(name)
    yield
    air.start_node(name)
    _await_own(air, name)


def _stopped(air, name):
    air.signal_node(name, signal.SIGSTOP)
    time.sleep(STOPPED)
    yield
    air.signal_node(name, signal.SIGCONT)
    _await_own(air, name)


class Audience:
    """One player of each kind; counters are of those that hand out every picture."""

    def __init__(self, air, chromium):
        self.chromium = chromium
        self.counters = {"ffmpeg": stage.Counters(air.url("ffmpeg"))}
        air.processes.append(self.counters["ffmpeg"].process)
        for client in players.CLIENTS:
            self.counters[client] = players.GstCounters(air, client, air.url(client))
        url = air.url("hls-js", "cookie", None, "--page")
        assert chromium.do("open", "hls.js", url=url, width=480, height=560)["status"] == 200

    def at(self):
        """The number of the newest picture that each has shown, -1 for none."""
        shown = {name: player.frames[-1][0] if player.frames else -1 for name, player in self.counters.items()}
        frames = watcher.Watcher(self.chromium, "hls.js").frames
        return {**shown, "hls.js": frames[-1][1] if frames else -1}

    def play(self, what, seconds):
        """Waits until each has shown so much more."""
        before, now = self.at(), {}

        def gone_on():
            now.update(self.at())
            return all(now[name] >= before[name] + seconds * stage.FPS for name in now)
        try:
            stage.wait_for(f"{seconds} s more on every player", gone_on)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}: {before}, {now}") from None

    def judge(self, least):
        """Returns complaints of lateness."""
        late = []
        for name, player in self.counters.items():
            seen = player.stop()
            print(f"# {name}: {len(seen)} pictures, nothing came for at most {player.longest_stall():.2f} s, "
                  f"stood still for at most {player.longest_wait():.2f} s")
        watched = watcher.Watcher(self.chromium, "hls.js")
        watched.say()
        for name, player in self.counters.items():
            player.judge_words()
            seen = [number for number, _ in player.frames]
            assert len(seen) > least * stage.FPS, f"{name}: only {len(seen)} pictures"
            assert not stage.consecutive(seen), f"{name}: {stage.consecutive(seen)}"
            # What it has in hand when it begins has to last.
            if player.longest_wait() > 0.5:
                late.append(f"{name} stood still for {player.longest_wait()} s")
        watched.judge_hls_js()
        watched.judge_segments(least / stage.SEGMENT)
        watched.judge_pictures(least)
        return late + watched.lateness()


def test_players_notice_no_fault_of_a_node():
    with stage.Stage(small=True).on_air() as air, browser.Browser(air) as chromium:
        machine = stage.Machine()
        # Players begin several segments from the end: of a channel that has just begun there are fewer.
        early = stage.Viewer(air.url("early"))
        stage.wait_for("five segments in the playlist", lambda: len(early.media("360p")) >= 5)
        audience = Audience(air, chromium)
        audience.play("the start", 4)
        began = time.monotonic()
        for fault in (_killed, _stopped):
            for name in air.origin:
                course = fault(air, name)
                next(course)
                audience.play(f"{name} {fault.__name__[1:]}", 6)
                with contextlib.suppress(StopIteration):
                    next(course)
                audience.play(f"{name} back", 4)
        machine.judge(audience.judge(int(time.monotonic() - began) - 10))


stage.main()
