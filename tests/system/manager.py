# SPDX-License-Identifier: LGPL-2.1-or-later
"""A service manager, as a node sees it: a real socket of the protocol that sd_notify(3) describes."""
import os
import pathlib
import socket
import subprocess
import time

import stage

WATCHDOG = 2  # seconds


class Manager:
    """Listens as a service manager does; what it is told lies in self.told, a set of lines each."""

    def __init__(self, air, name):
        self.path = str(air.dir / f"notify-{name}")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.told = []

    def env(self):
        return dict(os.environ, NOTIFY_SOCKET=self.path, WATCHDOG_USEC=str(WATCHDOG * 1000000))

    def listen(self, seconds):
        """What it is told within so many seconds; returns early with the first."""
        self.socket.settimeout(max(seconds, 0.01))
        try:
            self.told.append(set(self.socket.recv(4096).decode().splitlines()))
            return self.told[-1]
        except TimeoutError:
            return set()

    def wait(self, what, seconds=90):
        """Until a message holds a line that begins with what; returns the message."""
        return stage.wait_for(what, lambda: next(
            (m for m in [self.listen(0.5)] if any(line.startswith(what) for line in m)), None), seconds)

    def is_not_fed(self):
        """Asserts that the watchdog starves: what is on its way comes, and then nothing for twice as long
        as it would wait."""
        settled = time.monotonic() + 5  # an answer that was under way may take 3 s
        while time.monotonic() < settled:
            self.listen(settled - time.monotonic())
        end = time.monotonic() + 2 * WATCHDOG
        while time.monotonic() < end:
            message = self.listen(end - time.monotonic())
            assert "WATCHDOG=1" not in message, message

    def seen(self, line):
        return any(line in message for message in self.told)


def run(air, manager, name, *parts):
    """headend run of one node or a part of it under a manager, in a group of its own."""
    node = air.model["nodes"][0]["name"]
    process = air.spawn(name, stage.HEADEND, "run", str(air.description), "--node", node, *parts,
                        env=manager.env(), start_new_session=True)
    air.nodes[name] = process
    return process


def children(process):
    """{"origin": pid, "worker demo": pid ...}"""
    found = {}
    for line in subprocess.run(["ps", "--ppid", str(process.pid), "-o", "pid=,args="], capture_output=True,
                               text=True).stdout.splitlines():
        pid, arguments = line.split(None, 1)
        if "headend " in arguments:
            found[arguments.split("headend ", 1)[1].split()[0]] = int(pid)
    return found


def environment(process, part):
    """What one of its children was started with; None while it is not there."""
    try:
        return pathlib.Path(f"/proc/{children(process)[part]}/environ").read_bytes() or None
    except (KeyError, OSError):
        return None
