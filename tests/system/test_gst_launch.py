# SPDX-License-Identifier: LGPL-2.1-or-later
"""The gst-launch lines that stand in the elements' SECTION blocks and in README.md run as written,
in an empty folder; gst-inspect-1.0 knows every element completely."""
import os
import re
import subprocess
import tempfile

import stage

ELEMENTS = {"epochdemux", "epochalign", "segmentdecoder", "segmentencoder", "forensicmark", "forensicdetect", "segmentencrypt", "hlsgatesink"}


def _run(script, seconds=300):
    with tempfile.TemporaryDirectory(prefix="headend-test-") as folder:
        env = dict(os.environ, PATH=os.path.dirname(stage.HEADEND) + ":" + os.environ["PATH"])
        return subprocess.run(["sh", "-eu", "-c", script], cwd=folder, env=env, timeout=seconds,
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)


def _sections():
    for path in sorted((stage.TOP / "plugins").rglob("gst-*.c")):
        text = path.read_text()
        for element in re.findall(r"SECTION:element-(\S+)", text):
            block = re.search(r"\|\[(.*?)\]\|", text[text.index("SECTION:element-" + element):], re.S)
            assert block, f"{path}: SECTION:element-{element} has no |[ ... ]| block"
            lines = [re.sub(r"^ \* ?", "", line) for line in block.group(1).splitlines()]
            yield element, "\n".join(line for line in lines if not line.startswith("<!--"))


def test_every_section_line_runs_as_written():
    seen = set()
    for element, script in _sections():
        assert "gst-launch-1.0" in script, script
        done = _run(script)
        assert done.returncode == 0, f"{element}: {script}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        assert "ERROR" not in done.stderr and "WARNING" not in done.stderr, f"{element}: {done.stderr}"
        seen.add(element)
    assert seen == ELEMENTS, f"without a SECTION line: {ELEMENTS - seen}"


def test_every_gst_launch_line_of_the_readme_runs_as_written():
    blocks = re.findall(r"```sh\n(.*?)```", (stage.TOP / "README.md").read_text(), re.S)
    blocks = [b for b in blocks if "gst-launch-1.0" in b]
    told = set()
    for block in blocks:
        done = _run(block)
        assert done.returncode == 0, f"{block}\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
        told |= {e for e in ELEMENTS if e in block}
    assert told == ELEMENTS, f"README.md shows no line with {ELEMENTS - told}"


def test_gst_inspect_knows_every_element():
    for element in sorted(ELEMENTS):
        done = subprocess.run(["gst-inspect-1.0", element], capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"{element}: {done.stderr}"
        for field in ("Long-name", "Klass", "Description", "Author", "License", "Source module"):
            value = re.search(rf"^\s*{field}\s+(\S.*)$", done.stdout, re.M)
            assert value, f"{element}: no {field}"
        assert re.search(r"License\s+LGPL", done.stdout), element


stage.main()
