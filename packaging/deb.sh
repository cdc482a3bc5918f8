#!/bin/bash
# Makes a Debian package of what is built here: the program, its systemd units, its settings and its completion.
#
# usage: deb.sh DIR      writes DIR/corduroy_VERSION_ARCHITECTURE.deb and prints its name
set -euo pipefail
cd "$(dirname "$(readlink -f -- "$0")")/.."

main() {
  local dir=$1 version architecture root
  version=$(node -p 'require("./package.json").version')
  architecture=$(dpkg --print-architecture)
  root=$dir/corduroy_${version}_$architecture
  rm -rf "$root"
  mkdir -p "$root"/{DEBIAN,usr/bin,usr/lib/corduroy}

  packaging/program.sh "$root/usr/lib/corduroy"
  ln -s ../lib/corduroy/build/corduroy "$root/usr/bin/corduroy"
  ln -s corduroy "$root/usr/bin/cord"
  install -D -m 644 -t "$root/usr/lib/systemd/system" packaging/systemd/corduroy.{service,socket}
  install -D -m 640 packaging/debian/corduroy.yaml "$root/etc/corduroy/corduroy.yaml"
  completion bash usr/share/bash-completion/completions/corduroy
  ln -s corduroy "$root/usr/share/bash-completion/completions/cord"
  completion zsh usr/share/zsh/vendor-completions/_corduroy
  completion fish usr/share/fish/vendor_completions.d/corduroy.fish
  install -D -m 644 -t "$root/usr/share/doc/corduroy" README.md docs/*.md
  install -D -m 644 LICENSE "$root/usr/share/doc/corduroy/copyright"

  install -m 755 packaging/debian/{postinst,prerm,postrm} "$root/DEBIAN"
  echo /etc/corduroy/corduroy.yaml >"$root/DEBIAN/conffiles"
  control "$version" "$architecture" "$(du -sk "$root" | cut -f 1)" >"$root/DEBIAN/control"
  dpkg-deb --root-owner-group -Zxz -z3 --build "$root" "$root.deb" >/dev/null
  rm -rf "$root"
  echo "$root.deb"
}

completion() {
  mkdir -p "$root/$(dirname "$2")"
  node build/src/cli/main.js completion "$1" >"$root/$2"
}

# control VERSION ARCHITECTURE INSTALLED_KIB
control() {
  cat <<END
Package: corduroy
Version: $1
Architecture: $2
Installed-Size: $3
Maintainer: The Corduroy authors <corduroy@localhost>
Section: net
Priority: optional
Depends: nodejs (>= 20.12), iproute2, iptables, ipset, conntrack, coreutils, netbase
Recommends: docker.io | docker-ce
Suggests: bird2
Description: Docker network driver with routed addresses and policy
 Network and IPAM driver for Docker without Kubernetes: every container gets a
 routed address of its own, and profiles of tags and rules are enforced in the
 kernel in front of every container.
END
}

main "${1:?usage: deb.sh DIR}"
