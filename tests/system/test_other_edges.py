# SPDX-License-Identifier: LGPL-2.1-or-later
"""What docs/edges.md says of HAProxy, and of TLS in front of Varnish, plays: two viewers, one by cookie and
one by path prefix, over TLS, and who sends his token with each request; a stranger gets nothing, and no log holds a credential."""
import re
import subprocess

import prepared
import stage
from test_leases import Ffmpeg, Mpv

SECONDS = 20
PAGE = "https://tv.example"


def _describe(model):
    prepared.describe(model)
    model["gate"] = {"allowed-origins": [PAGE]}


def _block(title):
    """What docs/edges.md shows of it."""
    text = (stage.TOP / "docs" / "edges.md").read_text()
    return re.search(rf"\n## {title}\n.*?```\n(.*?)```", text, re.S).group(1)


def _changed(text, changes):
    for old, new in changes:
        assert text.count(old) == 1, f"{old!r} is not in the documentation once: {text}"
        text = text.replace(old, new)
    return text


def _certificate(air):
    path = air.dir / "edge.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=edge", "-days", "2",
                    "-keyout", str(air.dir / "edge.key"), "-out", str(air.dir / "edge.crt")], check=True,
                   capture_output=True)
    path.write_bytes((air.dir / "edge.crt").read_bytes() + (air.dir / "edge.key").read_bytes())
    return path


def _haproxy(air, port):
    port_of = lambda address: address.rsplit(":")[-1]
    changes = [("log /dev/log local0", "log stdout format raw local0"),
               ("bind :443 ssl crt /etc/haproxy/edge.pem", f"bind 127.0.0.1:{port} ssl crt {_certificate(air)}"),
               # Nothing is judged by how soon it answers.
               ("timeout connect 300ms", "timeout connect 60s"), ("timeout server 5s", "timeout server 60s"),
               ("timeout client 30s", "timeout client 60s"), ("inter 1s fall 2", "inter 30s fall 9")]
    for name, address in (("A", "10.0.0.1:8080"), ("B", "10.0.0.2:8080")):
        changes.append((f"server {name} {address}", f"server {name} 127.0.0.1:{port_of(air.origin[name])} "
                                                    f"port {port_of(air.internal[name])}"))
    conf = air.dir / "haproxy.cfg"
    conf.write_text(_changed(_block("HAProxy"), changes))
    air.processes.append(air.spawn("haproxy", "/usr/sbin/haproxy", "-db", "-f", str(conf)))


def _varnish(air, port):
    inner, = stage.free_ports(1)
    folder = air.dir / "edge"
    folder.mkdir()
    text = air.headend("edge", str(air.description), "--for", "varnish", "--dir", str(folder))
    mask = re.search(r"vsl_mask=\S+", text).group(0)
    conf = folder / "edge.vcl"
    conf.write_text(_changed(stage.patient(text), [('X-Forwarded-Proto = "http"', 'X-Forwarded-Proto = "https"')]))
    air.processes.append(air.spawn(
        "varnish", "/usr/sbin/varnishd", "-F", "-j", "none", "-f", str(conf), "-a", f"127.0.0.1:{inner},PROXY", "-n",
        str(folder / "varnish"), "-s", "default,64m", "-p", mask))
    hitch = air.dir / "hitch.conf"
    hitch.write_text(_changed(_block("TLS in front of Varnish"), [
        ("[*]:443", f"[127.0.0.1]:{port}"), ("[127.0.0.1]:8443", f"[127.0.0.1]:{inner}"),
        ("/etc/hitch/edge.pem", str(_certificate(air)))]) + 'user = "nobody"\ngroup = "nogroup"\n')
    air.processes.append(air.spawn("hitch", "/usr/sbin/hitch", f"--config={hitch}"))


def _strangers_get_nothing(viewer, base):
    """Not even with what they stole."""
    msn, key = viewer.media("360p")[-1]
    for path in ("/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", f"/live/demo/360p/{msn}.ts", key):
        assert viewer.get(path).status == 200, path
        for headers, status, code in (({}, 401, "600"), (viewer.headers, 403, "602"),
                                      (dict(viewer.headers, **{"X-Forwarded-For": viewer.source}), 403, "602")):
            answer = stage.get(base + path, headers, "127.0.0.9")
            assert (answer.status, answer.code) == (status, code), (path, sorted(headers), answer.status, answer.code)
            assert b"#EXTM3U" not in answer.body and len(answer.body) < 600, path


