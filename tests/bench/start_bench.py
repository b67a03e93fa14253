# SPDX-License-Identifier: LGPL-2.1-or-later
"""From the start of a program to the first segment that viewers can get, on a live feed with a
keyframe every 2 s, called in at different moments between two keyframes. Seconds of the clock: a
segment alone is 2 s, and the keyframe that it begins with has to come first."""
import time

import clips
import live
import measure
import stage

PHASES = [3.1, 3.5, 3.9, 4.3, 4.7]  # seconds after the feed began


def node(change):
    """A whole node, `headend run`: its origin first, then the worker."""
    def once(phase):
        with stage.Stage("single.json", change) as where, live.feed(where) as begun:
            time.sleep(max(0, begun + phase - time.monotonic()))
            start = time.monotonic()
            where.start_node("node")
            stage.wait_for("a segment", lambda: live.segments_held(where) >= 1, 50)
            return time.monotonic() - start
    return once


def ffmpeg(phase):
    with stage.Stage("single.json") as where, live.feed(where) as begun:
        folder = clips.empty("ffmpeg")
        time.sleep(max(0, begun + phase - time.monotonic()))
        start = time.monotonic()
        process = where.spawn(
            "ffmpeg", "ffmpeg", "-nostdin", "-v", "error", "-y", "-i",
            f"srt://127.0.0.1:{where.feed_port}", "-c", "copy", "-f", "hls", "-hls_time", "2",
            "-hls_key_info_file", "segment.keyinfo", "ffmpeg/index.m3u8", cwd=clips.folder)
        try:
            stage.wait_for("a segment", (folder / "index.m3u8").exists, 50)
            return time.monotonic() - start
        finally:
            stage.end(process)


def run(_runs):
    measure.part(f"start: to the first published segment of 2 s; seconds, median of {len(PHASES)} "
                 "moments of joining")
    for title, once in (("headend run, pass-through", node(live.pass_through)),
                        ("headend run, 640x360 with x264", node(live.transcode)),
                        ("ffmpeg -c copy -f hls", ffmpeg)):
        measure.row(title, measure.spread([once(phase) for phase in PHASES], " s"))
