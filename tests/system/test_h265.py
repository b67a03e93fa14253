# SPDX-License-Identifier: LGPL-2.1-or-later
"""A feed in H.265 goes on air in H.264, H.265 and H.265 with ten bits, and players play it. One that has ten
bits keeps them."""
import array
import collections
import contextlib
import json
import os
import subprocess
import time

import browser
import stage

RATE = 10  # of the feed, so that a busy machine keeps up
ENOUGH = 40  # frames

# name: (what it adds to the description, CODECS, and what ffprobe says of it)
RUNGS = {
    "h265": ({"encoder": "x265"}, "hvc1.1.6.L60.90", ("hevc", "Main", "yuv420p", 60)),
    "h264": ({"encoder": "x264"}, "avc1.4D400D", ("h264", "Main", "yuv420p", 13)),
    "ten": ({"encoder": "x265", "bit-depth": 10}, "hvc1.2.4.L60.90", ("hevc", "Main 10", "yuv420p10le", 60)),
}


def _node(*rungs):
    """One node by itself with these renditions."""
    def change(model):
        del model["nodes"][1:]
        model.pop("edge", None)
        channel = model["channels"][0]
        channel["watermark"] = False
        channel["video"] = [dict(RUNGS[name][0], name=name, width=320, height=180, bitrate=400, preset="ultrafast")
                            | {"frame-rate": f"{RATE}/1"} for name in rungs]
    return change


class Pair:
    """Two nodes that know nothing of each other, of one feed that the second joins later."""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.a = stack.enter_context(stage.Stage(change=_node(*RUNGS)))
            self.b = stack.enter_context(stage.Stage(change=_node("h265"), secret=self.a.secret,
                                                     feed_port=self.a.feed_port))
            self.a.start_feed("86400", "h265", str(RATE))
            self.a.start_node("A")
            time.sleep(3.3)  # in the middle of a GOP
            self.b.start_node("A")
            for s in (self.a, self.b):
                s.wait_ready("A", seconds=150)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *trace):
        return self.stack.__exit__(*trace)


def _viewer(air, account):
    return stage.Viewer(air.url(account, "cookie", air.origin["A"]))


def _probe(data):
    done = subprocess.run(["ffprobe", "-v", "warning", "-f", "mpegts", "-show_entries",
                           "stream=codec_name,profile,pix_fmt,level", "-of", "json", "-i", "pipe:0"],
                          input=data, capture_output=True, timeout=60, check=True)
    found = json.loads(done.stdout)["streams"][0]
    return found["codec_name"], found["profile"], found["pix_fmt"], found["level"]


def _judge(data, count):
    """Every picture once, in order, at its time, and a decoder with nothing to say."""
    seen, words = stage.counters_of(data)
    assert words == "", words
    assert len(seen) == count, f"{len(seen)} of {count} pictures"
    assert not stage.consecutive(seen), stage.consecutive(seen)
    pts = sorted(stage.timestamps(data, "v"))
    steps = {b - a for a, b in zip(pts, pts[1:])}
    assert steps == {90000 // RATE}, steps


def _check_renditions(air):
    """What the playlist says of each rendition is what its bitstream says."""
    viewer = _viewer(air, "reader")
    entry = viewer.entry.body.decode()
    for name, (_, codecs, found) in RUNGS.items():
        line = entry[:entry.index(f"\n{name}/index.m3u8")].splitlines()[-1]
        assert f'CODECS="{codecs},' in line and "VIDEO-RANGE=SDR" in line, line
        listed = viewer.media(name)[-4:]
        data = b"".join(viewer.segment(name, n, k) for n, k in listed)
        assert _probe(data) == found, f"{name}: {_probe(data)}"
        _judge(data, 4 * 2 * RATE)


def _check_alternating(pair):
    """A's segment, B's, A's, …"""
    viewers = [_viewer(s, "alternating") for s in (pair.a, pair.b)]
    held = [dict(v.media("h265")) for v in viewers]
    both = sorted(set(held[0]) & set(held[1]))
    assert len(both) >= 3, f"common segments {both}"
    data = b"".join(viewers[i % 2].segment("h265", n, held[i % 2][n]) for i, n in enumerate(both))
    _judge(data, len(both) * 2 * RATE)
    print(f"# {len(both)} segments of two nodes in turn")


# VLC refuses to run as root.
_UNPRIVILEGED = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}


