# SPDX-License-Identifier: LGPL-2.1-or-later
"""What meson says of options that do not go together, and what it leaves out by itself."""
import subprocess
import tempfile

import stage


def _configure(*options):
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        done = subprocess.run(["meson", "setup", folder, str(stage.TOP), *options], capture_output=True,
                              text=True, timeout=120, stdin=subprocess.DEVNULL)
        return done.returncode, done.stdout


def test_what_is_demanded_and_cannot_be_is_an_error_that_says_why():
    for demanded, disabled, why in (("launcher", "hls", "do not disable timeline and hls"),
                                    ("hls", "soup", "hlsgatesink speaks HTTP with libsoup 3"),
                                    ("systemd", "launcher", "the units start headend")):
        code, said = _configure(f"-D{demanded}=enabled", f"-D{disabled}=disabled")
        assert code != 0 and f"Feature {demanded} cannot be enabled" in said and why in said, said[-1500:]


def test_without_libsoup_what_needs_it_is_left_out():
    code, said = _configure("-Dsoup=disabled")
    assert code == 0, said[-1500:]
    summary = {name.strip(): value.strip() for name, _, value in
               (line.partition(":") for line in said[said.index("\n  Plugins\n"):].splitlines())}
    assert [summary[part] for part in ("timeline", "watermark", "encryption", "tests")] == ["YES"] * 4, said
    assert [summary[part] for part in ("hls", "headend", "manual page", "completions", "systemd units")] == \
        ["NO"] * 5, said


stage.main()
