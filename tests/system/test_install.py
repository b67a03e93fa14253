# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `meson install` puts into a folder works from there, and `meson devenv` runs the build as it
stands; neither is told where the plugins are."""
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import stage

BUILD = os.environ["BUILDDIR"]
ELEMENTS = ("epochdemux", "epochalign", "segmentdecoder", "segmentencoder", "forensicmark", "forensicdetect", "segmentencrypt", "hlsgatesink")


def _options():
    done = subprocess.run(["meson", "introspect", "--buildoptions", BUILD], capture_output=True, text=True,
                          check=True, timeout=60)
    return {option["name"]: option["value"] for option in json.loads(done.stdout)}


class _Tree:
    """An installed tree in a folder that the build knows nothing of."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder],
                       check=True, capture_output=True, timeout=60)
        options = _options()
        self.prefix = self.folder / options["prefix"].lstrip("/")
        self.lib = self.prefix / options["libdir"]
        self.share = self.prefix / options["datadir"]
        self.man = self.prefix / options["mandir"]
        self.headend = self.prefix / options["bindir"] / "headend"

    def run(self, *command, **more):
        env = {name: value for name, value in os.environ.items() if not name.startswith("GST_")}
        env.update(GST_REGISTRY=str(self.folder / "registry.bin"), LC_ALL="C.UTF-8", **more)
        return subprocess.run([str(part) for part in command], env=env, capture_output=True, text=True,
                              timeout=60, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def _installed():
    folder = tempfile.mkdtemp(prefix="headend-test-")
    try:
        yield _Tree(folder)
    finally:
        shutil.rmtree(folder)


def test_the_installed_program_finds_its_plugins():
    with _installed() as tree:
        version = tree.run(tree.headend, "--version")
        assert version.stdout.startswith("headend "), version
        description = tree.share / "gst-headend" / "pipelines" / "single.json"
        done = tree.run(tree.headend, "check", description)
        assert done.returncode == 0 and done.stdout.startswith("OK"), done
        # The installed modules and no others: without them the same program says what is missing.
        (tree.lib / "gstreamer-1.0" / "libgstheadendhls.so").unlink()
        done = tree.run(tree.headend, "check", description)
        assert done.returncode == 1 and "hlsgatesink" in done.stderr, done


def test_gst_inspect_finds_every_element_of_the_installed_folder():
    with _installed() as tree:
        plugins = tree.lib / "gstreamer-1.0"
        for element in ELEMENTS:
            done = tree.run("gst-inspect-1.0", element, GST_PLUGIN_PATH=str(plugins))
            assert done.returncode == 0 and str(plugins) in done.stdout, (element, done)


def test_pkg_config_says_where_things_are():
    with _installed() as tree:
        def ask(variable):
            done = tree.run("pkg-config", *variable, "gst-headend", PKG_CONFIG_PATH=str(tree.lib / "pkgconfig"),
                            PKG_CONFIG_SYSROOT_DIR="")
            assert done.returncode == 0, done
            return done.stdout.strip()

        def there(variable):
            return pathlib.Path(str(tree.folder) + ask([f"--variable={variable}"]))
        version = tree.run(tree.headend, "--version").stdout.split()[1]
        assert ask(["--modversion"]) == version
        assert sorted(path.name for path in there("pluginsdir").iterdir()) == [
            "libgstheadendencryption.so", "libgstheadendhls.so", "libgstheadendtimeline.so",
            "libgstheadendwatermark.so"]
        assert json.loads(there("schema").read_text())["$schema"].startswith("https://json-schema.org/")
        ours = {path.name for path in (stage.TOP / "pipelines").glob("*.json")}
        assert {path.name for path in there("pipelinesdir").glob("*.json")} == ours and len(ours) > 2


def test_the_manual_page_is_installed_and_reads_well():
    with _installed() as tree:
        (page,) = tree.man.rglob("headend.1*")
        done = tree.run("man", "--warnings", "-l", page, MANROFFOPT="-ww", MANWIDTH="100")
        assert done.returncode == 0 and "headend" in done.stdout and not done.stderr, done


def test_devenv_runs_the_build_as_it_stands():
    with tempfile.TemporaryDirectory(prefix="headend-test-") as home:
        env = {name: value for name, value in os.environ.items() if not name.startswith("GST_")}
        env["HOME"] = env["XDG_CACHE_HOME"] = home

        def inside(*command):
            done = subprocess.run(["meson", "devenv", "-C", BUILD, *command], env=env, capture_output=True,
                                  text=True, timeout=120, stdin=subprocess.DEVNULL)
            assert done.returncode == 0, done
            return done.stdout
        for element in ELEMENTS:
            assert BUILD + "/plugins" in inside("gst-inspect-1.0", element), element
        assert inside("headend", "check", str(stage.TOP / "pipelines" / "active-active.json")).startswith("OK")
        assert not list(pathlib.Path(home).rglob("registry*")), "the user's own registry was written"


stage.main()
