# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given timestamps that wrap at 2^33 while no node runs, as they do every 26.5 hours, when all nodes come back
behind the wrap, then they go on in the timeline that they had kept: pictures, times and numbers of segments
stand to each other as before, on both nodes alike. It is not the source's first timeline, so only what they
kept can tell them."""
import time

import stage

WRAP = 2**33
AHEAD = 240  # seconds from the beginning of the feed's second timeline to the wrap
RENDITION = "360p"
TICKS = int(stage.SEGMENT * 90000)


def _held(air):
    """{msn: (first counter, first time)} of the newest segments that both nodes hold, which are the same; {} while
    there is filler in them."""
    viewers = [stage.Viewer(air.url(f"viewer-{n}", "cookie", air.origin[n])) for n in air.origin]
    listed = [dict(v.media(RENDITION)) for v in viewers]
    for numbers in map(list, listed):
        assert numbers == list(range(numbers[0], numbers[-1] + 1)), numbers
    found = {}
    for n in sorted(set(listed[0]) & set(listed[1]))[-3:]:
        a, b = (v.segment(RENDITION, n, keys[n]) for v, keys in zip(viewers, listed))
        counters, times = stage.counters_of(a)[0], sorted(stage.timestamps(a, "v"))
        assert counters == stage.counters_of(b)[0] and times == sorted(stage.timestamps(b, "v")), n
        assert len(counters) == stage.SEGMENT * stage.FPS, (n, counters)
        if stage.consecutive(counters):
            return {}
        found[n] = (counters[0], times[0])
    return found


def _source_time(anchor, msn):
    """The source's own time at the beginning of a segment, in ticks."""
    return (msn * TICKS - anchor["offset90"]) % WRAP


def test_all_nodes_restart_behind_a_wrap():
    with stage.Stage(small=True) as air:
        air.on_air()
        stage.end(air.processes.pop(0))
        first = max(air.channel(name)["last-msn"] for name in air.origin)
        begun = time.monotonic()
        air.start_feed(*air.feed_words, str(WRAP // 90000 - AHEAD))
        stage.wait_for("clean segments of a new timeline", lambda: all(
            c["anchor"]["generation"] > 0 and c["newest"] == "clean" and c["last-msn"] > first + 5
            for c in map(air.channel, air.origin)))
        before = stage.wait_for("common segments", lambda: _held(air))
        anchor = air.channel("A")["anchor"]
        assert anchor["offset90"] % WRAP > 0, anchor
        for name in list(air.origin):
            air.kill_node(name)
        assert time.monotonic() - begun < AHEAD - 5, "the wrap came before the nodes were gone"
        time.sleep(max(0, begun + AHEAD + 10 - time.monotonic()))
        for name in air.origin:
            air.start_node(name)
        air.wait_ready(*air.origin, seconds=120)
        after = stage.wait_for("common segments behind the wrap", lambda: _held(air))
        assert all(air.channel(name)["anchor"] == anchor for name in air.origin), anchor
        print("#", anchor, before, after)
        for n, (counter, at) in {**before, **after}.items():
            first, (base, base_at) = next(iter(before.items()))
            assert counter - base == (n - first) * stage.SEGMENT * stage.FPS, (n, counter, first, base)
            assert (at - base_at) % WRAP == (n - first) * TICKS, (n, at, first, base_at)
        assert _source_time(anchor, min(after)) < WRAP / 2 < _source_time(anchor, max(before)), (anchor, before, after)


stage.main()
