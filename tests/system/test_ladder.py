# SPDX-License-Identifier: LGPL-2.1-or-later
"""pipelines/ladder.json on air: three renditions in two variants each, cut alike. The load is
lightened for slow machines (few frames a second, the fastest preset), the structure is as it is."""
import json
import re
import subprocess

import stage

FPS, PER_SEGMENT = 5, 10
RUNGS = {"1080p": (1920, 1080), "720p": (1280, 720), "360p": (640, 360)}


class Ladder(stage.Stage):
    def __init__(self):
        super().__init__("ladder.json", change=self._lighten)

    def _lighten(self, model):
        channel, = model["channels"]
        assert channel["watermark"] and channel["encryption"] == "aes-128", channel
        channel["source"] = f"udp://127.0.0.1:{self.feed_port}"
        for video in channel["video"]:
            video["frame-rate"] = f"{FPS}/1"
            video["preset"] = "ultrafast"

    def start_feed(self):
        self.processes.append(self.spawn(
            "feed", "ffmpeg", "-hide_banner", "-loglevel", "error", "-nostdin", "-re", "-f", "lavfi", "-i",
            f"testsrc2=size=640x360:rate={FPS}", "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000",
            "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", "-g", str(FPS), "-pix_fmt", "yuv420p",
            "-c:a", "aac", "-b:a", "64k", "-ac", "2", "-f", "mpegts", "-pat_period", "0.2",
            f"udp://127.0.0.1:{self.feed_port}?pkt_size=1316"))

    def on_air(self):
        try:
            self.start_feed()
            self.start_node("node")
            self.wait_ready("node", seconds=150)
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self


def _video(data):
    """Width and height, and the packets' (PTS, flags), of a transport stream in memory."""
    done = subprocess.run(["ffprobe", "-v", "warning", "-f", "mpegts", "-select_streams", "v", "-show_entries",
                           "stream=width,height:packet=pts,flags", "-of", "json", "-i", "pipe:0"], input=data,
                          capture_output=True, timeout=60, check=True)
    told = json.loads(done.stdout)
    stream, = told["streams"]
    return (stream["width"], stream["height"]), [(p["pts"], p["flags"]) for p in told["packets"]]


class Viewers:
    """As many as it takes to see both variants of a segment: each has either by a coin's toss."""

    def __init__(self, air):
        self.air, self.all = air, []

    def __getitem__(self, i):
        while len(self.all) <= i:
            self.all.append(stage.Viewer(self.air.url(f"viewer-{len(self.all)}", "cookie", self.air.origin["node"])))
        return self.all[i]

    def variants(self, rendition, msn, key):
        seen = set()
        for i in range(60):
            seen.add(self[i].segment(rendition, msn, key))
            if len(seen) == 2:
                break
        return seen


def _attributes(line):
    return dict(re.findall(r'([A-Z-]+)=("[^"]*"|[^,]*)', line))


def _assert_listed(air, main):
    """The multivariant playlist has every rung with what `headend check` says of it."""
    lines = main.splitlines()
    listed = {lines[i + 1].split("/")[0]: _attributes(line) for i, line in enumerate(lines)
              if line.startswith("#EXT-X-STREAM-INF:")}
    assert set(listed) == set(RUNGS), main
    told = dict(re.findall(r"^    (\w+) +(\d+x\d+ at \d+/\d+, \S+, \d+) bit/s$",
                           air.headend("check", str(air.description)), re.M))
    for name, (width, height) in RUNGS.items():
        found = listed[name]
        assert found["RESOLUTION"] == f"{width}x{height}", found
        assert float(found["FRAME-RATE"]) == FPS, found
        assert re.fullmatch(r'"avc1\.4D40[0-9A-F]{2},mp4a\.40\.2"', found["CODECS"]), found
        assert found["AUDIO"] and int(found["AVERAGE-BANDWIDTH"]) < int(found["BANDWIDTH"]), found
        codec = found["CODECS"].strip('"').split(",")[0]
        assert told[name] == f"{width}x{height} at {FPS}/1, {codec}, {found['BANDWIDTH']}", (told, found)
    rates = [int(listed[name]["BANDWIDTH"]) for name in RUNGS]
    assert rates == sorted(rates, reverse=True), rates


def test_every_rung_and_variant_has_the_same_boundaries():
    with Ladder().on_air() as air:
        viewers = Viewers(air)
        _assert_listed(air, viewers[0].entry.body.decode())
        for i in range(8):
            assert viewers[i].entry.status == 200, i  # so that what follows is quick
        windows = [viewers[0].media(name) for name in RUNGS]
        common = sorted(set.intersection(*(set(w) for w in windows)))[-2:]
        assert len(common) == 2, windows
        held = {(msn, name): viewers.variants(name, msn, key) for msn, key in common for name in RUNGS}
        starts = {}
        for msn, key in common:
            assert key, "not encrypted"
            for name, size in RUNGS.items():
                assert len(held[msn, name]) == 2, f"{name}/{msn}: {len(held[msn, name])} variants"
                for data in held[msn, name]:
                    seen, packets = _video(data)
                    assert seen == size, f"{name}/{msn}: {seen}"
                    assert len(packets) == PER_SEGMENT, f"{name}/{msn}: {packets}"
                    keys = [i for i, (_, flags) in enumerate(packets) if "K" in flags]
                    assert keys == [0], f"{name}/{msn}: keyframes {keys}"
                    starts.setdefault(msn, set()).add(packets[0][0])
        assert all(len(s) == 1 for s in starts.values()), starts
        (a,), (b,) = (starts[msn] for msn, _ in common)
        assert (b - a) % 2 ** 33 == (common[1][0] - common[0][0]) * 180000, starts


stage.main()
