# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given a node without free file descriptors, then who is connected is served, it does not spin, and says so
once a minute; and given few, which slow clients take, then these are sent away and others come in."""
import contextlib
import http.client
import os
import pathlib
import re
import socket
import subprocess
import time

import prepared
import stage

SLOW = 60
SPARE = 30
PATH = "/live/demo/360p/index.m3u8"
TOLD = re.compile(r"listener viewers: .* accepting failed \d+ times, as it does without a free file descriptor")


class _Origin:
    """The process of a stage's node that serves."""

    def __init__(self, air, name):
        self.base = air.origin[name]
        self.port = int(self.base.rsplit(":", 1)[1])
        # Of the same name in the process group is its supervisor.
        self.pid, = (pid for pid in self._group(air.nodes[name].pid) if self._listens(pid))

    @staticmethod
    def _group(leader):
        for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
            with contextlib.suppress(OSError):
                if os.getpgid(pid) == leader:
                    yield pid

    def _listens(self, pid):
        listening = {f"socket:[{line.split()[9]}]" for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()
                     if f":{self.port:04X} 00000000:0000 0A" in line}
        return any(os.readlink(fd) in listening for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir())

    def open(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def limit(self, count):
        subprocess.run(["prlimit", f"--pid={self.pid}", f"--nofile={count}:"], check=True)

    def seconds(self):
        """Of processor time."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _ask(connection, viewer):
    connection.request("GET", PATH, headers=viewer.headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status


def _is_gone(connection):
    with contextlib.suppress(BlockingIOError):
        try:
            return connection.recv(1000) == b""
        except OSError as error:
            if not isinstance(error, BlockingIOError):
                return True
    return False


def test_a_shortage_of_descriptors():
    with stage.Stage("single.json", change=prepared.describe) as air:
        prepared.OnAir(air)
        name, = air.origin
        origin = _Origin(air, name)
        log, began = air.dir / f"node-{name}.log", time.monotonic()

        def told():
            return len(TOLD.findall(log.read_text()))

        viewer = stage.Viewer(air.url("viewer", "cookie", origin.base))
        kept = http.client.HTTPConnection("127.0.0.1", origin.port, timeout=60)
        assert _ask(kept, viewer) == 200

        origin.limit(3)
        waiting = socket.create_connection(("127.0.0.1", origin.port), 60)
        waiting.sendall(b"GET /watch/watch.css HTTP/1.1\r\nHost: a\r\n\r\n")
        start, used, asked = time.monotonic(), origin.seconds(), 0
        with contextlib.suppress(http.client.HTTPException, OSError):  # silent for a second, if this machine stood still
            while time.monotonic() < start + 5:
                assert _ask(kept, viewer) == 200
                asked += 1
                time.sleep(0.1)
        assert asked > 0
        time.sleep(max(0, start + 5 - time.monotonic()))
        share = (origin.seconds() - used) / (time.monotonic() - start)
        print(f"# {asked} answers, {share:.1%} of a processor")
        assert share < 0.3, share
        stage.wait_for("a line in the log", told)

        kept.close()
        origin.limit(origin.open() + SPARE)
        slow = []
        for i in range(SLOW):
            slow.append(socket.create_connection(("127.0.0.1", origin.port), 60, (f"127.0.0.{2 + i % 5}", 0)))
            slow[-1].sendall(b"GET / HTTP/1.1\r\nX: ")
            slow[-1].setblocking(False)
        for i in range(5):  # in the queue behind them
            late = stage.Viewer(air.url(f"late{i}", "cookie", origin.base), f"127.0.0.{10 + i}")
            assert late.get(PATH).status == 200
        stage.wait_for("the slow ones' end", lambda: all([_is_gone(one) for one in slow]), 120)
        waiting.settimeout(60)
        assert waiting.recv(100).startswith(b"HTTP/1.1 200 ")
        times = told()
        assert 1 <= times <= 1 + (time.monotonic() - began) // 60, times


if __name__ == "__main__":
    stage.main()