class Players:
    """Of a node whose only rendition is H.265."""

    def __init__(self, air):
        self.air = air
        url = lambda player: air.url(player, "cookie", air.origin["A"])
        env = dict(os.environ, HOME=str(air.dir), GST_REGISTRY=str(air.dir / "registry.bin"))
        self.ffmpeg = stage.Counters(url("ffmpeg"))
        self._start("hlsdemux", "gst-launch-1.0", "-v", "uridecodebin", "uri=" + url("hlsdemux"), "name=d", "d.", "!",
                    "video/x-raw", "!", "fakesink", "name=pictures", "sync=true", "silent=false", "d.", "!",
                    "audio/x-raw", "!", "fakesink", "sync=true", env=env)
        self._start("vlc", "cvlc", "-I", "dummy", "-vv", "--no-color", "--vout", "dummy", "--aout", "dummy",
                    url("vlc"), env=dict(env, HOME="/nonexistent"), cwd="/", **_UNPRIVILEGED)

    def _start(self, name, *command, **options):
        self.air.processes.append(self.air.spawn(name, *command, **options))

    def words(self, name):
        return (self.air.dir / f"{name}.log").read_text(errors="replace")

    def judge(self):
        stage.wait_for("ffmpeg's pictures", lambda: len(self.ffmpeg.frames) >= ENOUGH, 120)
        seen = self.ffmpeg.stop()
        assert self.ffmpeg.words == "", self.ffmpeg.words
        assert not stage.consecutive(seen), stage.consecutive(seen)
        stage.wait_for("hlsdemux's pictures", lambda: self.words("hlsdemux").count("chain ") >= ENOUGH, 120)
        words = self.words("hlsdemux")
        assert "GstHLSDemux:" in words and "avdec_h265" in words, words[-2000:]
        assert "ERROR" not in words, words[-2000:]
        stage.wait_for("VLC's first picture", lambda: "Received first picture" in self.words("vlc"), 120)
        assert "hevc" in self.words("vlc").lower()


def _looks(chromium, name, what, condition):
    def holds():
        look = chromium.look(name)
        return look if look["headend"] and condition(look) else None
    return stage.wait_for(f"{name}: {what}", holds, 120)


def _check_browser(pair):
    """hls.js plays what this Chromium decodes; where that is nothing, the page says so."""
    pictures = lambda look: len(look["seen"]["frames"]) >= ENOUGH
    with browser.Browser(pair.a) as chromium:
        for name, air in (("all", pair.a), ("h265", pair.b)):
            link = air.url("browser-" + name, "cookie", air.origin["A"], "--page")
            assert chromium.do("open", name, url=link)["status"] == 200
        decodes = chromium.do("decodes", "h265", type=f'video/mp4; codecs="{RUNGS["h265"][1]}"')["answer"]
        print(f"# Chromium {chromium.version} decodes {'H.265, too' if decodes else 'no H.265 here'}")
        if decodes:
            look = _looks(chromium, "h265", "pictures", pictures)
        else:
            look = _looks(chromium, "h265", "words", lambda look: look["headend"]["session"]["state"] == "unsupported")
            assert "This browser decodes no rendition of the channel" in look["text"], look["text"]
            assert RUNGS["h265"][1] in look["text"] and not look["ranges"], look["text"]
            assert [e["details"] for e in look["headend"]["errors"]] == ["manifestIncompatibleCodecsError"], look
        look = _looks(chromium, "all", "pictures", pictures)
        assert not any(e["fatal"] for e in look["headend"]["errors"]) and not look["words"], look


def _log(air):
    return (air.dir / "node-A.log").read_text(errors="replace")


def _copies(model):
    _node("h264")(model)
    model["channels"][0]["video"][0]["encoder"] = "copy"


def _check_copy(pair):
    """What cannot be passed through is said in words."""
    with stage.Stage(change=_copies, feed_port=pair.a.feed_port) as c:
        c.start_node("A")
        stage.wait_for("the refusal", lambda: 'video is H.265' in _log(c), 120)
        assert 'set "encoder": "copy-h265"' in _log(c)


def test_a_feed_in_h265_goes_on_air_in_either_codec():
    with Pair() as pair:
        # The worker has decoded a segment of its own, which is H.265.
        stage.wait_for("readiness of the worker", lambda: "worker demo is ready" in _log(pair.b), 120)
        players = Players(pair.b)
        _check_renditions(pair.a)
        _check_alternating(pair)
        players.judge()
        _check_browser(pair)
        _check_copy(pair)


VIEWERS = 40  # as many as it takes for two to differ in some of the newest four segments, but once in 10^9


def _deep(model):
    _node("ten")(model)
    channel = model["channels"][0]
    channel["segment-duration"], channel["watermark"] = 1, True
    channel["video"][0].update(width=640, height=360, bitrate=1500)


