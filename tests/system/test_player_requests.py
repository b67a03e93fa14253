# SPDX-License-Identifier: LGPL-2.1-or-later
"""Requests as players that cannot run here send them, to a node, nginx and Varnish: header by header as their
sources and captures have them. None of them is refused; nor is a token that is for one host alone, at that host;
and applications that are listed play from origins of their own."""
import base64
import contextlib
import http.client
import json
import os
import re
import socket
import time

from jwcrypto import jwk, jwt

import prepared
import stage

_ORIGINS = ["https://tv.example", "capacitor://localhost", "ionic://localhost", "app://bundle", "file://", "null",
            "http://localhost:8100"]
_FIRST, _COUNT = 9000, prepared.WINDOW

# What comes with each request.
_PLAYERS = {
    "AVPlayer": {"X-Playback-Session-Id": "6B29FC40-CA47-1067-B31D-00DD010662DA", "Accept": "*/*",
                 "User-Agent": "AppleCoreMedia/1.0.0.21G93 (iPhone; U; CPU OS 17_6_1 like Mac OS X; en_us)",
                 "Accept-Language": "en-GB,en;q=0.9", "Accept-Encoding": "gzip", "Connection": "keep-alive"},
    "Safari": {"Accept": "*/*", "Accept-Encoding": "identity", "Range": "bytes=0-", "Sec-Fetch-Dest": "video",
               "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Site": "same-origin", "Priority": "u=3, i"},
    "ExoPlayer": {"User-Agent": "tv/1.0 (Linux;Android 14) AndroidXMedia3/1.4.1", "Accept-Encoding": "gzip",
                  "Connection": "Keep-Alive", "Icy-MetaData": "1"},
    "ExoPlayer, a part": {"User-Agent": "tv/1.0 (Linux;Android 9) ExoPlayerLib/2.18.1", "Range": "bytes=0-",
                          "Accept-Encoding": "identity"},
    "Kodi": {"User-Agent": "Kodi/21.0 (X11; Linux x86_64) App_Bitness/64 Version/21.0-Git:20240405", "Accept": "*/*",
             "Accept-Charset": "UTF-8,*;q=0.8", "Icy-MetaData": "1", "Range": "bytes=0-", "Connection": "close"},
    "inputstream.adaptive": {"User-Agent": "Kodi/20.2 (Linux; Android 11)", "Accept-Encoding": "gzip, deflate, br",
                             "seekable": "0"},
    "Roku": {"User-Agent": "Roku/DVP-14.5 (14.5.4.5934-46)", "Accept": "*/*", "Range": "bytes=0-",
             "X-Roku-Reserved-Dev-Id": "ad1b", "Accept-Encoding": "gzip, deflate"},
    "Tizen": {"User-Agent": "Mozilla/5.0 (SMART-TV; LINUX; Tizen 6.5) AppleWebKit/537.36 (KHTML, like Gecko) "
                            "85.0.4183.93/6.5 TV Safari/537.36", "Accept": "*/*", "Origin": "null",
              "getcontentFeatures.dlna.org": "1", "transferMode.dlna.org": "Streaming", "Range": "bytes=0-"},
    "webOS": {"User-Agent": "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) "
                            "Chrome/94.0.4606.128 Safari/537.36 WebAppManager", "Origin": "file://",
              "Referer": "file:///media/developer/apps/usr/palm/applications/tv/index.html", "Pragma": "no-cache"},
    "VLC": {"User-Agent": "VLC/3.0.21 LibVLC/3.0.21", "Accept-Language": "en_US", "Range": "bytes=0-"},
    "ffmpeg": {"User-Agent": "Lavf/59.27.100", "Accept": "*/*", "Range": "bytes=0-", "Icy-MetaData": "1"},
    "GStreamer": {"User-Agent": "GStreamer souphttpsrc 1.22.0 libsoup/3.2.3", "icy-metadata": "1",
                  "transferMode.dlna.org": "Streaming", "Accept-Encoding": "identity", "Connection": "Keep-Alive"},
    "MAG": {"User-Agent": "Mozilla/5.0 (QtEmbedded; U; Linux; C) AppleWebKit/533.3 (KHTML, like Gecko) MAG200 stbapp "
                          "ver: 2 rev: 250 Safari/533.3", "X-User-Agent": "Model: MAG250; Link: Ethernet"},
    "Shaka": {"Range": "bytes=0-", "Origin": "https://tv.example", "Accept-Language": "de", "DNT": "1",
              "Save-Data": "on", "CMCD-Request": "mtp=25400", "CMCD-Session": 'sf=h,sid="6e2fb550",st=l'},
    "hls.js, without the cache": {"Cache-Control": "no-cache", "Pragma": "no-cache", "If-Modified-Since": "0"},
}


