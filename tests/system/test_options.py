# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson says of options that do not go together, and what it leaves out by itself."""
import subprocess
import tempfile

import stage


def _configure(*options):
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        done = subprocess.run(["meson", "setup", folder, str(stage.TOP), *options], capture_output=True,
                              text=True, timeout=300, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout


def test_what_is_demanded_and_cannot_be_is_an_error_that_says_why():
    for demanded, disabled, why in (("launcher", "hls", "do not disable timeline and hls"),
                                    ("hls", "soup", "hlsgatesink speaks HTTP with libsoup 3"),
                                    ("systemd", "launcher", "the units start headend")):
        code, said = _configure(f"-D{demanded}=enabled", f"-D{disabled}=disabled")
        assert code != 0 and f"Feature {demanded} cannot be enabled" in said and why in said, said[-1500:]


def _left_out(library):
    """What is not built without it."""
    code, said = _configure(f"-D{library}=disabled")
    assert code == 0, said[-1500:]
    summary = {name.strip(): value.strip() for name, _, value in
               (line.partition(":") for line in said[said.index("\n  Plugins\n"):].splitlines())}
    built = {name: value for name, value in summary.items() if value in ("YES", "NO")}
    assert len(built) == 9, said
    return {name for name, value in built.items() if value == "NO"}


def test_what_a_library_is_needed_for_is_left_out_without_it():
    program = {"headend", "manual page", "completions", "systemd units"}
    assert _left_out("soup") == {"hls"} | program


stage.main()
