# SPDX-License-Identifier: LGPL-2.1-or-later
"""Without a valid token nobody gets a byte, from the edge or from an origin; each refusal has its
own code."""
import base64
import collections
import contextlib
import json
import os
import re
import resource
import socket
import subprocess
import time

import stage

_ALGORITHMS = ["EdDSA", "PS256", "HS256"]  # configured beside the default


def _decoded(token):
    header, claims, signature = token.split(".")
    pad = lambda s: base64.urlsafe_b64decode(s + "=" * (-len(s) % 4))
    return json.loads(pad(header)), json.loads(pad(claims)), signature


def _encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")


def _enter(base, token, **more):
    return stage.get(f"{base}/live/demo/main.m3u8?URISigningPackage={token}", **more)


def _paths(air):
    viewer = stage.Viewer(air.url("scout"))
    msn, key = viewer.media("360p")[-2]
    return ["/live/demo/main.m3u8", "/live/demo/360p/index.m3u8", "/live/demo/audio/index.m3u8",
            f"/live/demo/360p/{msn}.ts", f"/live/demo/audio/{msn}.ts", key]


def _refused(answer, what, *codes):
    assert answer.status in (401, 403), f"{what}: {answer.status}"
    assert answer.code in codes, f"{what}: {answer.code}, expected {codes}"
    for secret in (b"EXTM3U", b"G@"):
        assert secret not in answer.body, what
    assert len(answer.body) < 600, f"{what}: {len(answer.body)} bytes"


def _refusals_at_edge_and_origins(air):
    paths = _paths(air)
    doors = {"edge": air.edge_url, **{f"origin {n}": u for n, u in air.origin.items()}}
    # The edge has these in its cache by now, or may have.
    viewer = stage.Viewer(air.url("warm"))
    for path in paths:
        assert viewer.get(path).status == 200, path

    for door, base in doors.items():
        for path in paths:
            _refused(stage.get(base + path), f"{door}{path} without token", "600")
            _refused(stage.get(base + "/s/AAAA" + path), f"{door}{path} with a false prefix", "601")
            _refused(stage.get(base + path, {"Cookie": "headend=AAAA"}),
                     f"{door}{path} with a false cookie", "601")

        token = air.token("victim")
        header, claims, signature = _decoded(token)
        altered = dict(claims, headend_acc="somebody-else")
        _refused(_enter(base, f"{_encoded(header)}.{_encoded(altered)}.{signature}"),
                 f"{door}: altered", "400")
        none = dict(header, alg="none")
        _refused(_enter(base, f"{_encoded(none)}.{_encoded(claims)}."), f"{door}: alg none", "400", "500")
        _refused(_enter(base, f"{_encoded(none)}.{_encoded(claims)}.{signature}"),
                 f"{door}: alg none, signed", "400")
        short = air.token("victim", "--ttl", "1")
        time.sleep(2.1)
        _refused(_enter(base, short), f"{door}: expired", "404")
        _refused(_enter(base, "garbage"), f"{door}: garbage", "500", "400")


def _a_copy_at_another_address_is_refused(air):
    for transport in ("cookie", "path"):
        url = air.url("owner-" + transport, transport)
        owner = stage.Viewer(url)
        listed = owner.media("360p")
        msn, _ = listed[-1]
        for path in ("/live/demo/360p/index.m3u8", f"/live/demo/360p/{msn}.ts"):
            assert owner.get(path).status == 200
            _refused(owner.get(path, source="127.0.0.2"), f"{transport} {path}", "602")
        # Both nodes refuse the used token from elsewhere; its owner may enter again.
        for base in (air.edge_url, *air.origin.values()):
            copied = url.replace(air.edge_url, base)
            if base == air.edge_url:
                _refused(stage.get(copied, source="127.0.0.2"), "copied token", "602")
        assert stage.get(url).status in (200, 302)
        assert owner.get("/live/demo/360p/index.m3u8").status == 200


def _shared(air):
    """The first viewer of an account that one may watch with at a time, and the second one's URL."""
    one = stage.Viewer(air.url("shared"))
    assert one.get("/live/demo/360p/index.m3u8").status == 200
    return one, air.url("shared")


