# SPDX-License-Identifier: LGPL-2.1-or-later
"""What Chromium showed of a watch page, judged."""
import itertools
import re

import stage


class Watcher:
    """What was seen in a page, judged."""

    def __init__(self, chromium, name):
        look = chromium.look(name)
        self.name, self.look, self.seen, self.page = name, look, look["seen"], look["headend"]
        self.frames = self.seen["frames"]

    def say(self):
        shown = self.page["frames"]
        print(f"# {self.name}: {len(self.frames)} pictures read, {shown['dropped']} of {sum(shown.values())} dropped "
              f"on the way to the screen, time stood still for at most {self.seen['stands']:.2f} s, timers were late "
              f"by at most {self.seen['late']:.2f} s, {self.page['refetched']} fetched again, {self.seen['errors']}")

    def _is_the_machines(self, error):
        """hls.js reports that pictures stand still, too, when it has them and the browser gets no time to show
        them: on a machine so busy that just then timers are late."""
        return error["details"] == "bufferStalledError" and error["ahead"] > 0.5 and error["late"] > 0.25

    def judge_hls_js(self):
        errors = [error for error in self.seen["errors"] if error["details"] != "bufferStalledError"]
        assert not errors, f"{errors}; buffered: {self.seen['buffered']}"
        assert len(self.page["errors"]) == len(self.seen["errors"]), self.page["errors"]
        assert not self.look["words"], self.look["words"]
        assert not self.seen["violations"], self.seen["violations"]
        assert self.page["session"]["state"] == "open", self.page["session"]

    def judge_words(self):
        """What a viewer of the page reads is what the page knows."""
        shown = {title: line for title, line in itertools.pairwise(self.look["text"].splitlines())}
        page = self.page
        assert shown["node"] == page["node"] and shown["playlists from"] == page["origin"], (shown, page)
        assert 0 <= page["msn"] - int(shown["MSN"]) <= 1, (shown, page["msn"])
        assert re.match(r"\d+\.\d s \(playlist's end: ", shown["latency"]), shown
        assert shown["stalls"].split(",")[0] == str(page["stalls"]["count"] or "none"), (shown, page["stalls"])
        assert shown["errors"] == (self.seen["errors"][-1]["details"] if self.seen["errors"] else "none"), shown
        assert "The session is open." in self.look["text"], shown

    def lateness(self):
        """Complaints for stage.Machine: that there were no data, or that time stood still. It may be late with data
        that are there."""
        assert self.seen["began"] > 1, f"played with {self.seen['began']} s ahead"
        stalls = [error for error in self.seen["errors"]
                  if error["details"] == "bufferStalledError" and not self._is_the_machines(error)]
        waits = [f"waited with {ahead} s ahead" for ahead in self.seen["waits"] if ahead <= 0.1]
        stands = self.seen["stands"]
        return [f"{self.name}: {complaint}" for complaint in [
            *stalls, *waits, *([f"stood still for {stands} s"] if stands > stage.SEGMENT + 0.5 else [])]]

    def judge_segments(self, least):
        """From when it plays, consecutive numbers of both kinds, each whole, and no hole in what the browser holds.
        Before, a player that is slow may move on to the live edge."""
        for kind, whole in (("video", {50}), ("audio", {93, 94})):
            samples = {}
            for what, msn, count in self.seen["appended"][self.seen["before"]:]:
                if what == kind:
                    samples.setdefault(msn, set()).add(count)
            assert len(samples) >= least, f"{kind}: only {len(samples)} segments"
            assert sorted(samples) == list(range(min(samples), max(samples) + 1)), f"{kind}: {sorted(samples)}"
            broken = {msn: counts for msn, counts in samples.items() if not counts <= whole}
            assert not broken, f"{kind}: frames in a segment: {broken}"
        played = [end for _, end in self.look["ranges"] if end > self.frames[0][0] / 1e6]
        assert len(played) == 1, self.look["ranges"]

    def judge_pictures(self, seconds):
        """Each picture that was shown is the one that belongs to its time: nothing is missing, repeated or
        moved in between, whatever the screen left out."""
        shifts = {counter - round(at * stage.FPS / 1e6) for at, counter in self.frames}
        assert len(shifts) == 1, f"pictures against time: {sorted(shifts)}"
        assert len(self.frames) > seconds * stage.FPS / 10, f"only {len(self.frames)} pictures"
        assert (self.frames[-1][0] - self.frames[0][0]) / 1e6 > seconds, self.frames[-1]
