#!/bin/bash
# Makes a root file system with Corduroy and all that it runs, from what is installed on this Debian machine: no image
# registry is asked. The managed plugin and the container image are made of it.
#
# usage: rootfs.sh DEST      DEST is replaced; the program must have been built
set -euo pipefail
cd "$(dirname "$(readlink -f -- "$0")")/.."
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

readonly DEST=${1:?usage: rootfs.sh DEST}

main() {
  rm -rf "$DEST"
  # Every directory of programs is one, and every directory of libraries but the loader's.
  mkdir -p "$DEST"/usr/{bin,lib,lib64} "$DEST"/{dev,etc,proc,run,sys,tmp} "$DEST"/var/lib/corduroy
  ln -s usr/bin "$DEST/bin" && ln -s usr/bin "$DEST/sbin" && ln -s bin "$DEST/usr/sbin"
  ln -s usr/lib "$DEST/lib" && ln -s usr/lib64 "$DEST/lib64" && ln -s ../run "$DEST/var/run"

  copy_program "$(node -p process.execPath)" node
  copy_program "$(installed dash)" sh
  for program in ip ipset conntrack stdbuf bird birdc birdcl; do copy_program "$(installed "$program")" "$program"; done
  # What stdbuf loads into the programs that it runs.
  copy_file "$(find /usr/libexec /usr/lib -name libstdbuf.so -print -quit)"
  copy_iptables
  # By these names ipset knows protocols; the plugin has them in the host's /etc.
  printf '%s\t%s\n' icmp 1 tcp 6 udp 17 ipv6-icmp 58 sctp 132 >"$DEST/etc/protocols"
  install -m 755 packaging/corduroy.sh "$DEST/usr/bin/corduroy"
  mkdir -p "$DEST/opt/corduroy/proc"
  packaging/program.sh "$DEST/opt/corduroy"
  # One time for all: the same input gives the same layer.
  find "$DEST" -exec touch --no-dereference --date=@0 {} +
}

installed() {
  command -v "$1" || {
    printf 'corduroy: the program %s is not installed here: "make plugin" installs what it needs\n' "$1" >&2
    return 1
  }
}

# copy_program FILE NAME: with the libraries that it is linked to
copy_program() {
  install -m 755 --strip "$(readlink -f -- "$1")" "$DEST/usr/bin/$2"
  local library
  while read -r library; do copy_file "$library"; done < <(ldd "$1" | grep -o '/[^ ]*')
}

# To the place where it is on this machine.
copy_file() {
  [ -e "$DEST$1" ] || install -D "$(readlink -f -- "$1")" "$DEST$1"
}

# Both backends, and `iptables` itself as the newer one: the daemon takes the one that the host's Docker uses.
copy_iptables() {
  local backend family verb extension
  for backend in nft legacy; do
    copy_program "$(installed "xtables-$backend-multi")" "xtables-$backend-multi"
    for family in iptables ip6tables; do
      for verb in '' -save -restore; do ln -s "xtables-$backend-multi" "$DEST/usr/bin/$family-$backend$verb"; done
    done
  done
  for verb in '' -save -restore; do
    for family in iptables ip6tables; do ln -s xtables-nft-multi "$DEST/usr/bin/$family$verb"; done
  done
  ln -s xtables-nft-multi "$DEST/usr/bin/xtables-monitor"
  # The matches and targets of IPv4 and IPv6; not those of bridges and of ARP.
  while read -r extension; do copy_file "$extension"; done < <(find /usr/lib -path '*/xtables/lib*' \
    \( -name 'libxt_*' -o -name 'libipt_*' -o -name 'libip6t_*' \))
}

main
