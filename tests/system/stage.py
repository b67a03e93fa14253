# SPDX-License-Identifier: LGPL-2.1-or-later
"""A stage for tests of the whole system: feed, nodes, edge, tokens and players, all real and all
on loopback, in a folder of their own with ports of their own. Everything that a Stage starts ends
with it, by pid.

Test files define functions named test_*; stage.main() runs them and speaks TAP.
"""
import contextlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse

TOP = pathlib.Path(os.environ["SRCDIR"])
HEADEND = os.environ["HEADEND"]
FPS = 25
SEGMENT = 2.0


_taken = []  # names that keep ports for this process, until it ends


def _take_port(port):
    """Whether no other test has it. They run side by side, and a port may be free for long: until its process is
    started, and while that is dead."""
    name = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        name.bind(f"\0headend-test-port-{port}")
    except OSError:
        name.close()
        return False
    _taken.append(name)
    return True


def free_ports(count):
    """Ports that are free on 127.0.0.1 and nobody else's, all different, below those that the kernel gives to
    connections, and above those of `headend drill`."""
    ports = []
    while len(ports) < count:
        port = random.randrange(20000, 32000)
        if not _take_port(port):  # first: to try another's port would be in its way
            continue
        with socket.socket() as s:
            try:
                s.bind(("127.0.0.1", port))
            except OSError:
                continue
        ports.append(port)
    return ports


def wait_for(what, condition, seconds=60):
    """Returns condition()'s first true value; raises naming what did not come. Nothing is judged by
    how long it takes: a minute is given to everything, for machines that are slow or busy."""
    end = time.monotonic() + max(seconds, 60)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what} did not come within {max(seconds, 60)} s")
        time.sleep(0.1)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def code(self):
        """The denial code of RFC 9246 section 6.4, or the gate's own."""
        return self.headers.get("S-Uri-Signing")


def get(url, headers=None, source="127.0.0.1", method="GET", body=None):
    """One request on a connection of its own, from a source address; follows nothing, trusts any certificate."""
    parts = urllib.parse.urlsplit(url)
    kind = {"http": http.client.HTTPConnection,
            "https": lambda *a, **b: http.client.HTTPSConnection(*a, context=ssl._create_unverified_context(), **b)}
    connection = kind[parts.scheme](parts.hostname, parts.port, timeout=60, source_address=(source, 0))
    try:
        target = parts.path + ("?" + parts.query if parts.query else "")
        connection.request(method, target, body=body, headers=headers or {})
        reply = connection.getresponse()
        return Answer(reply.status, reply.headers, reply.read())
    finally:
        connection.close()


def status(url):
    """With what it is answered; 0 while nothing answers there."""
    try:
        return get(url).status
    except OSError:
        return 0


