#!/bin/bash
# Copies the built program and those of its packages that it needs when it runs, without what only developers read.
#
# usage: program.sh DEST
set -euo pipefail
cd "$(dirname "$(readlink -f -- "$0")")/.."

main() {
  mkdir -p "$1"
  {
    printf '%s\n' package.json LICENSE build/corduroy
    find build/{src,driver,ipam-driver,policy,routing} -name '*.js'
    production_files
  } | tar -c --owner=0 --group=0 --files-from=- | tar -x -C "$1"
}

production_files() {
  local module machine
  machine=$(node -p process.arch)
  production_modules | while read -r module; do
    find "$module" -path "$module/node_modules" -prune -o -type f -print
  done |
    grep -Ev '\.(map|md|markdown|ts|cts|mts|flow|html|cc|h|inl|yml)$|/@types/' |
    grep -Ev '/(test|tests|benchmark|benchmarks|deps)/|\.min\.js$|/protobufjs/dist/' |
    awk -v machine="linux-$machine/" '!/\/prebuilds\// || (index($0, machine) && !/musl/)'
}

# As npm wrote them down when it installed them: their directories, below this one.
production_modules() {
  node -e '
    const { packages } = require("./node_modules/.package-lock.json");
    const wanted = Object.entries(packages).filter(([, { dev, devOptional }]) => !dev && !devOptional);
    console.log(wanted.map(([directory]) => directory).sort().join("\n"));'
}

main "${1:?usage: program.sh DEST}"
