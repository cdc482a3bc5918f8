#!/bin/sh
# Runs the command line that was built beside this file, from any directory and through symbolic links.
self=$(readlink -f -- "$0")
# One pool of memory for all threads: with one for each, the daemon holds a tenth more in a large cluster.
export MALLOC_ARENA_MAX="${MALLOC_ARENA_MAX:-1}"
exec node "${self%/*}/src/cli/main.js" "$@"
