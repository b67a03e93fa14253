# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two people watch a channel; one records it, encodes it again and passes it on. headend detect and
headend trace, with what the nodes have written down, name him, and not the other one."""
import datetime
import json
import subprocess

import stage

SECONDS = 90  # of segments of 1 s: twice what it takes
RATE = 10  # pictures a second


def _small(model):
    """A window that players are not behind on a busy machine."""
    model["channels"][0].update({"segment-duration": 1, "window": 15})
    model["channels"][0]["video"][0]["frame-rate"] = RATE


def _record(a_stage, account, *output):
    return a_stage.spawn(account, "ffmpeg", "-nostdin", "-v", "warning", "-y", "-i",
                         a_stage.url(account, "path", a_stage.origin["node"]), "-t", str(SECONDS), "-map", "0:v",
                         "-c", "copy", *output)


def _detect(a_stage, copy, around):
    done = subprocess.run([stage.HEADEND, "detect", copy, "-d", a_stage.description, "--around", around, "--window", "0.1"],
                          capture_output=True, text=True, timeout=900, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    return done.stdout


def _trace(a_stage, symbols, *candidates):
    report = a_stage.dir / "report.json"
    subprocess.run([stage.HEADEND, "trace", "-", "-d", a_stage.description, "--json", report, *candidates],
                   input=symbols, text=True, check=True, timeout=120, capture_output=True)
    return json.loads(report.read_text())


def test_he_who_passed_it_on_is_named():
    with stage.Stage("single.json", _small) as s:
        s.start_feed("86400", "h264", str(RATE))
        s.start_node("node")
        s.wait_ready("node", seconds=300)
        around = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
        recording = _record(s, "leaker", s.dir / "recorded.mp4")
        watching = _record(s, "neighbour", "-f", "null", "-")
        assert (recording.wait(SECONDS + 500), watching.wait(300)) == (0, 0)
        for name in list(s.nodes):
            s.kill_node(name, 15)
        stage.end(s.processes[0])  # the feed
        copy = s.dir / "copy.mp4"
        subprocess.run(["ffmpeg", "-nostdin", "-v", "error", "-ss", "0.7", "-i", s.dir / "recorded.mp4", "-c:v", "libx264",
                        "-preset", "veryfast", "-crf", "26", copy], check=True, timeout=900)
        symbols = _detect(s, copy, around)
        assert len(symbols.splitlines()) > SECONDS / 2, symbols
        report = _trace(s, symbols, "--ledger", s.dir / "state-node")
        assert [a["account"] for a in report["accused"]] == ["leaker"] and report["candidates"] == 2, report
        assert report["accused"][0]["log10-p"] < report["log10-p-needed"], report
        others = s.dir / "others"
        others.write_text("neighbour\n" + "".join(f"viewer-{i}\n" for i in range(1000)))
        report = _trace(s, symbols, "--candidates", others)
        assert report["accused"] == [] and report["candidates"] == 1001, report


stage.main()
