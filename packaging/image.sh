#!/bin/bash
# The container image, made from what is built here. Nothing is pulled.
#
# usage: image.sh bundle DIR      writes DIR/Dockerfile and DIR/rootfs
#        image.sh create NAME     builds it in the engine that `docker` speaks to
set -euo pipefail
cd "$(dirname "$(readlink -f -- "$0")")/.."

bundle() {
  packaging/rootfs.sh "$1/rootfs"
  cp packaging/container/Dockerfile "$1/"
}

case ${1-} in
  bundle) bundle "${2:?usage: image.sh bundle DIR}" ;;
  create)
    bundle build/image
    docker build -t "${2:?usage: image.sh create NAME}" build/image
    ;;
  *)
    echo 'usage: image.sh bundle DIR | create NAME' >&2
    exit 2
    ;;
esac
