# SPDX-License-Identifier: LGPL-2.1-or-later
"""The launcher and pipelines/headend.schema.json say the same of every description."""
import copy
import json
import os
import pathlib
import subprocess
import tempfile

import jsonschema

import stage

PIPELINES = stage.TOP / "pipelines"
SCHEMA = json.loads((PIPELINES / "headend.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA, format_checker=jsonschema.FormatChecker())


def _check(description):
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "d.json"
        path.write_text(description if isinstance(description, str) else json.dumps(description))
        return subprocess.run([stage.HEADEND, "check", str(path)], capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)


def _base():
    return json.loads((PIPELINES / "active-active.json").read_text())


# Path into the description, and a value that must not stand there.
_WRONG = [
    ((), []), ((), 7), (("channels",), []), (("channels",), {}), (("channel",), 1),
    (("secret",), "0" * 64), (("secret",), {}), (("secret",), {"file": "a", "b": 1}),
    (("secret",), {"file": 7}), (("secret",), "${lower}"),
    (("tokens", "keys"), ""), (("tokens", "issuer"), "x" * 129), (("tokens", "isuer"), "x"), (("tokens", "issue"), ["a"]),
    (("tokens", "algorithms"), []), (("tokens", "algorithms"), ["none"]), (("tokens", "algorithms"), "ES256"),
    (("sessions", "per-account"), 0), (("sessions", "per-account"), "1"),
    (("sessions", "policy"), "oldest"), (("sessions", "lease"), 9), (("sessions", "lease"), 30.5),
    (("sessions", "length"), 2592001),
    (("sessions", "redis"), "unix:/r"), (("sessions", "redis"), {}),
    (("sessions", "redis"), {"servers": []}), (("sessions", "redis"), {"servers": ["unix:r"]}),
    (("sessions", "redis"), {"servers": ["redis://user:password@host:6379"]}),
    (("sessions", "redis"), {"servers": ["redis://host"]}),
    (("sessions", "redis"), {"servers": ["unix:/r"], "credentials": "u:p"}),
    (("sessions", "redis"), {"servers": ["redisss://host:1"]}), (("sessions", "redis"), {"servers": ["rediss://host"]}),
    (("sessions", "redis"), {"servers": ["redis://host:1"], "sentinel": "my master"}),
    (("sessions", "redis"), {"servers": ["redis://host:1"], "sentinel": "s" * 65}),
    (("sessions", "redis"), {"servers": ["rediss://host:1"], "authorities": ""}),
    (("sessions", "redis"), {"servers": ["rediss://host:1"], "certificate": []}),
    (("gate",), []), (("gate", "allowed-origin"), []), (("gate", "allowed-origins"), "https://a.example"),
    (("gate", "allowed-origins"), ["*"]), (("gate", "allowed-origins"), ["https://a.example/"]),
    (("gate", "allowed-origins"), ["https://A.example"]), (("gate", "allowed-origins"), ["Null"]),
    (("gate", "allowed-origins"), ["app://a/"]), (("gate", "allowed-origins"), ["1app://a"]),
    (("gate", "allowed-origins"), ["http://"]),
    (("gate", "renewal"), {}), (("gate", "renewal"), {"uri": "http://u:p@a/b"}),
    (("gate", "renewal"), {"uri": "http://a"}), (("gate", "renewal"), {"uri": "http://a/b?c"}),
    (("gate", "renewal"), {"uri": "ftp://a/b"}), (("gate", "renewal"), {"uri": "http://a/b", "timeout": 99}),
    (("gate", "renewal"), {"uri": "http://a/b", "on-failure": "stop"}),
    (("gate", "renewal"), {"uri": "http://a/b", "credentials": "u:p"}),
    (("gate", "alarms"), {"addresses": 65}), (("gate", "alarms"), {"fetches": -1}), (("gate", "alarms"), True),
    (("gate", "allowed-origins"), [7]), (("gate", "allowed-origins"), ["https://a.example:443"]),
    (("nodes",), []), (("nodes", 0, "name"), "a b"), (("nodes", 0, "name"), "-a"),
    (("nodes", 0, "listen"), "localhost:80"), (("nodes", 0, "listen"), "127.0.0.1"),
    (("nodes", 0, "listen"), "127.0.0.1:0"), (("nodes", 0, "listen"), "127.0.0.1:65536"),
    (("nodes", 0, "internal"), None), (("nodes", 0, "state"), ""), (("nodes", 0, "stat"), "x"),
    (("edge", "listen"), 8080), (("edge", "trusted"), "127.0.0.1"), (("edge", "trusted"), ["here"]),
    (("channels", 0, "name"), ""), (("channels", 0, "name"), "a/b"), (("channels", 0, "name"), "a" * 65),
    (("channels", 0, "source"), "http://127.0.0.1:80"), (("channels", 0, "source"), "srt://127.0.0.1"),
    (("channels", 0, "source"), 9000), (("channels", 0, "source"), "file:"), (("channels", 0, "program"), 0),
    (("channels", 0, "backup"), "rtp://host"), (("channels", 0, "source"), "rtmp://host/"),
    (("channels", 0, "segment-duration"), 0), (("channels", 0, "segment-duration"), 31),
    (("channels", 0, "segment-duration"), "2"), (("channels", 0, "segment-duration"), {"ticks": 1}),
    (("channels", 0, "segment-duration"), {"seconds": 2}), (("channels", 0, "window"), 2),
    (("channels", 0, "encryption"), "aes"), (("channels", 0, "key-rotation"), 0),
    (("channels", 0, "key-version"), -1), (("channels", 0, "tier"), "a.b"),
    (("channels", 0, "watermark"), 1), (("channels", 0, "watermark"), {"colluders": 17}),
    (("channels", 0, "watermark"), {"colluders": 0}), (("channels", 0, "watermark"), {"colluder": 5}),
    (("channels", 0, "watermark"), {"sparse": 0}), (("channels", 0, "watermark"), {"sparse": 65}),
    (("channels", 0, "watermark"), {"payload": "0" * 15}), (("channels", 0, "watermark"), {"payload": 1}),
    (("channels", 0, "watermark"), {"payload": "0" * 16, "sparse": 2}),
    (("channels", 0, "video"), []), (("channels", 0, "audio"), {}),
    (("channels", 0, "video", 0, "width"), 70000), (("channels", 0, "video", 0, "width"), 641),
    (("channels", 0, "video", 0, "height"), 62), (("channels", 0, "video", 0, "bitrate"), 0),
    (("channels", 0, "video", 0, "bitrate"), None), (("channels", 0, "video", 0, "frame-rate"), "25"),
    (("channels", 0, "video", 0, "frame-rate"), 0), (("channels", 0, "video", 0, "frame-rate"), "25/0"),
    (("channels", 0, "video", 0, "encoder"), "theora"), (("channels", 0, "audio", 0, "encoder"), "mp3"), (("channels", 0, "video", 0, "preset"), "placebo"),
    (("channels", 0, "video", 0, "preset"), "p1"),
    (("channels", 0, "video"), [{"width": 64, "height": 64, "bitrate": 90, "encoder": "nvenc", "preset": "fast"}]),
    (("channels", 0, "video"), [{"width": 64, "height": 64, "bitrate": 90, "preset": "high", "encoder": "va"}]),
    (("channels", 0, "video", 0, "colour"), "red"),
    (("channels", 0, "video", 0, "bit-depth"), 12), (("channels", 0, "video", 0, "bit-depth"), "8"),
    (("channels", 0, "video", 0, "bit-depth"), 10),
    (("channels", 0), {"name": "x", "source": "srt://h:1", "watermark": False, "video": [
        {"width": 64, "height": 64, "bitrate": 90, "encoder": "copy", "bit-depth": 10}]}),
    (("channels", 0, "audio", 0, "rate"), 22050), (("channels", 0, "audio", 0, "channels"), 3),
    (("channels", 0, "audio", 0, "bitrate"), 513), (("channels", 0, "audio", 0, "track"), 16),
    (("channels", 0, "audio", 0, "language"), "English"),
    (("channels", 0, "destination"), "ftp://host/"), (("channels", 0, "destination"), "http://host"),
    (("channels", 0, "destination"), "http://u:p@host/"), (("channels", 0, "destination"), "http://host/a?b=/"),
    (("channels", 0, "key-uri"), "gate/keys/"), (("channels", 0, "key-uri"), "https://gate/keys"),
    (("channels", 0, "playlist"), "event"), (("channels", 0, "credentials"), "user:password"),
]

# The same for values that must be taken.
_RIGHT = [
    (("sessions", "redis"), {"servers": ["redis://host:1"], "sentinel": "slots.main"}),
    (("secret",), "${HEADEND_SECRET}"), (("sessions", "policy"), "reject-newest"),
    (("gate",), {}), (("gate", "allowed-origins"), []),
    (("gate", "renewal"), {"uri": "https://auth.example:8443/lease", "credentials": {"file": "login"},
                           "timeout": 500, "on-failure": "end"}),
    (("gate", "renewal"), {"uri": "http://[::1]:80/"}), (("gate", "alarms"), {"addresses": 0, "fetches": 1000}),
    (("gate", "allowed-origins"), ["https://a.example", "http://127.0.0.1:3000", "http://[::1]"]),
    (("gate", "allowed-origins"), ["capacitor://localhost", "app://a:80", "file://", "null"]),
    (("nodes", 0, "listen"), "[::1]:8081"), (("edge", "trusted"), ["::1", "10.0.0.1"]),
    (("channels", 0, "source"), "udp://239.1.1.1:5000"), (("channels", 0, "source"), "tcp://host:5000"),
    (("channels", 0, "source"), "srt://:9000?mode=listener&latency=200"),
    (("channels", 0, "source"), "rtp://239.1.1.1:5000?interface=eth0"),
    (("channels", 0, "source"), "rtmps://host/live/x?token=1"), (("channels", 0, "program"), 65535),
    (("channels", 0, "backup"), "udp://239.1.1.2:5000"), (("channels", 0, "common-timeline"), True),
    (("nodes",), [{"name": "A", "listen": "127.0.0.1:1", "internal": "127.0.0.1:2"}]),
    (("channels", 0, "segment-duration"), 4),
    (("channels", 0, "segment-duration"), 1.96), (("channels", 0, "segment-duration"), {"ticks": 176400}),
    (("channels", 0, "encryption"), "none"), (("channels", 0, "watermark"), False),
    (("channels", 0, "watermark"), {"colluders": 3}), (("channels", 0, "watermark"), {"sparse": 8}),
    (("channels", 0, "watermark"), {"payload": "0123456789abcDEF"}), (("channels", 0, "watermark"), {}),
    (("channels", 0, "audio"), []), (("channels", 0, "audio"), [{}, {"track": 1}]),
    (("channels", 0, "audio", 0, "encoder"), "copy"),
    (("channels", 0, "video", 0, "bit-depth"), 8),
    (("channels", 0, "video"), [{"width": 64, "height": 64, "bitrate": 90, "encoder": "x265"}]),
    (("channels", 0, "video"), [{"width": 64, "height": 64, "bitrate": 90, "encoder": "x265", "bit-depth": 10}]),
    (("channels", 0), {"name": "x", "source": "srt://h:1", "watermark": False, "video": [
        {"width": 64, "height": 64, "bitrate": 90, "encoder": "copy-h265", "bit-depth": 10}]}),
    (("channels", 0, "video", 0, "frame-rate"), 25), (("channels", 0, "video", 0, "preset"), "medium"),
    (("channels", 0, "video"), [{"width": 64, "height": 64, "bitrate": 90, "encoder": "openh264", "preset": "high"}]),
]


def _with(path, value):
    description = copy.deepcopy(_base())
    if not path:
        return value
    place = description
    for step in path[:-1]:
        place = place.setdefault(step, {}) if isinstance(place, dict) else place[step]
    place[path[-1]] = value
    return description


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_every_pipeline_is_right_for_both():
    found = [p for p in PIPELINES.glob("*.json") if p.name != "headend.schema.json"]
    assert len(found) >= 2, found
    for path in found:
        VALIDATOR.validate(json.loads(path.read_text()))
        done = subprocess.run([stage.HEADEND, "check", str(path)], capture_output=True, text=True, timeout=60)
        if path.name == "gpu.json" and done.returncode:
            # A machine without a GPU: what is missing, what it takes, and what to do without.
            for words in ("channel demo: encoder \"nvenc\"", "nvh264enc", "an NVIDIA GPU with NVENC and its driver",
                          "gstreamer1.0-plugins-bad", "name \"x264\""):
                assert words in done.stderr, f"{words}: {done.stderr}"
            continue
        assert done.returncode == 0 and done.stdout.startswith("OK\n"), f"{path}: {done.stderr}"


def test_what_the_schema_takes_the_launcher_takes():
    for path, value in _RIGHT:
        description = _with(path, value)
        assert VALIDATOR.is_valid(description), f"schema: {path} {value!r}"
        done = _check(description)
        assert done.returncode == 0, f"{path} {value!r}: {done.stderr}"


def test_what_the_schema_refuses_the_launcher_refuses():
    for path, value in _WRONG:
        description = _with(path, value)
        assert not VALIDATOR.is_valid(description), f"schema: {path} {value!r} passes"
        done = _check(description)
        assert done.returncode == 1, f"{path} {value!r}: exit {done.returncode} {done.stdout}"
        assert len(done.stderr.splitlines()) == 1, done.stderr
        where = done.stderr.split(": ")[1]
        assert ".json:" in done.stderr.split(": ")[0], done.stderr
        # The place is the value itself, or the object that it is missing from or a stranger in.
        expected = "$" + "".join(f"[{s}]" if isinstance(s, int) else "." + s for s in path)
        assert where.startswith("$") and (where.startswith(expected) or expected.startswith(where)), \
            f"{expected}: {done.stderr}"


def test_what_json_allows_and_people_mistake():
    good = json.dumps(_base())
    for name, text in {
            "two documents": good + good,
            "a key twice": good.replace('"channels"', '"edge": {"listen": "127.0.0.1:1"}, "channels"'),
            "a comment": "// mine\n" + good,
            "a trailing comma": good[:-1] + ",}",
            "nothing": "",
            "bytes": "\x00\x01\x02",
            "depth": "[" * 100000,
            "size": '{"channels": "' + "x" * (2 << 20) + '"}'}.items():
        done = _check(text)
        assert done.returncode == 1, f"{name}: exit {done.returncode}"
        assert "d.json" in done.stderr and len(done.stderr.splitlines()) == 1, f"{name}: {done.stderr[:300]}"


def test_the_smallest_channel_has_five_lines():
    lines = (PIPELINES / "single.json").read_text().splitlines()
    first = next(i for i, line in enumerate(lines) if '"name"' in line)
    last = next(i for i in range(first, len(lines)) if lines[i].strip().startswith("}"))
    assert last - first <= 5, lines[first:last]


stage.main()
