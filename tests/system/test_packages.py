# SPDX-License-Identifier: LGPL-2.1-or-later
"""The Debian packages build from a copy of the tree, lintian has nothing to say, and what dpkg installs
of them is a channel on air.

They are installed into this very system with all that they depend on, maintainer scripts included, but
nothing of it lasts: an overlay in a mount namespace of its own takes every write, and a network of its
own leaves the ports free. That needs root, or sudo that does not ask."""
import contextlib
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

import stage

BUILD_PACKAGE = ["dpkg-buildpackage", "-us", "-uc", "-b"]

# Arguments: packages and what else is needed; the last is a script that is run where they are.
_INSTALLED = r"""
set -eu
mount -t tmpfs tmpfs /mnt
mkdir /mnt/upper /mnt/work /mnt/root
mount -t overlay overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root
for part in dev sys; do mount --rbind /$part /mnt/root/$part; done
mount -t proc proc /mnt/root/proc
mount -t tmpfs tmpfs /mnt/root/tmp
mount -t tmpfs tmpfs /mnt/root/run
cp "$@" /mnt/root/tmp/
for script; do :; done
python3 -c 'import fcntl, socket, struct
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh14x", b"lo", 0x1 | 0x40))'
cd /
exec chroot /mnt/root env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
  DEBIAN_FRONTEND=noninteractive sh -eux "/tmp/$(basename "$script")"
"""

_SCRIPT = r"""
cd /tmp
dpkg -i headend_*.deb gstreamer1.0-headend_*.deb >install.log 2>&1 || { cat install.log; exit 1; }
test "$(headend --version)" = "headend $(dpkg-query -W -f '${Version}' headend)"
test "$(ls $(pkg-config --variable=pluginsdir gst-headend) | grep -c libgstheadend)" = 4
for element in epochdemux epochalign segmentdecoder segmentencoder forensicmark forensicdetect segmentencrypt hlsgatesink; do
  gst-inspect-1.0 $element >said || { cat said; exit 1; }
  grep 'Filename.*gstreamer-1.0/libgstheadend' said
done
descriptions=$(pkg-config --variable=pipelinesdir gst-headend)
headend check $descriptions/single.json
headend check $descriptions/active-active.json
man headend | grep -q 'on air'
systemd-analyze verify --man=no headend-node.service headend-channel@demo.service >verify 2>&1 || { cat verify; exit 1; }
if grep headend verify; then exit 1; fi
test ! -e /etc/systemd/system/multi-user.target.wants/headend-node.service

# On air, as the unit starts it: the user, the folders, and nothing but they.
install -m 644 $descriptions/single.json /etc/gst-headend/headend.json
headend token keygen --dir /etc/gst-headend
install -o headend -m 600 /dev/null /etc/gst-headend/headend.secret
openssl rand -hex 32 >/etc/gst-headend/headend.secret
install -d -o headend -m 700 /var/lib/gst-headend /var/cache/gst-headend
./feed 9000 >feed.log 2>&1 &
runuser -u headend -- env STATE_DIRECTORY=/var/lib/gst-headend XDG_CACHE_HOME=/var/cache/gst-headend \
  headend run /etc/gst-headend/headend.json >node.log 2>&1 &
left=180
until headend status /etc/gst-headend/headend.json >status 2>&1; do
  left=$((left - 1))
  [ $left -gt 0 ] || { cat status node.log feed.log; exit 1; }
  sleep 1
done
cat status
test -n "$(find /var/lib/gst-headend -name 'anchor-demo.json' -user headend)"

apt-get -q -y purge headend gstreamer1.0-headend >purge.log 2>&1 || { cat purge.log; exit 1; }
test ! -e /usr/bin/headend
test -z "$(find /usr/lib /lib/systemd /usr/share -name '*gst*headend*' -o -name 'headend*')"
echo on air
"""


@contextlib.contextmanager
def _copy():
    """A copy of the tree as a clone has it, alone in a folder."""
    folder = tempfile.mkdtemp(prefix="headend-test-")
    try:
        tree = pathlib.Path(folder) / "gst-headend"
        shutil.copytree(stage.TOP, tree, symlinks=True, ignore=lambda at, names: [
            n for n in names if pathlib.Path(at) == stage.TOP and n.startswith((".git", "build", "run", "obj-"))])
        yield tree
    finally:
        shutil.rmtree(folder)


def _run(*command, folder=None, seconds=600, **more):
    done = subprocess.run([str(part) for part in command], cwd=folder, env=dict(os.environ, **more), timeout=seconds,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, f"{command[:4]}\n{done.stdout[-4000:]}"
    return done.stdout


def test_the_packages_build_and_what_they_install_is_on_air():
    with _copy() as tree:
        jobs = len(os.sched_getaffinity(0))
        _run("nice", *BUILD_PACKAGE, folder=tree, seconds=1500, DEB_BUILD_OPTIONS=f"nocheck parallel={jobs}")
        (changes,) = tree.parent.glob("*.changes")
        (package,) = tree.parent.glob("headend_*.deb")
        there = _run("dpkg-deb", "--contents", package)
        pages = {p.name for p in (stage.TOP / "docs").glob("*.md")}
        assert set(re.findall(r"(\S*\.md\S*)\n", there)) == {"./usr/share/doc/headend/README.md"} | {
            f"./usr/share/doc/headend/docs/{name}" for name in pages}, there
        # As root on purpose: a user of its own would have to be made for it.
        _run("lintian", "--allow-root", "--fail-on", "error,warning", changes, seconds=300)
        script = tree.parent / "installed.sh"
        script.write_text(_SCRIPT)
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        said = _run(*sudo, "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", "-c", _INSTALLED,
                    "-", *tree.parent.glob("*.deb"), stage.TOP / "tools" / "feed", script)
        assert said.endswith("on air\n"), said[-4000:]
        assert shutil.which("headend", path="/usr/bin") is None, "it is left on this system"


stage.main()
