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

    def marked(self, seconds, *words, name="marked.mp4", output=()):
        """The channel as an account gets it (FIRST-MSN ACCOUNT), as a variant (a), or for one recipient (PAYLOAD)."""
        path = self.path / name
        writer = pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "mark-writer"
        frames = ffmpeg("-f", "lavfi", "-i", PICTURE, "-t", seconds, "-f", "rawvideo", "-", stdout=subprocess.PIPE)
        marker = subprocess.Popen([writer, self.path / "headend.secret", "demo", "640", "360", str(FRAMES), *map(str, words)],
                                  stdin=frames.stdout, stdout=subprocess.PIPE)
        encoder = ffmpeg(*RAW, "-i", "-", "-c:v", "libx264", "-preset", "superfast", "-bf", 0, "-b:v", "800k", "-g", FRAMES, *output, path,
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
        assert ffmpeg("-ss", 1.3, "-i", folder.marked(40, FIRST, "leaker"), "-vf", "scale=480:270", "-c:v", "libx264", "-preset",
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


def symbols_of(said):
    return {line["msn"]: line["z"] for line in map(json.loads, said.stdout.splitlines()) if "msn" in line}


def test_the_archive_makes_marks_clearer():
    with Folder() as folder:
        # Both variants in segments, named as origins name them.
        for variant in "ab":
            segments = folder.path / "archive" / variant / "demo" / "360p"
            segments.mkdir(parents=True)
            folder.marked(5, variant, name=segments / "%d.ts", output=("-sc_threshold", 0, "-f", "segment", "-segment_time",
                                                                       SEGMENT))
        copy = folder.marked(5, 0, "leaker")
        blind = symbols_of(folder.detect(copy, "--epoch", "--whole", "-c", "demo"))
        (folder.path / "archive" / "b" / "demo" / "360p" / "9.ts").unlink()
        said = folder.detect(copy, "--epoch", "--whole", "-c", "demo", "--archive", folder.path / "archive")
        read = symbols_of(said)
        informed = [line["msn"] for line in map(json.loads, said.stdout.splitlines()) if "informed" in line]
        assert informed == list(range(9)) and "1 segments are not in the archive" in said.stderr, said
        assert all(abs(read[msn]) > 6 for msn in informed), (blind, read)
        assert all(read[msn] * z > 0 for msn, z in blind.items() if abs(z) > 4), (blind, read)
        assert sum(abs(read[msn]) for msn in informed) > 2 * sum(map(abs, blind.values())), (blind, read)
        said = folder.detect(copy, "--epoch", "--whole", "-c", "demo", "--archive", folder.path, code=1)
        assert "VARIANT/CHANNEL/RENDITION/MSN.ts" in said.stderr, said


def test_the_recipient_of_a_payload_is_read():
    with Folder() as folder:
        model = json.loads((folder.path / "d.json").read_text())
        model["channels"][1]["watermark"] = {"payload": "0000000000000001"}  # another than it is
        (folder.path / "d.json").write_text(json.dumps(model))
        said = folder.detect(folder.marked(15, "feedc0de12345678"), "--epoch", "-c", "demo")
        read = json.loads(said.stdout)
        assert (read["payload"], read["channel"], read["segments"]) == ("feedc0de12345678", "demo", 30), said
        assert read["log10-p"] < -9, said


def test_nothing_is_found_in_a_copy_of_others():
    with Folder() as folder:
        copy = folder.marked(6, FIRST, "leaker")
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
