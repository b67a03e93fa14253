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

    def judge(self):
        seen = self.ffmpeg.stop()
        print(f"# {self.transport}: ffmpeg {len(seen)} frames")
        self.ffmpeg.judge_words()
        assert len(seen) >= SECONDS * stage.FPS, f"ffmpeg: {len(seen)} frames"
        assert not stage.consecutive(seen), stage.consecutive(seen)
        for name, client in self.clients.items():
            assert client.process.poll() is None, f"{name} ended with {client.process.returncode}"
            seen = client.stop()
            print(f"# {self.transport}: {name} {len(seen)} frames")
            client.judge_words()
            assert len(seen) >= (SECONDS - 10) * stage.FPS, f"{name}: {len(seen)} frames"
            assert not stage.consecutive(seen), f"{name}: {stage.consecutive(seen)}"
        assert self.vlc.poll() is None, f"vlc ended with {self.vlc.returncode}"
        stage.end(self.vlc)
        words = (self.air.dir / f"vlc-{self.transport}.log").read_text(errors="replace")
        segments = len(set(re.findall(r"\d+\.ts", words)))
        errors = [line for line in words.splitlines() if " error: " in line and "interface" not in line]
        print(f"# {self.transport}: vlc {segments} segments")
        assert segments >= SECONDS // stage.SEGMENT, f"vlc fetched {segments} segments"
        assert not errors, "\n".join(errors[:10])
        for bad in ("late picture", "buffer too late", "discontinuity", "playback way too late"):
            assert bad not in words, f"vlc said {bad!r}"


def test_every_player_plays_a_minute_on_both_transports():
    with stage.Stage().on_air() as air:
        groups = [Players(air, transport) for transport in ("cookie", "path")]
        time.sleep(SECONDS + 5)
        for group in groups:
            group.judge()


stage.main()
