# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend trace names whose codeword a copy bears, and nobody else; and a WM token holds it. The codewords are
computed here by another implementation of what plugins/core/he-codeword.h says."""
import base64
import hashlib
import hmac
import html.parser
import json
import pathlib
import random
import struct
import subprocess
import tempfile
import time

import stage

START = 880000000
SECRET = bytes(range(32))
BIASES = (7386, 32768, 58150)
ENDS = (1425985642, 2868981654, 1 << 32)


def _parts(*parts):
    packed = b""
    for part in parts:
        data = struct.pack(">Q", part) if isinstance(part, int) else part.encode()
        packed += struct.pack(">I", len(data)) + data
    return packed


def _hkdf(key, info, length):
    extracted = hmac.new(bytes(32), key, hashlib.sha256).digest()
    return hmac.new(extracted, info + b"\1", hashlib.sha256).digest()[:length]


def _blocks(key, first, last):
    counters = b"".join(struct.pack(">QQ", 0, n) for n in range(first, last + 1))
    return subprocess.run(["openssl", "enc", "-aes-128-ecb", "-K", key.hex(), "-nopad"], input=counters,
                          capture_output=True, check=True, timeout=60).stdout


def _word(account, channel, count, first=START):
    """The account's bits from first on."""
    secret = _hkdf(SECRET, _parts("headend", "codeword"), 32)
    last = first + count - 1
    biases = _blocks(_hkdf(secret, _parts("bias", 1, channel), 16), first // 4, last // 4)
    draws = _blocks(hmac.new(secret, _parts("viewer", 1, channel, account), hashlib.sha256).digest()[:16],
                    first // 8, last // 8)
    word = []
    for msn in range(first, first + count):
        choice, = struct.unpack_from("<I", biases, 4 * (msn - first // 4 * 4))
        draw, = struct.unpack_from("<H", draws, 2 * (msn - first // 8 * 8))
        word.append(draw < BIASES[next(i for i in range(3) if choice < ENDS[i])])
    return word


class _Folder(tempfile.TemporaryDirectory):
    """A description with its secret, and candidates."""

    def __enter__(self):
        self.path = pathlib.Path(super().__enter__())
        secret = self.path / "headend.secret"
        secret.write_text(SECRET.hex())
        secret.chmod(0o600)
        (self.path / "d.json").write_text(json.dumps({"channels": [
            {"name": name, "source": "srt://127.0.0.1:9000", "watermark": marked,
             "video": [{"width": 640, "height": 360, "bitrate": 800}]}
            for name, marked in (("demo", True), ("plain", False))]}))
        (self.path / "all").write_text("".join(f"viewer-{i}\n" for i in range(3000)) + "<b>&eve\r\n\n")
        return self

    def rewrite(self, **watermark):
        description = json.loads((self.path / "d.json").read_text())
        description["channels"][0]["watermark"] = watermark
        (self.path / "d.json").write_text(json.dumps(description))

    def symbols(self, bits, strength=6.0, channel="demo", erased=0.05):
        rand = random.Random(len(bits))
        lines = [{"channel": channel, "key-version": 1, "segment-duration": 180000}]
        for i, bit in enumerate(bits):
            z = rand.gauss(strength if bit else -strength, 1)
            lines.append({"msn": START + i, "z": None if rand.random() < erased else z})
        return "".join(json.dumps(line) + "\n" for line in lines)

    def trace(self, symbols, *more, code=0, candidates="all"):
        if candidates:
            more = ("--candidates", self.path / candidates, *more)
        done = subprocess.run([stage.HEADEND, "trace", "-", "--description", self.path / "d.json", *more], input=symbols, capture_output=True, text=True,
                              timeout=120)
        assert done.returncode == code, done
        assert SECRET.hex() not in done.stdout + done.stderr
        return done


def test_the_leaker_is_named_in_every_report():
    with _Folder() as folder:
        for account in ("viewer-77", "<b>&eve"):
            said = folder.trace(folder.symbols(_word(account, "demo", 150)), "--channel", "demo",
                                "--json", folder.path / "r.json", "--html", folder.path / "r.html")
            assert "accused: 1\n" in said.stdout and account in said.stdout, said.stdout
            assert said.stderr == "", said.stderr  # no bar where nobody looks
            report = json.loads((folder.path / "r.json").read_text())
            assert [a["account"] for a in report["accused"]] == [account], report
            assert report["accused"][0]["log10-p"] < -12 and report["log10-p-needed"] < -9, report
            assert report["candidates"] == 3001 and report["used"] + report["erased"] == 150, report
            assert sum(last - first + 1 for first, last in report["segments"]) == report["used"], report
            assert (folder.path / "r.json").stat().st_mode & 0o777 == 0o600
            page = (folder.path / "r.html").read_text()
            words = []
            reader = html.parser.HTMLParser()
            reader.handle_data = words.append
            reader.feed(page)
            assert account in words, "the page does not name him, or not as text"
            assert page.count("<svg") == page.count("</svg>") == 3 and "src=" not in page and "nan" not in page, page


def _marked(channel, sparse, count):
    """Which of the segments from START on differ between variants."""
    mark = _hkdf(SECRET, _parts("headend", "mark"), 32)
    return [msn == msn // sparse * sparse + int.from_bytes(
        _hkdf(mark, _parts("sparse", channel, sparse, msn // sparse), 8), "big") % sparse
            for msn in range(START, START + count)]


def test_segments_without_variants_do_not_count():
    with _Folder() as folder:
        folder.rewrite(sparse=4)
        marked = _marked("demo", 4, 600)
        # What is not marked in the copy bears a's mark, and is somebody else's word.
        mixed = [bit if differs else other for bit, other, differs in zip(
            _word("viewer-77", "demo", 600), _word("viewer-5", "demo", 600), marked)]
        said = folder.trace(folder.symbols(mixed), "--json", folder.path / "r.json")
        assert "accused: 1\n" in said.stdout and "viewer-77" in said.stdout, said.stdout
        assert "450 symbols are of segments without variants" in said.stderr, said.stderr
        report = json.loads((folder.path / "r.json").read_text())
        assert report["used"] + report["erased"] == 150, report


def test_nobody_is_named_where_evidence_is_short():
    with _Folder() as folder:
        said = folder.trace(folder.symbols(_word("viewer-77", "demo", 25)), "--json", folder.path / "r.json",
                            "--html", folder.path / "r.html")
        assert "accused: nobody" in said.stdout and " more (" in said.stdout, said.stdout
        report = json.loads((folder.path / "r.json").read_text())
        assert report["accused"] == [] and 30 < report["needed"][0]["segments"] < 120, report
        assert "viewer-" not in said.stdout + (folder.path / "r.json").read_text() + (folder.path / "r.html").read_text()
        (folder.path / "marked").write_text("\ufeffviewer-77\r\nviewer-78\r\n")
        assert "accused: 1" in folder.trace(folder.symbols(_word("viewer-77", "demo", 150)), candidates="marked").stdout
        # As far apart as numbers can be.
        far = folder.symbols([]) + "".join(json.dumps({"msn": n, "z": 5}) + "\n" for n in (0, (1 << 63) - 1))
        folder.trace(far, "--html", folder.path / "far.html")
        assert "Segments used" in (folder.path / "far.html").read_text()
        stranger = folder.trace(folder.symbols(_word("viewer-9000", "demo", 300)))
        assert "accused: nobody" in stranger.stdout and "which are there" in stranger.stdout, stranger.stdout
        unmarked = folder.trace(folder.symbols([0] * 300, strength=0))
        assert "accused: nobody" in unmarked.stdout, unmarked.stdout


def _line(event, account, channel, start, end):
    text = json.dumps({"event": event, "session": "00" * 16, "account": account, "address": "00" * 16,
                       "channel": channel, "from": int(start * 1e6), "to": int(end * 1e6)}, separators=(",", ":"))
    crc = 0xffffffff
    for byte in text.encode():
        crc ^= byte << 24
        for _ in range(8):
            crc = (crc << 1 ^ 0x04c11db7 if crc & 0x80000000 else crc << 1) & 0xffffffff
    return f"{crc:08x} {text}\n"


def test_candidates_are_who_watched_then_by_the_ledgers():
    with _Folder() as folder:
        begin, end = START * 2, (START + 150) * 2
        for node, lines in {
                "A": [_line("open", "viewer-77", "demo", begin + 9, begin + 9), _line("open", "news", "news", begin, end),
                      _line("end", "early", "demo", begin - 9000, begin - 4000)],
                "B": [_line("open", "viewer-77", "demo", begin, begin), _line("renew", "viewer-78", "demo", begin - 4000,
                                                                            begin - 4000),
                      _line("open", "late", "demo", end + 3700, end + 3700),
                      _line("open", "torn", "demo", begin, end)[:-9]]}.items():
            (folder.path / node / "ledger").mkdir(parents=True)
            (folder.path / node / "ledger" / "current").write_text("".join(lines))
        nodes = ("--ledger", folder.path / "A", "--ledger", folder.path / "B")
        symbols = folder.symbols(_word("viewer-77", "demo", 150))
        said = folder.trace(symbols, *nodes, candidates=None)
        assert "\n2 candidates" in said.stdout and "accused: 1\n  viewer-77" in said.stdout, said.stdout
        assert "1 damaged line" in said.stderr and "no --ledger folder" in said.stderr, said.stderr
        # The anchor that one node has says that epoch time ran two hours behind the wall clock.
        (folder.path / "A" / "anchor-demo.json").write_text("torn")
        (folder.path / "B" / "anchor-demo.json").write_text(json.dumps(
            {"generation": 0, "offset90": 0, "wall-offset90": 7200 * 90000, "node": "A"}))
        said = folder.trace(symbols, *nodes, candidates=None)
        assert "\n1 candidates" in said.stdout and "nobody" in said.stdout, said.stdout
        assert "no --ledger folder" not in said.stderr, said.stderr
        assert "No such file" in folder.trace(symbols, "--ledger", folder.path / "C", candidates=None, code=1).stderr


def test_misuse_is_explained():
    with _Folder() as folder:
        good = folder.symbols([1, 0, 1])
        assert "not of \"other\"" in folder.trace(good, "--channel", "other", code=1).stderr
        assert "no marked channel" in folder.trace(folder.symbols([1], channel="plain"), code=1).stderr
        assert "line 1" in folder.trace("nonsense", code=1).stderr
        assert "there are no symbols" in folder.trace("", code=1).stderr
        assert "No such file" in folder.trace(good, candidates="none", code=1).stderr
        (folder.path / "empty").write_text("\n\n")
        assert "there is no candidate" in folder.trace(good, candidates="empty", code=1).stderr
        (folder.path / "nul").write_bytes(b"a\nviewer-77\0x\nb\n")
        assert "nul:2: expected an account" in folder.trace(good, candidates="nul", code=1).stderr
        with open("/dev/full", "w") as full:
            done = subprocess.run([stage.HEADEND, "trace", "-", "--description", folder.path / "d.json", "--candidates",
                                   folder.path / "all"], input=good, text=True, stdout=full, stderr=subprocess.PIPE, timeout=120)
        assert done.returncode == 1 and "disk" in done.stderr, done
        (folder.path / "long").write_text("a\n" + "x" * 129 + "\n")
        assert "long:2:" in folder.trace(good, candidates="long", code=1).stderr
        assert "--false-alarm" in folder.trace(good, "--false-alarm", "2", code=2).stderr
        assert "either --candidates or --ledger" in folder.trace(good, "--ledger", "x", code=2).stderr
        assert "both" in folder.trace(good, "--candidates", "-", code=2).stderr


def _item(cbor, at):
    """What begins there, and where it ends (RFC 8949)."""
    major, info = cbor[at] >> 5, cbor[at] & 31
    size = 1 << info - 24 if info >= 24 else 0
    value = int.from_bytes(cbor[at + 1:at + 1 + size], "big") if size else info
    at += 1 + size
    if major in (0, 6):
        return value, at
    if major == 2:
        return cbor[at:at + value], at + value
    items = []
    for _ in range(value * (2 if major == 5 else 1)):
        item, at = _item(cbor, at)
        items.append(item)
    return (dict(zip(items[::2], items[1::2])) if major == 5 else items), at


def _token(folder, *more, code=0, key="wm.key"):
    done = subprocess.run([stage.HEADEND, "token", "watermark", folder.path / "d.json", "--account", "viewer-77",
                           "--channel", "demo", "--key", folder.path / key, *more], capture_output=True, text=True, timeout=120)
    assert done.returncode == code and SECRET.hex() not in done.stdout + done.stderr, done
    return done


def test_a_token_holds_what_the_gate_gives():
    with _Folder() as folder:
        key = bytes(range(50, 82))
        (folder.path / "wm.key").write_text(key.hex())
        (folder.path / "wm.key").chmod(0o600)
        before = int(time.time())
        text = _token(folder, "--ttl", "20000", "--vendor", "9").stdout.strip()
        token = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        assert _item(token, 0) == (17, 1), "no COSE_Mac0"
        (protected, unprotected, payload, mac), end = _item(token, 1)
        assert (protected, unprotected, end) == (b"\xa1\1\5", {}, len(token)), token
        sealed = (b"\x84\x64MAC0\x43" + protected + b"\x40\x59" + struct.pack(">H", len(payload)) + payload)
        assert hmac.new(key, sealed, hashlib.sha256).digest() == mac
        claims, end = _item(payload, 0)
        pattern = claims.pop(304)
        assert end == len(payload) and len(pattern) == 4096, payload
        assert 0 <= claims[6] - before <= 120 and claims[4] - claims[6] == 20000, claims
        assert {n: claims[n] for n in claims if n >= 300} == {300: 1, 301: 9, 302: 32768, 303: [180000, 90000]}, claims
        # Nothing says how the source's timestamps are: what the wall clock says. From a window ago to its end.
        first, last = claims[6] // 2 - 20, claims[4] // 2 + 20
        for msn, bit in zip(range(first, last), _word("viewer-77", "demo", last - first, first)):
            assert pattern[msn % 32768 // 8] >> (7 - msn % 8) & 1 == bit, msn

        assert "is at most 65" in _token(folder, "--ttl", "66000", code=1).stderr
        assert "\"plain\"" in _token(folder, "--channel", "plain", code=1).stderr
        (folder.path / "wm.key").chmod(0o644)
        assert "chmod 600" in _token(folder, code=1).stderr


stage.main()
