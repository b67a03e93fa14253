# SPDX-License-Identifier: LGPL-2.1-or-later
"""What an answer costs the server: an origin, which checks a session with each request, beside
nginx with the same bytes in files and no check at all. Counted in CPU time of the server, which
does not depend on how fast the client asks."""
import contextlib
import http.client
import urllib.parse

import clips
import live
import measure
import stage

PLAYLISTS = 4000
SEGMENTS = 300
NGINX = """daemon off; master_process off; pid nginx.pid; error_log stderr;
events {{ worker_connections 64; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000;
  server {{ listen 127.0.0.1:{port}; root {root}; }}
}}
"""


def ask(base, path, headers, count):
    """So many requests on one connection; returns the bytes of an answer."""
    address = urllib.parse.urlsplit(base).netloc
    with contextlib.closing(http.client.HTTPConnection(address, timeout=30)) as connection:
        for _ in range(count):
            connection.request("GET", path, headers=headers)
            reply = connection.getresponse()
            body = reply.read()
            if reply.status != 200:
                raise AssertionError(f"{path}: {reply.status}")
    return body


def cost(pid, base, path, headers, count):
    ask(base, path, headers, 50)
    before = measure.process_cpu(pid)
    body = ask(base, path, headers, count)
    return (measure.process_cpu(pid) - before) / count, body


@contextlib.contextmanager
def nginx(where, files):
    root = where.dir / "files"
    root.mkdir()
    for name, body in files.items():
        (root / name).write_bytes(body)
    port = stage.free_ports(1)[0]
    (where.dir / "nginx.conf").write_text(NGINX.format(port=port, root=root))
    process = where.spawn("nginx", "/usr/sbin/nginx", "-c", str(where.dir / "nginx.conf"), "-p",
                          str(where.dir), "-e", "stderr")
    try:
        base = f"http://127.0.0.1:{port}"
        stage.wait_for("nginx", lambda: stage.status(base), 20)
        yield process.pid, base
    finally:
        stage.end(process)


def show(title, playlist, segment, size):
    measure.row(title, f"{1e6 * playlist:6.1f} us a playlist ({1 / playlist:7.0f}/s)   "
                f"{1e3 * segment:6.3f} ms a segment ({size / segment / 1e9:5.2f} GB/s)")


def run(_runs):
    measure.part(f"serve: {PLAYLISTS} playlists and {SEGMENTS} segments of 1 MB; CPU time of the "
                 "server, and what one core could give by it")
    with stage.Stage("single.json", live.pass_through) as where, live.feed(where):
        where.start_node("node")
        where.wait_ready("node", seconds=50)
        viewer = stage.Viewer(where.url("bench", "cookie", where.origin["node"]))
        rendition = where.model["channels"][0]["video"][0].get("name", "1080p")
        listed = f"/live/demo/{rendition}/index.m3u8"
        msn = viewer.media(rendition)[-1][0]
        media = listed.replace("index.m3u8", f"{msn}.ts")
        pid = live.process_of(where, "origin")
        base = where.origin["node"]
        playlist, text = cost(pid, base, listed, viewer.headers, PLAYLISTS)
        segment, body = cost(pid, base, media, viewer.headers, SEGMENTS)
        show("origin: session, then store", playlist, segment, len(body))
        with nginx(where, {"index.m3u8": text, "segment.ts": body}) as (pid, base):
            theirs, _ = cost(pid, base, "/index.m3u8", {}, PLAYLISTS)
            files, _ = cost(pid, base, "/segment.ts", {}, SEGMENTS)
        show("nginx: files, no check", theirs, files, len(body))
        measure.row("ratio to nginx", f"{playlist / theirs:6.2f} for playlists   "
                    f"{segment / files:6.2f} for segments")
