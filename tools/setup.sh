# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by quickstart and check, which set $top: what both need before their own work.

targets= # for build, which an environment does not name

say() { printf '%s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

# Of the packages named, those that apt has to install; says which it has not.
offered() {
  for package; do
    if apt-cache show "$package" >/dev/null 2>&1; then printf ' %s' "$package"; else say "this Debian has no $package"; fi
  done
}

# install_packages [--offered] KIND...: installs the Debian packages of these kinds that are missing,
# and asks the network for nothing when none is. With --offered, those that this Debian has.
install_packages() {
  filter=
  if [ "$1" = --offered ]; then filter=yes; shift; fi
  kinds=" $* "
  missing=
  while read -r package kind instead; do
    case $package in ''|'#'*) continue ;; esac
    case $kinds in *" $kind "*) ;; *) continue ;; esac
    [ -z "$instead" ] || ! command -v "$instead" >/dev/null || continue
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      missing="$missing $package"
  done < "$top/tools/packages"
  [ -n "$missing" ] || return 0
  as_root=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "these packages are missing and neither root nor sudo is at hand; as root: apt-get install --no-install-recommends$missing"
    as_root=sudo
  fi
  say "installing:$missing"
  # Servers that a package would start are none of ours: nginx runs as an edge of its own.
  log=$(mktemp)
  policy=/usr/sbin/policy-rc.d
  ours=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee "$policy" >/dev/null
    $as_root chmod 755 "$policy"
    ours=1
  fi
  # shellcheck disable=SC2086 # a list of words
  if $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q update >"$log" 2>&1 &&
     { [ -z "$filter" ] || missing=$(offered $missing); } &&
     $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y --no-install-recommends install $missing >>"$log" 2>&1
  then installed=1; else installed=; fi
  [ -z "$ours" ] || $as_root rm -f "$policy"
  [ -n "$installed" ] || { tail -n 20 "$log" >&2; rm -f "$log"; die "apt-get could not install:$missing"; }
  rm -f "$log"
}

# build DIR [MESON-OPTION...]: configures when it must, then builds all or what $targets names; prints
# only what goes wrong.
build() {
  dir=$1
  shift
  log=$(mktemp)
  if [ ! -f "$dir/build.ninja" ]; then
    say "configuring $dir"
    meson setup "$dir" "$top" "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "meson could not configure $dir"; }
  elif [ $# -gt 0 ] && [ "$*" != "$(cat "$dir/check-options" 2>/dev/null)" ]; then
    meson configure "$dir" "$@" >"$log" 2>&1 || { cat "$log" >&2; rm -f "$log"; die "meson could not configure $dir"; }
  fi
  [ $# = 0 ] || printf '%s\n' "$*" > "$dir/check-options"
  say "building $dir"
  # shellcheck disable=SC2086 # a list of words
  ninja -C "$dir" $targets >"$log" 2>&1 || { tail -n 60 "$log" >&2; rm -f "$log"; die "the build in $dir failed"; }
  rm -f "$log"
}
