# SPDX-License-Identifier: LGPL-2.1-or-later
"""Packaging a feed that is encoded already: as HLS, in segments of 2 s, each a file."""
import statistics
import sys

import clips
import measure

# The muxer waits for sound while pictures come: a queue that is full by then would stop both.
QUEUE = ["queue", "max-size-time=0", "max-size-buffers=0", "max-size-bytes=0"]


def ours(clip):
    return ["gst-launch-1.0", "-q", "hlsgatesink", "name=sink", "channel=bench",
            "secret=file:content.secret", f"destination=file:{clips.folder}/ours",
            "playlist-type=vod", "key-uri=https://gate.example/keys/",
            "filesrc", f"location={clip}", "blocksize=65536", "!", "epochdemux", "name=demux",
            "anchor=" + clips.anchor(clip),
            "demux.video_0", "!", "h264parse", "config-interval=-1",
            "!", "video/x-h264,stream-format=byte-stream,alignment=au", "!", "sink.video_0",
            "demux.audio_0", "!", "aacparse", "!", "sink.audio_0"]


def ffmpeg(clip):
    return ["ffmpeg", "-nostdin", "-v", "error", "-y", "-i", clip, "-c", "copy", "-f", "hls",
            "-hls_time", "2", "-hls_list_size", "0", "-hls_playlist_type", "vod",
            "-hls_key_info_file", "segment.keyinfo", "ffmpeg/index.m3u8"]


def hlssink2(clip):
    return ["gst-launch-1.0", "-q", "hlssink2", "name=sink", "target-duration=2", "max-files=0",
            "playlist-length=0", "location=hlssink2/%05d.ts",
            "playlist-location=hlssink2/index.m3u8",
            "filesrc", f"location={clip}", "blocksize=65536", "!", "tsdemux", "name=demux",
            "demux.", "!", *QUEUE, "!", "h264parse", "!", "sink.video",
            "demux.", "!", *QUEUE, "!", "aacparse", "!", "sink.audio"]


MAKERS = {"ours": ours, "ffmpeg": ffmpeg, "hlssink2": hlssink2}
TITLES = {"ours": "epochdemux ! hlsgatesink: AES-128, digests, two renditions",
          "ffmpeg": "ffmpeg -c copy -f hls -hls_key_info_file: AES-128",
          "hlssink2": "tsdemux ! hlssink2: in clear"}


def check():
    """That all of them did the same work."""
    for name in MAKERS:
        files = [p for p in (clips.folder / name).rglob("*") if p.is_file()]
        size = sum(p.stat().st_size for p in files)
        segments = sum(p.suffix == ".ts" for p in files)
        if size < 0.9 * (clips.folder / "feed.ts").stat().st_size or segments < clips.SECONDS / 2:
            sys.exit(f"{name} wrote {segments} segments and {size} bytes: not all of the feed")


def run(runs):
    measure.PATIENCE = 20
    measure.part(f"package: {clips.SECONDS} s of 1080p at 4 Mbit/s with AAC, from a file, to files "
                 f"of 2 s, without encoding; CPU seconds, median of {runs}")
    for name in MAKERS:
        clips.empty(name)
    start = measure.in_turn({n: make("short.ts") for n, make in MAKERS.items()}, runs,
                            cwd=clips.folder)
    for name in MAKERS:
        clips.empty(name)
    whole = measure.in_turn({n: make("feed.ts") for n, make in MAKERS.items()}, runs,
                            cwd=clips.folder)
    check()
    measure.PATIENCE = 300
    for name, title in TITLES.items():
        measure.row(title, measure.spread(whole[name], " s")
                    + f"  of which {statistics.median(start[name]):.3f} for the first 4 s")
    measure.limit("ratio to ffmpeg", measure.ratio(whole["ours"], whole["ffmpeg"]), 0.5)
    measure.row("ratio to hlssink2", f"{measure.ratio(whole['ours'], whole['hlssink2']):7.3f}")
