# SPDX-License-Identifier: LGPL-2.1-or-later
"""headend detect reads a copy that was cut and encoded again, and headend trace names who made it;
in somebody else's copy neither finds anything; and what cannot be read is said in words."""
import json
import random

import stage
from copies import AHEAD, FIRST, PICTURE, SEGMENT, Folder, ffmpeg, symbols_of


def test_who_made_a_copy_is_named_and_nobody_else():
    with Folder() as folder:
        copy = folder.path / "copy.mkv"
        # It begins within a segment, smaller, as somebody else's encoder makes it.
        assert ffmpeg("-ss", 1.3, "-i", folder.marked(40, FIRST, "leaker"), "-vf", "scale=480:270", "-c:v", "libx264", "-preset",
                      "superfast", "-crf", 28, copy).wait(120) == 0
        said = folder.detect(copy, "--around", str(int(FIRST * SEGMENT) + AHEAD - 10), "--window", "0.02", "--whole")
        head, *symbols = map(json.loads, said.stdout.splitlines())
        assert head["channel"] == "demo" and head["segment-duration"] == SEGMENT * 90000, head
        assert abs(symbols[0]["msn"] - FIRST - 3) <= 1 and len(symbols) >= 70, said
        report = folder.trace(said.stdout, "neighbour", "leaker", *(f"viewer-{i}" for i in range(98)))
        assert [a["account"] for a in report["accused"]] == ["leaker"], report
        assert report["accused"][0]["log10-p"] < -10, report
        report = folder.trace(said.stdout, "neighbour", *(f"viewer-{i}" for i in range(98)))
        assert report["accused"] == [], report


def test_a_copy_that_lies_on_its_side_is_set_upright():
    with Folder() as folder:
        lying, copy = folder.path / "lying.mp4", folder.path / "copy.mp4"
        assert ffmpeg("-i", folder.marked(8, FIRST, "leaker"), "-vf", "transpose=clock", "-c:v", "libx264", "-preset",
                      "superfast", "-crf", 20, lying).wait(120) == 0
        # As telephones say it that were held upright.
        assert ffmpeg("-i", lying, "-c", "copy", "-metadata:s:v", "rotate=90", copy).wait(60) == 0
        said = folder.detect(copy, "--around", str(int(FIRST * SEGMENT) + AHEAD), "--window", "0.01", "--whole")
        read = symbols_of(said)
        assert len(read) >= 12 and min(map(abs, read.values())) > 4, said


def check_clear(picture, cut, *more):
    """All of a channel that is all a is read as that, but for the first segment, which lost frames to the look for bars."""
    with Folder() as folder:
        copy = folder.path / "copy.mkv"
        one = "-threads", 1  # the same pictures on any machine
        assert ffmpeg("-i", folder.marked(12, "a", output=one, picture=picture), "-vf", cut, "-c:v", "libx264", "-preset",
                      "superfast", "-crf", 28, *one, copy).wait(120) == 0
        read = symbols_of(folder.detect(copy, "--channel", "demo", "--epoch", *more))
        assert len(read) >= 22 and all(z < -4 for msn, z in read.items() if msn), read


def test_a_mark_is_read_where_it_was_and_not_where_motion_drew_it():
    check_clear(PICTURE, "null", "--whole")
    check_clear(PICTURE.replace("h=0.004:v=0.003", "h=0.010:v=0"), "crop=iw*0.95:ih*0.95")


def test_the_time_of_a_payload_is_found_where_the_picture_moves():
    with Folder() as folder:
        model = json.loads((folder.path / "d.json").read_text())
        model["channels"][1]["watermark"] = {"payload": "0000000000000001"}  # another than it is
        (folder.path / "d.json").write_text(json.dumps(model))
        copy = folder.path / "copy.mkv"
        one = "-threads", 1  # the same pictures on any machine
        assert ffmpeg("-ss", 1.3, "-i", folder.marked(6, "feedc0de12345678", output=one), "-t", 3.5, "-vf", "scale=480:270",
                      "-c:v", "libx264", "-preset", "superfast", "-crf", 28, *one, copy).wait(120) == 0
        said = folder.detect(copy, "-c", "demo", "--around", str(AHEAD), "--window", "0.02")
        assert json.loads(said.stdout)["payload"] == "feedc0de12345678", said


def test_nothing_is_found_in_a_copy_of_others():
    with Folder() as folder:
        copy = folder.marked(6, FIRST, "leaker")
        (folder.path / "headend.secret").write_text("00" * 32)
        said = folder.detect(copy, "--around", str(int(FIRST * SEGMENT) + AHEAD), "--window", "0.01", "--whole", code=1)
        assert said.stdout == "" and "no mark of the channel was found" in said.stderr, said


def test_what_cannot_be_read_is_said():
    with Folder() as folder:
        def make(name, *arguments):
            assert ffmpeg(*arguments, folder.path / name).wait(60) == 0
            return folder.path / name
        empty, junk = folder.path / "empty", folder.path / "junk"
        empty.write_bytes(b"")
        junk.write_bytes(b"\xa7" + random.Random(1).randbytes(20000))
        tiny = make("tiny.mp4", "-f", "lavfi", "-i", "testsrc2=s=48x32:d=1", "-c:v", "libx264")
        for copy, words in {
                folder.path / "none.mp4": "No such file", folder.path: "Is a directory", empty: "no data", junk: "cannot be read",
                make("sound.mp4", "-f", "lavfi", "-i", "sine=d=1", "-c:a", "aac"): "has no pictures",
                tiny: "48x32 cannot carry a mark"}.items():
            said = folder.detect(copy, code=1)
            assert said.stdout == "" and words in said.stderr and str(copy) in said.stderr, said
        said = folder.detect(tiny, "--state", folder.path / "elsewhere", code=1)
        assert "anchor-news.json" in said.stderr and "--state" in said.stderr, said
        said = folder.detect(tiny, code=1, env={"GST_PLUGIN_PATH": str(folder.path), "GST_REGISTRY": str(folder.path / "r")})
        assert "forensicdetect, which is missing" in said.stderr and "GST_PLUGIN_PATH" in said.stderr, said


stage.main()
