# SPDX-License-Identifier: LGPL-2.1-or-later
"""Debian's Chromium for tests, driven through browser/driver.js. Its one package from npm is
installed into the build folder once, as package-lock.json pins it, and needs no network again."""
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import stage

_HERE = pathlib.Path(__file__).resolve().parent / "browser"
CHROMIUM = "/usr/bin/chromium"


def _modules():
    """The folder with node_modules as the lock says."""
    folder = pathlib.Path(os.environ["BUILDDIR"]) / "tests" / "browser"
    lock = (_HERE / "package-lock.json").read_bytes()
    stamp = folder / "installed.json"
    if stamp.is_file() and stamp.read_bytes() == lock:
        return folder
    fresh = pathlib.Path(tempfile.mkdtemp(prefix="browser-", dir=folder.parent))
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(_HERE / name, fresh / name)
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=fresh,
                              capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
        (fresh / "installed.json").write_bytes(lock)
        shutil.rmtree(folder, ignore_errors=True)
        fresh.rename(folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder


class Browser:
    """One Chromium; each page has a profile of its own."""

    def __init__(self, air):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="browser-", dir=air.dir))
        log = air.dir / "browser.log"
        air.logs.append(log)
        with log.open("ab") as err:
            self.process = subprocess.Popen(
                ["node", str(_HERE / "driver.js"), CHROMIUM, str(_modules())], stdin=subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=err, text=True, env=dict(os.environ, HOME=str(self.dir), TMPDIR=str(self.dir)))
        self.version = self._answer()["version"]

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self.process.stdin.close()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            stage.end(self.process)

    def _answer(self):
        line = self.process.stdout.readline()
        assert line, "the browser's driver ended; its words are in browser.log"
        answer = json.loads(line)
        assert "error" not in answer, answer["error"]
        return answer

    def do(self, verb, page, **more):
        self.process.stdin.write(json.dumps({"do": verb, "page": page, **more}) + "\n")
        self.process.stdin.flush()
        return self._answer()

    def look(self, page):
        return self.do("look", page)
