# SPDX-License-Identifier: LGPL-2.1-or-later
"""How many answers a second an edge gives from its warm cache: nginx as headend edge writes it, which asks
a gate about each, beside the same nginx that asks nobody (segments), and the same that asks a static
answer of another nginx in the gate's place (playlists): by TCP, as servers that decide are asked, and by a
Unix socket, as our gate is. One client (wrk), kept connections, in short turns."""
import os
import re
import shutil
import sys

import gate_bench
import measure
import prepared
import stage

SEGMENT = 2 * 1000 * 1000
STUB = """daemon off; pid {folder}/stub.pid; error_log {folder}/stub.log crit; worker_processes auto;
events {{ worker_connections 1024; }}
http {{
  access_log off; sendfile on; keepalive_requests 100000000;
  server {{
    listen 127.0.0.1:{port};
    listen unix:{folder}/auth;
    location = /auth {{
      add_header X-Variant a; add_header Headend-Playlist {name}; add_header Headend-Ticket 1.x;
      add_header Headend-Lease 300; add_header Cache-Control no-store;
      return 204;
    }}
    location /origin/ {{ rewrite ^ /segment.ts break; root {folder}; expires 60s; }}
    location /playlists/ {{ rewrite ^ /index.m3u8 break; root {folder}; expires 10s; }}
  }}
}}
"""


def _upstreams(text, names, server):
    """The configuration with this server in place of theirs."""
    for name in names:
        text, n = re.subn(rf"(upstream {name} {{)(.*?)(\n    keepalive)",
                          lambda m: m[1] + re.sub(r"    server [^\n]*\n?", "", m[2]).rstrip()
                          + f"\n    server {server};" + m[3], text, flags=re.S)
        assert n == 1, name
    return text


def _edge(where, name, text):
    folder = where.dir / name
    folder.mkdir()
    folder.chmod(0o700)
    port, = stage.free_ports(1)
    text = text.replace(where.edge_url.removeprefix("http://"), f"127.0.0.1:{port}")
    text = text.replace(str(where.dir / "edge"), str(folder))
    (folder / "nginx.conf").write_text(text)
    where.processes.append(where.spawn(name, "/usr/sbin/nginx", "-c", str(folder / "nginx.conf"), "-p", str(folder),
                                       "-e", str(folder / "error.log")))
    base = f"http://127.0.0.1:{port}"
    stage.wait_for(name, lambda: stage.status(base + "/"))
    return base


def _start(where):
    """Bases of the edge, of that without a gate, and of those with a static one; and a playlist's and a segment's
    path."""
    channel = prepared.Channel(where)
    channel.start()
    for msn in range(prepared.FIRST, prepared.FIRST + prepared.WINDOW):
        for rendition, variant in (("360p", "a"), ("360p", "b"), ("audio", "none")):
            channel.put(rendition, variant, msn, b"x")
    stub, = stage.free_ports(1)
    last = prepared.FIRST + prepared.WINDOW - 1
    (where.dir / "stub.conf").write_text(STUB.format(folder=where.dir, port=stub, name=f"{prepared.FIRST}-{last}"))
    (where.dir / "segment.ts").write_bytes(os.urandom(SEGMENT))
    (where.dir / "index.m3u8").write_bytes(os.urandom(1000).hex().encode())
    where.dir.chmod(0o711)
    where.processes.append(where.spawn("stub", "/usr/sbin/nginx", "-c", str(where.dir / "stub.conf"), "-p",
                                       str(where.dir), "-e", str(where.dir / "stub.log")))
    ours = _upstreams(where.headend("edge", str(where.description), "--dir", str(where.dir / "edge")),
                      ("origins", "playlists", "playlists_any"), f"127.0.0.1:{stub}")
    alone = re.sub(r"      auth_request(_set)? [^\n]*\n|  map \$told \$listed {.*?}\n", "", ours, flags=re.S)
    alone = alone.replace("$variant", "a").replace("$listed", "x").replace("$ticket", "x")
    for word in ("lease", "renewed", "code", "reason", "asked"):
        alone = alone.replace(f"${word} ", '"" ')
    static, local = (_upstreams(ours, ("gates", "gates_any"), server)
                     for server in (f"127.0.0.1:{stub}", f"unix:{where.dir}/auth"))
    return ([_edge(where, *each) for each in (("gated", ours), ("alone", alone), ("static", static),
                                              ("local", local))],
            "/live/demo/360p/index.m3u8", f"/live/demo/360p/{last}.ts")


def run(runs):
    if not shutil.which("wrk"):
        sys.exit("edge: wrk is missing; apt-get install wrk")
    measure.part(f"edge: answers a second from its warm cache to {gate_bench.VIEWERS} kept connections, {runs} rounds "
                 f"of {gate_bench.TURNS} pairs of {gate_bench.SECONDS} s each")

    def describe(model):
        prepared.describe(model)
        model["nodes"] = model["nodes"][:1]
    with stage.Stage("active-active.json", describe) as where:
        (ours, alone, static, local), playlist, segment = _start(where)
        cookies = [stage.Viewer(where.url(f"viewer{i}", "cookie", ours)).headers["Cookie"]
                   for i in range(gate_bench.VIEWERS)]
        for title, path, theirs, least, what in (
                ("segments", segment, alone, 0.9, "the same without a gate"),
                ("playlists", playlist, static, 1.0, "a static gate by TCP"),
                ("playlists", playlist, local, None, "a static gate by a Unix socket")):
            measure.rates(title, what, lambda path=path: gate_bench.wrk(where.dir, ours, path, cookies),
                          lambda path=path, theirs=theirs: gate_bench.wrk(where.dir, theirs, path, cookies),
                          runs * gate_bench.TURNS, least)
