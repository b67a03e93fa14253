# SPDX-License-Identifier: LGPL-2.1-or-later
"""What segments from an encoder of their own (agreement=identical), with the settings that a description
gets for them, cost beside one continuous encoder with its own: quality beside each boundary, bytes, CPU
time, delay; and the quality beside one that looks ahead as far. Pictures are compared with the source's,
one by one."""
import concurrent.futures
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys

import clips
import measure

RATE, SECONDS = 25, 12
SEGMENT = 2 * RATE  # pictures
BEHIND = 5  # pictures behind each boundary, and as many ahead of it, that are looked at
MADE = {"ball": "pattern=ball", "snow": "pattern=snow", "bars": "pattern=smpte"}
NATURAL = ["street", "leaves"]
AGREEMENTS = ("identical", "interchangeable")
FORESEEING = "interchangeable, looking ahead"


class Case:
    """An encoder of descriptions, and a size and rate that one core can encode with it."""

    def __init__(self, encoder, codec, width, height, kbits):
        self.encoder, self.codec, self.width, self.height, self.kbits = encoder, codec, width, height, kbits
        self.lines = {a: self._line(a) for a in AGREEMENTS}
        found = re.search(r" rc-lookahead=\d+", self.lines["identical"])
        if found:
            self.lines[FORESEEING] = self.lines["interchangeable"].replace(" threads=", found[0] + " threads=", 1)

    def _line(self, agreement):
        """The encoder as the launcher writes it."""
        description = clips.folder / f"{self.encoder}-{agreement}.json"
        description.write_text(json.dumps({"channels": [{
            "name": "bench", "source": "srt://127.0.0.1:9", "agreement": agreement, "segment-duration": SEGMENT // RATE,
            "watermark": False, "audio": [],
            "video": [{"width": self.width, "height": self.height, "bitrate": self.kbits, "encoder": self.encoder,
                       "preset": "superfast"}]}]}))
        line = measure.output(str(program("encoder-line")), str(description)).strip()
        if not line.startswith(self.encoder + "enc "):
            sys.exit(f"encoder-line said: {line[-300:]}")
        return line


def program(name):
    return pathlib.Path(os.environ["BUILDDIR"]) / "tests" / name


# Above it a picture differs from the source by less than a step of 8 bits here and there.
UNSEEN = 50.0  # dB
MOST_LOSS, MOST_CPU, MOST_DELAY = 1.0, 1.1, 0.4


def make_sources(case):
    """name -> a file of raw pictures."""
    sources = {}
    for name, pattern in MADE.items():
        sources[name] = clips.folder / f"{name}-{case.width}.y4m"
        if not sources[name].exists():
            subprocess.run(["gst-launch-1.0", "-q", "videotestsrc", *pattern.split(),
                            f"num-buffers={RATE * SECONDS}", "!", f"video/x-raw,format=I420,width={case.width},"
                            f"height={case.height},framerate={RATE}/1", "!", "y4menc", "!", "filesink",
                            f"location={sources[name]}"], check=True, stdin=subprocess.DEVNULL)
    folder = clips.folder / "natural"
    subprocess.run([sys.executable, str(pathlib.Path(__file__).parent / "clips"), str(folder), "--seconds",
                    str(SECONDS), *NATURAL], check=True, stdin=subprocess.DEVNULL)
    for name in NATURAL:
        found, = folder.glob(name + ".*")
        sources[name] = clips.folder / f"{name}-{case.width}.y4m"
        if not sources[name].exists():
            clips.ffmpeg("-i", str(found), "-frames:v", str(RATE * SECONDS), "-vf",
                         f"scale={case.width}:{case.height},fps={RATE}", "-pix_fmt", "yuv420p",
                         "-chroma_sample_location", "center", str(sources[name]))  # the only one that y4mdec takes
    return sources


def encode(case, source, name):
    agreement, _, more = name.partition(", ")
    out = clips.folder / f"{source.stem}-{agreement}{'-ahead' if more else ''}.{case.codec}"
    return out, ["gst-launch-1.0", "-q", "filesrc", f"location={source}", "!", "y4mdec", "!", "epochalign", "!",
                 "segmentencoder", f"agreement={agreement}", f"encoder={case.lines[name]}", "!", f"{case.codec}parse",
                 "!", f"video/x-{case.codec},stream-format=byte-stream,alignment=au", "!", "filesink",
                 f"location={out}"]


