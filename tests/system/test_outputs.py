# SPDX-License-Identifier: LGPL-2.1-or-later
"""Channels as files that somebody else serves: a recording of a file in a folder, and a live channel
at a web server that is not ours, dies and comes back."""
import json
import re
import signal
import subprocess

import stage

SECONDS = 7.4
FRAMES = 185  # of it, at 25 a second

NGINX = """
daemon off;
master_process off;
pid {dir}/nginx.pid;
error_log {dir}/error.log;
events {{ }}
http {{
  log_format order '$msec $request_method $uri $status $remote_user';
  access_log {dir}/access.log order;
  types {{ application/vnd.apple.mpegurl m3u8; video/mp2t ts; }}
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  client_max_body_size 64m;
  server {{
    listen 127.0.0.1:{port};
    root {dir}/root;
    location / {{ dav_methods PUT DELETE; create_full_put_path on; {more} }}
  }}
}}
"""


class Server:
    """A stock nginx that takes PUT and serves what it got."""

    def __init__(self, air, more="", port=None):
        self.air, self.port = air, port or stage.free_ports(1)[0]
        self.dir = air.dir / f"server-{self.port}"
        (self.dir / "root").mkdir(parents=True)
        (self.dir / "nginx.conf").write_text(NGINX.format(dir=self.dir, port=self.port, more=more))
        self.url = f"http://127.0.0.1:{self.port}/"
        self.process = None

    def start(self):
        self.process = self.air.spawn(f"server-{self.port}", "/usr/sbin/nginx", "-c", str(self.dir / "nginx.conf"),
                                      "-p", str(self.dir), "-e", str(self.dir / "error.log"))
        self.air.processes.append(self.process)
        stage.wait_for("the server", lambda: stage.status(self.url), 20)

    def stop(self):
        stage.end(self.process)

    def requests(self):
        """[(method, path, status)] in the order in which they were answered."""
        lines = (self.dir / "access.log").read_text().splitlines()
        return [(method, path, int(status)) for _, method, path, status, _ in (line.split() for line in lines)]


def _clip(air, name="clip.ts", codec=("libx264", "-preset", "ultrafast", "-bf", "2", "-g", "50")):
    """A file like tools/feed's feed, with B-frames and the frame counter, to its end."""
    bits = "drawbox=x=0:y=326:w=iw:h=34:color=black:t=fill" + "".join(
        f",drawbox=x={8 + 26 * b}:y=332:w=22:h=20:color=white:t=fill:enable='mod(floor(n/pow(2,{b})),2)'"
        for b in range(24))
    subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25",
                    "-f", "lavfi", "-i", "sine=frequency=330:sample_rate=48000", "-t", str(SECONDS), "-vf", bits,
                    "-c:v", *codec, "-b:v", "2M", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-ac", "2",
                    "-f", "mpegts", str(air.dir / name)],
                   check=True, timeout=120)


def _recording(air, change=lambda channel: None, meanwhile=lambda log: None):
    """Runs pipelines/vod.json as it stands, on ports of its own, changed, to its end; meanwhile gets
    its log. Returns exit code and log."""
    model = json.loads((stage.TOP / "pipelines" / "vod.json").read_text())
    ports = stage.free_ports(2)
    model["nodes"] = [{"name": "node", "listen": f"127.0.0.1:{ports[0]}", "internal": f"127.0.0.1:{ports[1]}"}]
    change(model["channels"][0])
    path = air.dir / "vod.json"
    path.write_text(json.dumps(model))
    process = air.spawn("recording", stage.HEADEND, "run", str(path))
    air.processes.append(process)
    log = air.dir / "recording.log"
    meanwhile(log)
    return process.wait(180), log.read_text()


def _copied(channel):
    channel["video"][0].update(encoder="copy", bitrate=2000)
    channel["audio"][0]["encoder"] = "copy"


_X265 = ("libx265", "-preset", "ultrafast", "-x265-params",
         "keyint=50:min-keyint=50:scenecut=0:open-gop=0:bframes=2:log-level=none")


def _copied_h265(channel):
    _copied(channel)
    channel["video"][0]["encoder"] = "copy-h265"
    channel["source"] = "file:h265.ts"


def _check_recording(folder, counters):
    """Every frame once, from the first to the last; and what the playlists say adds up."""
    assert counters == list(range(FRAMES)), stage.consecutive(counters) or (len(counters), counters[:3])
    for name, exact in (("360p", SECONDS), ("audio", None)):
        text = (folder / "clip" / name / "index.m3u8").read_text()
        assert "#EXT-X-PLAYLIST-TYPE:VOD\n" in text and text.endswith("#EXT-X-ENDLIST\n"), text
        lengths = [float(x) for x in re.findall(r"#EXTINF:([\d.]+),", text)]
        assert len(lengths) == 4 and lengths[:3] == [2.0] * 3, text
        assert abs(sum(lengths) - SECONDS) < (1e-6 if exact else 0.06), text
        for file in re.findall(r"^\d+\.ts$", text, re.M):
            assert (folder / "clip" / name / file).stat().st_size > 0, file


