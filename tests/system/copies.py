# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels as accounts get them, and headend detect and trace on copies of them."""
import json
import os
import pathlib
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

    def marked(self, seconds, *words, name="marked.mp4", output=(), picture=PICTURE):
        """The channel as an account gets it (FIRST-MSN ACCOUNT), as a variant (a), or for one recipient (PAYLOAD)."""
        path = self.path / name
        writer = pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "mark-writer"
        frames = ffmpeg("-f", "lavfi", "-i", picture, "-t", seconds, "-f", "rawvideo", "-", stdout=subprocess.PIPE)
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
                        "--json", self.path / "report.json"], input=symbols, text=True, check=True, timeout=240,
                       capture_output=True)
        return json.loads((self.path / "report.json").read_text())


def symbols_of(said):
    return {line["msn"]: line["z"] for line in map(json.loads, said.stdout.splitlines()) if "msn" in line}
