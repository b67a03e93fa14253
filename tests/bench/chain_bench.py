# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the chain adds to its encoders. Both sides decode the same 8 s of 1080p and encode every
frame with the same x264 at the same settings (those of a description's 4 Mbit/s 1080p rung); one
side is stock elements that throw the stream away, the other is the whole chain: timeline,
boundaries, mark, segments, encryption, digests, a gate that serves them."""
import subprocess
import sys

import clips
import measure

LAUNCH = ["gst-launch-1.0", "-q"]
QUEUE = "queue max-size-buffers=0 max-size-bytes=0 max-size-time=400000000 !"
SCALE = "videoscale ! videoconvert ! video/x-raw,format=I420,width=1920,height=1080 !"
OPTIONS = "option-string=scenecut=0:open-gop=0:mbtree=0"
X264 = ("x264enc bitrate=4000 vbv-buf-capacity=500 speed-preset=superfast threads=4 bframes=0 "
        f"cabac=true dct8x8=false byte-stream=true {OPTIONS} key-int-max={{}} ! "
        "video/x-h264,profile=main,level=(string)4")
FORCED = "1000000"  # keyframes come by force
PARSE = ("h264parse config-interval=-1 ! video/x-h264,stream-format=byte-stream,alignment=au ! ")


def stock(encoders):
    encode = f"{QUEUE} {X264.format(50)} ! h264parse config-interval=-1 ! fakesink sync=false"
    line = (f"filesrc location=video.ts ! tsdemux ! h264parse ! avdec_h264 max-threads=2 ! "
            f"{QUEUE} {SCALE} tee name=rung " + f" rung. ! {encode}" * encoders)
    return LAUNCH + line.split()


def rung(variant, sparse, ticks):
    pad = "sink.video_b_0" if variant == "b" else "sink.video_0"
    mark = (f"forensicmark key=file:mark.key channel=bench variant={variant} sparse={sparse} ! "
            if variant else "")
    encoder = X264.format(FORCED).replace("! video", "! capsfilter caps=video")
    return (f" rung. ! {QUEUE} {mark} segmentencoder segment-duration={ticks}".split()
            + [f"encoder={encoder}"] + f"! {PARSE} {pad}".split())


def chain(variants, sparse=1, ticks=clips.SEGMENT):
    head = (f"hlsgatesink name=sink channel=bench segment-duration={ticks} secret=file:content.secret "
            "listen=127.0.0.1:0 jwks=tokens.jwks filesrc location=video.ts ! epochdemux").split()
    decode = (f"! h264parse ! avdec_h264 output-corrupt=false max-threads=2 ! epochalign "
              f"segment-duration={ticks} ! {QUEUE} {SCALE} tee name=rung").split()
    command = LAUNCH + head + ["anchor=" + clips.anchor("video.ts", sparse * ticks)] + decode
    for variant in variants:
        command += rung(variant, sparse, ticks)
    return command


def check(command, segments):
    """That no frame was left out: every segment came of it."""
    command = [command[0], "-m", *command[2:]]
    said = subprocess.run(command, cwd=clips.folder, capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout
    made = said.count("hlsgatesink-segment,")
    if made != segments:
        sys.exit(f"the chain made {made} segments instead of {segments}")


def compare(title, ours, theirs, runs, most):
    seconds = measure.together({"ours": ours, "stock": theirs}, runs, cwd=clips.folder)
    measure.row(f"{title}: stock elements", measure.spread(seconds["stock"], " s"))
    measure.row(f"{title}: the chain", measure.spread(seconds["ours"], " s"))
    measure.limit(f"{title}: ratio", measure.ratio(seconds["ours"], seconds["stock"]), most)


def price_of_tracing(runs):
    """Of eight segments of a second, variants differ in one, in all, and in none."""
    second = 90000
    commands = {name: chain(variants, sparse, second) for name, variants, sparse in (
        ("a alone", "a", 8), ("sparse of 8", "ab", 8), ("all", "ab", 1))}
    check(commands["sparse of 8"], 16)
    seconds = measure.together(commands, runs, cwd=clips.folder)
    for name, spent in seconds.items():
        measure.row(f"variants in one segment of 8: {name}", measure.spread(spent, " s"))
    more = [few - a for few, a in zip(seconds["sparse of 8"], seconds["a alone"])]
    second_encode = [full - a for full, a in zip(seconds["all"], seconds["a alone"])]
    measure.row("what b costs of what it costs in all segments",
                f"{measure.ratio(more, second_encode):7.3f}")
    measure.limit("what b adds to the chain of a", 1 + measure.ratio(more, seconds["a alone"]), 1.125)


def run(runs):
    measure.part(f"chain: 8 s of 1080p, decoded and encoded by x264 superfast at 4 Mbit/s; "
                 f"CPU seconds, both at the same time, median of {runs}")
    check(chain(["a"]), 4)
    compare("one encode, no mark", chain([""]), stock(1), runs, 1.05)
    compare("variants a and b, against two encodes", chain("ab"), stock(2), runs, 1.10)
    price_of_tracing(runs)