def _a_second_session_evicts_the_first(air):
    one, second = _shared(air)
    two = stage.Viewer(second)
    for base in air.origin.values():  # a node that was busy hears of it a little later
        stage.wait_for("the eviction", lambda: one.get("/live/demo/360p/index.m3u8", base).status == 403)
    _refused(one.get("/live/demo/360p/index.m3u8"), "evict-oldest", "604")
    assert two.get("/live/demo/360p/index.m3u8").status == 200


def test_a_second_session_is_refused_where_the_first_stays():
    def change(model):
        model["sessions"] = dict(model.get("sessions", {}), policy="reject-newest")
    with stage.Stage(change=change).on_air() as air:
        one, second = _shared(air)
        _refused(stage.get(second), "reject-newest", "605")
        assert one.get("/live/demo/360p/index.m3u8").status == 200


def test_a_session_survives_the_node_that_opened_it():
    with stage.Stage().on_air() as air:
        viewer = stage.Viewer(air.url("survivor"))
        air.kill_node("A")
        for _ in range(10):
            msn, key = viewer.media("360p")[-1]
            viewer.segment("360p", msn, key)
            time.sleep(0.5)
        air.start_node("A")
        air.wait_ready("A")
        air.kill_node("B")
        for _ in range(10):
            msn, key = viewer.media("360p")[-1]
            viewer.segment("360p", msn, key)
            time.sleep(0.5)


def _rights_are_by_channel(air):
    token = air.headend("token", "mint", "--key", str(air.dir / "token.pem"), "--account", "other",
                        "--channel", "sports").strip()
    _refused(_enter(air.edge_url, token), "a token for another channel", "411", "606")


def _newest(viewer):
    """Five clear segments by MSN; all before any is read, which takes longer than a node keeps them on a
    busy machine. Such a one may even skip what it lists just now, but then lists others."""
    segments = {}
    while len(segments) < 5:
        for msn, key in viewer.media("360p")[-5:]:
            if msn in segments:
                continue
            answer = viewer.get(f"/live/demo/360p/{msn}.ts")
            if answer.status == 404:
                assert msn not in dict(viewer.media("360p")), f"{msn} is listed, and not there"
                break
            assert answer.status == 200, f"{msn}: {answer.status} {answer.code}"
            segments[msn] = viewer.clear(answer.body, msn, key)
    return segments


def _every_viewer_gets_his_own_variants(air):
    """What the pictures bear is what the codeword says. One segment of this flat picture at 800 kbit/s
    scores 6.7 +- 1.5 (154 segments read), and so may be unclear by itself; no segment may read as the
    other variant, and a viewer's segments together have to be far from chance (mean 0, deviation 1)."""
    reader = os.path.join(os.environ["BUILDDIR"], "tests", "mark-reader")
    told = []
    for account in ("ann", "bob", "cleo"):
        viewer, scores = stage.Viewer(air.url(account)), []
        for msn, segment in _newest(viewer).items():
            frames = subprocess.run(["ffmpeg", "-v", "error", "-f", "mpegts", "-i", "pipe:0", "-pix_fmt", "gray",
                                     "-f", "rawvideo", "pipe:1"], input=segment, capture_output=True, check=True).stdout
            said = subprocess.run([reader, str(air.dir / "headend.secret"), account, "demo", str(msn), "640", "360"],
                                  input=frames, capture_output=True, check=True).stdout.decode()
            expected, read, z = re.match(r"expected (\w+), read (\w+), z (\S+)", said).groups()
            assert read in (expected, "none"), f"{account} {msn}: {said}"
            scores.append(float(z) * {"a": 1, "b": -1}[expected])
            told.append(said.strip())
        together = sum(scores) / len(scores) ** 0.5
        assert together > 7, f"{account}: {scores} make {together:.1f}"
    print(f"# {'; '.join(told)}")
    assert len({line.split(",")[0] for line in told}) == 2, "no codeword has both variants"


