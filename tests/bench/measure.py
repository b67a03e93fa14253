# SPDX-License-Identifier: LGPL-2.1-or-later
"""Runs commands in turn, and prints what they cost side by side."""
import concurrent.futures
import contextlib
import os
import pathlib
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading

PATIENCE = 300  # seconds that a command may take
missed = []
hung = {}  # command -> how often it had to be ended


def output(*command):
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL,
                          check=False)
    return done.stdout + done.stderr


def first(pattern, text):
    found = re.search(pattern, text, re.M)
    return found.group(1).strip() if found else "unknown"


def print_machine(build):
    cpu = first(r"^model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    gst = first(r"version (\S+)", output("gst-launch-1.0", "--version"))
    ffmpeg = first(r"ffmpeg version (\S+)", output("ffmpeg", "-version"))
    nginx = first(r"nginx/(\S+)", output("nginx", "-v"))
    project = first(r"headend (\S+)", output(os.environ["HEADEND"], "--version"))
    buildtype = first(r'"buildtype".*?"value": "(\w+)"',
                      re.sub(r"\},", "},\n", output("meson", "introspect", "--buildoptions", str(build))))
    print(f"{cpu}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
          f"Linux {os.uname().release}")
    print(f"gst-headend {project} ({buildtype}), GStreamer {gst}, ffmpeg {ffmpeg}, nginx {nginx}",
          flush=True)


def verdict():
    for name, times in hung.items():
        print(f"hung and run again, {times} times: {name} ...")
    for line in missed:
        print("over:", line)
    return 1 if missed else 0


def part(title):
    print(f"\n{title}", flush=True)


def row(name, text):
    print(f"  {name:<58} {text}", flush=True)


def spread(values, unit=""):
    return (f"{statistics.median(values):7.3f}{unit}  "
            f"({min(values):.3f} to {max(values):.3f})")


def limit(name, value, most, unit=""):
    over = value > most
    row(name, f"{value:7.3f}{unit}  limit {most}{unit}: {'over' if over else 'ok'}")
    if over:
        missed.append(f"{name}: {value:.3f}{unit}, limit {most}{unit}")


def least(name, value, wanted):
    under = value < wanted
    row(name, f"{value:7.3f}  at least {wanted}: {'under' if under else 'ok'}")
    if under:
        missed.append(f"{name}: {value:.3f}, at least {wanted}")


def cpu_seconds(command, **options):
    """User and system time of a command and all that it waited for. One that hangs, as
    splitmuxsink does now and then, is ended, counted and run again."""
    while True:
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                       **options)
            timer = threading.Timer(PATIENCE, process.kill)
            timer.start()
            _, status, usage = os.wait4(process.pid, 0)
            timer.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            if process.returncode == 0:
                return usage.ru_utime + usage.ru_stime
            log.seek(0)
            said = log.read().decode(errors="replace")[-2000:]
        name = " ".join(command)[:40]
        hung[name] = hung.get(name, 0) + 1
        if process.returncode != -signal.SIGKILL or hung[name] > 10:
            sys.exit(f"{name} ... failed ({process.returncode}): {said}")


def in_turn(commands, runs, **options):
    """name -> CPU seconds of each run; a run of each that does not count goes first."""
    seconds = {name: [] for name in commands}
    for turn in range(runs + 1):
        for name, command in commands.items():
            spent = cpu_seconds(command, **options)
            if turn:
                seconds[name].append(spent)
    return seconds


def together(commands, runs, **options):
    """The same with commands that run at the same time: what slows one slows the other."""
    seconds = {name: [] for name in commands}
    with concurrent.futures.ThreadPoolExecutor(len(commands)) as pool:
        for _ in range(runs):
            spent = pool.map(lambda command: cpu_seconds(command, **options), commands.values())
            for name, value in zip(commands, spent):
                seconds[name].append(value)
    return seconds


def rates(title, what, ours, theirs, turns, wanted=None):
    """What two do in a short while each, again and again: ours, theirs, theirs, ours. A machine that changes its
    speed between two turns does it to one pair alone, and to both alike in the end."""
    pairs = []
    for turn in range(turns):
        order = (ours, theirs) if turn % 2 == 0 else (theirs, ours)
        done = [one() for one in order]
        pairs.append(tuple(done if order[0] is ours else reversed(done)))
    sums = [sum(each) for each in zip(*pairs)]
    ratios = sorted(a / b for a, b in pairs)
    half = ratios[turns // 4], ratios[-1 - turns // 4]
    row(f"{title}: ours; {what}", f"{sums[0] / turns:9.0f}/s  {sums[1] / turns:9.0f}/s")
    row(f"the same: ratios of the {turns} pairs", f"{half[0]:7.3f} to {half[1]:.3f}, all {ratios[0]:.3f} to "
                                                  f"{ratios[-1]:.3f}")
    if wanted:
        least(f"{title}: ratio to {what}", sums[0] / sums[1], wanted)
    else:
        row(f"{title}: ratio to {what}", f"{sums[0] / sums[1]:7.3f}")


def ratio(ours, theirs):
    """The middle one of the ratios of runs that belong together."""
    return statistics.median(a / b for a, b in zip(ours, theirs))


def memory(pid):
    """VmHWM, VmRSS and Pss of a process in MiB."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    rollup = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text()
    return tuple(int(first(rf"^{key}:\s*(\d+) kB", text)) / 1024
                 for key, text in (("VmHWM", status), ("VmRSS", status), ("Pss", rollup)))


def children(pid):
    found = []
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            found += [int(p) for p in (task / "children").read_text().split()]
    return found


def process_cpu(pid):
    """CPU seconds of a process so far, to the nanosecond."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(OSError):
            total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9