def _play(url, *options):
    player = stage.Counters(str(url), "-allowed_extensions", "ALL", *options)
    player.process.wait(120)
    counters = player.stop()
    assert not player.words, player.words
    return counters


def test_a_recording_is_complete():
    with stage.Stage("single.json") as air:
        _clip(air)
        _clip(air, "h265.ts", _X265)
        for name, change in (("encoded", None), ("copied", _copied), ("copied-h265", _copied_h265)):
            def both(channel, folder=f"file:{name}", change=change):
                channel["destination"] = folder
                if change:
                    change(channel)
            code, words = _recording(air, both)
            assert code == 0, words
            folder = air.dir / name
            _check_recording(folder, _play(folder / "clip" / "main.m3u8"))
            closed = "#EXT-X-INDEPENDENT-SEGMENTS" in (folder / "clip" / "main.m3u8").read_text()
            assert closed == (name == "encoded"), name
            strangers = [p for p in folder.rglob("*") if p.is_file() and p.suffix not in (".ts", ".m3u8")]
            assert not strangers, strangers


def test_a_recording_goes_to_a_server_that_is_slow_to_come():
    with stage.Stage("single.json") as air:
        _clip(air)
        password = air.dir / "password"
        password.write_text("me:verysecret\n")
        password.chmod(0o600)
        crypt = subprocess.run(["openssl", "passwd", "-1", "verysecret"], capture_output=True, text=True,
                               check=True).stdout.strip()
        (air.dir / "users").write_text(f"me:{crypt}\n")
        server = Server(air, f"limit_except GET {{ auth_basic x; auth_basic_user_file {air.dir}/users; }}")

        def to_server(channel):
            _copied(channel)
            channel.update(destination=server.url + "vod/", credentials={"file": "password"})

        def come_late(log):
            stage.wait_for("the complaint", lambda: "trying again" in log.read_text(), 60)
            server.start()
        code, words = _recording(air, to_server, come_late)
        assert code == 0, words
        assert "verysecret" not in words and "takes segments again" in words, words
        _check_recording(server.dir / "root" / "vod", _play(server.url + "vod/clip/main.m3u8"))
        puts = [path for method, path, status in server.requests() if method == "PUT" and status in (201, 204)]
        assert puts[-1] == "/vod/clip/main.m3u8" and len(puts) == 8 + 3, puts
        assert all(p.endswith(".ts") for p in puts[:8]), puts


def test_an_encrypted_recording_plays_with_keys_of_a_gate():
    port, = stage.free_ports(1)

    def beside_a_recording(model):
        clip, = json.loads((stage.TOP / "pipelines" / "vod.json").read_text())["channels"]
        _copied(clip)
        clip.update({"encryption": "aes-128", "key-rotation": 1, "destination": f"file:server-{port}/root/vod",
                     "key-uri": f"http://{model['nodes'][0]['listen']}/live/clip/keys/"})
        model["channels"].insert(0, clip)  # the other one waits for its feed in vain
    with stage.Stage("single.json", change=beside_a_recording) as air:
        _clip(air)
        server = Server(air, port=port)
        server.start()
        (name, base), = air.origin.items()
        air.start_node(name)
        stage.wait_for("the recording", (server.dir / "root/vod/clip/main.m3u8").exists, 180)
        keys = re.findall(r'URI="([^"]+)"', (server.dir / "root/vod/clip/360p/index.m3u8").read_text())
        assert len(set(keys)) == 4 and all(key.startswith(f"{base}/live/clip/keys/base/") for key in keys), keys

        token = air.headend("token", "mint", "--key", str(air.dir / "token.pem"), "--account", "me", "--channel",
                            "clip").strip()
        entry = stage.get(f"{base}/live/clip/main.m3u8?URISigningPackage={token}")
        assert entry.status == 204 and not entry.body, (entry.status, entry.body)
        cookie = entry.headers["Set-Cookie"].split(";")[0]
        assert stage.get(keys[0]).status == 401
        assert len(stage.get(keys[0], {"Cookie": cookie}).body) == 16
        assert stage.get(f"{base}/live/clip/360p/index.m3u8", {"Cookie": cookie}).status == 404

        url = server.url + "vod/clip/main.m3u8"
        _check_recording(server.dir / "root" / "vod",
                         _play(url, "-cookies", f"{cookie}; path=/live/"))
        stranger = stage.Counters(url, "-allowed_extensions", "ALL")
        stranger.process.wait(120)
        assert not stranger.stop() and "Unable to open key file" in stranger.words, stranger.words


