#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs embed in an empty folder that holds a key file for its gate.
set -eu
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
"$HEADEND" token keygen --dir . >/dev/null
"$BUILDDIR/tests/embed"
