#!/bin/bash
# Makes the root file system of another Debian with its Docker engine, for lab hosts (CORDUROY_LAB_ROOT), unless it is
# there already. Packages come from where this machine's own come from.
#
# usage: engine-root.sh SUITE DIR
set -euo pipefail
suite=$1 dir=$2
[ ! -e "$dir" ] || exit 0

packages=docker.io,docker-cli,iptables,nftables,iproute2,ipset,conntrack,procps,busybox-static,curl,ca-certificates
packages+=,libstdc++6,systemd,bird2,etcd-server,etcd-client,docker-registry
# To make the plugin, to be booted with the Debian package installed on it, and for the examples.
packages+=,binutils,systemd-sysv,dbus,nodejs,netbase,docker-compose
mkdir -p "$(dirname "$dir")"
rm -rf "$dir.new"
# The unstable suite's lists are valid for a week only: a machine whose clock differs would refuse them.
mmdebstrap --variant=minbase --aptopt='Acquire::Check-Valid-Until "false"' --include="$packages" "$suite" "$dir.new"
mv "$dir.new" "$dir"
