# SPDX-License-Identifier: LGPL-2.1-or-later
"""Real players play through the edge for longer than three leases, by cookie and by path prefix, and none
of them notices: mpv, both HLS demuxers of GStreamer, ffmpeg, VLC, and hls.js in Chromium; nor do mpv, ffmpeg
and a player without cookies that send a token with each request, though it expires. Who asks for nothing meanwhile has lost his lease, so that there was one to lose."""
import contextlib
import itertools
import json
import os
import re
import socket
import time
import types

import browser
import prepared
import stage

LEASE = 10
LONG = 3 * LEASE + 5  # seconds of pictures




def _short_lease(model):
    prepared.describe(model)
    model["sessions"] = dict(model.get("sessions", {}), lease=LEASE)


class _Player:
    """A process and what it wrote."""
    options = {}

    def __init__(self, air, name, url):
        self.air, self.name = air, name
        self.env = dict(os.environ, HOME=str(air.dir), GST_REGISTRY=str(air.dir / "registry.bin"))
        self.process = air.spawn(name, *self.command(url), **dict({"env": self.env}, **self.options))
        air.processes.append(self.process)

    @property
    def words(self):
        return (self.air.dir / f"{self.name}.log").read_text(errors="replace")

    def end(self):
        """What it wrote, which it does until now."""
        assert self.process.poll() is None, f"{self.name} ended with {self.process.returncode}: {self.words[-2000:]}"
        stage.end(self.process)
        print(f"# {self.name}: {self.seconds():.1f} s")
        return self.words

    def judge_segments(self, words, *kinds):
        """Each that was fetched follows the one before."""
        for kind in kinds:
            fetched = [int(msn) for msn in re.findall(rf"/{kind}/(\d+)\.ts", words)]
            fetched = [msn for msn, _ in itertools.groupby(fetched)]
            steps = {b - a for a, b in zip(fetched, fetched[1:])}
            assert steps == {1}, f"{self.name}, {kind}: {fetched}"


class Mpv(_Player):
    def command(self, url):
        self.control, self.log = self.air.dir / f"{self.name}.sock", self.air.dir / f"{self.name}.mpv"
        return ["mpv", "--no-config", "--vo=null", "--ao=null", "--no-input-default-bindings", "--no-terminal",
                f"--input-ipc-server={self.control}", f"--log-file={self.log}", url]

    def _ask(self, what):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(60)
            try:
                s.connect(str(self.control))
            except OSError:
                return None  # it has only begun
            s.sendall(json.dumps({"command": ["get_property", what], "request_id": 7}).encode() + b"\n")
            for line in s.makefile():
                told = json.loads(line)
                if told.get("request_id") == 7:
                    return told.get("data")
        return None

    def seconds(self):
        """Played, not fetched."""
        at = self._ask("time-pos")
        if at is None:
            return getattr(self, "last", 0)
        self.first = min(getattr(self, "first", at), at)
        self.last = at - self.first
        return self.last

    def end(self):
        assert self._ask("paused-for-cache") is not None, "mpv does not answer"
        super().end()
        said = self.log.read_text(errors="replace")
        errors = [line for line in said.splitlines() if re.search(r"\]\[[ef]\]\[", line)]
        assert not errors, "\n".join(errors[:10])
        self.judge_segments("\n".join(re.findall(r"Opening '([^']+)'", said)), "360p", "audio")


class _GStreamer(_Player):
    """Both streams decoded and shown at their time; silent=false tells of every buffer."""
    def command(self, url):
        return ["gst-launch-1.0", "-v", self.source, "uri=" + url, "name=d",
                "d.", "!", "video/x-raw", "!", "queue", "!", "fakesink", "name=pictures", "sync=true", "silent=false",
                "d.", "!", "audio/x-raw", "!", "queue", "!", "fakesink", "name=sounds", "sync=true"]

    def _times(self):
        return [3600 * int(h) + 60 * int(m) + float(s)
                for h, m, s in re.findall(r"chain .*? pts: (\d+):(\d\d):(\d\d\.\d+)", self.words)]

    def seconds(self):
        times = self._times()
        return times[-1] - times[0] if times else 0

    def end(self):
        words = super().end()
        assert self.demuxer in words, f"{self.demuxer} was not used"
        assert "ERROR" not in words and "WARNING" not in words, words[-2000:]
        times = self._times()
        gaps = [(a, b) for a, b in zip(times, times[1:]) if not 0 < b - a < 0.2]
        assert not gaps, f"{self.name}: pictures at {gaps[:5]}"


