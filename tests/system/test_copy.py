# SPDX-License-Identifier: LGPL-2.1-or-later
"""Pass-through: what the source encoded is what viewers get, cut alike by every node."""
import json
import subprocess
import time

import stage

WIDTH, HEIGHT = 640, 360


def _copied(model):
    channel, = model["channels"]
    channel["watermark"] = False
    channel["video"] = [{"width": WIDTH, "height": HEIGHT, "bitrate": 3000, "encoder": "copy"}]
    channel["audio"] = [{"bitrate": 128, "encoder": "copy", "language": "en"},
                        {"name": "encoded", "bitrate": 96}]


def _frames(data, stream):
    done = subprocess.run(["ffprobe", "-v", "warning", "-f", "mpegts", "-select_streams", stream, "-show_entries",
                           "packet=pts,flags", "-of", "csv=p=0", "-i", "pipe:0"], input=data,
                          capture_output=True, timeout=60, check=True)
    return [(int(pts), flags) for pts, flags in
            (line.split(",")[:2] for line in done.stdout.decode().splitlines() if line)]


def test_two_nodes_cut_the_same_bytes():
    def change(model):
        _copied(model)
        del model["edge"], model["channels"][0]["audio"][1]  # an encoder's bytes are its own
    with stage.Stage(change=change) as air:
        air.start_feed()
        air.start_node("A")
        time.sleep(3)  # so that the nodes join at different pictures
        air.start_node("B")
        air.wait_ready(*air.origin, seconds=120)
        viewers = [stage.Viewer(air.url(f"viewer-{n}", "cookie", air.origin[n])) for n in air.origin]
        # What both workers have made, not what one of them gave to both origins.
        for node in air.origin:
            stage.wait_for(f"{node}'s own segments", lambda: _different(air, node) is not None, 30)
        lists = stage.wait_for("a common window", lambda: _common(viewers), 30)
        # All of them before any is looked at, since the window goes on.
        fetched = [(msn, [v.segment("360p", msn, key) for v in viewers], viewers[0].segment("audio", msn, key))
                   for msn, key in lists]
        values, times, sound = [], [], []
        for msn, clear, heard in fetched:
            assert clear[0] == clear[1], f"{msn}: the nodes' bytes differ"
            frames = _frames(clear[0], "v")
            assert "K" in frames[0][1] and len(frames) == 50, (msn, len(frames), frames[:2])
            counters, words = stage.counters_of(clear[0])
            assert not words, words
            values += counters
            times += [pts for pts, _ in frames]
            sound += stage.timestamps(heard, "a")
        assert len(values) == 50 * len(lists) and not stage.consecutive(values), values
        assert {b - a for a, b in zip(times, times[1:])} == {3600}, times
        assert {b - a for a, b in zip(sound, sound[1:])} == {1920}, sound
        for node in air.origin:
            assert _different(air, node) == 0, f"{node} had copies with other bytes"


def _different(air, node):
    """Second copies with other bytes at a node's origin; None until both workers publish to it."""
    channel, = json.loads(stage.get(air.internal[node] + "/status").body)["channels"]
    names = {p["node"] for p in channel["publishers"]}
    return channel["copies-different"] if names == set(air.origin) else None


def _common(viewers):
    a, b = (dict(v.media("360p")) for v in viewers)
    both = sorted(a.items() & b.items())
    return both if len(both) >= 4 else None


def test_a_source_that_is_not_as_described_is_told():
    def change(model):
        _copied(model)
        model["channels"][0]["video"][0].update(width=1280, height=720)
    with stage.Stage("single.json", change=change) as air:
        air.start_feed()
        (name, _), = air.origin.items()
        air.start_node(name)
        words = stage.wait_for("the complaint", lambda: [
            line for line in (air.dir / f"node-{name}.log").read_text().splitlines()
            if "The source has" in line], 60)[0]
        assert f'set "width": {WIDTH}, "height": {HEIGHT}' in words, words


def test_keyframes_that_do_not_fit_are_told():
    def change(model):
        _copied(model)
        model["channels"][0]["segment-duration"] = 3
    with stage.Stage("single.json", change=change) as air:
        air.start_feed()
        (name, _), = air.origin.items()
        air.start_node(name)
        words = stage.wait_for("the complaint", lambda: [
            line for line in (air.dir / f"node-{name}.log").read_text().splitlines()
            if "keyframes are" in line], 90)[0]
        assert "keyframes are 2 s apart" in words, words
        assert "set segment-duration to 4 s (360000 ticks)" in words, words


def test_copy_and_watermark_are_refused_together():
    def change(model):
        _copied(model)
        model["channels"][0]["watermark"] = True
    with stage.Stage("single.json", change=change) as air:
        done = subprocess.run([stage.HEADEND, "check", str(air.description)], capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 1, done.stdout
        assert "$.channels[0].watermark: true" in done.stderr, done.stderr
        assert 'expected "watermark": false' in done.stderr, done.stderr


stage.main()
