#!/bin/sh
# Corduroy's command line out of a managed plugin's files, for the plugin's host: link to it from /usr/local/bin.
# Inside the plugin, or in a container, where the files are the root, it is the program itself.
set -eu
# as in src/cli/launcher.sh
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
program=/opt/corduroy/build/src/cli/main.js
# Only these files have it, as the place for a /proc; they have no readlink.
[ ! -d /opt/corduroy/proc ] || exec node "$program" "$@"
self=$(readlink -f -- "$0")
root=${self%/usr/bin/corduroy}

# With the host's files, but the plugin's libraries.
if [ "${1-}" != uninstall ]; then
  for loader in "$root"/lib64/ld-* "$root"/lib/ld-*; do [ ! -x "$loader" ] || break; done
  for libraries in "$root"/lib/*-linux-gnu*; do :; done
  exec "$loader" --library-path "$libraries" "$root/usr/bin/node" "$root$program" "$@"
fi

# The host may lack the tools of the kernel: these are the plugin's, in the plugin's files, with its records.
[ "$(id -u)" = 0 ] || { echo 'corduroy: uninstall changes the kernel: run it with sudo' >&2; exit 1; }
exec unshare --mount sh -ceu '
  root=$1
  shift
  for place in dev etc proc run sys; do mount --rbind "/$place" "$root/$place"; done
  mount --bind "$root/../propagated-mount" "$root/var/lib/corduroy"
  exec chroot "$root" "$@"' - "$root" node "$program" "$@"
