# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given two nodes on a source that has begun its second timeline, when both are killed at once and start
again, then numbers and dates go on as if nothing had been, by the anchor that lay on their disks."""
import datetime
import json
import re

import stage

RENDITIONS = ("360p", "audio")
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)


def _anchor_on_disk(air, node):
    """As /status shows it, which leaves out how the timeline before it ended."""
    anchor = json.loads((air.dir / f"state-{node}" / "anchor-demo.json").read_text())
    anchor.pop("end", None)
    return anchor


def _begins(viewer, rendition):
    """When MSN 0 of a playlist would have begun, in milliseconds of its dates, and the MSNs that it lists."""
    answer = viewer.get(f"/live/demo/{rendition}/index.m3u8")
    assert answer.status == 200, f"{rendition}: {answer.status} {answer.code}"
    text = answer.body.decode()
    date = re.search(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)Z", text).group(1)
    numbers = [int(n) for n in re.findall(r"^(\d+)\.ts$", text, re.M)]
    since = datetime.datetime.fromisoformat(date + "+00:00") - EPOCH
    return since // datetime.timedelta(milliseconds=1) - numbers[0] * stage.SEGMENT * 1000, numbers


def _look(air):
    """(node, rendition) -> what _begins() says."""
    found = {}
    for node in air.origin:
        viewer = stage.Viewer(air.url(f"viewer-{node}", "cookie", air.origin[node]))
        for rendition in RENDITIONS:
            found[node, rendition] = _begins(viewer, rendition)
    return found


def test_both_nodes_are_killed_and_start_again():
    def change(model):
        del model["edge"]
    with stage.Stage(change=change) as air:
        air.start_feed()
        for node in air.origin:
            air.start_node(node)
        air.wait_ready(*air.origin, seconds=120)
        air.restart_feed(3)
        stage.wait_for("a new timeline", lambda: all(air.channel(n)["anchor"]["generation"] == 1
                                                     for n in air.origin), 120)
        newest = max(air.channel(n)["last-msn"] for n in air.origin)
        stage.wait_for("segments of it", lambda: all(air.channel(n)["last-msn"] > newest + 2
                                                     for n in air.origin), 120)
        before = _look(air)
        anchor = _anchor_on_disk(air, "A")
        assert anchor["generation"] == 1 and anchor == _anchor_on_disk(air, "B"), anchor
        assert len({begin for begin, _ in before.values()}) == 1, before

        for node in list(air.origin):
            air.kill_node(node)
        for node in air.origin:
            air.start_node(node)
        air.wait_ready(*air.origin, seconds=180)
        after = _look(air)
        for node in air.origin:
            assert air.channel(node)["anchor"] == anchor == _anchor_on_disk(air, node), node
        for place, (begin, numbers) in after.items():
            was, old = before[place]
            assert begin == was, (place, before, after)
            assert numbers[0] > old[-1], (place, before, after)
            # What went by while they were down is as long as it was on the source's clock.
            assert numbers[-1] - old[-1] < 400 / stage.SEGMENT, (place, before, after)


stage.main()