class Stage:
    """nodes of pipelines/DESCRIPTION on free ports; change(description) may edit it first. small: pictures of a
    quarter of the size, for tests of many players at once or that judge time, on machines that are slow."""

    def __init__(self, description="active-active.json", change=None, secret=None, feed_port=None, small=False):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="headend-test-"))
        self.processes, self.nodes, self.logs = [], {}, []
        model = json.loads((TOP / "pipelines" / description).read_text())
        names = [n["name"] for n in model.get("nodes", [{"name": "node"}])]
        ports = free_ports(2 * len(names) + 2)
        self.feed_port = feed_port or ports.pop()
        model["nodes"] = [{"name": name, "listen": f"127.0.0.1:{ports.pop()}",
                           "internal": f"127.0.0.1:{ports.pop()}", "state": f"state-{name}",
                           "gate": f"gate-{name}.sock"}
                          for name in names]
        self.edge_url = None
        if "edge" in model:
            model["edge"]["listen"] = f"127.0.0.1:{ports.pop()}"
            self.edge_url = "http://" + model["edge"]["listen"]
        for channel in model["channels"]:
            channel["source"] = f"srt://127.0.0.1:{self.feed_port}"
            if small:
                for video in channel["video"]:
                    video.update(width=320, height=180, bitrate=400)
        self.feed_words = ("86400", "h264", str(FPS), "48000", "320x180") if small else ()
        if change:
            change(model)
        self.model = model
        self.origin = {n["name"]: "http://" + n["listen"] for n in model["nodes"]}
        self.internal = {n["name"]: "http://" + n["internal"] for n in model["nodes"]}
        self.description = self.dir / description
        self.description.write_text(json.dumps(model, indent=2))
        self.secret = secret or os.urandom(32).hex()
        path = self.dir / "headend.secret"
        path.write_text(self.secret + "\n")
        path.chmod(0o600)
        self.headend("token", "keygen", "--dir", str(self.dir))

    def __enter__(self):
        return self

    def __exit__(self, kind, value, trace):
        for name in list(self.nodes):
            self.signal_node(name, signal.SIGCONT)
            self.kill_node(name, signal.SIGTERM)
        for process in self.processes:
            end(process)
        if kind is not None:
            for log in self.logs:
                print(f"# --- the end of {log.name}")
                for line in log.read_text(errors="replace").splitlines()[-25:]:
                    print("#", line, file=sys.stderr)
        shutil.rmtree(self.dir, ignore_errors=True)

    def headend(self, *arguments):
        """Runs a command of the launcher to its end and returns what it printed."""
        done = subprocess.run([HEADEND, *arguments], capture_output=True, text=True, timeout=120,
                              stdin=subprocess.DEVNULL)
        if done.returncode:
            raise AssertionError(f"headend {arguments[0]} failed: {done.stderr}")
        return done.stdout

    def spawn(self, name, *command, **options):
        log = self.dir / f"{name}.log"
        self.logs.append(log)
        with log.open("ab") as out:
            return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    **options)

    def start_feed(self, *more):
        """more: words for tools/feed behind the port."""
        self.processes.append(self.spawn("feed", str(TOP / "tools" / "feed"), str(self.feed_port),
                                         *(more or self.feed_words)))

    def restart_feed(self, away):
        """Ends the feed that was started first; after so many seconds it begins a new timeline."""
        end(self.processes.pop(0))
        time.sleep(away)
        self.start_feed()
        self.processes.insert(0, self.processes.pop())

    def start_node(self, name):
        """A node is a process group of its own, as a service manager would start it."""
        self.nodes[name] = self.spawn(f"node-{name}", HEADEND, "run", str(self.description),
                                      "--node", name, start_new_session=True)

    def kill_node(self, name, how=signal.SIGKILL):
        """All processes of the node at once."""
        self.signal_node(name, how)
        process = self.nodes.pop(name)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(60)
        return process.returncode

    def signal_node(self, name, how):
        """To all its processes at once that there are, such as SIGSTOP and SIGCONT."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.nodes[name].pid, how)

    def channel(self, name):
        """What a node's /status says of the one channel."""
        channel, = json.loads(get(self.internal[name] + "/status").body)["channels"]
        return channel

    def is_ready(self, name):
        return status(self.internal[name] + "/readyz") == 200

    def wait_ready(self, *names, seconds=60):
        for name in names:
            wait_for(f"readiness of node {name}", lambda: self.is_ready(name), seconds)

    def start_edge(self):
        folder = self.dir / "edge"
        folder.mkdir()
        conf = folder / "nginx.conf"
        conf.write_text(self.headend("edge", str(self.description), "--dir", str(folder)))
        self.processes.append(self.spawn("edge", "/usr/sbin/nginx", "-c", str(conf), "-p",
                                         str(folder), "-e", str(folder / "error.log")))
        wait_for("the edge", lambda: status(self.edge_url + "/"), 10)

    def start_varnish(self):
        """Beside that edge; returns its URL."""
        port, = free_ports(1)
        folder = self.dir / "varnish"
        folder.mkdir()
        conf = folder / "edge.vcl"
        text = self.headend("edge", str(self.description), "--for", "varnish", "--dir", str(folder))
        conf.write_text(patient(text))
        self.processes.append(self.spawn(
            "varnish", "/usr/sbin/varnishd", "-F", "-j", "none", "-f", str(conf), "-a", f"127.0.0.1:{port}", "-n",
            str(folder / "varnish"), "-s", "default,64m", "-p", re.search(r"vsl_mask=\S+", text).group(0)))
        url = f"http://127.0.0.1:{port}"
        wait_for("the edge", lambda: status(url + "/"))
        return url

    def on_air(self):
        """Feed, all nodes, edge where the description has one; returns when all are ready."""
        try:
            self.start_feed()
            for name in self.origin:
                self.start_node(name)
            if self.edge_url:
                self.start_edge()
            self.wait_ready(*self.origin)
        except BaseException:
            self.__exit__(*sys.exc_info())
            raise
        return self

    def token(self, account, *more):
        return self.headend("token", "mint", "--key", str(self.dir / "token.pem"), "--account",
                            account, "--channel", "demo", *more).strip()

    def url(self, account, transport="cookie", base=None, *more):
        return self.headend("token", "mint", "--key", str(self.dir / "token.pem"), "--account",
                            account, "--channel", "demo", "--url", base or self.edge_url,
                            "--transport", transport, *more).strip()


