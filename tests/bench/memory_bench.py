# SPDX-License-Identifier: LGPL-2.1-or-later
"""Resident memory where nothing is encoded: 1080p at 4 Mbit/s with AAC, in segments of 2 s, six in
a playlist. The worker hands them to its node's origin; an element that serves holds them itself."""
import time

import clips
import live
import measure
import stage

HELD = 2 * 6  # video and audio
MOST = 48  # MiB
SETTLED = 8  # seconds after the window was filled


def show(name, pid):
    peak, resident, proportional = measure.memory(pid)
    measure.row(name, f"VmHWM {peak:6.1f}  VmRSS {resident:6.1f}  Pss {proportional:6.1f}")
    return peak


def node():
    with stage.Stage("single.json", live.pass_through) as where, live.feed(where):
        where.start_node("node")
        stage.wait_for("a window of segments", lambda: live.segments_held(where) >= HELD, 50)
        time.sleep(SETTLED)
        show("the node's origin, which holds them for all viewers",
             live.process_of(where, "origin"))
        return show("the worker", live.process_of(where, "worker"))


def element():
    """The pipeline of a worker in one process, with a gate of its own."""
    with stage.Stage("single.json") as where, live.feed(where):
        port = stage.free_ports(1)[0]
        process = where.spawn(
            "element", "gst-launch-1.0", "-m", "hlsgatesink", "name=sink", "channel=bench",
            f"secret=file:{clips.folder}/content.secret", f"listen=127.0.0.1:{port}",
            f"jwks={where.dir}/tokens.jwks", "window=6", "srtsrc",
            f"uri=srt://127.0.0.1:{where.feed_port}", "!", "epochdemux", "name=demux",
            "demux.video_0", "!", "queue", "!", "h264parse", "config-interval=-1",
            "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!", "sink.video_0",
            "demux.audio_0", "!", "queue", "!", "aacparse", "!", "sink.audio_0")
        log = where.dir / "element.log"
        try:
            stage.wait_for("a window of segments", lambda: log.read_text(errors="replace").count(
                "hlsgatesink-segment,") >= HELD, 50)
            time.sleep(SETTLED)
            return show("gst-launch epochdemux ! hlsgatesink, which serves", process.pid)
        finally:
            stage.end(process)


def ffmpeg():
    with stage.Stage("single.json") as where, live.feed(where):
        folder = clips.empty("ffmpeg")
        process = where.spawn(
            "ffmpeg", "ffmpeg", "-nostdin", "-v", "error", "-y", "-i",
            f"srt://127.0.0.1:{where.feed_port}", "-c", "copy", "-f", "hls", "-hls_time", "2",
            "-hls_list_size", "6", "-hls_key_info_file", "segment.keyinfo", "ffmpeg/index.m3u8",
            cwd=clips.folder)
        try:
            stage.wait_for("a window of segments",
                           lambda: len(list(folder.glob("*.ts"))) >= HELD / 2, 50)
            time.sleep(SETTLED)
            show("ffmpeg -c copy -f hls, to files", process.pid)
        finally:
            stage.end(process)


def run(_runs):
    measure.part("memory: a live pass-through channel, 1080p at 4 Mbit/s with AAC, six segments of "
                 "2 s; MiB of one process, shared libraries counted in full but in Pss")
    worker = node()
    alone = element()
    ffmpeg()
    measure.limit("the worker at its peak", worker, MOST, " MiB")
    measure.limit("the element at its peak", alone, MOST, " MiB")
