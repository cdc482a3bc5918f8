#!/bin/bash
# Unpacks the kernel of this Debian, with its modules, into a folder. One that is there already is left as it is.
#
# usage: fetch-kernel.sh FOLDER
set -euo pipefail
folder=$1
if compgen -G "$folder/boot/vmlinuz-*" >/dev/null; then exit 0; fi
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
chmod 755 "$scratch"
cd "$scratch"
package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: *\(linux-image-[0-9].*\)/\1/p' | head -n 1)
apt-get -q download "${package:?this Debian has no linux-image-amd64}"
dpkg -x ./*.deb "$folder"
for version in "$folder"/lib/modules/*; do busybox depmod -b "$folder" "$(basename "$version")"; done
