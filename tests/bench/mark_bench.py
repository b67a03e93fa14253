# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the mark costs: CPU of a 1080p frame beside a copy of its luma and beside x264 superfast, a
segment's pattern, a copy's frame that is read, a million candidates that are traced; and bits and
likeness on the clips of tests/bench/clips. Marking and x264 are those of the best of many rounds, since
what else a machine does only ever adds."""
import os
import pathlib
import re
import subprocess

import clips
import measure

FRAMES = 100
RAW = "-f rawvideo -pix_fmt yuv420p -s 1920x1080 -r 25".split()
ENCODE = ("-c:v libx264 -preset veryfast -crf 21 -g 50 -keyint_min 50 -sc_threshold 0 -threads 1 "
          "-f h264 -y").split()
FFMPEG = "ffmpeg -nostdin -v error -threads 1".split()


def program(name="mark-bench"):
    return str(pathlib.Path(os.environ["HEADEND"]).parents[1] / "tests" / name)


def x264_ms():
    """CPU of a frame: what encoding it as well adds to decoding the feed."""
    def spent(*output):
        return min(measure.cpu_seconds(FFMPEG + ["-t", "4", "-i", str(clips.folder / "feed.ts"), "-an",
                                                 *output, "-f", "null", "-"]) for _ in range(2))
    return 10 * (spent("-c:v", "libx264", "-preset", "superfast", "-b:v", "4M", "-threads", "1")
                 - spent())


def times():
    said = subprocess.run([program(), "time"], check=True, capture_output=True, text=True).stdout
    rows = {(name, depth): (float(ms), float(ratio))
            for name, depth, ms, ratio in (line.split() for line in said.splitlines())}
    encode = x264_ms()
    measure.row("a pattern, resampled to 1080p", f"{rows['pattern', '0'][0]:7.1f} ms a segment")
    measure.row("x264 superfast, a frame", f"{encode:7.2f} ms")
    for (name, depth), (ms, ratio) in rows.items():
        if name != "pattern":
            measure.row(f"{name}, {depth} bits, a frame",
                        f"{ms:7.3f} ms  {ratio:5.2f} x memcpy  {100 * ms / encode:5.2f} % of x264")
    if ("avx2", "8") in rows:
        measure.limit("avx2, 8 bits, against memcpy of luma", rows["avx2", "8"][1], 2.5)
        measure.limit("avx2, 8 bits, of x264 superfast", 100 * rows["avx2", "8"][0] / encode, 2, " %")


def detector():
    for width, height in (1920, 1080), (1280, 720), (854, 480):
        said = subprocess.run([program(), "detect", str(width), str(height)], check=True, capture_output=True,
                              text=True).stdout
        ms = float(said.split()[0])
        measure.row(f"detector, {height} lines, search included", f"{1000 / ms:7.1f} frames a second")


def trace():
    said = subprocess.run([program("trace-bench")], check=True, capture_output=True, text=True).stdout
    scan, tails = (float(value) for value in re.findall(r"([\d.]+) s ", said)[:2])
    measure.row("a million candidates at 3,600 positions", f"{scan:7.2f} s, and {tails:.2f} s for the tails of the scores")
    measure.limit("trace of a million, in all", scan + tails, 10, " s")


def clip(path):
    """Bytes plain and marked, PSNR and SSIM of luma."""
    plain, marked = clips.folder / "plain.h264", clips.folder / "marked.h264"
    source = FFMPEG + ["-i", str(path), "-frames:v", str(FRAMES)]
    subprocess.run([*source, *ENCODE, str(plain)], check=True)
    line = (f"{' '.join(source)} -f rawvideo -pix_fmt yuv420p - | {program()} filter | "
            f"ffmpeg -v info -nostats -threads 1 {' '.join(RAW)} -i - -i {path} -filter_complex "
            f"'[0:v]split[e][s];[s][1:v]ssim=shortest=1[n]' -map '[e]' {' '.join(ENCODE)} {marked} "
            "-map '[n]' -f null -")
    said = subprocess.run(["bash", "-o", "pipefail", "-c", line], check=True, capture_output=True,
                          text=True).stderr
    psnr = float(re.search(rf"^{FRAMES} ([\d.]+)$", said, re.M).group(1))
    return (plain.stat().st_size, marked.stat().st_size, psnr,
            float(re.search(r"SSIM Y:([\d.]+)", said).group(1)))


def quality(folder):
    costs = []
    for path in sorted(folder.glob("*.mkv")):
        before, after, psnr, ssim = clip(path)
        costs.append(100 * (after / before - 1))
        measure.row(path.stem, f"{costs[-1]:+7.2f} % of bits  PSNR {psnr:.2f} dB  SSIM {ssim:.4f}")
        measure.limit(f"{path.stem}: 47 dB less its PSNR", 47 - psnr, 0, " dB")
        measure.limit(f"{path.stem}: 0.996 less its SSIM", 0.996 - ssim, 0)
        measure.limit(f"{path.stem}: bits", costs[-1], 8, " %")
    measure.limit("all clips: mean of bits", sum(costs) / len(costs), 5, " %")


def run(runs):
    measure.part("mark: 1080p, CPU of one thread, best of rounds")
    times()
    measure.part("detector and trace: CPU of one thread")
    detector()
    trace()
    folder = clips.folder / "clips"
    measure.part(f"mark: {FRAMES} frames of each clip, x264 veryfast CRF 21, keyframes every 2 s")
    if any(folder.glob("*.mkv")):
        quality(folder)
    else:
        measure.row("no clips", f"make them with: tests/bench/clips {folder}")
