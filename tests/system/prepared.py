# SPDX-License-Identifier: LGPL-2.1-or-later
"""A channel whose origins run alone and hold what a test puts there, so that nothing is encoded while it
is judged."""
import base64
import hashlib
import hmac
import pathlib
import subprocess
import time

import stage

TICKS = 180000  # of a segment
ROTATION = 5  # segments with one key
FPS = 10  # of clip()
WINDOW = 12
FIRST = 9000  # number of the first segment of a clip on air
LONGEST = 60  # segments that it has
AHEAD = 8  # segments that are put before they are played


def describe(model):
    model["channels"][0].update({"window": WINDOW, "key-rotation": ROTATION})


def parts(*given):
    out = b""
    for part in given:
        part = part.to_bytes(8, "big") if isinstance(part, int) else part if isinstance(part, bytes) else part.encode()
        out += len(part).to_bytes(4, "big") + part
    return out


def _derive(key, *info):
    return hmac.digest(hmac.digest(bytes(32), key, "sha256"), parts(*info) + b"\1", "sha256")


def _base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class Channel:
    """demo, of a stage whose description says {"key-rotation": ROTATION} of it."""

    def __init__(self, air):
        self.air, secret = air, bytes.fromhex(air.secret)
        self._publish, self._content = _derive(secret, "headend", "publish"), _derive(secret, "headend", "content")

    def start(self):
        air = self.air
        for name in air.origin:
            air.nodes[name] = air.spawn(f"node-{name}", stage.HEADEND, "run", str(air.description), "--node", name,
                                        "--origin", start_new_session=True)
        for name, base in air.internal.items():
            stage.wait_for(f"origin {name}", lambda: stage.status(base + "/healthz") == 200)

    def key(self, msn):
        return _derive(self._content, 1, "demo", "base", msn // ROTATION)[:16]

    def put(self, rendition, variant, msn, body):
        """To every node."""
        path, now = f"/origin/{variant}/demo/{rendition}/{msn}.ts", int(time.time())
        mac = hmac.digest(self._publish, parts("PUT", path, hashlib.sha256(body).digest(), now), "sha256")
        for name in self.air.nodes:
            answer = stage.get(self.air.internal[name] + path, {
                "Authorization": f"Headend-HMAC t={now},s={_base64url(mac)}", "Headend-Node": name,
                "Headend-Segment": f"generation=0;pts90={msn * TICKS};duration90={TICKS};flags=0"},
                method="PUT", body=body)
            assert answer.status in (200, 201), (path, answer.status, answer.body)

    def put_clear(self, rendition, variants, msn, clear):
        """Encrypts it."""
        body = subprocess.run(["openssl", "enc", "-aes-128-cbc", "-K", self.key(msn).hex(), "-iv", f"{msn:032x}"],
                              input=clear, capture_output=True, check=True).stdout
        for variant in variants:
            self.put(rendition, variant, msn, body)


def clip(folder, segments):
    """[(pictures, sound)] of consecutive segments."""
    folder = pathlib.Path(folder)
    folder.mkdir()
    seconds = TICKS // 90000
    hls = ["-f", "hls", "-hls_time", str(seconds), "-hls_list_size", "0"]
    subprocess.run(
        ["ffmpeg", "-nostdin", "-v", "error", "-f", "lavfi", "-i", f"testsrc2=size=160x90:rate={FPS}", "-f", "lavfi",
         "-i", "sine=sample_rate=48000", "-t", str(seconds * segments),
         "-map", "0:v", "-c:v", "libx264", "-preset", "ultrafast", "-bf", "0", "-g", str(FPS * seconds),
         "-keyint_min", str(FPS * seconds), "-sc_threshold", "0", "-pix_fmt", "yuv420p", *hls,
         "-hls_segment_filename", f"{folder}/v%d.ts", f"{folder}/v.m3u8",
         "-map", "1:a", "-t", str(seconds * segments), "-c:a", "aac", "-b:a", "64k", *hls,
         "-hls_segment_filename", f"{folder}/a%d.ts", f"{folder}/a.m3u8"], check=True, timeout=240)
    return [tuple((folder / f"{kind}{i}.ts").read_bytes() for kind in "va") for i in range(segments)]


class OnAir:
    """A clip that goes on air as it is played: as fast as it lasts, unless a player gets no time on this machine.
    Players have seconds(), what they played so far, and process. The description is describe()'s."""

    def __init__(self, air):
        self.channel, self.next, self.looked = Channel(air), 0, 0
        self.clip = clip(air.dir / "clip", LONGEST)
        self.channel.start()
        while self.next < WINDOW:
            self.put()

    def put(self):
        assert self.next < LONGEST, "the clip is over"
        pictures, sound = self.clip[self.next]
        self.channel.put_clear("360p", ("a", "b"), FIRST + self.next, pictures)
        self.channel.put_clear("audio", ("none",), FIRST + self.next, sound)
        self.next += 1
        self.due = time.monotonic() + stage.SEGMENT

    def go_on(self, players, seconds):
        """Whether all have played so far; puts the next segment when it is time."""
        if time.monotonic() < self.looked + 0.5:
            return False
        self.looked = time.monotonic()
        ended = [player.name for player in players if player.process.poll() is not None]
        assert not ended, f"ended by themselves: {', '.join(ended)}"
        slowest = min(player.seconds() for player in players)
        if time.monotonic() > self.due and self.next - WINDOW < AHEAD + slowest / stage.SEGMENT:
            self.put()
        return slowest >= seconds

    def play(self, players, seconds):
        stage.wait_for(f"{seconds} s of all players", lambda: self.go_on(players, seconds), 400)
