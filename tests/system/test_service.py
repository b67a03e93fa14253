# SPDX-License-Identifier: LGPL-2.1-or-later
"""What a service manager is told of a node, and the units that start one."""
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile

import manager
import stage


def test_a_node_says_when_it_is_ready_and_when_it_ends():
    with stage.Stage("single.json") as air:
        (name, _), = air.origin.items()
        notified = manager.Manager(air, "node")
        process = manager.run(air, notified, "node")
        # Without a source it lives, and asks for patience.
        message = notified.wait("STATUS=not ready: channel demo")
        assert {"WATCHDOG=1", "EXTEND_TIMEOUT_USEC=30000000"} <= message, message
        for part in ("origin", "worker"):
            environment = stage.wait_for(part, lambda: manager.environment(process, part), 60)
            assert b"NOTIFY_SOCKET" not in environment and b"WATCHDOG" not in environment, environment
        assert not notified.seen("READY=1"), notified.told
        air.start_feed()
        message = notified.wait("READY=1")
        assert "STATUS=on air" in message, message
        air.wait_ready(name)
        process.send_signal(signal.SIGTERM)
        notified.wait("STOPPING=1", 30)
        assert process.wait(30) == 0


def test_a_loop_that_stands_still_does_not_feed_the_watchdog():
    with stage.Stage("single.json") as air:
        notified = manager.Manager(air, "origin")
        process = manager.run(air, notified, "origin", "--origin")
        notified.wait("WATCHDOG=1")
        process.send_signal(signal.SIGSTOP)
        notified.is_not_fed()
        process.send_signal(signal.SIGCONT)
        notified.wait("WATCHDOG=1")


def test_parts_that_make_no_sense_are_refused():
    with stage.Stage("active-active.json") as air:
        for arguments, why in ((["--origin"], "say which with --node"), (["--channel", "demo"], "say which with --node"),
                               (["--node", "A", "--channel", "news"], "no such channel")):
            done = subprocess.run([stage.HEADEND, "run", str(air.description), *arguments], capture_output=True,
                                  text=True, timeout=30, stdin=subprocess.DEVNULL)
            assert done.returncode == 2 and why in done.stderr, done


def test_the_units_are_sound():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        subprocess.run(["meson", "install", "-C", os.environ["BUILDDIR"], "--no-rebuild", "--quiet", "--destdir", folder],
                       check=True, capture_output=True, timeout=60)
        units = sorted(path for path in pathlib.Path(folder).rglob("headend-*.service"))
        assert [unit.name for unit in units] == ["headend-channel@.service", "headend-node.service"], units
        program, = pathlib.Path(folder).rglob("bin/headend")
        here = pathlib.Path(folder) / "units"
        here.mkdir()
        for unit in units:
            text = unit.read_text()
            assert "@" not in text.replace("@system-service", ""), text
            # The program is installed below a folder for this test only.
            assert f"ExecStart=/{program.relative_to(folder)} run " in text, text
            (here / unit.name).write_text(text.replace(f"ExecStart=/{program.relative_to(folder)}", f"ExecStart={program}"))
        shutil.copy(here / "headend-channel@.service", here / "headend-channel@demo.service")
        for unit in ("headend-node.service", "headend-channel@demo.service"):
            done = subprocess.run(["systemd-analyze", "verify", "--man=no", str(here / unit)], capture_output=True,
                                  text=True, timeout=60)
            said = [line for line in done.stderr.splitlines() if "headend" in line]
            assert done.returncode == 0 and not said, done
            done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=30", "--no-pager",
                                   str(here / unit)], capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stdout[-600:] + done.stderr
        users, = pathlib.Path(folder).rglob("sysusers.d/gst-headend.conf")
        (pathlib.Path(folder) / "etc").mkdir(exist_ok=True)
        subprocess.run(["systemd-sysusers", f"--root={folder}", str(users)], check=True, capture_output=True, timeout=60)
        passwd = (pathlib.Path(folder) / "etc" / "passwd").read_text()
        assert "headend:" in passwd and "/var/lib/gst-headend" in passwd, passwd


stage.main()