def patient(text):
    """The configuration of an edge that waits for nodes which are not given a turn on a busy machine, instead
    of asking another in their place."""
    changed = re.sub(r"(proxy_(?:connect|read|send)_timeout |proxy_cache_lock_(?:timeout|age) |\.\w*timeout = )[\w.]+;",
                     r"\g<1>60s;", text)
    assert changed != text, text
    return changed


def end(process):
    """Asks a process of ours to end, and makes it."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(60)


class Viewer:
    """A player's requests by hand: enters with a token, then fetches playlists, keys, segments."""

    def __init__(self, url, source="127.0.0.1"):
        self.source, self.base, self.headers = source, url.split("/live/")[0], {}
        answer = get(url, source=source)
        self.prefix = ""
        if answer.status == 302:
            self.prefix = re.match(r"/s/[^/]+", answer.headers["Location"]).group(0)
            answer = get(self.base + answer.headers["Location"], source=source)
        elif answer.headers.get("Set-Cookie"):
            self.headers["Cookie"] = answer.headers["Set-Cookie"].split(";")[0]
        self.entry = answer

    def get(self, path, base=None, source=None):
        return get((base or self.base) + self.prefix + path, self.headers, source or self.source)

    def media(self, rendition, base=None):
        """[(msn, key path or None)] of a media playlist, oldest first."""
        answer = self.get(f"/live/demo/{rendition}/index.m3u8", base)
        assert answer.status == 200, f"{rendition}: {answer.status} {answer.code}"
        key, listed = None, []
        for line in answer.body.decode().splitlines():
            if line.startswith("#EXT-X-KEY"):
                key = re.search(r'URI="\.\./([^"]+)"', line)
                key = "/live/demo/" + key.group(1) if key else None
            elif line.endswith(".ts"):
                listed.append((int(line[:-3]), key))
        return listed

    def segment(self, rendition, msn, key, base=None):
        """The clear bytes of a segment."""
        answer = self.get(f"/live/demo/{rendition}/{msn}.ts", base)
        assert answer.status == 200, f"{rendition}/{msn}: {answer.status} {answer.code}"
        return self.clear(answer.body, msn, key, base)

    def clear(self, body, msn, key, base=None):
        if not key:
            return body
        secret = self.get(key, base)
        assert secret.status == 200 and len(secret.body) == 16, f"{key}: {secret.status}"
        return subprocess.run(["openssl", "enc", "-d", "-aes-128-cbc", "-K", secret.body.hex(),
                               "-iv", f"{msn:032x}"], input=body, capture_output=True,
                              check=True).stdout


# The boxes that tools/feed burns in: bit b is 22 x 20 pixels at (8 + 26 b, 332) of 640 x 360, and
# where those are in a picture of another size.
_STRIP = "crop=iw:2:0:341*ih/360,scale=640:2:flags=neighbor"


