# SPDX-License-Identifier: LGPL-2.1-or-later
"""The feed as a live one, and a node that passes it through."""
import contextlib
import os
import re
import signal
import time

import clips
import measure
import stage

SINK = "wait-for-connection=false"


def pass_through(model):
    channel = model["channels"][0]
    channel["watermark"] = False
    channel["video"] = [{"width": 1920, "height": 1080, "bitrate": 4000, "encoder": "copy"}]
    channel["audio"] = [{"bitrate": 128, "encoder": "copy"}]


def transcode(model):
    channel = model["channels"][0]
    channel["watermark"] = False
    channel["video"] = [{"width": 640, "height": 360, "bitrate": 800}]


@contextlib.contextmanager
def feed(where):
    """On SRT, at its own pace, for any number of callers, from now on for a minute."""
    process = where.spawn("live", "gst-launch-1.0", "-q", "filesrc",
                          f"location={clips.folder}/feed.ts", "!", "tsparse",
                          "set-timestamps=true", "alignment=7", "!", "srtsink",
                          f"uri=srt://127.0.0.1:{where.feed_port}?mode=listener", SINK)
    try:
        yield time.monotonic()
    finally:
        stage.end(process)


def segments_held(where):
    """Of the only node."""
    try:
        text = stage.get(where.internal["node"] + "/metrics").body.decode()
    except OSError:
        return 0
    return int(measure.first(r"^headend_segments_held\{[^}]*\} (\d+)", text)
               if "headend_segments_held{" in text else 0)


def process_of(where, role, node="node"):
    """The pid of the node's child that is a worker, or the origin."""
    for pid in measure.children(where.nodes[node].pid):
        with contextlib.suppress(OSError):
            if role in open(f"/proc/{pid}/cmdline", encoding="utf-8").read().split("\0"):
                return pid
    raise AssertionError(f"the node has no {role}")
