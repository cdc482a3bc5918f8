#!/bin/bash
# Pid 1 of an emulated machine that has another's file system, below an overlay that lies in memory. Sets it up as a
# Debian would be that has booted, and runs the scripts that it is told by TCP.
#
# Words of the kernel's command line: lab.name=NAME lab.address=CIDR lab.modules=FOLDER of the modules of all kernels
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
word() { sed -n "s/.*\blab\.$1=\([^ ]*\).*/\1/p" /proc/cmdline; }

mount -t tmpfs -o mode=755 tmpfs /run
mount -t devpts devpts /dev/pts 2>/dev/null || { mkdir -p /dev/pts && mount -t devpts devpts /dev/pts; }
mount -t cgroup2 cgroup2 /sys/fs/cgroup
# An overlay cannot hold another overlay's upper directory.
mkdir -p /var/lib/docker /var/lib/corduroy
for place in /var/lib/docker /var/lib/corduroy; do mount -t tmpfs tmpfs "$place"; done
rm -rf /etc/docker /etc/corduroy
mkdir -p /etc/docker /etc/corduroy /run/docker/plugins

mkdir -p /lib/modules
[ "$(word modules)" = /lib/modules ] || mount --bind "$(word modules)" /lib/modules
printf '#!/bin/sh\nexec busybox modprobe "$@"\n' >/usr/sbin/modprobe
chmod 755 /usr/sbin/modprobe
# What will be asked for, in one go: each look through the list of modules takes a second here.
busybox modprobe -a nft_compat nft_chain_nat nft_limit nf_conntrack_netlink ip_set_hash_ip ip_set_hash_net \
  ip_set_hash_ipportip ip_set_hash_netiface veth bridge br_netfilter overlay xt_conntrack xt_set xt_mark xt_mac xt_nat \
  xt_comment xt_MASQUERADE xt_addrtype xt_multiport xt_limit xt_tcpudp xt_LOG nf_log_syslog

hostname "$(word name)"
printf '127.0.0.1 localhost %s\n' "$(word name)" >/etc/hosts
ip link set lo up
ip address add "$(word address)" dev eth0
ip link set eth0 up
echo "BOOTED $(cut -d' ' -f1 /proc/uptime)"
exec busybox nc -ll -p 99 -e /bin/bash
