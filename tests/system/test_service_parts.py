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


def test_an_origin_that_stands_still_starves_the_watchdog_and_is_replaced():
    with stage.Stage("single.json") as air:
        notified = manager.Manager(air, "origin")
        process = manager.run(air, notified, "origin", "--origin")
        notified.wait("WATCHDOG=1")
        first = manager.children(process)["origin"]
        os.kill(first, signal.SIGSTOP)
        notified.is_not_fed()
        notified.wait("WATCHDOG=1", 90)
        assert manager.children(process)["origin"] != first
        assert "origin said nothing for 30 s and is killed" in (air.dir / "origin.log").read_text()


stage.main()