def _every_algorithm_that_is_configured_opens(air):
    """Keys are added to the file while the nodes run; an algorithm that is not configured stays out."""
    public, signing = air.dir / "tokens.jwks", {}
    keys = json.loads(public.read_text())["keys"]
    for algorithm in _ALGORITHMS + ["RS256"]:
        folder = air.dir / algorithm
        air.headend("token", "keygen", "--dir", str(folder), "--algorithm", algorithm)
        keys += json.loads((folder / "tokens.jwks").read_text())["keys"]
        signing[algorithm] = str(folder / ("token.jwk" if algorithm == "HS256" else "token.pem"))
    fresh = air.dir / "tokens.new"
    fresh.touch(0o600)
    fresh.write_text(json.dumps({"keys": keys}))
    fresh.rename(public)

    def enter(algorithm, base):
        return _enter(base, air.headend("token", "mint", "--key", signing[algorithm], "--algorithm", algorithm,
                                        "--account", algorithm, "--channel", "demo").strip())
    for algorithm in _ALGORITHMS:
        for base in air.origin.values():
            stage.wait_for(f"a session by {algorithm}", lambda: enter(algorithm, base).status == 200, 20)
    _refused(enter("RS256", air.edge_url), "RS256 is not configured", "400")


def _gate_connections(air):
    """Open, and ever taken, by the metrics of the node."""
    text = stage.get(air.internal["A"] + "/metrics").body.decode()
    return tuple(int(re.search(rf'^headend_connections{name}{{listener="gate"}} (\d+)$', text, re.M).group(1))
                 for name in ("", "_accepted_total"))


def _an_edge_asks_for_thousands_at_once(air):
    """Each question on a connection of its own, by the gate's Unix socket."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    files = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    enough = min(1500, files - 200)
    assert enough > 1024, f"a process may open {hard} files at most, and this takes 1225: see ulimit -Hn"
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))
    with contextlib.ExitStack() as stack:
        asking = [stack.enter_context(socket.socket(socket.AF_UNIX)) for _ in range(enough)]
        for s in asking:
            # With a timeout it would not wait for its place where many are not accepted yet.
            s.connect(str(air.dir / "gate-A.sock"))
            s.settimeout(60)
        for s in asking:
            s.sendall(b"GET /auth HTTP/1.1\r\nHost: headend\r\nX-Original-URI: /live/demo/360p/index.m3u8\r\n"
                      b"X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n\r\n")
        answered = [s.recv(4096).split(b"\r\n")[0] for s in asking]
        # Where this took half a minute, the gate has ended those that it answered first.
        assert _gate_connections(air)[1] >= enough, _gate_connections(air)
    stage.wait_for("the connections' end", lambda: _gate_connections(air)[0] < enough // 2)
    with socket.socket(socket.AF_UNIX) as one:
        one.connect(str(air.dir / "gate-A.sock"))
        stage.wait_for("an open connection", lambda: _gate_connections(air)[0] > 0)
    assert set(answered) == {b"HTTP/1.1 401 Unauthorized"}, collections.Counter(answered)


def _no_secret_in_any_log(air):
    url = air.url("quiet", "path")
    viewer = stage.Viewer(url)
    msn, key = viewer.media("360p")[-1]
    viewer.segment("360p", msn, key)
    viewer.get(f"/live/demo/360p/{msn}.ts", source="127.0.0.2")
    secrets = [url.split("URISigningPackage=")[1].split("&")[0], viewer.prefix[3:], air.secret]
    files = [f for f in air.dir.rglob("*") if f.is_file() and f.name not in
             ("headend.secret", "token.pem", "token.jwk", "registry.bin")]
    assert len(files) > 4
    for file in files:
        data = file.read_bytes()
        for secret in secrets:
            assert secret.encode() not in data, file


def test_sessions_and_tokens():
    """On one stage, each with accounts of its own; the logs last."""
    def change(model):
        model.setdefault("tokens", {})["algorithms"] = ["ES256"] + _ALGORITHMS
    with stage.Stage(change=change).on_air() as air:
        _refusals_at_edge_and_origins(air)
        _a_copy_at_another_address_is_refused(air)
        _rights_are_by_channel(air)
        _every_algorithm_that_is_configured_opens(air)
        _every_viewer_gets_his_own_variants(air)
        _a_second_session_evicts_the_first(air)
        _an_edge_asks_for_thousands_at_once(air)
        _no_secret_in_any_log(air)


stage.main()