def test_a_recording_that_fails_ends_the_run():
    with stage.Stage("single.json") as air:
        code, words = _recording(air)  # there is no clip.ts
        assert code == 1, (code, words)
        assert "has failed for good" in words, words


def _affiliate(air_model, server):
    channel, = air_model["channels"]
    channel["destination"] = server + "live/"


def _listed(text):
    return [int(n) for n in re.findall(r"^(\d+)\.ts$", text, re.M)]


def _media(server):
    answer = stage.get(server.url + "live/demo/360p/index.m3u8")
    return _listed(answer.body.decode()) if answer.status == 200 else []


def _newest(air, node):
    """What the node's own origin lists last."""
    channel, = json.loads(stage.get(air.internal[node] + "/status").body)["channels"]
    return channel.get("last-msn", 0)


def test_an_affiliate_that_dies_and_comes_back():
    port = stage.free_ports(1)[0]
    with stage.Stage("affiliate.json", change=lambda m: _affiliate(m, f"http://127.0.0.1:{port}/")) as air:
        server = Server(air, port=port)
        server.start()
        air.start_feed()
        (name, base), = air.origin.items()
        air.start_node(name)
        first = stage.wait_for("the first playlist", lambda: _media(server), 120)
        player = stage.Counters(server.url + "live/demo/main.m3u8", "-t", "4")
        player.process.wait(60)
        counters = player.stop()
        assert len(counters) >= 50 and not stage.consecutive(counters), counters
        assert not player.words, player.words

        server.stop()
        away_at = len(server.requests())
        log = air.dir / f"node-{name}.log"
        stage.wait_for("the complaint", lambda: "trying again" in log.read_text(), 60)
        air.wait_ready(name)  # our own viewers notice nothing
        gone = _newest(air, name)
        # More than wait for it: the window, and what was under way.
        missed = stage.wait_for("more segments than wait", lambda: (n := _newest(air, name)) > gone + 9 and n, 120)
        server.start()
        stage.wait_for("segments again", lambda: (_media(server) or [0])[-1] > missed, 120)
        assert "takes segments again" in log.read_text()

        air.kill_node(name, signal.SIGTERM)  # nothing changes any more
        requests = server.requests()
        there, listings = set(), 0
        for method, path, status in requests:
            if method != "PUT" or status not in (201, 204):
                continue
            there.add(path)
            if path.endswith("index.m3u8"):
                listings += 1
            if path.endswith("main.m3u8"):
                assert {f"/live/demo/{r}/index.m3u8" for r in ("360p", "audio")} <= there, requests
        assert listings >= 6, requests
        # What left the window a window ago is removed, and nothing else.
        removed = [int(m.group(1)) for method, p, s in requests
                   if method == "DELETE" and s == 204 and (m := re.search(r"/360p/(\d+)\.ts", p))]
        listed = _listed((server.dir / "root/live/demo/360p/index.m3u8").read_text())
        assert removed == sorted(set(removed)) and removed[-1] < listed[0] - (len(listed) - 1), (removed, listed)
        # A playlist names what stands there, and nothing that came later: each number that is
        # listed last was put before it was listed, and the folder holds every file of the list.
        for rendition in ("360p", "audio"):
            text = (server.dir / "root/live/demo" / rendition / "index.m3u8").read_text()
            order = [p for m, p, s in requests if m == "PUT" and p.startswith(f"/live/demo/{rendition}/")]
            for msn in _listed(text):
                assert (server.dir / f"root/live/demo/{rendition}/{msn}.ts").exists(), msn
                assert order.index(f"/live/demo/{rendition}/{msn}.ts") < len(order) - 1 - order[::-1].index(
                    f"/live/demo/{rendition}/index.m3u8"), order
        # What came first after the outage is of the newest window, not what was missed first.
        back = [int(m.group(1)) for method, p, _ in requests[away_at:] if method == "PUT" and (m := re.search(r"/360p/(\d+)\.ts", p))]
        before = [int(m.group(1)) for method, p, _ in requests[:away_at] if method == "PUT" and (m := re.search(r"/360p/(\d+)\.ts", p))]
        assert back[0] > before[-1] + 1, (before, back)
        assert back == sorted(back) and len(back) >= 3, back
        print(f"# before {before[-1]}, back with {back[:7]}", flush=True)
        text = stage.get(server.url + "live/demo/360p/index.m3u8").body.decode()
        assert "PROGRAM-DATE-TIME" in text and "ENDLIST" not in text, text


stage.main()
