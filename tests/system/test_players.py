# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real players play a minute through the edge, by cookie and by path prefix."""
import os
import re
import time

import players
import stage

SECONDS = 60

# VLC refuses to run as root.
_UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}


# What VLC says when its pictures or its data come late.
_LATE = ("is called too late", "buffer deadlock prevented", "late picture", "buffer too late", "playback way too late")


class Players:
    """All of them on one transport."""

    def __init__(self, air, transport):
        self.air, self.transport = air, transport
        url = lambda player: air.url(f"{player}-{transport}", transport)
        self.ffmpeg = stage.Counters(url("ffmpeg"))
        self.clients = {client: players.GstCounters(air, client, url(client)) for client in players.CLIENTS}
        self.vlc = air.spawn(f"vlc-{transport}", "cvlc", "-I", "dummy", "-vv", "--no-color", "--vout", "dummy",
                             "--aout", "dummy", url("vlc"), env=dict(os.environ, HOME="/nonexistent"),
                             cwd="/", **_UNPRIVILEGED)
        air.processes.append(self.vlc)

    def await_all(self):
        """Until each has played for so long, however slowly: GStreamer's begin nearer to the end."""
        for name, client in {"ffmpeg": self.ffmpeg, **self.clients}.items():
            seconds = SECONDS if client is self.ffmpeg else SECONDS - 10
            stage.wait_for(f"{self.transport}: {seconds} s of {name}", lambda: (
                client.process.poll() is not None or len(client.frames) >= seconds * stage.FPS), 4 * SECONDS)
        stage.wait_for(f"{self.transport}: {SECONDS} s of vlc", lambda: (
            self.vlc.poll() is not None or self.segments() >= SECONDS // stage.SEGMENT), 4 * SECONDS)

    def words(self):
        return (self.air.dir / f"vlc-{self.transport}.log").read_text(errors="replace")

    def segments(self):
        """That VLC has fetched."""
        return len(set(re.findall(r"\d+\.ts", self.words())))

    def judge(self):
        """Returns the lines in which VLC complained of lateness."""
        for name, client in {"ffmpeg": self.ffmpeg, **self.clients}.items():
            assert client.process.poll() is None, f"{name} ended with {client.process.returncode}: {client.words}"
            seen = client.stop()
            print(f"# {self.transport}: {name} {len(seen)} frames")
            client.judge_words()
            assert not stage.consecutive(seen), f"{name}: {stage.consecutive(seen)}"
        assert self.vlc.poll() is None, f"vlc ended with {self.vlc.returncode}"
        stage.end(self.vlc)
        words = self.words()
        print(f"# {self.transport}: vlc {self.segments()} segments")
        assert "discontinuity" not in words, "vlc met a discontinuity"
        late = [line for line in words.splitlines() if any(complaint in line for complaint in _LATE)]
        errors = [line for line in words.splitlines()
                  if " error: " in line and "interface" not in line and line not in late]
        assert not errors, "\n".join(errors[:10])
        return late


def test_every_player_plays_a_minute_on_both_transports():
    with stage.Stage(small=True).on_air() as air:
        machine = stage.Machine()
        groups = [Players(air, transport) for transport in ("cookie", "path")]
        time.sleep(SECONDS)
        for group in groups:
            group.await_all()
        late = [line for group in groups for line in group.judge()]
        machine.judge(late[:10])


stage.main()
