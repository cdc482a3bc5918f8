#!/bin/sh
# Runs the command line that was built beside this file, from any directory and through symbolic links.
self=$(readlink -f -- "$0")
exec node "${self%/*}/src/cli/main.js" "$@"