class HlsDemux(_GStreamer):
    source, demuxer = "uridecodebin", "GstHLSDemux:"


class HlsDemux2(_GStreamer):
    source, demuxer = "uridecodebin3", "GstHLSDemux2:"


class Vlc(_Player):
    # It refuses to run as root.
    options = {"cwd": "/", **({"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {})}

    def command(self, url):
        self.env["HOME"], self.begin = "/nonexistent", time.monotonic()
        return ["cvlc", "-I", "dummy", "-vv", "--no-color", "--vout", "dummy", "--aout", "dummy", url]

    def _listed(self):
        return {int(msn) for msn in re.findall(r"/360p/(\d+)\.ts", self.words)}

    def seconds(self):
        """By what it says of the playlists that it asks for as it plays."""
        listed = self._listed()
        return stage.SEGMENT * (max(listed) - min(listed) - prepared.WINDOW) if listed else 0

    def end(self):
        words = super().end()
        # What it says of decoders and outputs may be a machine's that gives it no time.
        errors = re.findall(r"^.*\] (?:http|https|tls|adaptive|access|prefetch)\b.* error: .*", words, re.M)
        assert not errors, "\n".join(errors[:10])
        assert sorted(self._listed()) == list(range(min(self._listed()), max(self._listed()) + 1)), self._listed()


class Ffmpeg(_Player):
    """Tells of each picture."""
    def command(self, url):
        return ["ffmpeg", "-nostdin", "-v", "warning", "-re", "-i", url, "-map", "0:v:0", "-f", "framecrc", "pipe:1",
                "-map", "0:a:0", "-f", "null", "-"]

    def _times(self):
        return [int(pts) / prepared.FPS for pts in re.findall(r"^0, +\d+, +(\d+),", self.words, re.M)]

    def seconds(self):
        times = self._times()
        return times[-1] - times[0] if times else 0

    def end(self):
        words, times = super().end(), self._times()
        said = [line for line in words.splitlines() if line[0] != "#" and not line.startswith("0, ")]
        assert not said, "\n".join(said[:10])
        gaps = [(a, b) for a, b in zip(times, times[1:]) if round((b - a) * prepared.FPS) != 1]
        assert not gaps, f"{self.name}: pictures at {gaps[:5]}"


def _header(air, name):
    """Of a token that expires with the first lease."""
    return "Authorization: Bearer " + air.token(name, "--ttl", str(LEASE))


class MpvByHeader(Mpv):
    def command(self, url):
        command = super().command(url)
        return [*command[:-1], "--http-header-fields=" + _header(self.air, self.name), url]


class FfmpegByHeader(Ffmpeg):
    def command(self, url):
        command = super().command(url)
        at = command.index("-i")
        return [*command[:at], "-headers", _header(self.air, self.name) + "\r\n", *command[at:]]


class Plain:
    """Asks for playlists, what they list and its key, with nothing but a header."""
    def __init__(self, air, name):
        self.air, self.name, self.process = air, name, types.SimpleNamespace(poll=lambda: None)
        self.headers, self.fetched = dict([_header(air, name).split(": ")]), []
        assert "Set-Cookie" in self._get("main.m3u8").headers

    def _get(self, path):
        answer = stage.get(f"{self.air.edge_url}/live/demo/{path}", self.headers)
        assert answer.status == 200, (path, answer.status, answer.code)
        return answer

    def seconds(self):
        listed = self._get("360p/index.m3u8")
        assert "Set-Cookie" not in listed.headers, listed.headers
        for msn in map(int, re.findall(r"^(\d+)\.ts", listed.body.decode(), re.M)):
            if not self.fetched or msn > self.fetched[-1]:
                self._get(f"360p/{msn}.ts")
                self.fetched.append(msn)
        for key in re.findall(r'URI="\.\./([^"]+)"', listed.body.decode()):
            self._get(key)
        return stage.SEGMENT * (self.fetched[-1] - self.fetched[0])

    def end(self):
        print(f"# {self.name}: {self.seconds():.1f} s")
        assert self.fetched == list(range(self.fetched[0], self.fetched[-1] + 1)), self.fetched


class HlsJs:
    """In the watch page."""
    def __init__(self, chromium, air, transport):
        self.name, self.chromium, self.process = f"hlsjs-{transport}", chromium, chromium.process
        url = air.url(self.name, transport, None, "--page")
        assert chromium.do("open", self.name, url=url, width=480, height=360)["status"] == 200

    def _page(self):
        return self.chromium.look(self.name)["headend"]

    def seconds(self):
        """By the segment that it shows."""
        msn = self._page()["msn"]
        if msn is None:
            return 0
        self.first = getattr(self, "first", msn)
        return stage.SEGMENT * (msn - self.first)

    def end(self):
        page, played = self._page(), self.seconds()
        print(f"# {self.name}: {played:.1f} s")
        # Pictures stand still, too, where the browser gets no time to show them.
        errors = [error for error in page["errors"] if error["details"] != "bufferStalledError"]
        assert not errors and page["session"]["state"] == "open", (errors, page["session"])
        assert page["segments"]["main"]["gaps"] == 0, page["segments"]


def play(transport, start, gate=None):
    """start(air, stack) gives players; what they need ends with the stack. gate: of the description."""
    def change(model):
        _short_lease(model)
        model["gate"] = gate or {}

    with contextlib.ExitStack() as stack:
        air = stack.enter_context(stage.Stage(change=change))
        channel = prepared.OnAir(air)
        air.start_edge()
        idle = stage.Viewer(air.url("idle", transport))
        assert idle.get("/live/demo/360p/index.m3u8").status == 200
        begin = time.monotonic()
        players = start(air, stack)
        channel.play(players, LONG)
        stage.wait_for("three leases", lambda: channel.go_on(players, LONG) and time.monotonic() > begin + 3 * LEASE)
        for player in players:
            player.end()
        time.sleep(2)  # the edge writes its log out
        asked = (air.dir / "edge" / "access.log").read_text()
        refused = [line for line in asked.splitlines()
                   if "/live/" in line and not re.search(r'" (?:200|204|206|302|499) ', line)]  # 499: ended meanwhile
        assert not refused, refused[:10]
        lost = idle.get(f"/live/demo/360p/{prepared.FIRST + channel.next - 1}.ts")
        assert lost.status == 403 and lost.code == "603", f"a lease that nobody extends: {lost.status} {lost.code}"


def _programs(transport):
    def start(air, _):
        named = [(kind, f"{kind.__name__.lower()}-{transport}") for kind in (Mpv, HlsDemux, HlsDemux2, Vlc, Ffmpeg)]
        return [kind(air, name, air.url(name, transport)) for kind, name in named]
    play(transport, start)


def test_players_outlive_leases_by_cookie():
    _programs("cookie")


def test_players_outlive_leases_by_path():
    _programs("path")


def test_players_outlive_leases_and_their_token_by_header():
    def start(air, _):
        url = f"{air.edge_url}/live/demo/main.m3u8"
        return [Plain(air, "plain"), MpvByHeader(air, "mpv-header", url), FfmpegByHeader(air, "ffmpeg-header", url)]
    play("cookie", start)


def test_hls_js_outlives_leases():
    def start(air, stack):
        chromium = stack.enter_context(browser.Browser(air))
        return [HlsJs(chromium, air, transport) for transport in ("cookie", "path")]
    play("cookie", start)


if __name__ == "__main__":
    stage.main()
