# SPDX-License-Identifier: LGPL-2.1-or-later
"""The configuration that headend edge prints, in a real nginx between requests by hand and two
origins that only pretend: what is cached, what is passed on, what a dead or sick origin costs."""
import concurrent.futures
import contextlib
import gzip
import http.client
import http.server
import json
import os
import pathlib
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading
import time

import stage


class _Fake(http.server.ThreadingHTTPServer):
    """A listener of an origin: answers by rules {path prefix: (status, headers, body)}, longest first,
    and remembers what it was asked."""
    daemon_threads = True

    def __init__(self, port):
        self.rules, self.requests, self.delay, self.connections = {}, [], 0, []
        self.slow = {}  # {path prefix: an event that its answer waits for}
        super().__init__(("127.0.0.1", port), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def process_request(self, request, address):
        self.connections.append(request)
        super().process_request(request, address)

    def die(self):
        """As a process does: with all its connections."""
        self.shutdown()
        self.server_close()
        for connection in self.connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def asked(self, prefix):
        return [r for r in self.requests if r[0].startswith(prefix)]


class _Door(http.server.ThreadingHTTPServer):
    """The Unix socket of the same node's gate."""
    daemon_threads = True
    address_family = socket.AF_UNIX

    def __init__(self, path, internal):
        self.internal, self.connections, self.asked = internal, [], 0
        self.rules, self.requests, self.slow = internal.rules, internal.requests, {}
        path.unlink(missing_ok=True)
        super().__init__(str(path), _Handler)
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def delay(self):
        return self.internal.delay

    def server_bind(self):
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = "gate", 0

    def process_request(self, request, address):
        self.asked += 1
        self.connections.append(request)
        super().process_request(request, ("gate", 0))

    die = _Fake.die


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.server.requests.append((self.path, self.headers))
        time.sleep(self.server.delay)
        for prefix, event in self.server.slow.items():
            if self.path.startswith(prefix):
                event.wait(60)
        for prefix in sorted(self.server.rules, key=len, reverse=True):
            if self.path.startswith(prefix):
                status, headers, body = self.server.rules[prefix]
                break
        else:
            status, headers, body = 404, {}, b""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        self.do_GET()

    do_HEAD = do_OPTIONS = do_GET

    def log_message(self, *arguments):
        pass


_ALLOWED = {"X-Variant": "a", "Headend-Playlist": "7-9", "Headend-Ticket": "1.x", "Cache-Control": "no-store", "S-Uri-Signing": "200"}
_SEGMENT = (200, {"Cache-Control": "public, max-age=60", "WMPaceInfoEgress": "position"}, b"segment of a")
_PAGE = "https://tv.example"
_PREFLIGHT = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def _target(link):
    """Of a link that may be gone."""
    try:
        return os.readlink(link)
    except FileNotFoundError:
        return ""


class _Edge:
    """nginx in front of nodes A and B, as it is generated but for its patience with them; pages of _PAGE may
    play from it."""

    def __init__(self, change=stage.patient):
        self._change = change

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self.dir = pathlib.Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="headend edge ö-")))
        model = json.loads((stage.TOP / "pipelines" / "active-active.json").read_text())
        self.ports = stage.free_ports(5)
        for node, (listen, internal) in zip(model["nodes"], (self.ports[0:2], self.ports[2:4])):
            node["listen"], node["internal"] = f"127.0.0.1:{listen}", f"127.0.0.1:{internal}"
        model["gate"] = {"allowed-origins": ["https://other.example", _PAGE]}
        model["edge"]["listen"] = f"127.0.0.1:{self.ports[4]}"
        self.url = f"http://127.0.0.1:{self.ports[4]}"
        (self.dir / "d.json").write_text(json.dumps(model))
        folder = self.dir / "edge"
        folder.mkdir()
        conf = folder / "nginx.conf"
        conf.write_text(self._change(_printed(self.dir / "d.json", "--dir", folder)))
        arguments = ["/usr/sbin/nginx", "-c", str(conf), "-p", str(folder), "-e", str(folder / "error.log")]
        tested = subprocess.run([*arguments, "-t"], capture_output=True, text=True)
        assert tested.returncode == 0, tested.stderr
        self.nginx = subprocess.Popen(arguments, stdin=subprocess.DEVNULL)
        self._stack.callback(stage.end, self.nginx)
        self.log = folder / "access.log"
        self.viewers, self.internals, self.gates = {}, {}, {}
        for name in "AB":
            self.start(name)
        stage.wait_for("the edge", lambda: stage.status(self.url + "/"), 10)
        return self

    def __exit__(self, *problem):
        for name in list(self.viewers):
            self.stop(name)
        self._stack.close()

    def start(self, name):
        base = 0 if name == "A" else 2
        self.viewers[name], self.internals[name] = _Fake(self.ports[base]), _Fake(self.ports[base + 1])
        self.viewers[name].rules["/live/"] = (200, {"Cache-Control": "no-store"}, name.encode())
        self.viewers[name].rules["/s/"] = self.viewers[name].rules["/live/"]
        self.internals[name].rules.update({
            "/auth": (204, _ALLOWED, b""), "/origin/": _SEGMENT,
            "/playlists/": (200, {"Cache-Control": "public, max-age=1"}, name.encode())})
        self.gates[name] = _Door(self.dir / f"gate-{name.lower()}.sock", self.internals[name])

    def stop(self, name):
        for fake in (self.viewers.pop(name), self.internals.pop(name), self.gates.pop(name)):
            fake.die()

    def asked(self, prefix):
        return [r for fake in self.internals.values() for r in fake.asked(prefix)]

    def rule(self, prefix, *answer):
        for fake in self.internals.values():
            fake.rules[prefix] = answer


