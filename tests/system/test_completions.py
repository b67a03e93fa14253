# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bash, zsh and fish offer behind "headend" is what the program says of itself, nothing else."""
import os
import pathlib
import re
import subprocess
import tempfile

import stage

FILES = stage.TOP / "data" / "completions"
HOME = tempfile.TemporaryDirectory(prefix="headend-test-")
_BASH = """
source "$1"
COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2))
compopt() { :; }
_headend
printf '%s\\n' "${COMPREPLY[@]}"
"""


def _run(*command, folder=None):
    env = dict(os.environ, PATH=os.path.dirname(stage.HEADEND) + ":" + os.environ["PATH"], LC_ALL="C.UTF-8",
               HOME=HOME.name)
    done = subprocess.run([str(part) for part in command], env=env, cwd=folder, capture_output=True, text=True,
                          timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done
    return done.stdout


def _bash(words, folder):
    return _run("bash", "--norc", "-c", _BASH, "-", FILES / "headend.bash", *words, folder=folder)


def _zsh(words, folder):
    return _run("zsh", "-f", stage.TOP / "tests" / "system" / "complete.zsh", FILES, " ".join(words), folder=folder)


def _fish(words, folder):
    script = f"source '{FILES}/headend.fish'; complete -C '{' '.join(words)}'"
    offered = _run("fish", "--no-config", "-c", script, folder=folder)
    return "\n".join(line.split("\t")[0] for line in offered.splitlines())


SHELLS = {"bash": _bash, "zsh": _zsh, "fish": _fish}


def _offers(*words):
    """What each shell offers behind these words, the last of which is unfinished, in a folder with a
    description and a folder: {shell: words}. Options come without the "=" that bash appends."""
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        text = (stage.TOP / "pipelines" / "active-active.json").read_text()
        (pathlib.Path(folder) / "d.json").write_text(text)
        (pathlib.Path(folder) / "notes.txt").write_text("")
        return {shell: {word.rstrip("=") for word in complete(["headend", *words], folder).split()}
                for shell, complete in SHELLS.items()}


def _all_offer(expected, *words):
    for shell, offered in _offers(*words).items():
        assert offered == set(expected), f"{shell} behind {words}: {offered}, expected {set(expected)}"


def _options(*command):
    """The long options that the program's help names."""
    return set(re.findall(r"(?m)^  .*?(--[a-z-]+)", _run(stage.HEADEND, *command, "--help")))


def _commands():
    return re.findall(r"(?m)^  headend (\S+)", _run(stage.HEADEND, "--help"))


def _verbs():
    return re.findall(r"headend token (\S+)", _run(stage.HEADEND, "token", "--help"))


def test_every_subcommand_is_offered_and_nothing_else():
    commands = _commands()
    assert len(commands) >= 6, commands
    for shell, offered in _offers("").items():
        # bash names the options without being asked.
        assert {word for word in offered if not word.startswith("-")} == set(commands), (shell, offered)
    _all_offer(["--help", "--version"], "--")
    _all_offer(_verbs(), "token", "")


def test_every_option_is_offered_and_nothing_else():
    for command in _commands():
        if command != "token":
            _all_offer(_options(command), command, "--")
    for verb in _verbs():
        _all_offer(_options("token", verb), "token", verb, "--")


def test_values_come_from_the_description():
    _all_offer(["A", "B"], "run", "d.json", "--node", "")
    _all_offer(["demo"], "run", "d.json", "--channel", "")
    _all_offer(["cookie", "path"], "token", "mint", "--transport", "")


def test_descriptions_are_offered_as_files():
    for command in _commands():
        if command != "token":
            for shell, offered in _offers(command, "").items():
                assert "d.json" in offered, (shell, command, offered)


stage.main()
