# SPDX-License-Identifier: LGPL-2.1-or-later
"""./quickstart does what it says, and takes everything down that it put up."""
import os
import re
import signal
import subprocess
import threading
import time

import stage


class Quickstart:
    def __init__(self, *arguments):
        self.process = subprocess.Popen([str(stage.TOP / "quickstart"), *arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                        start_new_session=True)
        self.lines = []

    def read_until(self, pattern, seconds=150):
        """Reads on to the line that matches; fails when the output ends first."""
        timer = threading.Timer(seconds, self.process.kill)
        timer.start()
        try:
            for line in self.process.stdout:
                self.lines.append(line.rstrip("\n"))
                if found := re.search(pattern, line):
                    return found
        finally:
            timer.cancel()
        raise AssertionError(f"no {pattern!r} in:\n" + "\n".join(self.lines))

    def interrupt(self):
        """Ctrl-C: the terminal sends SIGINT to the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)
        self.process.communicate(timeout=120)
        return self.process.returncode


def _left():
    """Processes that still use quickstart's folder."""
    out = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    run = str(stage.TOP / "run") + "/"
    return [line for line in out.splitlines() if run in line]


def test_seconds_ends_healthy_and_leaves_nothing():
    demo = Quickstart("--seconds", "8")
    demo.read_until("healthy for 8 s")
    demo.process.communicate(timeout=120)
    assert demo.process.returncode == 0, demo.lines
    told = [line for line in demo.lines if re.match(r"(feed|node|edge|watch|page|kill|status)\b", line)]
    assert len(told) < 10 and any("watch" in line for line in told), told
    assert not _left(), _left()


def test_the_printed_commands_work():
    demo = Quickstart()
    try:
        url = demo.read_until(r"^watch\s+(\S+)").group(1)
        page = demo.read_until(r"^page\s+(\S+)#URISigningPackage=\S+$").group(1)
        assert b"hls.min.js" in stage.get(page).body, page
        kill = demo.read_until(r"^kill A\s+(.*?)\s+\(").group(1)
        player = stage.Counters(url)
        stage.wait_for("pictures", lambda: len(player.frames) > 50, 20)
        subprocess.run(["sh", "-c", kill], check=True)
        demo.read_until("node A is started again")
        time.sleep(3)
        seen = player.stop()
        assert player.words == "", player.words
        assert not stage.consecutive(seen), stage.consecutive(seen)
    finally:
        code = demo.interrupt()
    assert code == 0, code
    assert not _left(), _left()


def test_an_unhealthy_channel_is_a_failure():
    demo = Quickstart("--seconds", "60")
    demo.read_until(r"^kill A")
    feed = subprocess.run(["pgrep", "-g", str(demo.process.pid), "-f", "tools/feed"], capture_output=True,
                          text=True, check=True).stdout.split()
    os.kill(int(feed[0]), signal.SIGTERM)
    demo.process.communicate(timeout=120)
    assert demo.process.returncode == 1, demo.process.returncode
    assert not _left(), _left()


stage.main()