def test_one_copy_serves_all_viewers_of_a_variant():
    with _Edge() as edge:
        first = stage.get(edge.url + "/live/demo/360p/5.ts", {"Cookie": "headend=one"})
        second = stage.get(edge.url + "/s/two/live/demo/360p/5.ts?x=1")
        assert first.status == second.status == 200, (first.status, second.status)
        assert first.body == second.body == b"segment of a"
        fetched = edge.asked("/origin/")
        assert [path for path, _ in fetched] == ["/origin/a/demo/360p/5.ts"], fetched
        assert len(edge.asked("/auth")) == 2
        for answer in (first, second):
            assert answer.headers["Cache-Control"] == "private, no-store", answer.headers
            assert not answer.headers["WMPaceInfoEgress"], answer.headers
        edge.rule("/auth", 204, dict(_ALLOWED, **{"X-Variant": "b"}), b"")
        edge.rule("/origin/b/", 200, {"Cache-Control": "public, max-age=60"}, b"segment of b")
        assert stage.get(edge.url + "/live/demo/360p/5.ts").body == b"segment of b"


def test_what_leaves_the_cache_leaves_the_disk():
    """Also where nobody asks any more, but for what was asked for again and again."""
    def small(text):
        return stage.patient(text).replace("max_size=1g", "max_size=64k")

    def deleted():
        workers = pathlib.Path(f"/proc/{edge.nginx.pid}/task/{edge.nginx.pid}/children").read_text().split()
        return [link for worker in workers for each in pathlib.Path(f"/proc/{worker}/fd").iterdir()
                if (link := _target(each)).endswith("(deleted)")]

    def kept():
        return [each for each in (edge.dir / "edge" / "cache").rglob("*") if each.is_file()]

    with _Edge(small) as edge:
        for msn in range(150):
            for _ in range(2):
                assert stage.get(f"{edge.url}/live/demo/360p/{msn}.ts").status == 200, msn
        stage.wait_for("fewer files in the cache", lambda: len(kept()) <= 64 // 4)
        assert not deleted(), deleted()


def test_an_answer_says_who_may_keep_it():
    """Once: what a node says, or nobody."""
    with _Edge() as edge:
        for fake in edge.viewers.values():
            fake.rules["/watch/"] = (200, {"Cache-Control": "public, max-age=60"}, b"page")
            fake.rules["/live/silent/"] = (404, {}, b"")
        for path, method, status, said in (
                ("/watch/demo", "GET", 200, "public, max-age=60"), ("/watch/demo", "GET", 200, "public, max-age=60"),
                ("/live/demo/main.m3u8", "GET", 200, "no-store"), ("/live/silent/main.m3u8", "GET", 404, "no-store"),
                ("/elsewhere", "GET", 404, "no-store"), ("/live/demo/main.m3u8", "POST", 405, "no-store"),
                ("/live/demo/main.m3u8%00", "GET", 400, "no-store"),
                ("/live/demo/360p/5.ts", "GET", 200, "private, no-store"),
                ("/live/demo/360p/index.m3u8", "GET", 200, "private, no-store")):
            answer = stage.get(edge.url + path, method=method)
            assert answer.status == status, (path, answer.status)
            assert answer.headers.get_all("Cache-Control") == [said], (path, method, answer.headers)
        for node in "AB":
            edge.stop(node)
        for path in ("/live/demo/main.m3u8", "/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8"):
            answer = stage.get(edge.url + path)
            assert answer.status == 503 and answer.headers.get_all("Cache-Control") == ["no-store"], answer.headers


def test_what_is_passed_on():
    with _Edge() as edge:
        stage.get(edge.url + "/s/CRED/live/demo/360p/6.ts?q=1",
                  {"Cookie": "headend=c", "Authorization": "Bearer t", "X-Forwarded-For": "9.9.9.9",
                   "Headend-Ticket": "forged", "X-Original-URI": "/live/forged"})
        (_, auth), = edge.asked("/auth")
        assert auth["X-Original-URI"] == "/s/CRED/live/demo/360p/6.ts?q=1", auth
        assert auth["X-Forwarded-For"] == "127.0.0.1" and auth["Cookie"] == "headend=c", auth
        assert auth["Authorization"] == "Bearer t", auth
        (_, fetch), = edge.asked("/origin/")
        assert fetch["Headend-Ticket"] == "1.x", fetch
        assert not fetch["Cookie"] and not fetch["Authorization"], fetch
        stage.get(edge.url + "/live/demo/main.m3u8?URISigningPackage=t",
                  {"X-Forwarded-For": "9.9.9.9", "X-Forwarded-Proto": "https"})
        asked = [r for fake in edge.viewers.values() for r in fake.requests]
        (path, headers), = asked
        assert path == "/live/demo/main.m3u8?URISigningPackage=t", path
        assert headers["X-Forwarded-For"] == "127.0.0.1", headers
        assert headers["X-Forwarded-Proto"] == "http", headers
        assert headers["Host"] == edge.url.removeprefix("http://"), headers


def test_an_old_player_names_no_host():
    with _Edge() as edge, socket.create_connection(("127.0.0.1", edge.ports[4])) as raw:
        raw.sendall(b"GET /live/demo/main.m3u8 HTTP/1.0\r\n\r\n")
        while raw.recv(65536):
            pass
        (_, headers), = [r for fake in edge.viewers.values() for r in fake.requests]
        assert headers["Host"] == "headend", headers


def test_a_gates_own_socket_is_asked():
    with _Edge() as edge:
        for number in range(40):
            assert stage.get(f"{edge.url}/live/c{number}/360p/5.ts").status == 200
        assert all(door.asked for door in edge.gates.values()), "a socket was not asked"
        for door in edge.gates.values():
            door.die()
        assert stage.get(edge.url + "/live/demo/360p/6.ts").status == 503


def test_a_playlist_is_shared_and_what_is_one_viewers_is_added():
    with _Edge() as edge:
        edge.rule("/playlists/", 200, {"Cache-Control": "public, max-age=60", "ETag": '"x"'}, b"#EXTM3U")
        for name in ("one", "two"):
            edge.rule("/auth", 204, dict(_ALLOWED, **{"Set-Cookie": f"headend={name}", "Headend-Lease": name}), b"")
            answer = stage.get(edge.url + "/live/demo/360p/index.m3u8", {"Cookie": "headend=" + name})
            assert answer.status == 200 and answer.body == b"#EXTM3U", answer.status
            assert answer.headers.get_all("Set-Cookie") == ["headend=" + name], answer.headers
            assert answer.headers["Headend-Lease"] == name, answer.headers
            assert answer.headers.get_all("Cache-Control") == ["private, no-store"], answer.headers
        (path, _), = edge.asked("/playlists/")
        assert path == "/playlists/live/demo/360p/7-9.m3u8", path
        edge.rule("/auth", 403, {"S-Uri-Signing": "603"}, b"")
        answer = stage.get(edge.url + "/live/demo/360p/index.m3u8")
        assert answer.status == 403 and answer.code == "603" and not answer.headers["Set-Cookie"], answer.headers


def test_a_playlist_is_as_new_as_the_gate_says():
    """What is kept of the one before is nobody's any more, and what a gate that is behind names is there."""
    with _Edge() as edge:
        url = edge.url + "/live/demo/360p/index.m3u8"
        for name in ("7-9", "8-10", "8-10", "7-9", "9-11"):
            edge.rule("/auth", 204, dict(_ALLOWED, **{"Headend-Playlist": name}), b"")
            edge.rule(f"/playlists/live/demo/360p/{name}.m3u8", 200, {"Cache-Control": "public, max-age=60"},
                      name.encode())
            answer = stage.get(url)
            assert answer.status == 200 and answer.body == name.encode(), (name, answer.status, answer.body)
            assert "Headend-Playlist" not in answer.headers, answer.headers
        fetched = [path.rsplit("/")[-1] for path, _ in edge.asked("/playlists/")]
        assert fetched == ["7-9.m3u8", "8-10.m3u8", "9-11.m3u8"], fetched
        assert stage.get(edge.url + "/live/demo/audio/index.m3u8").body != b"9-11", "another rendition's playlist"


def test_a_gate_that_names_no_playlist():
    with _Edge() as edge:
        edge.rule("/auth", 204, {name: value for name, value in _ALLOWED.items() if name != "Headend-Playlist"}, b"")
        answer = stage.get(edge.url + "/live/demo/360p/index.m3u8")
        assert answer.status == 200, answer.status
        (path, _), = edge.asked("/playlists/")
        assert path == "/playlists/live/demo/360p/index.m3u8", path


def test_one_alone_fetches_the_next_playlist():
    """Where the gate names none: the others get the last meanwhile."""
    with _Edge() as edge:
        edge.rule("/auth", 204, dict(_ALLOWED, **{"Headend-Playlist": "index"}), b"")
        edge.rule("/playlists/", 200, {"Cache-Control": "public, max-age=1, stale-while-revalidate=600"}, b"#EXTM3U")
        url = edge.url + "/live/demo/360p/index.m3u8"
        assert stage.get(url).status == 200
        time.sleep(2.5)
        for fake in edge.internals.values():
            fake.slow = {"/playlists/": threading.Event()}
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            try:
                first = pool.submit(stage.get, url)
                stage.wait_for("the fetch", lambda: len(edge.asked("/playlists/")) == 2)
                for _ in range(10):
                    assert stage.get(url).body == b"#EXTM3U"
                assert len(edge.asked("/playlists/")) == 2, edge.asked("/playlists/")
            finally:
                for fake in edge.internals.values():
                    fake.slow["/playlists/"].set()
            assert first.result().status == 200


def test_a_playlist_goes_stale_rather_than_away():
    """Where the gate names none."""
    with _Edge() as edge:
        edge.rule("/auth", 204, dict(_ALLOWED, **{"Headend-Playlist": "index"}), b"")
        assert stage.get(edge.url + "/live/demo/360p/index.m3u8").status == 200
        for fake in edge.internals.values():
            fake.rules["/playlists/"] = (500, {}, b"")
        time.sleep(2.5)
        assert stage.get(edge.url + "/live/demo/360p/index.m3u8").status == 200
        assert stage.get(edge.url + "/live/other/360p/index.m3u8").status >= 500


def test_nobody_changes_what_others_get():
    """Nothing of a request reaches the origin but what the cache's key is made of."""
    with _Edge() as edge:
        forged = {"Host": "evil", "X-Forwarded-Host": "evil", "X-Forwarded-Proto": "https", "X-Host": "evil",
                  "Accept-Encoding": "gzip", "Range": "bytes=0-1", "If-None-Match": "*", "X-Variant": "b",
                  "X-HTTP-Method-Override": "PUT", "Transfer": "x", "Headend-Segment": "x"}
        for path in ("/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8", "/watch/demo"):
            stage.get(edge.url + path + "?callback=evil", forged)
        fetched = edge.asked("/origin/") + edge.asked("/playlists/")
        fetched += [r for fake in edge.viewers.values() for r in fake.asked("/watch/")]
        assert len(fetched) == 3, fetched
        for path, headers in fetched:
            assert "evil" not in path + str(headers), (path, str(headers))
            assert set(headers.keys()) <= {"Host", "Headend-Ticket"}, headers.keys()
        for method, bad in (("GET", "http://evil/live/demo/360p/5.ts"), ("GET", "//evil/live/demo/360p/5.ts")):
            with socket.create_connection(("127.0.0.1", edge.ports[4])) as raw:
                raw.sendall(f"{method} {bad} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
                while raw.recv(65536):
                    pass
        assert len(edge.asked("/origin/")) == 1, edge.asked("/origin/")


def test_pages_of_allowed_origins_alone_may_read():
    with _Edge() as edge:
        for path in ("/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8"):
            for status in (204, 403):
                edge.rule("/auth", status, _ALLOWED, b"")
                for origin, allowed in ((_PAGE, _PAGE), ("https://tv.example.evil", None), ("null", None),
                                        (None, None)):
                    answer = stage.get(edge.url + path, {"Origin": origin} if origin else {})
                    assert answer.status == {204: 200, 403: 403}[status]
                    assert answer.headers["Access-Control-Allow-Origin"] == allowed, (path, origin, answer.headers)
                    assert answer.headers["Access-Control-Allow-Credentials"] == ("true" if allowed else None)
                    assert answer.headers.get_all("Vary") == ["Origin"], answer.headers
        for fake in edge.viewers.values():
            fake.rules["/live/"] = (204, {"Access-Control-Allow-Origin": _PAGE, "Vary": _PREFLIGHT}, b"")
        answer = stage.get(edge.url + "/live/demo/360p/index.m3u8", {"Origin": _PAGE}, method="OPTIONS")
        assert answer.status == 204 and answer.headers["Access-Control-Allow-Origin"] == _PAGE, answer.status
        assert answer.headers.get_all("Vary") == [_PREFLIGHT], answer.headers


def test_pages_of_allowed_origins_may_read_what_went_wrong():
    """Whoever says it, a node or the edge itself; and once."""
    def asks(path, method, status, body=None):
        for origin, allowed in ((_PAGE, _PAGE), ("https://tv.example.evil", None), (None, None)):
            answer = stage.get(edge.url + path, {"Origin": origin} if origin else {}, method=method, body=body)
            assert answer.status == status, (path, method, answer.status)
            for name, value in (("Access-Control-Allow-Origin", allowed),
                                ("Access-Control-Allow-Credentials", allowed and "true"), ("Vary", "Origin")):
                assert answer.headers.get_all(name) == (value and [value]), (path, method, origin, answer.headers)

    with _Edge() as edge:
        said = {"Access-Control-Allow-Origin": _PAGE, "Access-Control-Allow-Credentials": "true", "Vary": "Origin"}
        for fake in edge.viewers.values():
            fake.rules["/live/demo/main.m3u8"] = (403, said, b"")
            fake.rules["/live/demo/session"] = (200, said, b"{}")
            fake.rules["/watch/demo"] = (200, said, b"page")
        for case in (("/live/demo/main.m3u8", "GET", 403), ("/live/demo/other", "GET", 200),
                     ("/live/demo/session", "GET", 200), ("/live/demo/session", "POST", 200),
                     ("/s/x-1/live/demo/session", "POST", 200), ("/live/demo/session", "POST", 413, b"x" * 2000),
                     ("/live/demo/main.m3u8", "POST", 405), ("/live/demo/360p/5.ts", "DELETE", 405),
                     ("/elsewhere", "GET", 404), ("/watch/demo", "GET", 200), ("/watch/demo", "GET", 200)):
            asks(*case)
        # No field of this is read, so no origin is known.
        answer = stage.get(edge.url + "/live/demo/main.m3u8%00", {"Origin": _PAGE})
        assert answer.status == 400 and answer.headers.get_all("Vary") == ["Origin"], (answer.status, answer.headers)
        assert [r for fake in edge.viewers.values() for r in fake.asked("/s/x-1/live/demo/session")], "not asked"
        edge.rule("/auth", 500, {}, b"")
        for path in ("/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8"):
            asks(path, "GET", 503)
        for node in "AB":
            edge.stop(node)
        for path in ("/live/demo/main.m3u8", "/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8"):
            asks(path, "GET", 503)
        asks("/live/demo/session", "POST", 503)


def test_a_gate_that_cannot_say_is_not_the_last():
    """One that may open no session for the moment (its Redis is away) leaves it to the other; where both may not,
    the player is to come again, and is not refused."""
    away = (503, {"S-Uri-Signing": "608", "Retry-After": "1", "Cache-Control": "no-store"}, b"")
    paths = ("/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8")
    with _Edge() as edge:
        for node in "AB":
            edge.rule("/auth", 204, _ALLOWED, b"")
            edge.internals[node].rules["/auth"] = away
            for path in paths:
                assert stage.get(edge.url + path).status == 200, (node, path)
        edge.rule("/auth", *away)
        for path in paths:
            answer = stage.get(edge.url + path)
            assert answer.status == 503 and answer.headers["Retry-After"] == "1", (path, answer.status)
            assert answer.headers["S-Uri-Signing"] == "608", answer.headers


def test_what_a_gate_cannot_read_is_not_asked_again():
    with _Edge() as edge:
        edge.rule("/auth", 400, {"Cache-Control": "no-store"}, b"")
        for path in ("/live/demo/360p/5.ts", "/live/demo/360p/index.m3u8"):
            answer = stage.get(edge.url + path, {"Origin": _PAGE})
            assert answer.status == 400 and answer.headers["Retry-After"] is None, (path, answer.status)
            assert answer.headers["Access-Control-Allow-Origin"] == _PAGE, answer.headers


def test_parts_of_a_segment_and_its_head():
    with _Edge() as edge:
        edge.rule("/origin/", 200, {"Cache-Control": "public, max-age=60", "Accept-Ranges": "bytes"}, b"0123456789")
        url = edge.url + "/live/demo/360p/5.ts"
        for _ in range(2):  # while it is fetched, and from the cache
            answer = stage.get(url, {"Range": "bytes=2-4"})
            assert answer.status == 206 and answer.body == b"234", (answer.status, answer.body)
        answer = stage.get(url, {"Range": "bytes=0-1,3-4,6-7"})
        assert answer.status == 200 and answer.body == b"0123456789", answer.status
        answer = stage.get(url, method="HEAD")
        assert answer.status == 200 and answer.headers["Content-Length"] == "10" and not answer.body
        assert len(edge.asked("/origin/")) == 1


def test_the_watch_page_is_everybodys():
    with _Edge() as edge:
        for fake in edge.viewers.values():
            fake.rules["/watch/demo"] = (200, {"Cache-Control": "public, max-age=60", "Content-Type": "text/html",
                                               "Content-Security-Policy": "default-src 'none'"}, b"page" * 500)
        first = stage.get(edge.url + "/watch/demo?URISigningPackage=SECRET",
                          {"Cookie": "headend=SECRET", "Authorization": "Bearer SECRET"})
        second = stage.get(edge.url + "/watch/demo", {"Accept-Encoding": "gzip"})
        assert first.status == second.status == 200, (first.status, second.status)
        assert gzip.decompress(second.body) == first.body == b"page" * 500
        assert first.headers["Content-Security-Policy"] == "default-src 'none'", first.headers
        (path, asked), = [r for fake in edge.viewers.values() for r in fake.asked("/watch/")]
        assert path == "/watch/demo" and not asked["Cookie"] and not asked["Authorization"], (path, asked)
        assert not edge.asked("/auth")
        assert stage.get(edge.url + "/watch/other").status == 404
        for wrong in ("/watch/", "/watch/demo/", "/watch/a/b", "/s/x/watch/demo", "/watch/d%65mo/x"):
            assert stage.get(edge.url + wrong).status == 404, wrong
        edge.stop("A")
        edge.stop("B")
        assert stage.get(edge.url + "/watch/demo").body == first.body


def test_a_refusal_is_the_gates_own():
    with _Edge() as edge:
        stage.get(edge.url + "/live/demo/360p/5.ts")
        edge.rule("/auth", 403, {"S-Uri-Signing": "604", "S-Uri-Signing-Deny-Reason": "gone",
                                 "Cache-Control": "no-store"}, b"")
        answer = stage.get(edge.url + "/live/demo/360p/5.ts")
        assert answer.status == 403 and answer.code == "604", (answer.status, answer.headers)
        assert answer.headers["S-Uri-Signing-Deny-Reason"] == "gone"
        assert b"segment" not in answer.body and "no-store" in answer.headers["Cache-Control"]
        edge.rule("/auth", 401, {"S-Uri-Signing": "600"}, b"")
        answer = stage.get(edge.url + "/live/demo/360p/5.ts")
        assert answer.status == 401 and answer.code == "600"
        for status in (500, 404, 302):
            edge.rule("/auth", status, {}, b"")
            answer = stage.get(edge.url + "/live/demo/360p/5.ts")
            assert answer.status == 503 and answer.headers["Retry-After"] == "1", (status, answer.status)


def test_paths_that_only_look_right():
    with _Edge() as edge:
        for path in ("/", "/auth", "/_gate", "/origin/a/demo/360p/5.ts", "/status", "/live", "/healthz",
                     "/control/sessions", "/%2e%2e/origin/a/demo/360p/5.ts"):
            assert stage.get(edge.url + path).status in (400, 404), path
        assert not edge.asked("/origin/"), edge.asked("/origin/")
        for method in ("POST", "TRACE", "BREW"):
            answer = stage.get(edge.url + "/live/demo/main.m3u8", method=method)
            assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, OPTIONS", (method, answer.status)
        answer = stage.get(edge.url + "/live/demo/session", method="PUT")
        assert answer.status == 405 and answer.headers["Allow"] == "GET, HEAD, OPTIONS, POST", answer.status
        assert stage.get(edge.url + "/").headers["Allow"] is None
        # The gate is asked about the raw request; it refuses what is not written plainly.
        for raw in ("/live/demo/360p/%35.ts", "/live/x/../demo/360p/5.ts", "/live//demo/360p/5.ts"):
            stage.get(edge.url + raw)
            for _, headers in edge.asked("/auth"):
                assert headers["X-Original-URI"].startswith("/live/"), headers
            for fake in edge.internals.values():
                for path, headers in fake.requests:
                    assert path != "/auth" or headers["X-Original-URI"] == raw, (raw, headers)
                fake.requests.clear()


def test_no_log_holds_a_credential():
    with _Edge() as edge:
        for path in ("/s/SECRET/live/demo/360p/5.ts", "/live/demo/main.m3u8?URISigningPackage=SECRET",
                     "/live/demo/main.m3u8;URISigningPackage=SECRET", "/live/demo/main.m3u8%3BURISigningPackage=SECRET",
                     "/s/x/live/demo/main.m3u8%3bURISigningPackage=SECRET",
                     "/s/SECRET/live/demo/main.m3u8?a=SECRET", "/s/SECRET", "//s/SECRET/live/x",
                     "/%73/SECRET/live/demo/1.ts", "/SECRET", "/watch/demo?a=SECRET", "/watch/demo/SECRET",
                     # Other spellings of a prefix, which nginx takes for the same.
                     *(way + "s/SECRET" + rest for rest in ("", "/live/demo/main.m3u8", "/live/demo/360p/5.ts")
                       for way in ("/live/../", "/live/demo/../../", "/live/./../", "/live/x//../../", "/live/%2e%2e/",
                                   "/s/x/../../", "/s/x/live/../../../", "/watch/../", "/./", "/live/")),
                     "/s//SECRET/live/demo/main.m3u8", "/s/./SECRET/live/demo/main.m3u8", "/s/SECRET/../x/live/demo/1.ts",
                     "/s%2fSECRET/live/demo/1.ts", "/s/x%2f../SECRET/live/demo/1.ts", "/S/SECRET/live/demo/1.ts"):
            stage.get(edge.url + path, {"Cookie": "headend=SECRET", "Authorization": "Bearer SECRET",
                                        "Referer": "http://x/SECRET", "User-Agent": "SECRET"})
        # What fails inside of nginx is told with the request.
        shutil.rmtree(edge.log.parent / "cache")
        (edge.log.parent / "cache").touch()
        with contextlib.suppress(OSError, http.client.HTTPException):
            stage.get(edge.url + "/s/SECRET/live/demo/360p/9.ts?a=SECRET", {"Referer": "SECRET"})
        edge.stop("A")
        edge.stop("B")
        stage.get(edge.url + "/s/SECRET/live/demo/main.m3u8?a=SECRET")
        # A worker of nginx may have its turn long after the client has its answer.
        for line in ("/live/demo/360p/5.ts", '"GET /watch/demo"'):
            stage.wait_for(f"{line} in the log", lambda: line in edge.log.read_text())
        stage.wait_for("the log", lambda: len(edge.log.read_text().splitlines()) >= 50)
        for log in edge.log.parent.glob("*.log"):
            assert "SECRET" not in log.read_text(), log.read_text()


def _timed(url):
    begin = time.monotonic()
    answer = stage.get(url)
    return answer, time.monotonic() - begin


def test_a_dead_origin_is_not_noticed():
    """By half of the requests at least: a busy machine may take its time for one."""
    with _Edge() as edge:
        for dead, alive in (("A", "B"), ("B", "A")):
            edge.stop(dead)
            took = []
            for number in range(20):
                answer, seconds = _timed(f"{edge.url}/live/demo/360p/{number}{ord(dead)}.ts")
                assert answer.status == 200, (dead, number, answer.status)
                took.append(seconds)
                answer, seconds = _timed(f"{edge.url}/live/channel{number}/main.m3u8")
                assert answer.status == 200 and answer.body == alive.encode(), answer.status
                took.append(seconds)
            assert sorted(took)[20] < 1, took
            edge.start(dead)


def test_an_origin_without_the_segment_is_passed_over():
    with _Edge() as edge:
        edge.internals["A"].rules["/origin/"] = (404, {}, b"")
        for number in range(10):
            assert stage.get(f"{edge.url}/live/demo/360p/{number}.ts").status == 200
        edge.rule("/origin/", 404, {}, b"")
        for fake in edge.internals.values():
            fake.requests.clear()
        assert stage.get(f"{edge.url}/live/demo/360p/99.ts").status == 404
        assert len(edge.asked("/origin/")) <= 3, edge.asked("/origin/")
        edge.rule("/origin/", *_SEGMENT)
        assert stage.get(f"{edge.url}/live/demo/360p/99.ts").status == 200, "a 404 was cached"


def test_a_channel_without_a_source_takes_no_other_with_it():
    with _Edge() as edge:
        for fake in edge.viewers.values():
            fake.rules["/live/dark/"] = (503, {"Retry-After": "1"}, b"")
        for _ in range(20):
            assert stage.get(edge.url + "/live/dark/main.m3u8").status == 503
            assert stage.get(edge.url + "/live/demo/main.m3u8").status == 200
        edge.stop("A")
        for _ in range(20):
            assert stage.get(edge.url + "/live/dark/main.m3u8").status == 503
            assert stage.get(edge.url + "/live/demo/main.m3u8").status == 200


def test_playlists_of_a_channel_come_from_one_node_while_it_is_up():
    with _Edge() as edge:
        owners = {}
        for number in range(40):
            channel = f"c{number % 10}"
            owner = stage.get(f"{edge.url}/live/{channel}/v/index.m3u8").body
            assert owners.setdefault(channel, owner) == owner, channel
            owner = stage.get(f"{edge.url}/s/x/live/{channel}/v/index.m3u8").body
            assert owners[channel] == owner, channel
        assert len(set(owners.values())) == 2, owners


def test_a_silent_origin_costs_bounded_time():
    with _Edge(lambda text: text) as edge:
        edge.internals["A"].delay = 30
        edge.viewers["A"].delay = 30
        for number in range(4):
            answer, took = _timed(f"{edge.url}/live/c{number}/360p/7.ts")
            assert answer.status == 200 and took < 20, (answer.status, took)
            answer, took = _timed(f"{edge.url}/live/c{number}/main.m3u8")
            assert answer.status == 200 and took < 20, (answer.status, took)


def _printed(*arguments):
    done = subprocess.run([stage.HEADEND, "edge", *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode in (0, 1), done
    return done.stdout or done.stderr


def test_beside_one_node_and_with_tls():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        description = folder / "d.json"
        description.write_text((stage.TOP / "pipelines" / "active-active.json").read_text())
        chain, key = folder / "edge.pem", folder / "edge.key"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=edge", "-days", "2",
                        "-keyout", str(key), "-out", str(chain)], check=True, capture_output=True)
        text = _printed(description, "--dir", name, "--node", "A", "--certificate", chain, "--key", key)
        (folder / "nginx.conf").write_text(text)
        tested = subprocess.run(["/usr/sbin/nginx", "-t", "-c", str(folder / "nginx.conf"), "-p", name, "-e",
                                 str(folder / "error.log")], capture_output=True, text=True)
        assert tested.returncode == 0, tested.stderr
        assert "    listen 127.0.0.1:8080 reuseport ssl http2;" in text, text
        gates = text.split("upstream gates {")[1].split("}")[0]
        assert f"unix:{folder}/gate-a.sock" in gates and "node B" not in gates, gates
        gates = text.split("upstream gates_any {")[1].split("}")[0]
        assert f"unix:{folder}/gate-a.sock" in gates and "server 127.0.0.1:8092" in gates, gates
        assert "belong together" in _printed(description, "--key", key)
        assert "$.nodes has no" in _printed(description, "--node", "C")
        assert "expected nginx or varnish" in _printed(description, "--for", "squid")


def test_a_description_without_an_edge_is_refused():
    done = subprocess.run([stage.HEADEND, "edge", str(stage.TOP / "pipelines" / "single.json")],
                          capture_output=True, text=True)
    assert done.returncode == 1 and "$.edge is missing" in done.stderr, done.stderr


stage.main()
