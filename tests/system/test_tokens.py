# SPDX-License-Identifier: LGPL-2.1-or-later
"""Tokens of ours are good for two independent implementations of JOSE, their tokens for us, and those of the
examples in docs/minting."""
import json
import os
import pathlib
import signal
import subprocess
import tempfile

import jwt
from jwcrypto import jwk, jws

import prepared
import stage

MINTING = stage.TOP / "docs" / "minting"
URI = "/live/demo/main.m3u8"


def _run(*words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{words}: {done.stderr}"
    return done.stdout.strip()


def _codes(folder, *tokens):
    return _run(os.environ["TOKEN_VERIFY"], folder / "tokens.jwks", URI, *tokens).splitlines()


def _folder(top, algorithm):
    folder = pathlib.Path(top) / algorithm
    _run(stage.HEADEND, "token", "keygen", "--dir", folder, "--algorithm", algorithm)
    return folder


def _altered(token):
    head, claims, signature = token.split(".")
    return ".".join((head, claims, ("B" if signature[0] == "A" else "A") + signature[1:]))


def _by_pyjwt(token, named, private):
    """What PyJWT makes of a token of ours, signed by it for another account."""
    algorithm = named["alg"]
    key = jwt.algorithms.get_default_algorithms()[algorithm].from_jwk(json.dumps(named))
    claims = jwt.decode(token, key, algorithms=[algorithm], audience="headend", issuer="headend")
    assert claims["headend_acc"] == "alice", claims
    return jwt.encode({**claims, "headend_acc": "eve"}, key if algorithm == "HS256" else private.read_text(),
                      algorithm=algorithm, headers={"kid": named["kid"]})


def test_every_algorithm_both_ways():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as top:
        for algorithm in ("ES256", "EdDSA", "RS256", "PS256", "HS256"):
            folder = _folder(top, algorithm)
            private = folder / ("token.jwk" if algorithm == "HS256" else "token.pem")
            kind = ("--algorithm", "PS256") if algorithm == "PS256" else ()
            ours = _run(stage.HEADEND, "token", "mint", "--key", private, "--account", "alice", "--channel", "demo",
                        *kind)
            named = json.loads((folder / "tokens.jwks").read_text())["keys"][0]
            signed = jws.JWS()
            signed.allowed_algs = [algorithm]
            signed.deserialize(ours)
            signed.verify(jwk.JWK(**named))
            claims = json.loads(signed.payload)
            assert claims["headend_acc"] == "alice", claims

            text = private.read_text()
            key = jwk.JWK.from_json(text) if algorithm == "HS256" else jwk.JWK.from_pem(text.encode())
            claims["headend_acc"] = "bob"
            theirs = jws.JWS(json.dumps(claims))
            theirs.allowed_algs = [algorithm]
            theirs.add_signature(key, None, json.dumps({"alg": algorithm, "typ": "JWT", "kid": named["kid"]}))
            theirs = theirs.serialize(compact=True)
            codes = _codes(folder, ours, theirs, _by_pyjwt(ours, named, private), _altered(ours), _altered(theirs))
            assert codes == ["200 alice", "200 bob", "200 eve", "400 -", "400 -"], (algorithm, codes)


def test_the_examples_mint():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as top:
        rsa, ec = _folder(top, "RS256"), _folder(top, "ES256")
        for folder, *command in ((rsa, "sh", MINTING / "mint.sh"), (ec, "/usr/bin/python3", MINTING / "mint.py"),
                                 (rsa, "/usr/bin/python3", MINTING / "mint.py"), (ec, "node", MINTING / "mint.mjs")):
            token = _run(*command, folder / "token.pem", "carol", "demo")
            other = _run(*command, folder / "token.pem", "carol", "news")
            codes = _codes(folder, token, other)
            assert codes == ["200 carol", "411 -"], (command, codes)
        done = subprocess.run(["sh", MINTING / "mint.sh", ec / "token.pem", "carol", "demo"], capture_output=True, text=True)
        assert done.returncode == 1 and "RS256" in done.stderr and not done.stdout, done


def test_a_node_issues_what_its_gate_takes():
    with stage.Stage("single.json", lambda model: model.setdefault("tokens", {}).update({"issuing-key": "token.pem"})) as air:
        node, = air.origin
        air.nodes[node] = air.spawn("node", stage.HEADEND, "run", str(air.description), "--node", node, "--origin",
                                    start_new_session=True)
        stage.wait_for("the node", lambda: stage.status(air.internal[node] + "/"), 60)
        url = _run("/usr/bin/python3", MINTING / "issue.py", air.dir / "headend.secret",
                   air.internal[node].removeprefix("http://"), "dave", "demo", air.origin[node])
        token = url.rpartition("=")[2]
        assert url.startswith(air.origin[node] + URI + "?") and _codes(air.dir, token) == ["200 dave"], url
        assert not any(token in log.read_text(errors="replace") for log in air.logs)


def test_a_node_that_stands_still_delays_no_revocation():
    with stage.Stage(change=prepared.describe) as air:
        prepared.OnAir(air)
        viewer = stage.Viewer(air.url("erin", "cookie", air.origin["B"]))
        assert viewer.get(URI).status == 200
        air.signal_node("A", signal.SIGSTOP)
        command = air.spawn("revoke", stage.HEADEND, "token", "revoke", str(air.description), "--account", "erin")
        stage.wait_for("the refusal", lambda: viewer.get(URI).code == "607")
        said = (air.dir / "revoke.log").read_text()
        assert "A: " not in said, f"B was told when A had not answered in time: {said}"
        assert command.wait(60) == 0
        said = (air.dir / "revoke.log").read_text()
        assert "A: " in said and "B: revoked" in said, said
        air.signal_node("A", signal.SIGCONT)
        stage.wait_for("A's refusal", lambda: viewer.get(URI, air.origin["A"]).code == "607")


stage.main()