class _Edges:
    """Both, in front of two nodes that hold a window. Yields what viewers ask, by name."""

    def __init__(self):
        def describe(model):
            prepared.describe(model)
            model["gate"] = {"allowed-origins": _ORIGINS}
            model["sessions"] = dict(model.get("sessions", {}), **{"per-account": 4})
        self.air = stage.Stage(change=describe)

    def __enter__(self):
        air = self.air
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(air)
        with contextlib.ExitStack() as undone:
            undone.push(self._stack.__exit__)
            self._start(air)
            undone.pop_all()
        return self

    def __exit__(self, *problem):
        return self._stack.__exit__(*problem)

    def _start(self, air):
        channel = prepared.Channel(air)
        channel.start()
        for msn in range(_FIRST, _FIRST + _COUNT):
            for rendition, variants in (("360p", "ab"), ("audio", ("none",))):
                for variant in variants:
                    channel.put(rendition, variant, msn, bytes(20000))
        air.start_edge()
        self.doors = {"node": air.origin["A"], "nginx": air.edge_url, "varnish": air.start_varnish()}
        for name, url in self.doors.items():
            stage.wait_for(name, lambda: stage.status(url + "/"))


def _enter(air, base, transport, account, headers=()):
    """How a viewer goes on: headers, and what stands in front of paths."""
    token = air.token(account)
    entry = f"{base}/live/demo/main.m3u8"
    if transport == "header":
        return {**dict(headers), "Authorization": "Bearer " + token}, ""
    answer = stage.get(f"{entry}?URISigningPackage={token}&transport={transport}", dict(headers))
    if transport == "path":
        assert answer.status == 302, (base, account, answer.status, answer.code)
        return dict(headers), re.match(r"/s/[^/]+", answer.headers["Location"]).group(0)
    assert answer.status in (200, 206), (base, account, answer.status, answer.code)
    return {**dict(headers), "Cookie": answer.headers["Set-Cookie"].split(";")[0]}, ""


_PATHS = ("/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", f"/live/demo/360p/{_FIRST + 8}.ts",
          f"/live/demo/audio/{_FIRST + 8}.ts", f"/live/demo/keys/base/{(_FIRST + 8) // prepared.ROTATION}")


def _whole(edges, headers, prefix, base, what, method="GET"):
    """All that a player asks for, and gets from its first byte to the last."""
    lengths = {}
    for path in _PATHS:
        answer = stage.get(base + prefix + path, headers, method=method)
        size = answer.headers["Content-Length"]
        assert answer.status == 200 or (answer.status == 206 and "Range" in headers and re.match(
            rf"bytes 0-{int(size) - 1}/{size}$", answer.headers["Content-Range"])), (what, path, answer.status,
                                                                                  answer.code)
        assert not answer.headers["Content-Encoding"], (what, path, answer.headers)
        lengths[path] = size
    assert lengths[_PATHS[2]] == "20000" and lengths[_PATHS[4]] == "16", (what, lengths)


def test_no_player_is_refused():
    with _Edges() as edges:
        for door, base in edges.doors.items():
            for i, (player, headers) in enumerate(_PLAYERS.items()):
                for transport in ("cookie", "path", "header"):
                    own, prefix = _enter(edges.air, base, transport, f"{door}-{i}-{transport}", headers)
                    for method in ("HEAD", "GET"):  # some look first
                        _whole(edges, own, prefix, base, (door, player, transport, method), method)


def test_cookies_come_as_they_like():
    """Quoted, among others, one a field, and after a re-login the old one first or last."""
    with _Edges() as edges:
        for door, base in edges.doors.items():
            old = _enter(edges.air, base, "cookie", f"old-{door}")[0]["Cookie"]
            own = _enter(edges.air, base, "cookie", f"own-{door}")[0]["Cookie"]
            value = own.removeprefix("headend=")
            edges.air.headend("token", "revoke", str(edges.air.description), "--account", f"old-{door}")
            for cookie in (f'headend="{value}"', f"theme=dark; {own}; _ga=GA1.2.3", f"{own};theme=dark",
                           f"{own}; Path=/; HttpOnly", f'$Version="1"; headend="{value}"; $Path="/"',
                           f"{old}; {own}", f"{own}; {old}", f"{old}; {old}; {own}", f"headend=; {own}",
                           f"headend=deleted; {own}", f"a; {own}", f"  {own} ; b=c ;"):
                _whole(edges, {"Cookie": cookie}, "", base, (door, re.sub(r"[\w-]{40,}", "*", cookie)))


