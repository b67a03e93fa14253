# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two nodes that know nothing of each other but the description, the secret and the feed make the same
bytes, whenever they began: pictures of both variants and sound, encrypted."""
import hashlib
import json
import subprocess
import time

import stage

RENDITION, AUDIO, WINDOW = "180p", "audio", 6
ACCOUNTS = 6  # each sees either variant of a segment by a coin's toss


class Pair:
    """Each node by itself: its origin holds its own copies only."""

    def __init__(self, rate, samples, ticks):
        self.rate, self.samples, self.ticks = rate, samples, ticks
        self.stages = []

    def _change(self, model):
        del model["nodes"][1:]
        model.pop("edge", None)
        channel, = model["channels"]
        channel.update(agreement="identical", window=WINDOW)
        channel["segment-duration"] = {"ticks": self.ticks}
        channel["video"] = [{"name": RENDITION, "width": 320, "height": 180, "frame-rate": self.rate, "bitrate": 300}]
        channel["audio"] = [{"name": AUDIO, "bitrate": 96, "rate": self.samples}]

    def __enter__(self):
        try:
            a = stage.Stage(change=self._change)
            self.stages.append(a)
            b = stage.Stage(change=self._change, secret=a.secret, feed_port=a.feed_port)
            self.stages.append(b)
            a.start_feed("600", "h264", self.rate, str(self.samples))
            a.start_node("A")
            time.sleep(3.3)  # so that both join at different times
            b.start_node("A")
            for s in self.stages:
                s.wait_ready("A", seconds=120)
        except BaseException:
            self.__exit__(AssertionError, None, None)
            raise
        return self

    def __exit__(self, *trace):
        for s in reversed(self.stages):
            s.__exit__(*trace)

    def viewers(self):
        """A viewer of each account on each node."""
        self.all = [[stage.Viewer(s.url(f"viewer{i}", "cookie", s.origin["A"])) for i in range(ACCOUNTS)]
                    for s in self.stages]

    def collect(self, rendition, accounts, seen):
        """Fetches what each node lists now and was not fetched before, for each account: seen[node][number] becomes
        the bodies as published, and the first of them as played. One that leaves the window meanwhile is left out. Returns
        the most numbers one behind the other that both nodes have."""
        for viewers, held in zip(self.all, seen):
            for n, key in viewers[0].media(rendition):
                if n in held:
                    continue
                copies = [viewers[i].get(f"/live/demo/{rendition}/{n}.ts") for i in range(accounts)]
                if 404 not in [c.status for c in copies]:
                    assert {c.status for c in copies} == {200}, [c.code for c in copies]
                    held[n] = [c.body for c in copies], viewers[0].clear(copies[0].body, n, key)
        runs = [[]]
        for n in sorted(set(seen[0]) & set(seen[1])):
            if runs[-1] and n != runs[-1][-1] + 1:
                runs.append([])
            runs[-1].append(n)
        return max(runs, key=len)

    def compare(self, at_least):
        """Every common segment has the same bytes, as published and as played; returns those that are played,
        alternating between the nodes. They are fetched as they come: on a busy machine one node may be further
        behind than a window is long."""
        self.viewers()
        mains = [viewers[0].get("/live/demo/main.m3u8").body for viewers in self.all]
        assert mains[0] == mains[1], mains
        played = {}
        for rendition, accounts in ((RENDITION, ACCOUNTS), (AUDIO, 1)):
            seen = [{}, {}]
            def enough():
                run = self.collect(rendition, accounts, seen)
                return run if len(run) >= at_least else None
            run = stage.wait_for(f"{at_least} common segments of {rendition}", enough, 240)
            variants, common = 0, set(seen[0]) & set(seen[1])
            for n in sorted(common):
                digests = [[hashlib.sha256(body).hexdigest() for body in held[n][0]] for held in seen]
                assert digests[0] == digests[1], f"{rendition}/{n}, {self.rate}, {self.samples}: {digests}"
                variants = max(variants, len(set(digests[0])))
            played[rendition] = {n: seen[n % 2][n][1] for n in run}
            assert variants == (2 if accounts > 1 else 1), variants
            print(f"# {self.rate} fps, {self.samples} Hz: {len(common)} segments of {rendition} alike", flush=True)
        return played


def _assert_whole(played, samples):
    """Of alternating nodes: every picture once, every audio frame 1024 samples behind the one before."""
    video = b"".join(data for _, data in sorted(played[RENDITION].items()))
    seen, words = stage.counters_of(video)
    assert words == "", words
    assert not stage.consecutive(seen), stage.consecutive(seen)

    audio = b"".join(data for _, data in sorted(played[AUDIO].items()))
    pts = stage.timestamps(audio, "a")
    frames = [p * samples / 90000 / 1024 for p in pts]
    # PTS are whole ticks, of which a frame lasts 2089.8 at 44.1 kHz.
    wrong = [(a, b) for a, b in zip(frames, frames[1:]) if abs(b - a - 1) > 0.002]
    assert not wrong, wrong
    decoded = subprocess.run(["ffmpeg", "-v", "warning", "-f", "mpegts", "-i", "pipe:0", "-f", "s16le", "pipe:1"],
                             input=audio, capture_output=True, timeout=60)
    assert decoded.stderr == b"", decoded.stderr.decode()


def _check(rate, samples, ticks):
    with Pair(rate, samples, ticks) as pair:
        _assert_whole(pair.compare(WINDOW - 2), samples)
        second = pair.stages[1]
        second.kill_node("A")
        second.start_node("A")
        second.wait_ready("A", seconds=120)
        pair.compare(WINDOW - 2)


def test_nodes_that_encode_alike_promise_it_and_keep_it():
    """pipelines/active-active.json as it is: identical by default, said by both nodes once each knows what the
    other makes of the clip, and true of every copy that they exchange."""
    with stage.Stage() as s:
        s.start_feed("600")
        s.start_node("A")
        s.start_node("B")
        s.wait_ready("A", "B", seconds=120)

        def copies(name):
            channel, = json.loads(stage.get(s.internal[name] + "/status").body)["channels"]
            return channel["copies"]
        for name in ("A", "B"):
            stage.wait_for(f"the promise of node {name}", lambda: copies(name)["agreement"] == "identical", 120)
            compared = copies(name)["agree"]
            stage.wait_for(f"ten more copies at node {name}", lambda: copies(name)["agree"] >= compared + 10, 120)
            told = copies(name)
            assert told["agreement"] == "identical" and told["conflict"] == 0, told
            metrics = stage.get(s.internal[name] + "/metrics").body.decode()
            assert 'headend_identical{channel="demo"} 1' in metrics, metrics
        assert "identical" in s.headend("status", str(s.description))


def test_25_frames_and_48000_samples_a_second():
    _check("25/1", 48000, 90000)


def test_30000_1001_frames_and_44100_samples_a_second():
    _check("30000/1001", 44100, 90090)


def test_60000_1001_frames_and_48000_samples_a_second():
    _check("60000/1001", 48000, 90090)


def test_25_frames_and_44100_samples_a_second():
    _check("25/1", 44100, 90000)


def test_30000_1001_frames_and_48000_samples_a_second():
    _check("30000/1001", 48000, 90090)


def test_60000_1001_frames_and_44100_samples_a_second():
    _check("60000/1001", 44100, 90090)


stage.main()