def _a_header_carries_all(air, viewer):
    """Of somebody who keeps no cookies; nobody else gets anything by it. Returns the token."""
    token = air.token("header")
    headers = {"Authorization": "Bearer " + token}
    msn, key = viewer.media("360p")[-1]
    for path in ("/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", f"/live/demo/360p/{msn}.ts", key):
        for source, status, code in (("127.0.0.3", 200, None), ("127.0.0.9", 403, "602"), ("127.0.0.3", 200, None)):
            answer = stage.get(viewer.base + path, headers, source)
            assert answer.status == status and (status == 200 or answer.code == code), (path, source, answer.status)
            assert "Set-Cookie" not in answer.headers or path.endswith("/main.m3u8"), (path, answer.headers)
    return token


def _pages_of_allowed_origins_may_read(viewer):
    for origin, allowed in ((PAGE, PAGE), ("https://other.example", None)):
        headers = dict(viewer.headers, Origin=origin)
        for path in ("/live/demo/main.m3u8", "/live/demo/360p/index.m3u8"):
            answer = stage.get(viewer.base + path, headers)
            assert answer.status == 200, answer.status
            assert answer.headers["Access-Control-Allow-Origin"] == allowed, (origin, path, answer.headers)
            assert answer.headers["Access-Control-Allow-Credentials"] == ("true" if allowed else None)
            assert "Origin" in ", ".join(answer.headers.get_all("Vary", [])), (origin, path, answer.headers)
        answer = stage.get(viewer.base + path, {"Origin": origin, "Access-Control-Request-Method": "GET"},
                           method="OPTIONS")
        assert answer.headers["Access-Control-Allow-Origin"] == allowed, answer.headers
        assert "Origin" in answer.headers["Vary"], answer.headers


def _sessions_are_refreshed_by_post(viewer):
    def asks(status, origin, allowed, path, body=None, method="POST"):
        answer = stage.get(viewer.base + path, dict(viewer.headers, Origin=origin), method=method, body=body)
        assert answer.status == status, (answer.status, path, body)
        assert answer.headers["Access-Control-Allow-Origin"] == allowed, (path, body, answer.headers)

    for origin, allowed in ((PAGE, PAGE), ("https://other.example", None)):
        asks(200, origin, allowed, "/live/demo/session")
        asks(413, origin, allowed, "/live/demo/session", b"{}")
        asks(413, origin, allowed, "/live/demo/main.m3u8", b"{}", "GET")
        asks(405, origin, allowed, "/live/demo/main.m3u8")


def _other_methods_are_told_which_there_are(base):
    answer = stage.get(base + "/live/demo/main.m3u8", method="DELETE")
    assert answer.status == 405 and answer.headers["Allow"].startswith("GET, HEAD"), (answer.status, answer.headers)


def _logs_tell_nothing(air, secrets):
    for log in ("haproxy.log", "varnish.log", "hitch.log"):
        text = (air.dir / log).read_text(errors="replace") if (air.dir / log).exists() else ""
        for secret in secrets:
            assert secret not in text, f"{log} holds a credential"
    for file in (air.dir / "edge").rglob("*"):
        if file.is_file():
            data = file.read_bytes()
            assert not any(secret.encode() in data for secret in secrets), f"{file.name} holds a credential"


def _play(start):
    with stage.Stage(change=_describe) as air:
        channel = prepared.OnAir(air)
        port, = stage.free_ports(1)
        base = f"https://127.0.0.1:{port}"
        start(air, port)
        stage.wait_for("the edge", lambda: stage.status(base + "/"))
        viewer, other = (stage.Viewer(air.url(name, name, base)) for name in ("cookie", "path"))
        assert "Secure" in viewer.entry.headers["Set-Cookie"], viewer.entry.headers
        _strangers_get_nothing(viewer, base)
        token = _a_header_carries_all(air, viewer)
        _pages_of_allowed_origins_may_read(viewer)
        _sessions_are_refreshed_by_post(viewer)
        _other_methods_are_told_which_there_are(base)
        players = [kind(air, name, air.url(name, transport, base))
                   for kind, name, transport in ((Ffmpeg, "one", "cookie"), (Mpv, "two", "path"))]
        channel.play(players, SECONDS)
        for player in players:
            player.end()
        # The node that answers dies.
        node = viewer.get("/live/demo/360p/index.m3u8").headers["Headend-Node"]
        air.kill_node(node)
        for one in (viewer, other):
            answer = one.get("/live/demo/360p/index.m3u8")
            assert answer.status == 200, (answer.status, node)
            # A cache may have what that one wrote.
            assert start != _haproxy or answer.headers["Headend-Node"] != node, node
        _logs_tell_nothing(air, [viewer.headers["Cookie"].split("=", 1)[1], other.prefix[3:], token])
        return (air.dir / "haproxy.log").read_text() if start == _haproxy else None


def test_haproxy_plays():
    log = _play(_haproxy)
    assert re.search(r"^127\.0\.0\.1 200 \d+ \d+ nodes/[AB]$", log, re.M), log[-2000:]


def test_varnish_plays_behind_tls():
    _play(_varnish)


if __name__ == "__main__":
    stage.main()
