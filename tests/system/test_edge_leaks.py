# SPDX-License-Identifier: LGPL-2.1-or-later
"""Hunts for leaks: viewers of every transport and a stranger behind one warm edge, nginx or Varnish as
headend edge writes it, with real origins that hold prepared segments. Credentials are renewed, caches
evict, origins die, all ask for the same at once. Afterwards no secret of one is in a file, a log or
somebody else's answer, and nobody who is denied got a byte of a segment, a playlist or a key. That the
hunt finds leaks is shown by some that are planted."""
import concurrent.futures
import contextlib
import http.client
import os
import re
import socket
import subprocess
import threading
import time

import prepared
import stage

_BYTES = 60000
_WINDOW = 20
_ODD = {
    "Range": ["bytes=0-9", "bytes=9-5", "bytes=-", "bytes=-0", "bytes=a-b", "bytes=0-1,2-3", "items=0-5",
              "bytes=99999999999999999999-", "bytes=70000-"],
    "Host": ["a@b", "[::1", "a:999999", "a:1:2", "{", "a\xff", "a b", "evil.example"],
    "If-None-Match": ["*"], "If-Range": ["x"], "Accept-Encoding": ["gzip"], "X-Variant": ["b"],
    "Origin": ["https://evil.example"], "Connection": ["close, Host, Cookie"], "X-HTTP-Method-Override": ["PUT"],
}


class _Party:
    """Somebody who asks, from an address of his own; remembers what he was told."""

    def __init__(self, hunt, name, source):
        self.hunt, self.name, self.source = hunt, name, source
        self.headers, self.prefix, self.told, self.secrets = {}, "", [], set()

    def get(self, path, base=None, headers=None, method="GET"):
        try:
            answer = stage.get((base or self.hunt.edge) + path, headers or {}, self.source, method)
        except (OSError, http.client.HTTPException):
            return stage.Answer(0, {}, b"")  # an edge may break off; it may not leak
        self.told.append((path, str(answer.headers).encode() + answer.body))
        return answer

    def ask(self, path, base=None, **more):
        return self.get(self.prefix + path, base, self.headers, **more)

    def enter(self, transport):
        """Opens or finds the session; returns the token that it was."""
        token = self.hunt.air.token(self.name)
        self.secrets.add(token)
        self.headers, self.prefix = {}, ""
        path = "/live/demo/main.m3u8"
        if transport in ("bearer", "header"):
            answer = self.get(path, headers={"Authorization": "Bearer " + token})
        else:
            answer = self.get(f"{path}?URISigningPackage={token}&transport={transport}")
        if transport == "header":  # and keeps no cookie
            assert answer.status == 200, (self.name, answer.status, answer.code)
            self.headers = {"Authorization": "Bearer " + token}
            self.secrets.add(answer.headers["Set-Cookie"].split(";")[0].split("=", 1)[1])
            return token
        if transport == "path":
            assert answer.status == 302, (self.name, answer.status, answer.code)
            self.prefix = re.match(r"/s/[^/]+", answer.headers["Location"]).group(0)
            self.secrets.add(self.prefix[3:])
        else:
            assert answer.status == 200, (self.name, answer.status, answer.code)
            self.headers = {"Cookie": answer.headers["Set-Cookie"].split(";")[0]}
            self.secrets.add(self.headers["Cookie"].split("=", 1)[1])
        return token