class Counters:
    """Plays a URL with ffmpeg and reads the burned-in frame counter of every decoded frame:
    frames is [(counter, monotonic time)], words what ffmpeg said."""

    def __init__(self, url, *options):
        process = subprocess.Popen(
            ["ffmpeg", "-nostdin", "-v", "warning", *options, "-i", url, "-map", "0:v:0", "-vf", _STRIP,
             "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo", "pipe:1"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._listen(process, process.stdout, process.stderr)

    def _listen(self, process, strips, words):
        """To a player that writes the strip of each picture, and words."""
        self.process, self._strips, self._words = process, strips, words
        self.frames, self.words = [], ""
        self._threads = [threading.Thread(target=self._read), threading.Thread(target=self._hear)]
        for thread in self._threads:
            thread.start()

    def _read(self):
        while len(frame := self._strips.read(1280)) == 1280:
            self.frames.append((counter(frame), time.monotonic()))

    def _hear(self):
        self.words = self._words.read().decode(errors="replace")

    def stop(self):
        end(self.process)
        for thread in self._threads:
            thread.join()
        return [value for value, _ in self.frames]

    def judge_words(self):
        """Of a player that has ended: it had nothing to say."""
        assert self.words == "", self.words

    def longest_stall(self):
        """The longest time between two frames that came out, after the first second."""
        times = [at for _, at in self.frames]
        times = [t for t in times if t > times[0] + 1]
        return max(b - a for a, b in zip(times, times[1:]))

    def longest_wait(self):
        """For how long at most a player stands still that shows these pictures at their rate, from when the first
        segment was there as a whole: it waits when the next one is due and has not come out."""
        due, longest = self.frames[int(SEGMENT * FPS) - 1][1], 0
        for _, at in self.frames:
            longest = max(longest, at - due)
            due = max(due, at) + 1 / FPS
        return longest


def counter(strip):
    """The number in a gray strip of 640 x 2 pixels."""
    return sum(1 << bit for bit in range(24) if strip[8 + 26 * bit + 11] > 127)


def counters_of(data):
    """The burned-in counters of a transport stream in memory, and what ffmpeg said of it."""
    done = subprocess.run(["ffmpeg", "-v", "warning", "-f", "mpegts", "-i", "pipe:0", "-map", "0:v:0", "-vf",
                           _STRIP, "-pix_fmt", "gray", "-fps_mode", "passthrough", "-f", "rawvideo",
                           "pipe:1"], input=data, capture_output=True, timeout=240)
    strips = [done.stdout[i:i + 1280] for i in range(0, len(done.stdout), 1280)]
    return [counter(s) for s in strips], done.stderr.decode()


def timestamps(data, stream):
    """PTS in stream order ("v" or "a") of a transport stream, in its own ticks."""
    done = subprocess.run(["ffprobe", "-v", "warning", "-f", "mpegts", "-select_streams", stream, "-show_entries",
                           "packet=pts", "-of", "csv=p=0", "-i", "pipe:0"], input=data,
                          capture_output=True, timeout=240, check=True)
    return [int(line.strip(",")) for line in done.stdout.decode().split()]


class Machine:
    """How much time this machine had for what ran on it, since this was made. Players complain of lateness on one
    that is too slow, shared, or halted by its owner, whatever we do: only this can tell."""

    def __init__(self):
        self._ended, self._late, self._full = threading.Event(), 0.0, 0.0
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @staticmethod
    def _ticks():
        """Of all processors, and those of them that nobody needed."""
        ticks = [int(t) for t in pathlib.Path("/proc/stat").read_text().split()[1:9]]
        return sum(ticks), ticks[3] + ticks[4]

    def _watch(self):
        before, since = self._ticks(), time.monotonic()
        while not self._ended.is_set():
            at = time.monotonic()
            self._ended.wait(0.1)
            self._late = max(self._late, time.monotonic() - at - 0.1)
            if time.monotonic() < since + 1:
                continue
            ticks, now = self._ticks(), time.monotonic()
            if ticks[1] - before[1] < 0.1 * (ticks[0] - before[0]):
                self._full += now - since
            before, since = ticks, now

    def judge(self, complaints):
        """Complaints of lateness count where nothing was late with a timer and processors had time to spare."""
        self._ended.set()
        self._thread.join()
        short = self._late > 0.2 or self._full > 3
        print(f"# timers were late by at most {self._late:.2f} s, all processors busy for {self._full:.0f} s: lateness "
              f"is {'not ' if short else ''}judged")
        for complaint in complaints:
            print("#", complaint)
        assert short or not complaints, complaints


def consecutive(values):
    """What is wrong with a run of counters that should each come once, in order; "" when nothing."""
    wrong = [f"{a} then {b}" for a, b in zip(values, values[1:]) if b != a + 1]
    return ", ".join(wrong[:5])


def drill(folder, *words, source="srt://192.0.2.1:9"):
    """headend drill of a channel with small pictures: exit code, lines, and the report (None: none)."""
    model = json.loads((TOP / "pipelines" / "active-active.json").read_text())
    model["channels"][0].update({"source": source, "segment-duration": 1, "window": 12,
                                 "watermark": False,
                                 "video": [{"width": 160, "height": 90, "bitrate": 200}]})
    path = pathlib.Path(folder) / "d.json"
    path.write_text(json.dumps(model))
    done = subprocess.run([HEADEND, "drill", str(path), *words, "--report", f"{folder}/report.json"],
                          capture_output=True, text=True, timeout=280, stdin=subprocess.DEVNULL)
    report = pathlib.Path(folder) / "report.json"
    return done.returncode, done.stdout + done.stderr, json.loads(report.read_text()) if report.exists() else None


def main(module="__main__"):
    tests = [(name, f) for name, f in vars(sys.modules[module]).items() if name.startswith("test_")]
    print(f"1..{len(tests)}", flush=True)
    failed = 0
    for number, (name, function) in enumerate(tests, 1):
        try:
            function()
            print(f"ok {number} - {name[5:]}", flush=True)
        except BaseException as error:  # a test that is interrupted has failed as well
            failed += 1
            for line in traceback.format_exc().splitlines():
                print("#", line, file=sys.stderr)
            print(f"not ok {number} - {name[5:]}", flush=True)
            if not isinstance(error, Exception):
                break
    sys.exit(1 if failed else 0)
