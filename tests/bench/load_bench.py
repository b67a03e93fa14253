# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many live viewers one machine bears, client included: a channel of 1 Mbit/s that is passed
through, its node, nginx as the edge, and headend load."""
import json
import os
import subprocess

import clips
import live
import measure
import stage

VIEWERS = int(os.environ.get("VIEWERS", "5000"))
SECONDS = 10  # of each of ten steps
MOST = 12  # KiB a viewer
STALLED = 0.001


def _feed():
    """1 Mbit/s with sound."""
    path = clips.folder / "megabit.ts"
    if not path.exists():
        clips.ffmpeg("-i", str(clips.folder / "feed.ts"), "-vf", "scale=640:360", "-c:v", "libx264",
                     "-preset", "veryfast", "-g", "50", "-sc_threshold", "0", "-b:v", "900k", "-maxrate", "900k",
                     "-bufsize", "900k", "-x264-params", "nal-hrd=cbr", "-c:a", "aac", "-b:a", "64k", "-ac", "2",
                     "-f", "mpegts", str(path.with_suffix(".new")))
        path.with_suffix(".new").rename(path)
    return path


def _change(model):
    live.pass_through(model)
    channel = model["channels"][0]
    channel["video"] = [{"width": 640, "height": 360, "bitrate": 900, "encoder": "copy"}]
    model["nodes"] = model["nodes"][:1]


def _resident(where):
    """KiB of the edge and the origin, what they share counted once."""
    edge = where.processes[-1].pid
    pids = [edge, *measure.children(edge), live.process_of(where, "origin", "A")]
    return 1024 * sum(measure.memory(pid)[2] for pid in pids)


def run(_runs):
    measure.part(f"load: {VIEWERS} viewers of a channel of 1 Mbit/s, through nginx, gate and origin, in ten "
                 f"steps of {SECONDS} s, the client on the same machine")
    with stage.Stage("active-active.json", _change) as where:
        where.processes.append(where.spawn(
            "live", "ffmpeg", "-nostdin", "-v", "error", "-re", "-stream_loop", "-1", "-i", str(_feed()), "-c",
            "copy", "-f", "mpegts", f"srt://127.0.0.1:{where.feed_port}?mode=listener"))
        where.start_node("A")
        where.start_edge()
        where.wait_ready("A")
        before = _resident(where)
        report = where.dir / "load.json"
        load = subprocess.Popen(
            [os.environ["HEADEND"], "load", str(where.description), "--key", str(where.dir / "token.pem"),
             "--viewers", str(VIEWERS), "--seconds", str(SECONDS), "--report", str(report)])
        peak = before
        while load.poll() is None:
            try:
                load.wait(2)
            except subprocess.TimeoutExpired:
                peak = max(peak, _resident(where))
        last = json.loads(report.read_text())["steps"][-1]
    measure.limit("time spent waiting at the last step", last["rebuffering"], STALLED)
    measure.limit("memory of edge and origin a viewer", (peak - before) / VIEWERS, MOST, " KiB")
