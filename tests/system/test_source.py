# SPDX-License-Identifier: LGPL-2.1-or-later
"""A feed that goes away and comes back with a timeline of its own: numbering goes on, both nodes
agree on where, and whoever starts later joins them."""
import contextlib
import datetime
import json
import os
import pathlib
import re
import signal
import time

import stage


def _publishers(air, node):
    """{publisher: (last msn, seconds since)} as this node's origin sees its channel."""
    return {p["node"]: (p["last-msn"], p["age-ms"] / 1000) for p in air.channel(node)["publishers"]}


def _both_publish(air):
    """Whether on both nodes both workers have published lately, and the same segments."""
    try:
        seen = [_publishers(air, node) for node in air.origin]
    except OSError:
        return False
    return all(set(p) == set(air.origin) and all(age < 4 for _, age in p.values())
               and max(m for m, _ in p.values()) - min(m for m, _ in p.values()) <= 1 for p in seen)


def _stays(air, seconds):
    """Both nodes publish all the time: never 5 s without."""
    end, good = time.monotonic() + seconds, time.monotonic()
    while (now := time.monotonic()) < end:
        if _both_publish(air):
            good = now
        assert now - good < 5, "a node has stopped publishing"
        time.sleep(0.5)


def _newest(air):
    return max(msn for node in air.origin for msn, _ in _publishers(air, node).values())


def _anchors(air):
    """What both nodes' origins hold, and the last that both nodes' workers took."""
    held = [air.channel(node)["anchor"] for node in air.origin]
    for node in air.origin:
        log = (air.dir / f"node-{node}.log").read_text(errors="replace")
        held.append(json.loads(re.findall(r" anchor (\{.*\})", log)[-1]))
        held[-1].pop("end", None)  # how the proposer saw the timeline before end
    return held


def _place(anchor):
    return anchor["generation"], anchor["offset90"]


def _late(viewer):
    """Seconds from the end of the newest segment, by its date, until it is listed."""
    path = "/live/demo/360p/index.m3u8"
    before = viewer.get(path).body
    stage.wait_for("a new playlist", lambda: viewer.get(path).body != before)
    text = viewer.get(path).body.decode()
    now = datetime.datetime.now(datetime.timezone.utc)
    first = re.search(r"#EXT-X-PROGRAM-DATE-TIME:(\S+)Z", text).group(1)
    end = (datetime.datetime.fromisoformat(first + "+00:00")
           + datetime.timedelta(seconds=text.count(".ts") * stage.SEGMENT))
    return (now - end).total_seconds()


def _check_viewers(air, viewers, before):
    listed = [dict(v.media("360p")) for v in viewers]
    assert min(map(max, listed)) > before, (listed, before)
    both = sorted(set(listed[0]) & set(listed[1]))
    assert len(both) >= 2, listed
    for n in both[-2:]:
        a, b = (v.segment("360p", n, keys[n]) for v, keys in zip(viewers, listed))
        assert min(stage.timestamps(a, "v")) == min(stage.timestamps(b, "v")), n
        assert stage.counters_of(a)[0] == stage.counters_of(b)[0], n
    # Dates may be off by the jitter of the nodes' clocks, which leaves them as they were.
    for v in viewers:
        stage.wait_for("a segment that ended just now by its date", lambda: -1.5 < _late(v) < 3)


def _begin_again(air, viewers, away, generation):
    before = _newest(air)
    air.restart_feed(away)
    stage.wait_for(f"segments after {away} s", lambda: _newest(air) > before + 1, 40)
    stage.wait_for("both nodes' segments", lambda: _both_publish(air), 40)
    air.wait_ready(*air.origin, seconds=20)
    _stays(air, 6)
    anchors = _anchors(air)
    assert all(a == anchors[0] for a in anchors), anchors
    assert anchors[0]["generation"] == generation, anchors
    _check_viewers(air, viewers, before)
    print(f"# after {away} s: {before} and on to {_newest(air)}, {anchors[0]}", flush=True)


def test_a_feed_that_begins_again():
    def change(model):
        del model["edge"]
    with stage.Stage(change=change) as air:
        air.start_feed()
        for name in air.origin:
            air.start_node(name)
        air.wait_ready(*air.origin)
        stage.wait_for("both nodes' segments", lambda: _both_publish(air), 20)
        viewers = [stage.Viewer(air.url(f"viewer-{n}", "cookie", air.origin[n])) for n in air.origin]
        # Long enough for both to see the jump; and then so long that the picture that is repeated
        # meanwhile has turned black.
        for generation, away in enumerate((5, 20), 1):
            _begin_again(air, viewers, away, generation)
        air.kill_node("A")
        air.start_node("A")
        stage.wait_for("the segments of a node that starts later", lambda: _both_publish(air), 45)
        assert air.channel("A")["anchor"]["generation"] == generation


def _origin_pid(air, node):
    parent = air.nodes[node].pid
    for pid in (int(p.name) for p in pathlib.Path("/proc").iterdir() if p.name.isdigit()):
        with contextlib.suppress(OSError):
            stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
            words = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if int(stat[1]) == parent and b"origin" in words:
                return pid
    raise AssertionError(f"node {node} has no origin")


def test_an_origin_that_could_not_be_asked():
    def change(model):
        del model["edge"]
    with stage.Stage(change=change) as air:
        air.start_feed()
        for name in air.origin:
            air.start_node(name)
        air.wait_ready(*air.origin)
        stage.end(air.processes.pop(0))
        time.sleep(20)  # both workers make filler, and go on
        pid = _origin_pid(air, "B")
        os.kill(pid, signal.SIGSTOP)
        try:
            air.start_feed()
            stage.wait_for("a new timeline", lambda: air.channel("A")["anchor"]["generation"] == 1, 40)
            stage.wait_for("a worker on its own", lambda: "going on with our own"
                           in (air.dir / "node-B.log").read_text(errors="replace"), 40)
        finally:
            os.kill(pid, signal.SIGCONT)
        # Each has put it where its own filler stood; unless that was the same place, the one whose
        # record loses starts again.
        stage.wait_for("one anchor", lambda: len(set(map(_place, _anchors(air)))) == 1)
        stage.wait_for("both nodes' segments", lambda: _both_publish(air), 60)
        _stays(air, 6)
        anchors = _anchors(air)
        assert len(set(map(_place, anchors))) == 1, anchors
        print(f"# {anchors[0]}", flush=True)


stage.main()
