#!/bin/bash
# Pid 1 of a lab host, in mount, uts, ipc, pid and net namespaces of its own. Makes the machine's own paths private, so
# that an engine finds its default ones; says "ready"; ends, and with it all of the host, when its standard input closes.
#
# usage: host-init.sh NAME DIR      DIR holds what must lie on a real disk: the engine's and the daemon's data
#
# CORDUROY_LAB_ROOT names the root file system of another Debian, with its engine, kernel tools and libraries: the host
# then has that instead of the machine's, but the machine's Node.js, its temporary files and this project.
set -eu
name=$1 dir=$2

enter_other_root() {
  local root=$dir/root project place
  project=$(cd "$(dirname "$0")/../.." && pwd)
  mkdir -p "$root" "$dir/changes"
  mount -t tmpfs -o mode=755 tmpfs "$dir/changes"
  mkdir "$dir/changes/upper" "$dir/changes/work"
  mount -t overlay overlay -o "lowerdir=$CORDUROY_LAB_ROOT,upperdir=$dir/changes/upper,workdir=$dir/changes/work" "$root"
  for place in "$(dirname "$dir")" "$project"; do
    mkdir -p "$root$place"
    mount --bind "$place" "$root$place"
  done
  for place in /dev /proc /sys; do mount --rbind "$place" "$root$place"; done
  touch "$root/usr/bin/node"
  mount --bind "$(readlink -f "$(command -v node)")" "$root/usr/bin/node"
  mkdir "$root/machine"
  cd "$root"
  pivot_root . machine
  cd /
  umount -l /machine
}
[ -z "${CORDUROY_LAB_ROOT-}" ] || enter_other_root

mount -t proc proc /proc
mkdir -p "$dir/cgroup" "$dir/docker" "$dir/corduroy"
mount --rbind /sys/fs/cgroup "$dir/cgroup"
mount -t sysfs sysfs /sys
mount --rbind "$dir/cgroup" /sys/fs/cgroup
umount -l "$dir/cgroup"

mount -t tmpfs -o mode=755 tmpfs /run
# The engine writes below these, and the machine's must not change. An overlay cannot hold another overlay's upper
# directory, so the engine's data comes from the disk.
for place in /etc /var/lib /opt /root; do
  [ -d "$place" ] || continue
  mkdir -p "/run/lab/overlay$place/upper" "/run/lab/overlay$place/work"
  mount -t overlay overlay -o "lowerdir=$place,upperdir=/run/lab/overlay$place/upper,workdir=/run/lab/overlay$place/work" "$place"
done
mkdir -p /var/lib/docker /var/lib/corduroy
mount --bind "$dir/docker" /var/lib/docker
mount --bind "$dir/corduroy" /var/lib/corduroy
rm -rf /etc/docker /etc/corduroy
mkdir -p /etc/docker /etc/corduroy /run/docker/plugins
mount --make-rshared /

hostname "$name"
printf '127.0.0.1 localhost %s\n' "$name" >/etc/hosts
ip link set lo up
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

echo ready
# bash reaps what is orphaned to it while it waits here.
while read -r _; do :; done