def quality(encoded, source):
    """PSNR of the luma of each picture, up to where nobody sees a difference."""
    stats = encoded.with_suffix(".psnr")
    subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-r", str(RATE), "-i", str(encoded), "-r", str(RATE), "-i",
                    str(source), "-lavfi", f"[0:v][1:v]psnr=stats_file={stats}", "-f", "null", "-"], check=True)
    values = [float(word[7:]) for line in stats.read_text().splitlines() for word in line.split()
              if word.startswith("psnr_y:")]
    if len(values) != RATE * SECONDS:
        sys.exit(f"{encoded.name} has {len(values)} pictures of {RATE * SECONDS}")
    return [min(value, UNSEEN) for value in values]


def compare_with(other, name, own, psnr, outs):
    """Ours against a continuous encoder's, PSNR of each picture."""
    loss = [b - a for a, b in zip(own, psnr)]
    behind = [loss[at + i] for at in range(SEGMENT, len(loss), SEGMENT) for i in range(BEHIND)]
    ahead = [loss[at - 1 - i] for at in range(SEGMENT, len(loss), SEGMENT) for i in range(BEHIND)]
    each = [statistics.mean(behind[i::BEHIND]) for i in range(BEHIND)]
    size = [out.stat().st_size for out in outs]
    measure.row(f"{name}: against {other}", "")
    measure.row("  PSNR of all pictures, continuous and identical",
                f"{statistics.mean(psnr):7.2f} dB {statistics.mean(own):7.2f} dB")
    measure.row(f"  lost by pictures 1 to {BEHIND} of a segment", " ".join(f"{v:5.2f}" for v in each) + " dB")
    measure.row(f"  worst of them; by the last {BEHIND} on average",
                f"{max(behind):7.2f} dB {statistics.mean(ahead):7.2f} dB")
    measure.limit(f"  {name}: lost by them on average", statistics.mean(behind), MOST_LOSS, " dB")
    measure.row("  bytes, ratio", f"{size[0] / size[1]:7.3f}")


def compare(case, name, source, runs):
    commands = {a: encode(case, source, a) for a in case.lines}
    seconds = measure.together({a: commands[a][1] for a in AGREEMENTS}, runs)
    if FORESEEING in commands:
        measure.cpu_seconds(commands[FORESEEING][1])
    psnr = {a: quality(out, source) for a, (out, _) in commands.items()}
    for other in commands:
        if other != "identical":
            compare_with(other, name, psnr["identical"], psnr[other], (commands["identical"][0], commands[other][0]))
    return measure.ratio(seconds["identical"], seconds["interchangeable"])


def delays(case, agreement):
    """Seconds that pictures took: those that begin a segment, and the others."""
    said = measure.output(str(program("boundary-delay")), agreement, case.lines[agreement], str(case.width),
                          str(case.height), str(RATE * SECONDS))
    lines = sorted(tuple(map(int, line.split())) for line in said.splitlines())
    begin = lines[0][0]  # the first boundary behind the start
    if begin % SEGMENT or [n for n, _ in lines] != list(range(begin, begin + len(lines))) or len(lines) < 2 * SEGMENT:
        sys.exit(f"boundary-delay {agreement} said: {said[-300:]}")
    return ([us / 1e6 for n, us in lines if n % SEGMENT == 0 and n > begin],
            [us / 1e6 for n, us in lines if n % SEGMENT])


def measure_case(case, runs):
    measure.part(f"identical: an encoder for each segment of 2 s against one continuous encoder, {case.encoder} "
                 f"superfast at {case.kbits} kbit/s, {case.width}x{case.height}, {SECONDS} s of "
                 f"{len(MADE) + len(NATURAL)} clips")
    ratios = [compare(case, name, source, runs) for name, source in make_sources(case).items()]
    measure.limit("CPU time, both at the same time: median ratio of the clips", statistics.median(ratios), MOST_CPU)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        own, one = pool.map(lambda agreement: delays(case, agreement), AGREEMENTS)
    for title, (first, others) in (("continuous", one), ("identical", own)):
        measure.row(f"delay of a live picture, {title}: a segment's first, others",
                    f"{statistics.median(first):7.3f} s {statistics.median(others):7.3f} s, at worst "
                    f"{max(first + others):.3f} s")
    measure.limit("delay added to a segment's first picture, median", statistics.median(own[0])
                  - statistics.median(one[0]), MOST_DELAY, " s")


def run(runs):
    measure_case(Case("x264", "h264", 1280, 720, 2500), runs)
    measure_case(Case("x265", "h265", 640, 360, 800), runs)
