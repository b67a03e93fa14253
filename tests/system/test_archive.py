# SPDX-License-Identifier: LGPL-2.1-or-later
"""With both variants at hand headend detect reads marks more clearly; and it reads a recipient's payload."""
import json

import stage
from copies import SEGMENT, Folder, symbols_of


def test_the_archive_makes_marks_clearer():
    with Folder() as folder:
        # Both variants in segments, named as origins name them.
        for variant in "ab":
            segments = folder.path / "archive" / variant / "demo" / "360p"
            segments.mkdir(parents=True)
            folder.marked(5, variant, name=segments / "%d.ts", output=("-sc_threshold", 0, "-f", "segment", "-segment_time",
                                                                       SEGMENT))
        copy = folder.marked(5, 0, "leaker")
        blind = symbols_of(folder.detect(copy, "--epoch", "--whole", "-c", "demo"))
        (folder.path / "archive" / "b" / "demo" / "360p" / "9.ts").unlink()
        (folder.path / "archive" / "b" / "demo" / "360p" / "8.ts").write_bytes(b"no transport stream")
        said = folder.detect(copy, "--epoch", "--whole", "-c", "demo", "--archive", folder.path / "archive")
        read = symbols_of(said)
        informed = [line["msn"] for line in map(json.loads, said.stdout.splitlines()) if "informed" in line]
        assert informed == list(range(8)) and "1 segments are not in the archive" in said.stderr, said
        assert "1 segments of the archive cannot be read" in said.stderr and "b/demo/360p/8.ts" in said.stderr, said
        assert read[8] == blind[8] and read[9] == blind[9], (blind, read)
        assert all(abs(read[msn]) > 6 for msn in informed), (blind, read)
        assert all(read[msn] * z > 0 for msn, z in blind.items() if abs(z) > 4), (blind, read)
        # Both readings count, and that the better of them was chosen costs less than this.
        assert all(abs(read[msn]) > abs(blind[msn]) - 0.6 for msn in informed), (blind, read)
        assert sum(abs(read[msn]) for msn in informed) > 1.2 * sum(abs(blind[msn]) for msn in informed), (blind, read)
        said = folder.detect(copy, "--epoch", "--whole", "-c", "demo", "--archive", folder.path, code=1)
        assert "VARIANT/CHANNEL/RENDITION/MSN.ts" in said.stderr, said


def test_the_recipient_of_a_payload_is_read():
    with Folder() as folder:
        model = json.loads((folder.path / "d.json").read_text())
        model["channels"][1]["watermark"] = {"payload": "0000000000000001"}  # another than it is
        (folder.path / "d.json").write_text(json.dumps(model))
        said = folder.detect(folder.path / "d.json", "-c", "demo", "--archive", folder.path, code=2)
        assert "--archive is for variants" in said.stderr, said
        said = folder.detect(folder.marked(15, "feedc0de12345678"), "--epoch", "-c", "demo")
        read = json.loads(said.stdout)
        assert (read["payload"], read["channel"], read["segments"]) == ("feedc0de12345678", "demo", 30), said
        assert read["log10-p"] < -9, said


stage.main()
