# SPDX-License-Identifier: LGPL-2.1-or-later
"""An independent verifier: Apache Traffic Server's uri_signing lets our tokens in, with our keys, and no
others."""
import functools
import http.server
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading

import stage

MODULES = pathlib.Path("/usr/lib/trafficserver/modules")
PLUGIN = MODULES / "uri_signing.so"


def _mint(folder, *more):
    return subprocess.run([stage.HEADEND, "token", "mint", "--key", str(folder / "token.pem"), "--account", "a",
                           "--channel", "demo", *more], capture_output=True, text=True, check=True).stdout.strip()


def _keygen(folder):
    subprocess.run([stage.HEADEND, "token", "keygen", "--dir", str(folder)], capture_output=True, check=True)


def _configure(folder, port, behind):
    places = {name: folder / name for name in ("etc", "run", "log", "cache")}
    for place in places.values():
        place.mkdir()
    etc = places["etc"]
    for file in pathlib.Path("/etc/trafficserver").iterdir():
        (shutil.copytree if file.is_dir() else shutil.copy)(file, etc / file.name)
    keys = json.loads((folder / "tokens.jwks").read_text())["keys"]
    (etc / "sign.json").write_text(json.dumps({"headend": {
        "id": "headend", "renewal_kid": keys[0]["kid"], "strip_token": True, "keys": keys}}))
    (etc / "remap.config").write_text(f"map http://127.0.0.1:{port}/ http://127.0.0.1:{behind}/ "
                                      f"@plugin=uri_signing.so @pparam={etc}/sign.json\n")
    (etc / "records.config").write_text(
        f"CONFIG proxy.config.http.server_ports STRING {port}:ip-in=127.0.0.1\n"
        "CONFIG proxy.config.admin.user_id STRING #-1\nCONFIG proxy.config.log.logging_enabled INT 0\n")
    (etc / "storage.config").write_text(f"{places['cache']} 16M\n")
    root = {"prefix": "/usr", "exec_prefix": "/usr", "bindir": "/usr/bin", "sbindir": "/usr/sbin", "sysconfdir": etc,
            "datadir": places["cache"], "includedir": "/usr/include", "libdir": "/usr/lib",
            "libexecdir": MODULES, "localstatedir": places["run"],
            "runtimedir": places["run"], "logdir": places["log"], "cachedir": places["cache"]}
    (folder / "root.yaml").write_text("".join(f"{k}: {v}\n" for k, v in root.items()))


def _needed():
    missing = [what for what, there in (
        ("the server traffic_server (Debian package trafficserver)", shutil.which("traffic_server")),
        (f"its plugin {PLUGIN} (Debian package trafficserver-experimental-plugins)", PLUGIN.exists())) if not there]
    assert not missing, f"not on this machine: {' and '.join(missing)}; Debian 12 has both, Debian 13 neither"


def test_its_uri_signing_takes_our_tokens_and_no_others():
    _needed()
    with tempfile.TemporaryDirectory(prefix="headend-ats-") as name:
        folder = pathlib.Path(name)
        _keygen(folder)
        (folder / "www" / "live" / "demo").mkdir(parents=True)
        (folder / "www" / "live" / "demo" / "main.m3u8").write_text("#EXTM3U\n")
        (folder / "strange").mkdir()
        _keygen(folder / "strange")
        handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder / "www"))
        handler.func.log_message = lambda *_: None
        behind = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=behind.serve_forever, daemon=True).start()
        port, = stage.free_ports(1)
        _configure(folder, port, behind.server_port)
        with (folder / "out").open("wb") as out:
            server = subprocess.Popen(["traffic_server", f"--run-root={folder}/root.yaml"], stdin=subprocess.DEVNULL,
                                      stdout=out, stderr=out)
        try:
            ask = lambda token: stage.status(f"http://127.0.0.1:{port}/live/demo/main.m3u8?URISigningPackage={token}")
            good = _mint(folder)
            stage.wait_for("Traffic Server", lambda: ask(good) == 200)
            assert ask(re.sub(r"(.)(.{4})$", lambda m: ("A" if m[1] != "A" else "B") + m[2], good)) == 403
            assert ask(_mint(folder / "strange")) == 403
            assert ask("") == 403
            assert stage.status(f"http://127.0.0.1:{port}/live/other/main.m3u8?URISigningPackage={good}") == 403
        finally:
            stage.end(server)
            behind.shutdown()
            behind.server_close()


stage.main()
