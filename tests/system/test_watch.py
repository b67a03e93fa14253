# SPDX-License-Identifier: LGPL-2.1-or-later
"""Given two watch pages in Chromium, one by cookie and one by path prefix, that play through the
edge, when node A is killed whole, comes back, and then node B is killed, then hls.js reports no
error, playback never runs out of data, and every frame of the feed got into the buffer once."""
import browser
import stage
import watcher


def _playing(chromium, *names):
    for name in names:
        stage.wait_for(f"{name}'s pictures", lambda: len(watcher.Watcher(chromium, name).frames) > 2 * stage.FPS, 180)


def _play_on(chromium, node, *names):
    """Waits until the pages show what was encoded after this moment, by that node, and have it from there."""
    newest = {name: max(msn for _, msn, _ in watcher.Watcher(chromium, name).seen["appended"]) for name in names}

    def plays_on(name):
        page = watcher.Watcher(chromium, name).page
        return page["msn"] > newest[name] + 3 and page["node"] == page["origin"] == node
    for name in names:
        stage.wait_for(f"{name} going on with {node}'s", lambda: plays_on(name), 180)


def test_the_page_notices_no_death():
    pages = ("cookie", "path")
    with stage.Stage(small=True).on_air() as air, browser.Browser(air) as chromium:
        machine, late = stage.Machine(), []
        # A page keeps four segments: of a channel that has just begun there are fewer to keep.
        early = stage.Viewer(air.url("early"))
        stage.wait_for("five segments in the playlist", lambda: len(early.media("360p")) >= 5)
        for name in pages:
            url = air.url("viewer-" + name, name, None, "--page")
            assert chromium.do("open", name, url=url, width=480, height=560)["status"] == 200
        _playing(chromium, *pages)
        air.kill_node("A")
        _play_on(chromium, "B", *pages)
        air.start_node("A")
        air.wait_ready("A")
        air.kill_node("B")
        _play_on(chromium, "A", *pages)
        for name in pages:
            seen = watcher.Watcher(chromium, name)
            seen.say()
            seen.judge_hls_js()
            seen.judge_words()
            late += seen.lateness()
            seen.judge_segments(12)
            seen.judge_pictures(24)
            shown = seen.page
            assert shown["segments"]["main"]["gaps"] == 0, shown["segments"]
            assert shown["latency"] > 0 and shown["session"]["lease"] > 200, shown
        machine.judge(late)


stage.main()
