# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real players play a minute through the edge, by cookie and by path prefix."""
import os
import re
import time

import stage

SECONDS = 60


def _gst(source, url):
    """Both streams decoded and shown at their time; silent=false tells of every buffer."""
    return ["gst-launch-1.0", "-v", source, "uri=" + url, "name=d",
            "d.", "!", "video/x-raw", "!", "queue", "!", "fakesink", "name=pictures", "sync=true", "silent=false",
            "d.", "!", "audio/x-raw", "!", "queue", "!", "fakesink", "name=sounds", "sync=true"]


# VLC refuses to run as root.
_UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}


class Players:
    """All of them on one transport."""

    def __init__(self, air, transport):
        self.air, self.transport = air, transport
        url = lambda player: air.url(f"{player}-{transport}", transport)
        env = dict(os.environ, HOME=str(air.dir), GST_REGISTRY=str(air.dir / "registry.bin"))
        self.ffmpeg = stage.Counters(url("ffmpeg"))
        self.running = {
            "hlsdemux": air.spawn(f"hlsdemux-{transport}", *_gst("uridecodebin", url("hlsdemux")), env=env),
            "hlsdemux2": air.spawn(f"hlsdemux2-{transport}", *_gst("uridecodebin3", url("hlsdemux2")), env=env),
            "vlc": air.spawn(f"vlc-{transport}", "cvlc", "-I", "dummy", "-vv", "--no-color", "--vout", "dummy",
                             "--aout", "dummy", url("vlc"), env=dict(env, HOME="/nonexistent"),
                             cwd="/", **_UNPRIVILEGED),
        }
        air.processes.extend(self.running.values())

    def stop(self, name):
        """What a player that should still be playing wrote."""
        assert self.running[name].poll() is None, f"{name} ended with {self.running[name].returncode}"
        stage.end(self.running[name])
        return (self.air.dir / f"{name}-{self.transport}.log").read_text(errors="replace")

    def judge(self):
        seen = self.ffmpeg.stop()
        print(f"# {self.transport}: ffmpeg {len(seen)} frames")
        assert self.ffmpeg.words == "", self.ffmpeg.words
        assert len(seen) >= SECONDS * stage.FPS, f"ffmpeg: {len(seen)} frames"
        assert not stage.consecutive(seen), stage.consecutive(seen)
        for name, demuxer in (("hlsdemux", "GstHLSDemux:"), ("hlsdemux2", "GstHLSDemux2:")):
            words = self.stop(name)
            frames = words.count("chain ")
            print(f"# {self.transport}: {name} {frames} frames")
            assert demuxer in words, f"{name}: {demuxer} was not used"
            assert frames >= (SECONDS - 10) * stage.FPS, f"{name}: {frames} frames"
            assert "ERROR" not in words and "WARNING" not in words, words[-2000:]
        words = self.stop("vlc")
        segments = len(set(re.findall(r"\d+\.ts", words)))
        errors = [line for line in words.splitlines() if " error: " in line and "interface" not in line]
        print(f"# {self.transport}: vlc {segments} segments")
        assert segments >= SECONDS // stage.SEGMENT, f"vlc fetched {segments} segments"
        assert not errors, "\n".join(errors[:10])
        for bad in ("late picture", "buffer too late", "discontinuity", "playback way too late"):
            assert bad not in words, f"vlc said {bad!r}"


def test_every_player_plays_a_minute_on_both_transports():
    with stage.Stage().on_air() as air:
        players = [Players(air, transport) for transport in ("cookie", "path")]
        time.sleep(SECONDS + 5)
        for p in players:
            p.judge()


stage.main()
