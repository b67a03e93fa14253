# SPDX-License-Identifier: LGPL-2.1-or-later
"""A node in parts, each a service of its own, as the unit for a channel runs them; and what becomes of
an origin that stands still."""
import os
import signal

import manager
import stage


def test_a_node_runs_in_parts():
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        managers = {part: manager.Manager(air, part) for part in ("origin", "channel")}
        origin = manager.run(air, managers["origin"], "origin", "--origin")
        # Ready when it answers: channels are started after it.
        managers["origin"].wait("READY=1", 30)
        assert sorted(manager.children(origin)) == ["origin"]
        channel = manager.run(air, managers["channel"], "channel", "--channel", "demo")
        message = managers["channel"].wait("STATUS=waiting for worker demo")
        assert {"WATCHDOG=1", "EXTEND_TIMEOUT_USEC=30000000"} <= message, message
        stage.wait_for("the worker alone", lambda: sorted(manager.children(channel)) == ["worker"], 60)
        air.start_feed()
        managers["channel"].wait("READY=1")
        air.wait_ready(name, seconds=90)


def origin_stopped_early(air, notified):
    """A node whose origin was stopped before it was ready: it is given more time then."""
    for attempt in range(20):
        process = manager.run(air, notified, f"origin{attempt}", "--origin")
        origin = stage.wait_for("origin", lambda: manager.children(process).get("origin"), 60)
        os.kill(origin, signal.SIGSTOP)
        if "origin is ready" not in (air.dir / f"origin{attempt}.log").read_text():
            return origin
        process.kill()
        process.wait(30)
    raise AssertionError("an origin was always ready before it could be stopped")


def test_an_origin_that_does_not_answer_starves_the_watchdog():
    with stage.Stage("single.json") as air:
        notified = manager.Manager(air, "origin")
        origin = origin_stopped_early(air, notified)
        notified.is_not_fed()
        os.kill(origin, signal.SIGCONT)
        notified.wait("WATCHDOG=1")


def test_an_origin_that_stands_still_is_replaced():
    with stage.Stage("single.json") as air:
        notified = manager.Manager(air, "origin")
        process = manager.run(air, notified, "origin", "--origin")
        notified.wait("READY=1")
        first = manager.children(process)["origin"]
        os.kill(first, signal.SIGSTOP)
        stage.wait_for("another origin",
                       lambda: manager.children(process).get("origin", first) != first, 90)
        notified.wait("WATCHDOG=1", 90)
        assert "origin said nothing for 5 s and is killed" in (air.dir / "origin.log").read_text()


stage.main()
