#!/bin/bash
# The managed plugin, made from what is built here.
#
# usage: plugin.sh bundle DIR                     writes DIR/config.json and DIR/rootfs
#        plugin.sh create NAME[:TAG]              makes it, disabled, in the engine that `docker` speaks to
#        plugin.sh push REGISTRY/NAME[:TAG]       makes it there for a moment, and pushes it
set -euo pipefail
cd "$(dirname "$(readlink -f -- "$0")")/.."

readonly USAGE='usage: plugin.sh bundle DIR | create NAME[:TAG] | push REGISTRY/NAME[:TAG]'

main() {
  local deed=${1:?$USAGE} to=${2:?$USAGE}
  case $deed in
    bundle) bundle "$to" ;;
    create) create "$to" ;;
    push)
      create "$to"
      # An unpushed one must not be left behind either.
      docker plugin push "$to" || { docker plugin rm "$to" && exit 1; }
      docker plugin rm "$to"
      ;;
    *) fail "$USAGE" ;;
  esac
}

bundle() {
  mkdir -p "$1"
  packaging/rootfs.sh "$1/rootfs"
  # Last, so that it tells that all is there.
  cp plugin-config.json "$1/config.json"
}

create() {
  ! docker plugin inspect "$1" >/dev/null 2>&1 ||
    fail "$1 is in this engine already: remove it first (docker plugin rm $1, which takes its records along), or name another: make plugin PLUGIN=corduroy:next"
  bundle build/plugin
  # An engine refuses a second plugin with the same content: each name gets content of its own.
  printf '%s\n' "$1" >build/plugin/rootfs/opt/corduroy/plugin-name
  docker plugin create "$1" build/plugin
  du -sh build/plugin/rootfs | sed 's/\s.*/ on disk/'
}

fail() {
  printf 'corduroy: %s\n' "$1" >&2
  exit 1
}

main "$@"