class _Hunt:
    """Two origins with a window, an edge before them, four viewers and a stranger."""

    def __init__(self, kind, change=lambda text: text):
        def describe(model):
            model["channels"][0].update({"window": _WINDOW, "key-rotation": prepared.ROTATION})
        self.air = stage.Stage(change=describe)
        self.kind, self.change, self.edge = kind, change, self.air.edge_url
        self.bodies, self.newest, self.keys = {}, 9000, {}

    def __enter__(self):
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(self.air)
        try:
            self._start()
        except BaseException as error:
            self._stack.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, *problem):
        return self._stack.__exit__(*problem)

    def _start(self):
        air = self.air
        self.channel = prepared.Channel(air)
        self.channel.start()
        self.publish(_WINDOW + 2)
        folder = air.dir / "edge"
        folder.mkdir()
        conf = folder / "edge.conf"
        text = air.headend("edge", str(air.description), "--for", self.kind, "--dir", str(folder))
        conf.write_text(self.change(stage.patient(text)))
        if self.kind == "nginx":
            command = ["/usr/sbin/nginx", "-c", str(conf), "-p", str(folder), "-e", str(folder / "error.log")]
        else:  # without a jail it stays who we are, and may read what is ours alone
            command = ["/usr/sbin/varnishd", "-F", "-j", "none", "-f", str(conf), "-a",
                       air.edge_url.removeprefix("http://"), "-n", str(folder / "varnish"), "-s",
                       f"default=file,{folder}/cache,2m", "-p", "http_max_hdr=256", "-p",
                       re.search(r"vsl_mask=\S+", conf.read_text()).group(0)]
        air.processes.append(air.spawn("edge", *command))
        stage.wait_for("the edge", lambda: stage.status(self.edge + "/"), 30)
        self.viewers = {t: _Party(self, f"viewer-{t}", f"127.0.0.{i}")
                        for i, t in enumerate(("cookie", "path", "bearer", "header"), 2)}
        for transport, viewer in self.viewers.items():
            viewer.enter(transport)
        # Some who get other variants of what is asked for first: whoever it takes.
        for number in range(100):
            if len({self._variants(v)[-6:] for v in self.viewers.values()}) > 1:
                break
            self.viewers["cookie"].name = f"viewer-cookie-{number}"
            self.viewers["cookie"].enter("cookie")
        self.stranger = _Party(self, "stranger", "127.0.0.9")

    def publish(self, count):
        for msn in range(self.newest, self.newest + count):
            self.keys[msn // prepared.ROTATION] = self.channel.key(msn)
            for rendition, variant in (("360p", "a"), ("360p", "b"), ("audio", "none")):
                body = self.bodies.setdefault((rendition, msn), {}).setdefault(variant, os.urandom(_BYTES))
                self.channel.put(rendition, variant, msn, body)
        self.newest += count

    def _variants(self, viewer):
        """What a node itself gives him of the window."""
        node = next(iter(self.air.nodes))
        viewer.ask("/live/demo/360p/index.m3u8", self.air.origin[node])
        return "".join(self._variant(viewer.ask(f"/live/demo/360p/{msn}.ts", self.air.origin[node]), msn)
                       for msn in range(self.newest - _WINDOW, self.newest))

    def _variant(self, answer, msn):
        for variant, body in self.bodies["360p", msn].items():
            if answer.body == body:
                return variant
        raise AssertionError(f"{msn}: {answer.status} {answer.code}, {len(answer.body)} bytes that nobody published")

    def watch(self, viewer, msns):
        """Plays: playlist, key, pictures, sound; each his own."""
        listed = viewer.ask("/live/demo/360p/index.m3u8")
        assert listed.status == 200 and b".ts" in listed.body, (viewer.name, listed.status, listed.code)
        assert int(listed.headers["Headend-Lease"]) > 0, listed.headers
        # A cookie that is renewed now, or none; no empty one.
        assert all(c.startswith("headend=") for c in listed.headers.get_all("Set-Cookie", [])), listed.headers
        got = ""
        for msn in msns:
            got += self._variant(viewer.ask(f"/live/demo/360p/{msn}.ts"), msn)
            sound = viewer.ask(f"/live/demo/audio/{msn}.ts")
            assert sound.body == self.bodies["audio", msn]["none"], (viewer.name, msn, sound.status)
            key = viewer.ask(f"/live/demo/keys/base/{msn // prepared.ROTATION}")
            assert key.body == self.keys[msn // prepared.ROTATION], (viewer.name, key.status)
            head = viewer.ask(f"/live/demo/360p/{msn}.ts", method="HEAD")
            assert head.status == 200 and not head.body, head.status
        return got

    def denied(self, answer, what):
        assert answer.status in (0, 400, 401, 403, 404, 405, 503), f"{what}: {answer.status}"
        for bodies in self.bodies.values():
            assert answer.body not in bodies.values(), what
        assert b"#EXTM3U" not in answer.body and answer.body not in self.keys.values(), what
        for field in ("Set-Cookie", "Headend-Lease"):
            assert field not in answer.headers, f"{what}: {field}"

    def strange(self, msn):
        """All that somebody may try who has no right, some of it with what he stole."""
        paths = ["/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", f"/live/demo/360p/{msn}.ts",
                 f"/live/demo/audio/{msn}.ts", f"/live/demo/keys/base/{msn // prepared.ROTATION}"]
        paths += [p + "?x=1" for p in paths]
        cookie = self.viewers["cookie"].headers["Cookie"]
        bearer = self.viewers["header"].headers["Authorization"]
        for path in paths:
            for headers in ({}, {"Cookie": "headend=AAAA"}, {"Cookie": cookie}, {"Authorization": bearer},
                            {"Authorization": bearer, "X-Forwarded-For": self.viewers["header"].source},
                            {"Authorization": "Bearer a.b.c"}, {"Authorization": "Basic " + bearer[7:]},
                            {"Cookie": cookie, "X-Forwarded-For": self.viewers["cookie"].source},
                            {"X-Variant": "a", "Headend-Ticket": "1.x", "X-Original-URI": paths[2]},
                            {"Cookie": cookie, "Connection": "close, X-Forwarded-For, X-Original-URI"}):
                self.denied(self.stranger.get(path, headers=headers), f"stranger {path} {sorted(headers)}")
            self.denied(self.stranger.get("/s/AAAA" + path), f"stranger, false prefix, {path}")
            self.denied(self.stranger.get(self.viewers["path"].prefix + path), f"stranger, stolen prefix, {path}")
        for variant in "ab":
            self.denied(self.stranger.get(f"/origin/{variant}/demo/360p/{msn}.ts"), "the origin's own path")
        self.denied(self.stranger.get("/playlists/live/demo/360p/index.m3u8"), "the origin's own playlist")
        # As short as varnishd writes out: it cuts lines of its log.
        token = os.urandom(12).hex()
        self.viewers["cookie"].secrets.add(token)
        self.denied(self.stranger.get("/live/demo/main.m3u8%3BURISigningPackage=" + token), "an encoded semicolon")
        for way in ("/live/../s/", "/live/demo/../../s/", "/s//", "/s/x/../", "//s/", "/live/./../s/", "/%73/"):
            for stolen in (token, self.viewers["path"].prefix[3:]):
                for path in ("", *paths[:3]):
                    self.denied(self.stranger.get(way + stolen + path), f"a prefix by {way}, {path}")

    def odd(self):
        """What no player sends, of a viewer who is the first to ask for a segment: the bytes are his, or he is
        refused. An odd request costs nobody a 5xx, and changes nothing for others."""
        self.publish(1)
        viewer, msn = self.viewers["cookie"], self.newest - 1
        path = f"/live/demo/360p/{msn}.ts"
        for field, values in _ODD.items():
            for value in values:
                for method in ("HEAD", "GET"):
                    answer = viewer.get(path, headers={**viewer.headers, field: value}, method=method)
                    assert answer.status in (200, 206, 304, 400, 416), f"{method} {field}: {value}: {answer.status}"
                    assert answer.status == 200 or field != "Range" or re.match("bytes=[^,]*$", value), value
                    # A cache in front names the edge itself.
                    assert (field != "Host" or self.edge != self.air.edge_url
                            or (answer.status == 400) == (value != "evil.example")), value
                    assert method == "GET" or answer.status not in (206, 416), value
                    parts = [body for body in self.bodies["360p", msn].values() if answer.body in body]
                    assert answer.status not in (200, 206) or parts, f"{field}: {value}: bytes that nobody published"
                for other in ("/live/demo/360p/index.m3u8", f"/live/demo/keys/base/{msn // prepared.ROTATION}"):
                    answer = viewer.get(other, headers={**viewer.headers, field: value})
                    assert answer.status in (200, 304, 400), f"{field}: {value}: {other}: {answer.status}"
        with socket.create_connection(self.edge.removeprefix("http://").split(":")) as raw:
            raw.sendall(b"GET /live/demo/main.m3u8 HTTP/1.1\r\n\r\n")
            assert raw.recv(12) == b"HTTP/1.1 400", "no Host"
        # More fields than the gate takes, which varnishd here passes on.
        many = viewer.get(path, headers={**viewer.headers, **{f"X-{i}": "odd" for i in range(110)}})
        assert many.status in (200, 400, 431), many.status
        for one in self.viewers.values():
            self.watch(one, [msn])

    def is_fresh(self):
        """Whether the edge gives a segment as soon as all nodes list it; None: this machine was too slow to say,
        as a channel that stands still is kept for a second."""
        viewer, begin = self.viewers["cookie"], time.monotonic()
        path, last = "/live/demo/360p/index.m3u8", f"\n{self.newest}.ts".encode()
        viewer.ask(path)  # what was listed before is in its cache
        self.publish(1)
        for name in self.air.nodes:
            stage.wait_for(f"the listing of {name}",
                           lambda: last in viewer.ask(path, self.air.origin[name]).body)
        listed = viewer.ask(path)
        return last in listed.body or (None if time.monotonic() - begin > 4 else False)

    def race(self):
        """Nobody has asked for it yet, and all do at once."""
        self.publish(1)
        msn = self.newest - 1
        path = f"/live/demo/360p/{msn}.ts"
        told = [lambda v=v: v.ask(path) for v in self.viewers.values()]
        told += [lambda: self.stranger.get(path),
                 lambda: self.stranger.get(path, headers=self.viewers["cookie"].headers),
                 lambda: self.stranger.get(path, headers=self.viewers["header"].headers),
                 lambda: self.stranger.get(self.viewers["path"].prefix + path)]
        told *= 3
        start = threading.Barrier(len(told))

        def one(ask):
            start.wait()
            return ask()
        with concurrent.futures.ThreadPoolExecutor(len(told)) as pool:
            answers = list(pool.map(one, told))
        n = len(self.viewers)
        for i, answer in enumerate(answers):
            if i % (n + 4) < n:
                self._variant(answer, msn)
            else:
                self.denied(answer, "a stranger in a race")

    def search(self):
        """No secret in a file, and none of one in an answer to another."""
        time.sleep(2)  # logs are written out
        secrets = {s.encode(): v.name for v in self.viewers.values() for s in v.secrets}
        secrets.update({key: f"key {p}" for p, key in self.keys.items()})
        secrets.update({key.hex().encode(): f"key {p}" for p, key in self.keys.items()})
        files = [f for f in self.air.dir.rglob("*") if f.is_file() and f.name not in ("headend.secret", "token.pem")]
        assert any(b"/live/demo/" in f.read_bytes() for f in files if "edge" in str(f)), "the edge writes no log"
        for file in files:
            with contextlib.suppress(FileNotFoundError):  # a cache may evict it meanwhile
                data = file.read_bytes()
                for secret, whose in secrets.items():
                    assert secret not in data, f"{file.name} holds a secret of {whose}"
        for party in [*self.viewers.values(), self.stranger]:
            for path, text in party.told:
                for secret, whose in secrets.items():
                    own = whose == party.name or (party is not self.stranger and whose.startswith("key "))
                    assert own or secret not in text, f"{party.name} was told a secret of {whose} by {path}"

    def hits(self):
        """How often its cache had what was asked for."""
        if self.kind == "nginx":
            return (self.air.dir / "edge" / "access.log").read_text().count(" HIT")
        counted = subprocess.run(["varnishstat", "-1", "-n", str(self.air.dir / "edge" / "varnish"), "-f",
                                  "MAIN.cache_hit"], capture_output=True, text=True, check=True).stdout
        return int(counted.split()[1])

    def tour(self):
        newest = self.newest
        played = {v.name: self.watch(v, range(newest - 6, newest)) for v in self.viewers.values()}
        for viewer in self.viewers.values():
            assert self._variants(viewer)[-6:] == played[viewer.name], viewer.name
        for _ in range(3):
            judged, end = None, time.monotonic() + 120
            while judged is None and time.monotonic() < end:
                judged = self.is_fresh()
            assert judged is not None, "too slow to say whether a playlist is old"
            assert judged, "an old playlist"
        self.strange(newest - 1)
        self.odd()
        self.race()


def _tiny(text):
    """A cache in which nothing stays for long."""
    return text.replace("max_size=1g", "max_size=256k").replace("inactive=2m", "inactive=2s")


def _whole_hunt(kind):
    with _Hunt(kind, _tiny) as hunt:
        hunt.tour()
        # A new token of an account ends the session before, whose credential is no good any more.
        cookie = hunt.viewers["cookie"]
        old = dict(cookie.headers)
        cookie.enter("cookie")
        path = f"/live/demo/360p/{hunt.newest - 1}.ts"
        for base in hunt.air.origin.values():  # a node that was busy hears of it a little later
            stage.wait_for("the eviction", lambda: cookie.get(path, base, old).status == 403)
        hunt.denied(cookie.get(path, headers=old), "an evicted session")
        assert cookie.ask(path).status == 200
        for transport, viewer in hunt.viewers.items():  # and all enter again by another way
            viewer.enter({"cookie": "bearer", "path": "cookie", "bearer": "header", "header": "path"}[transport])
            hunt.watch(viewer, range(hunt.newest - _WINDOW + 2, hunt.newest))
        hunt.viewers = {"cookie": hunt.viewers["path"], "path": hunt.viewers["header"], "bearer": cookie,
                        "header": hunt.viewers["bearer"]}
        hunt.air.kill_node("A")
        for _ in range(3):
            hunt.race()
        hunt.tour()
        hunt.air.kill_node("B")
        for viewer in hunt.viewers.values():  # no gate, no answer, however warm the cache is
            for name in (f"{hunt.newest - 1}.ts", "index.m3u8"):
                hunt.denied(viewer.ask("/live/demo/360p/" + name), "no gate is left")
        hunt.strange(hunt.newest - 1)
        hunt.search()
        assert hunt.hits() > 20, "the cache was never warm"


def test_nginx_leaks_nothing():
    _whole_hunt("nginx")


def test_varnish_leaks_nothing():
    _whole_hunt("varnish")


_CACHE = """daemon off; {user} error_log "{dir}/error.log" crit; pid "{dir}/nginx.pid";
events {{ }}
http {{
  access_log off;
  client_body_temp_path "{dir}/body"; proxy_temp_path "{dir}/proxy"; fastcgi_temp_path "{dir}/fastcgi";
  uwsgi_temp_path "{dir}/uwsgi"; scgi_temp_path "{dir}/scgi";
  proxy_cache_path "{dir}/cache" keys_zone=cache:1m use_temp_path=off;
  server {{
    listen {listen};
    location / {{
      proxy_pass {edge};
      proxy_set_header X-Forwarded-For $remote_addr;
      proxy_cache cache;
      proxy_cache_valid any 10m;
      proxy_cache_use_stale error timeout updating http_403 http_404 http_500 http_503;
    }}
  }}
}}
"""


def test_a_cache_in_front_keeps_nothing():
    """One that keeps whatever does not forbid it, for everybody who asks for the same."""
    def known(text):
        changed = re.sub(r"# (set_real_ip_from) \S+;", r"\1 127.0.0.1;", text)
        changed = re.sub(r"# (real_ip_\w+ \S+;)", r"\1", changed)
        assert changed.count("real_ip_") == 3, "the configuration reads otherwise now"
        return changed

    def in_front(hunt):
        folder = hunt.air.dir / "front"
        folder.mkdir()
        listen = f"127.0.0.1:{stage.free_ports(1)[0]}"
        conf = folder / "nginx.conf"
        conf.write_text(_CACHE.format(dir=folder, listen=listen, edge=hunt.edge,
                                      user="user root;" if os.getuid() == 0 else ""))
        hunt.air.processes.append(hunt.air.spawn("front", "/usr/sbin/nginx", "-c", str(conf), "-p", str(folder), "-e",
                                                 str(folder / "error.log")))
        hunt.edge = "http://" + listen
        stage.wait_for("the cache in front", lambda: stage.status(hunt.edge + "/"))
        return folder / "cache"
    with _Hunt("nginx", known) as hunt:
        kept = in_front(hunt)
        hunt.tour()
        # Refusals that no gate and no node wrote, of URLs with a token.
        token = hunt.viewers["cookie"].enter("cookie")
        for path in ("/LIVE/demo/main.m3u8?URISigningPackage=", "/s/", "/live/demo/main.m3u8%00?URISigningPackage=",
                     "/live/demo/main.m3u8?x=\x7f&URISigningPackage="):
            hunt.denied(hunt.stranger.get(path + token), path)
            hunt.denied(hunt.stranger.get(path + token, headers={f"X-{i}": "x" * 7000 for i in range(8)}), path)
        hunt.search()
        assert not [f.name for f in kept.rglob("*") if f.is_file()], "something was kept"
        assert hunt.stranger.get("/watch/demo").status == 200
        assert [f for f in kept.rglob("*") if f.is_file()], "nothing is ever kept there"


def _found(kind, what, change):
    """The hunt fails, by an assertion of its own, once this leak is planted."""
    def planted(text):
        changed = change(text)
        assert changed != text, f"{what}: the configuration reads otherwise now"
        return changed
    with _Hunt(kind, planted) as hunt:
        try:
            hunt.tour()
            hunt.search()
        except AssertionError as error:
            print(f"# {what}: {str(error)[:100]}")
            return
    raise AssertionError(f"nothing was found: {what}")


def test_planted_leaks_are_found():
    _found("nginx", "a cookie in the cache's key",
           lambda t: t.replace("proxy_cache_key $variant/", "proxy_cache_key $http_cookie/$variant/"))
    _found("nginx", "a token in the cache's key",
           lambda t: t.replace("proxy_cache_key $variant/", "proxy_cache_key $http_authorization/$variant/"))
    _found("nginx", "a request in the log", lambda t: t.replace('"$request_method $logged_path"', '"$request"'))
    _found("nginx", "addresses that viewers claim", lambda t: t.replace(
        "X-Forwarded-For $remote_addr", "X-Forwarded-For $claimed").replace(
        "http {\n", 'http {\n  map $http_x_forwarded_for $claimed { "" $remote_addr; default $http_x_forwarded_for; }\n'))
    _found("nginx", "one copy for both variants",
           lambda t: t.replace("proxy_cache_key $variant/", "proxy_cache_key "))
    _found("varnish", "one copy for both variants",
           lambda t: t.replace("hash_data(req.url)", 'hash_data(regsub(req.url, "^/origin/[ab]/", "/"))'))
    _found("varnish", "a prefix behind dots in the log", lambda t: t.replace('  set req.http.Headend-Path = "-";\n', ""))
    _found("varnish", "requests in the log", lambda t: t.replace("vsl_mask=-ReqURL,-ReqHeader", "vsl_mask=-Hash"))


stage.main()
