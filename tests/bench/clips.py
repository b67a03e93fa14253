# SPDX-License-Identifier: LGPL-2.1-or-later
"""The feed that everything is measured with: a minute of 1080p at 25 frames a second, 4 Mbit/s of
H.264 with a keyframe every 2 s, and 128 kbit/s of AAC, as MPEG-TS. Made once a build folder."""
import json
import os
import pathlib
import shutil
import subprocess
import time

SECONDS = 60
SEGMENT = 180000
WRAP = 1 << 33
folder = None


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-y", *arguments], check=True)


def make_feed(path):
    print("making the feed, once ...", flush=True)
    new = path.with_suffix(".new")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=1920x1080:rate=25,noise=alls=12:allf=t",
           "-f", "lavfi", "-i", "sine=frequency=330:beep_factor=4:sample_rate=48000",
           "-t", str(SECONDS), "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p",
           "-g", "50", "-sc_threshold", "0", "-b:v", "4M", "-minrate", "4M", "-maxrate", "4M",
           "-bufsize", "4M", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "128k",
           "-ac", "2", "-f", "mpegts", str(new))
    new.rename(path)


def prepare(where):
    """Everything that commands need, in a folder that they run in."""
    global folder
    folder = pathlib.Path(where)
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "feed.ts").exists():
        make_feed(folder / "feed.ts")
    if not (folder / "short.ts").exists():
        ffmpeg("-t", "4", "-i", str(folder / "feed.ts"), "-c", "copy", "-f", "mpegts",
               str(folder / "short.ts"))
    if not (folder / "video.ts").exists():
        ffmpeg("-t", "8", "-i", str(folder / "feed.ts"), "-map", "0:v", "-c", "copy", "-f",
               "mpegts", str(folder / "video.ts"))
    for name in ["content.secret", "mark.key"]:
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(os.urandom(32).hex() + "\n")
    (folder / "segment.key").write_bytes(os.urandom(16))
    (folder / "segment.keyinfo").write_text("https://gate.example/key\nsegment.key\n")
    if not (folder / "tokens.jwks").exists():
        subprocess.run([os.environ["HEADEND"], "token", "keygen", "--dir", str(folder)],
                       check=True, stdout=subprocess.DEVNULL)


def empty(name):
    shutil.rmtree(folder / name, ignore_errors=True)
    (folder / name).mkdir()
    return folder / name


def anchor(name, ticks=SEGMENT):
    """An anchor by which the clip begins at a boundary of so many ticks, so that all of it counts."""
    done = subprocess.run(["ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                           "stream=start_pts", "-of", "json", str(folder / name)],
                          check=True, capture_output=True)
    pts = json.loads(done.stdout)["streams"][0]["start_pts"]
    wall = int(time.time() * 90000)
    turns = round((wall - pts) / WRAP)
    offset = -(turns * WRAP + pts) % ticks
    return json.dumps({"generation": 0, "offset90": offset, "node": "bench",
                       "wall-offset90": wall - (turns * WRAP + pts + offset)})
