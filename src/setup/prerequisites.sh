#!/bin/bash
# Brings this machine to where Corduroy can be built, run or tested: says what is missing, and installs what Debian has.
# What is there already is used as it is, an engine above all; nothing that is installed here is started.
#
# usage: prerequisites.sh build|run|package|test|bench|engines|machines
set -euo pipefail

# PROGRAM PACKAGE: what each purpose needs, each line on top of those before it.
readonly FOR_RUN='
ip iproute2
iptables iptables
iptables-restore iptables
ip6tables-restore iptables
ipset ipset
conntrack conntrack
stdbuf coreutils
/etc/protocols netbase
sysctl procps
nsenter util-linux
bird bird2
dockerd docker.io
docker docker.io'
readonly FOR_PACKAGE='
strip binutils
dpkg-deb dpkg'
readonly FOR_TEST='
docker-registry docker-registry
systemd-analyze systemd
docker-compose docker-compose
unshare util-linux
etcd etcd-server
busybox busybox-static
curl curl'
readonly FOR_BENCH='
qperf qperf
iperf3 iperf3
nft nftables
perl perl-base
taskset util-linux'
readonly FOR_ENGINES='
mmdebstrap mmdebstrap'
readonly FOR_MACHINES='
qemu-system-x86_64 qemu-system-x86'
# The Node.js release that first has all we use.
readonly NODE_MAJOR=20 NODE_MINOR=12

main() {
  local purpose=${1:?usage: prerequisites.sh build|run|package|test|bench|engines|machines}
  local problems=() missing=() packages=()

  [ "$(uname -s)" = Linux ] || problems+=("a Linux kernel: this is $(uname -s)")
  node_is_new_enough || problems+=("Node.js $NODE_MAJOR.$NODE_MINOR or newer: $(node_found)")
  has npm || problems+=('npm, which comes with Node.js')
  if [ "$purpose" != build ]; then
    [ "$(id -u)" = 0 ] || problems+=("root: this is $(id -un); the kernel's links, routes and rules are root's")
    find_missing "$purpose"
    if [ ${#missing[@]} -gt 0 ] && ! is_debian; then
      for program in "${missing[@]}"; do problems+=("the program $program"); done
      problems+=("a Debian system, on which all programs would be installed here: this is $(system_name)")
    fi
  fi
  if [ ${#problems[@]} -gt 0 ]; then
    printf 'corduroy: this machine lacks\n' >&2
    printf '  %s\n' "${problems[@]}" >&2
    printf 'provide it and try again\n' >&2
    exit 1
  fi
  [ ${#packages[@]} -eq 0 ] || install_packages "${packages[@]}"
  [ "$purpose" != run ] || tell_about_engine
}

has() { command -v "$1" >/dev/null 2>&1; }

is_debian() { has apt-get && [ -r /etc/debian_version ]; }

system_name() { (. /etc/os-release 2>/dev/null && printf %s "${PRETTY_NAME:-unknown}") || printf unknown; }

node_found() { if has node; then printf 'this is %s' "$(node --version)"; else printf 'there is none'; fi; }

node_is_new_enough() {
  has node || return 1
  local version major minor
  version=$(node --version)
  IFS=. read -r major minor _ <<<"${version#v}"
  [ "$major" -gt "$NODE_MAJOR" ] || { [ "$major" -eq "$NODE_MAJOR" ] && [ "$minor" -ge "$NODE_MINOR" ]; }
}

# Fills `missing` (programs) and `packages` (each once).
find_missing() {
  local lines=$FOR_RUN program package
  case $1 in package | test | bench | engines | machines) lines+=$FOR_PACKAGE ;; esac
  case $1 in test | bench | engines | machines) lines+=$FOR_TEST ;; esac
  [ "$1" != bench ] || lines+=$FOR_BENCH
  [ "$1" != engines ] || lines+=$FOR_ENGINES
  [ "$1" != machines ] || lines+=$FOR_MACHINES
  while read -r program package; do
    if [ -z "$program" ] || has "$program" || [ -r "$program" ]; then continue; fi
    missing+=("$program")
    case " ${packages[*]-} " in *" $package "*) ;; *) packages+=("$package") ;; esac
  done <<<"$lines"
}

# Newer Debians have the engine's command line in a package of its own.
with_docker_cli() {
  local package
  for package in "$@"; do
    printf '%s\n' "$package"
    if [ "$package" = docker.io ] && ! has docker && apt-cache show docker-cli >/dev/null 2>&1; then echo docker-cli; fi
  done
}

install_packages() {
  local wanted policy=/usr/sbin/policy-rc.d
  if [ "$(find /var/lib/apt/lists -name '*_Packages*' 2>/dev/null | head -n 1)" = '' ]; then apt-get -q update; fi
  mapfile -t wanted < <(with_docker_cli "$@")
  printf 'corduroy: installing %s\n' "${wanted[*]}"
  # Debian's own way to install a service without starting it; the file goes again whatever happens.
  if [ ! -e "$policy" ]; then
    trap "rm -f $policy" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive
  apt-get -q -y install --no-install-recommends "${wanted[@]}" || {
    apt-get -q update
    apt-get -q -y install --no-install-recommends "${wanted[@]}"
  }
}

tell_about_engine() {
  if docker version --format '{{.Server.Version}}' >/dev/null 2>&1; then return; fi
  local start='dockerd'
  [ ! -d /run/systemd/system ] || start='systemctl start docker'
  printf 'corduroy: no Docker engine answers here yet. Start one in another terminal: %s\n' "$start"
}

main "$@"