def test_tokens_in_headers_come_as_they_like():
    with _Edges() as edges:
        for door, base in edges.doors.items():
            token = edges.air.token(f"{door}-written")
            for scheme in ("Bearer ", "bearer ", "BEARER ", "Bearer  "):
                _whole(edges, {"Authorization": scheme + token}, "", base, (door, scheme))
            # A player that has forgotten its cookie, or has one of another service.
            _whole(edges, {"Authorization": "Bearer " + token, "Cookie": "headend=x; a=b"}, "", base, door)


def _raw(base, text):
    host, port = base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), 60) as s:
        s.sendall(text.encode())
        reply = http.client.HTTPResponse(s)
        reply.begin()
        return reply.status, reply.read()


def test_old_protocols_and_plain_options_are_answered():
    with _Edges() as edges:
        for door, base in edges.doors.items():
            headers, _ = _enter(edges.air, base, "cookie", f"{door}-1.0")
            for path in _PATHS:
                status, body = _raw(base, f"GET {path} HTTP/1.0\r\nCookie: {headers['Cookie']}\r\n\r\n")
                assert status == 200 and body, (door, path, status)
                answer = stage.get(base + path, headers, method="OPTIONS")
                assert answer.status == 204 and {"GET", "HEAD", "OPTIONS"} <= set(
                    answer.headers["Allow"].split(", ")), (door, path, answer.status, str(answer.headers))


def _token_for(air, container, account):
    """As an issuer of its own would sign it."""
    key = jwk.JWK.from_pem((air.dir / "token.pem").read_bytes())
    named = json.loads((air.dir / "tokens.jwks").read_text())["keys"][0]
    now = int(time.time())
    token = jwt.JWT(header={"alg": named["alg"], "typ": "JWT", "kid": named["kid"]}, claims={
        "iss": "headend", "aud": "headend", "exp": now + 300, "nbf": now - 30, "iat": now, "cdniv": 1,
        "cdniuc": container, "headend_tid": base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("="), "headend_acc": account,
        "headend_rights": ["demo"]})
    token.make_signed_token(key)
    return token.serialize()


def test_a_token_for_one_host_opens_what_lies_there():
    """Wherever a player shows it first; and nothing at another host."""
    with _Edges() as edges:
        for number, (door, base) in enumerate(edges.doors.items()):
            container = "regex:" + re.escape(base).replace("\\-", "-") + "/live/demo/.*"
            for path in _PATHS[:4]:
                token = _token_for(edges.air, container, f"host{number}{_PATHS.index(path)}")
                for host, statuses in ((None, (200,)), ("elsewhere.example", (403,)), (None, (200,))):
                    answer = stage.get(base + path, {"Authorization": "Bearer " + token, **(
                        {"Host": host} if host and statuses != (200,) else {})})
                    if host and path != _PATHS[0] and answer.status == 200:
                        continue  # the session that it opened goes on
                    assert answer.status in statuses, (door, path, host, answer.status, answer.code)
            other = _token_for(edges.air, "regex:http://elsewhere\\.example/.*", f"other{number}")
            for path in _PATHS[:4]:
                answer = stage.get(base + path, {"Authorization": "Bearer " + other})
                assert (answer.status, answer.code) == (403, "411"), (door, path, answer.status, answer.code)


def test_listed_applications_play():
    with _Edges() as edges:
        for door, base in edges.doors.items():
            headers, _ = _enter(edges.air, base, "cookie", f"{door}-app")
            for origin in [*_ORIGINS, "capacitor://elsewhere", "app://bundle.evil", "file:///", "http://localhost"]:
                allowed = origin if origin in _ORIGINS else None
                for path in _PATHS:
                    answer = stage.get(base + path, {**headers, "Origin": origin})
                    assert answer.status == 200, (door, origin, path, answer.status)
                    assert answer.headers["Access-Control-Allow-Origin"] == allowed, (door, origin, path)
                    assert answer.headers["Access-Control-Allow-Credentials"] == (allowed and "true"), (door, origin)
                    asked = stage.get(base + path, {"Origin": origin, "Access-Control-Request-Method": "GET",
                                                    "Access-Control-Request-Headers": "authorization"}, method="OPTIONS")
                    assert asked.status == (204 if allowed else 403), (door, origin, path, asked.status)
                    assert asked.headers["Access-Control-Allow-Origin"] == allowed, (door, origin, path)


if __name__ == "__main__":
    stage.main()