def _deep_copy(**more):
    def change(model):
        _node("h265")(model)
        model["channels"][0]["video"] = [{"name": "ten", "encoder": "copy-h265", "width": 640, "height": 360,
                                          "bitrate": 3000, "frame-rate": f"{RATE}/1"} | more]
    return change


def _near_grey(data):
    """The share of samples that are within 1 of 506, of 1023, which tools/feed makes. With the mark, which adds a level
    or two, it is 0.87; 8 bits have 504 and 508, or both in turn, which the mark brings there in 3 of 10 samples."""
    done = subprocess.run(["ffmpeg", "-v", "error", "-f", "mpegts", "-i", "pipe:0", "-map", "0:v", "-vf",
                           "crop=96:64:512:36,extractplanes=y", "-f", "rawvideo", "-pix_fmt", "gray10le", "pipe:1"],
                          input=data, capture_output=True, check=True, timeout=60)
    samples = collections.Counter(array.array("H", done.stdout))
    print(f"# greys: {samples.most_common(6)}")
    return sum(samples[level] for level in (505, 506, 507)) / samples.total()


def _check_deep(data):
    assert _probe(data)[:3] == ("hevc", "Main 10", "yuv420p10le"), _probe(data)
    share = _near_grey(data)
    assert share > 0.6, share


def _record(viewer, count):
    """So many segments, each as soon as it is listed."""
    kept = {}

    def grown():
        for msn, key in viewer.media("ten"):
            if msn not in kept:
                kept[msn] = viewer.segment("ten", msn, key)
        return len(kept) >= count
    stage.wait_for(f"{count} segments", grown, 600)
    return [kept[msn] for msn in sorted(kept)]


def _check_variants(air):
    viewers = [_viewer(air, f"viewer-{n}") for n in range(VIEWERS)]
    newest = [msn for msn, _ in viewers[0].media("ten")][-4:]
    made = {}
    for msn in newest:
        copies = [v.get(f"/live/demo/ten/{msn}.ts") for v in viewers]
        if 404 not in [c.status for c in copies]:  # it has left the window
            assert {c.status for c in copies} == {200}, [c.code for c in copies]
            made[msn] = {c.body for c in copies}
    assert made, f"none of {newest} was there"
    assert max(len(bodies) for bodies in made.values()) == 2, {m: len(b) for m, b in made.items()}


def _check_mark(air, data):
    copy = air.dir / "copy.ts"
    copy.write_bytes(data)
    symbols = air.headend("detect", copy, "-d", air.description, "--around",
                          time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "--window", "0.1").splitlines()[1:]
    read = [z for z in (json.loads(line)["z"] for line in symbols) if z is not None]
    assert len(read) >= 10, symbols


def _check_deep_copy(feed_port):
    """Passed through as what it is, and not as what it is not."""
    with stage.Stage(change=_deep_copy(), feed_port=feed_port) as c:
        c.start_node("A")
        stage.wait_for("the refusal", lambda: 'set "bit-depth": 10' in _log(c), 600)
    with stage.Stage(change=_deep_copy(**{"bit-depth": 10}), feed_port=feed_port) as c:
        c.start_node("A")
        c.wait_ready("A", seconds=600)
        viewer = _viewer(c, "reader")
        assert 'CODECS="hvc1.2.4.' in viewer.entry.body.decode(), viewer.entry.body
        _check_deep(b"".join(_record(viewer, 3)))


def test_a_source_of_ten_bits_keeps_them_with_its_mark():
    with stage.Stage(change=_deep) as air:
        air.start_feed("86400", "h265-10", str(RATE))
        air.start_node("A")
        air.wait_ready("A", seconds=600)
        segments = _record(_viewer(air, "reader"), 16)
        _check_deep(b"".join(segments))
        _check_variants(air)
        _check_mark(air, b"".join(segments))
        _check_deep_copy(air.feed_port)


def _of_file(model):
    _node("h264")(model)
    model["channels"][0]["source"] = "file:clip.ts"
    model["channels"][0]["audio"] = []


def test_a_source_in_hdr_is_warned_of():
    with stage.Stage(change=_of_file) as air:
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={RATE}",
                        "-t", "8", "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-preset", "ultrafast", "-x265-params",
                        "colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:log-level=none:pools=1",
                        air.dir / "clip.ts"], check=True, timeout=120)
        air.start_node("A")
        stage.wait_for("the warning", lambda: "The source is in HDR (PQ)" in _log(air), 120)


stage.main()
