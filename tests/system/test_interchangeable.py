# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two nodes that know nothing of each other but the description, the secret and the feed cut the
same segments."""
import re
import subprocess
import time

import stage

RENDITION, AUDIO, COUNT = "360p", "audio", 6


def _alone(model):
    """One node by itself: its origin holds its own copies only."""
    del model["nodes"][1:]
    model.pop("edge", None)


class Pair:
    def __enter__(self):
        self.a = stage.Stage(change=_alone, small=True)
        self.b = stage.Stage(change=_alone, secret=self.a.secret, feed_port=self.a.feed_port, small=True)
        self.a.start_feed()
        self.source = self.a.dir / "source.ts"
        self.a.processes.append(self.a.spawn(
            "capture", "gst-launch-1.0", "-q", "srtsrc",
            f"uri=srt://127.0.0.1:{self.a.feed_port}?mode=caller", "!", "filesink",
            f"location={self.source}", "buffer-mode=unbuffered"))
        self.a.start_node("A")
        time.sleep(3.3)  # so that both join at different times
        self.b.start_node("A")
        for s in (self.a, self.b):
            s.wait_ready("A")
        self.fetch()
        return self

    def fetch(self):
        """{rendition: {msn: (bytes of a, bytes of b)}} of segments that both hold."""
        viewers = [stage.Viewer(s.url("viewer", "cookie", s.origin["A"])) for s in (self.a, self.b)]
        self.common, self.offsets = {}, []
        for rendition in (RENDITION, AUDIO):
            held = [dict(v.media(rendition)) for v in viewers]
            both = sorted(set(held[0]) & set(held[1]))
            assert len(both) >= COUNT - 2, f"{rendition}: common segments {both}"
            self.common[rendition] = {
                n: tuple(v.segment(rendition, n, h[n]) for v, h in zip(viewers, held)) for n in both}

    def __exit__(self, *trace):
        self.b.__exit__(*trace)
        self.a.__exit__(*trace)


def _alternating(segments):
    """A, B, A, B, … by number."""
    return b"".join(pair[i % 2] for i, (_, pair) in enumerate(sorted(segments.items())))


def _psnr(segment, source, first):
    """Luma PSNR in dB of a segment's pictures against the source from counter first on."""
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-f", "mpegts", "-i", "pipe:0", "-i", str(source), "-lavfi",
         f"[0:v]setpts=N[x];[1:v]trim=start_frame={first},setpts=N[y];[x][y]psnr=stats_file=-:eof_action=endall",
         "-f", "null", "-"], input=segment, capture_output=True, timeout=120)
    values = [float(v) for v in re.findall(r"mse_y:(\S+)", done.stdout.decode())]
    assert len(values) >= 49, f"{len(values)} pictures compared: {done.stderr.decode()[-300:]}"
    import math
    return 10 * math.log10(255 ** 2 / (sum(values[:50]) / len(values[:50])))


def test_segments_of_the_same_name_are_interchangeable():
    with Pair() as pair:
        for rendition, kind, step in ((RENDITION, "v", 3600), (AUDIO, "a", 1920)):
            for msn, copies in pair.common[rendition].items():
                pts = [stage.timestamps(c, kind) for c in copies]
                assert len(pts[0]) == len(pts[1]), f"{rendition}/{msn}: {[len(p) for p in pts]}"
                assert (min(pts[0]), max(pts[0])) == (min(pts[1]), max(pts[1])), f"{rendition}/{msn}"
        print(f"# {len(pair.common[RENDITION])} common segments")

        # Alternating: every picture once, every audio frame 1024 samples after the one before.
        video = _alternating(pair.common[RENDITION])
        seen, words = stage.counters_of(video)
        assert words == "", words
        assert len(seen) == 50 * len(pair.common[RENDITION]), len(seen)
        assert not stage.consecutive(seen), stage.consecutive(seen)
        pts = sorted(stage.timestamps(video, "v"))
        assert {b - a for a, b in zip(pts, pts[1:])} == {3600}, set(b - a for a, b in zip(pts, pts[1:]))

        audio = _alternating(pair.common[AUDIO])
        pts = stage.timestamps(audio, "a")
        assert {b - a for a, b in zip(pts, pts[1:])} == {1920}, set(b - a for a, b in zip(pts, pts[1:]))
        decoded = subprocess.run(["ffmpeg", "-v", "warning", "-f", "mpegts", "-i", "pipe:0", "-f",
                                  "s16le", "pipe:1"], input=audio, capture_output=True, timeout=60)
        assert decoded.stderr == b"", decoded.stderr.decode()

        # Pictures: each within 0.5 dB of the other against the source.
        with open(pair.source, "rb") as source:
            base, _ = stage.counters_of(source.read())
        msn, copies = sorted(pair.common[RENDITION].items())[1]
        first = stage.counters_of(copies[0])[0][0]
        quality = [_psnr(c, pair.source, base.index(first)) for c in copies]
        print(f"# segment {msn}: {quality[0]:.2f} dB and {quality[1]:.2f} dB against the source")
        assert min(quality) > 25, quality
        assert abs(quality[0] - quality[1]) <= 0.5, quality


stage.main()
