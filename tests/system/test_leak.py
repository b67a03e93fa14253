# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend detect reads a copy that was cut and encoded again, and headend trace names who made it;
in somebody else's copy neither finds anything; and what cannot be read is said in words."""
import json
import os
import pathlib
import random
import subprocess
import tempfile

import stage

SEGMENT = 0.5  # seconds
FRAMES = 5  # of a segment
FIRST = 3520000000
AHEAD = 7200  # seconds that the wall clock is ahead of epoch time
# A texture that moves.
PICTURE = ("color=gray:s=960x640:r=10,noise=alls=80:all_seed=7,gblur=sigma=1.2,loop=-1:1:0,"
           "scroll=h=0.004:v=0.003,crop=640:360,format=yuv420p")
RAW = ["-f", "rawvideo", "-pix_fmt", "yuv420p", "-video_size", "640x360", "-framerate", "10"]


def ffmpeg(*arguments, **options):
    return subprocess.Popen(["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)], **options)


class Folder(tempfile.TemporaryDirectory):
    """A description with its secret, and a node's state."""

    def __enter__(self):
        self.path = pathlib.Path(super().__enter__())
        secret = self.path / "headend.secret"
        secret.write_text(bytes(range(32)).hex())
        secret.chmod(0o600)
        (self.path / "d.json").write_text(json.dumps({"channels": [
            {"name": name, "source": "srt://127.0.0.1:9000", "segment-duration": SEGMENT,
             "video": [{"width": 640, "height": 360, "frame-rate": 10, "bitrate": 800}]}
            for name in ("news", "demo")]}))
        for channel, ahead in ("news", -500), ("demo", AHEAD):
            (self.path / "state").mkdir(exist_ok=True)
            (self.path / "state" / f"anchor-{channel}.json").write_text(json.dumps(
                {"generation": 0, "offset90": 0, "wall-offset90": ahead * 90000, "node": "A"}))
        return self

    def marked(self, account, seconds, name="marked.mp4"):
        """The channel as this account gets it."""
        path = self.path / name
        writer = pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "mark-writer"
        frames = ffmpeg("-f", "lavfi", "-i", PICTURE, "-t", seconds, "-f", "rawvideo", "-", stdout=subprocess.PIPE)
        marker = subprocess.Popen([writer, self.path / "headend.secret", "demo", "640", "360", str(FRAMES), str(FIRST),
                                   account], stdin=frames.stdout, stdout=subprocess.PIPE)
        encoder = ffmpeg(*RAW, "-i", "-", "-c:v", "libx264", "-preset", "superfast", "-b:v", "800k", "-g", FRAMES, path,
                         stdin=marker.stdout)
        frames.stdout.close()
        marker.stdout.close()
        assert [p.wait(120) for p in (encoder, marker, frames)] == [0, 0, 0]
        return path

    def detect(self, copy, *more, code=0, env=None):
        done = subprocess.run([stage.HEADEND, "detect", copy, "-d", self.path / "d.json", *more], capture_output=True,
                              text=True, timeout=300, stdin=subprocess.DEVNULL, env=dict(os.environ, **(env or {})))
        assert done.returncode == code, done
        return done

    def trace(self, symbols, *accounts):
        (self.path / "accounts").write_text("\n".join(accounts) + "\n")
        subprocess.run([stage.HEADEND, "trace", "-", "-d", self.path / "d.json", "--candidates", self.path / "accounts",
                        "--json", self.path / "report.json"], input=symbols, text=True, check=True, timeout=60,
                       capture_output=True)
        return json.loads((self.path / "report.json").read_text())


def test_who_made_a_copy_is_named_and_nobody_else():
    with Folder() as folder:
        copy = folder.path / "copy.mkv"
        # It begins within a segment, smaller, as somebody else's encoder makes it.
        assert ffmpeg("-ss", 1.3, "-i", folder.marked("leaker", 40), "-vf", "scale=480:270", "-c:v", "libx264", "-preset",
                      "superfast", "-crf", 28, copy).wait(120) == 0
        said = folder.detect(copy, "--around", str(int(FIRST * SEGMENT) + AHEAD - 40), "--window", "0.05", "--whole")
        head, *symbols = map(json.loads, said.stdout.splitlines())
        assert head["channel"] == "demo" and head["segment-duration"] == SEGMENT * 90000, head
        assert abs(symbols[0]["msn"] - FIRST - 3) <= 1 and len(symbols) >= 70, said
        report = folder.trace(said.stdout, "neighbour", "leaker", *(f"viewer-{i}" for i in range(98)))
        assert [a["account"] for a in report["accused"]] == ["leaker"], report
        assert report["accused"][0]["log10-p"] < -10, report
        report = folder.trace(said.stdout, "neighbour", *(f"viewer-{i}" for i in range(98)))
        assert report["accused"] == [], report


def test_nothing_is_found_in_a_copy_of_others():
    with Folder() as folder:
        copy = folder.marked("leaker", 6)
        (folder.path / "headend.secret").write_text("00" * 32)
        said = folder.detect(copy, "--around", str(int(FIRST * SEGMENT)), "--window", "0.05", "--whole", code=1)
        assert said.stdout == "" and "no mark of the channel was found" in said.stderr, said


def test_what_cannot_be_read_is_said():
    with Folder() as folder:
        def make(name, *arguments):
            assert ffmpeg(*arguments, folder.path / name).wait(60) == 0
            return folder.path / name
        empty, junk = folder.path / "empty", folder.path / "junk"
        empty.write_bytes(b"")
        junk.write_bytes(b"\xa7" + random.Random(1).randbytes(20000))
        tiny = make("tiny.mp4", "-f", "lavfi", "-i", "testsrc2=s=48x32:d=1", "-c:v", "libx264")
        for copy, words in {
                folder.path / "none.mp4": "No such file", folder.path: "Is a directory", empty: "no data", junk: "cannot be read",
                make("sound.mp4", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"): "has no pictures",
                tiny: "48x32 cannot carry a mark"}.items():
            said = folder.detect(copy, code=1)
            assert said.stdout == "" and words in said.stderr and str(copy) in said.stderr, said
        said = folder.detect(tiny, "--state", folder.path / "elsewhere", code=1)
        assert "anchor-news.json" in said.stderr and "--state" in said.stderr, said
        said = folder.detect(tiny, code=1, env={"GST_PLUGIN_PATH": str(folder.path), "GST_REGISTRY": str(folder.path / "r")})
        assert "forensicdetect, which is missing" in said.stderr and "GST_PLUGIN_PATH" in said.stderr, said


stage.main()
