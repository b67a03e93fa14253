# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many answers a second: an origin, which checks a session with each request, beside nginx with
the same bytes in files and no check, asked by the same client (wrk) over kept connections, in turn,
on the same cores. Then the origin again while thousands of connections are open and idle."""
import contextlib
import os
import pathlib
import re
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

import measure

VIEWERS = 64
SECONDS = 1  # of a turn
TURNS = 4  # of a round
IDLE = 5000
IDLE_SECONDS = 4
NGINX = """daemon off; pid nginx.pid; error_log nginx.log crit; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; tcp_nopush on; open_file_cache max=100; keepalive_requests 100000000;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""
LUA = """local cookies = {{ {cookies} }}
local n = 0
request = function()
  n = n % #cookies + 1
  return wrk.format("GET", nil, {{ ["Cookie"] = cookies[n] }})
end
"""


def wrk(folder, base, path, cookies=(), connections=VIEWERS, seconds=SECONDS):
    """Answers and bytes a second."""
    command = ["wrk", "-t1", "--timeout", "30s", f"-c{connections}", f"-d{seconds}s"]
    if cookies:
        script = folder / "viewers.lua"
        script.write_text(LUA.format(cookies=", ".join(f'"{c}"' for c in cookies)))
        command += ["-s", str(script)]
    done = subprocess.run([*command, base + path], capture_output=True, text=True, check=True)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise AssertionError(done.stdout)
    return float(re.search(r"Requests/sec: +([0-9.]+)", done.stdout).group(1))


@contextlib.contextmanager
def origin(folder):
    program = pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "gate-origin"
    process = subprocess.Popen([program, str(VIEWERS)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    try:
        port, playlist, segment = (process.stdout.readline().strip() for _ in range(3))
        cookies = [process.stdout.readline().strip().removeprefix("Cookie: ") for _ in range(VIEWERS)]
        yield process.pid, f"http://127.0.0.1:{port}", playlist, segment, cookies
    finally:
        process.stdin.close()
        process.wait()


@contextlib.contextmanager
def nginx(folder, files):
    folder.chmod(0o755)  # nginx that is started as root reads as nobody
    root = folder / "files"
    root.mkdir()
    for name, body in files.items():
        (root / name).write_bytes(body)
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    (folder / "nginx.conf").write_text(NGINX.format(port=port, root=root))
    process = subprocess.Popen(["/usr/sbin/nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder),
                                "-e", "nginx.log"])
    try:
        for _ in range(200):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def fetch(base, path, cookie):
    request = urllib.request.Request(base + path, headers={"Cookie": cookie})
    with urllib.request.urlopen(request, timeout=10) as reply:
        return reply.read()


@contextlib.contextmanager
def idle(base, count):
    """So many connections from addresses of their own that ask nothing."""
    host, port = base.removeprefix("http://").split(":")
    opened = []
    try:
        for i in range(count):
            opened.append(socket.create_connection(
                (host, int(port)), source_address=(f"127.1.{i // 250}.{i % 250 + 1}", 0)))
        yield
    finally:
        for one in opened:
            one.close()


def run(runs):
    if not shutil.which("wrk"):
        sys.exit("gate: wrk is missing; apt-get install wrk")
    measure.part(f"gate: answers a second to {VIEWERS} kept connections, {runs} rounds of {TURNS} pairs of "
                 f"{SECONDS} s each")
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory() as name, origin(pathlib.Path(name)) as (
            pid, ours, playlist, segment, cookies):
        folder = pathlib.Path(name)
        files = {"index.m3u8": fetch(ours, playlist, cookies[0]),
                 "segment.ts": fetch(ours, segment, cookies[0])}
        with nginx(folder, files) as theirs:
            for title, path, file, least in (("playlists", playlist, "/index.m3u8", 0.6),
                                             ("segments", segment, "/segment.ts", 1.0)):
                measure.rates(f"{title} of {len(files[file[1:]])} bytes", "nginx",
                              lambda path=path: wrk(folder, ours, path, cookies),
                              lambda file=file: wrk(folder, theirs, file), runs * TURNS, least)
        before = measure.memory(pid)[1]
        alone = wrk(folder, ours, playlist, cookies, seconds=IDLE_SECONDS)
        with idle(ours, IDLE):
            kept = wrk(folder, ours, playlist, cookies, seconds=IDLE_SECONDS)
            grown = measure.memory(pid)[1] - before
        measure.least(f"playlists with {IDLE} idle connections: ratio to without",
                      kept / alone, 0.8)
        measure.row("memory an idle connection", f"{grown * 1024 / IDLE:7.2f} KiB")
