#!/bin/bash
# Boots a Debian: becomes systemd, as pid 1 of mount, uts, ipc, pid, net and cgroup namespaces of its own. The machine's
# kernel, and nothing else of the machine's: files, links, rules, processes and services are the booted system's.
#
# usage: boot-init.sh NAME ROOT DIR      ROOT is its root file system, never changed; DIR holds its disk
set -eu
name=$1 root=$2 dir=$3
place=$dir/root

mkdir -p "$place" "$dir/disk/upper" "$dir/disk/work" "$dir/docker"
mount --make-rprivate /
mount -t overlay overlay -o "lowerdir=$root,upperdir=$dir/disk/upper,workdir=$dir/disk/work" "$place"
# An overlay cannot hold the engine's own.
mkdir -p "$place/var/lib/docker"
mount --bind "$dir/docker" "$place/var/lib/docker"

mount -t proc proc "$place/proc"
mount -t sysfs sysfs "$place/sys"
mount -t cgroup2 cgroup2 "$place/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$place/run"
mount -t tmpfs -o mode=755 tmpfs "$place/dev"
mkdir "$place/dev/pts" "$place/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$place/dev/pts"
mount -t tmpfs tmpfs "$place/dev/shm"
ln -s pts/ptmx "$place/dev/ptmx"
ln -s /proc/self/fd "$place/dev/fd"
for device in null zero full random urandom tty; do
  touch "$place/dev/$device"
  mount --bind "/dev/$device" "$place/dev/$device"
done
# What the boot says goes where this process's own words went.
touch "$place/dev/console"
mount --bind "$dir/console" "$place/dev/console"

hostname "$name"
printf '%s\n' "$name" >"$place/etc/hostname"
printf '127.0.0.1 localhost %s\n' "$name" >"$place/etc/hosts"
mkdir "$place/machine" 2>/dev/null || true
cd "$place"
pivot_root . machine
cd /
umount -l /machine
exec env -i container=lab PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  /lib/systemd/systemd --system --log-target=console --show-status=yes </dev/null >/dev/console 2>&1
