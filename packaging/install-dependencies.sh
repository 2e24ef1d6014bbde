#!/bin/bash
# Installs what building and testing need from Debian's archive, and nothing when all of it is there already.
#
#   packaging/install-dependencies.sh [build] [lab] [package] [box] [budget] [check] [bench] [peers]
# No word: all but bench and peers, which only measurements beside others need.
#
# Needs root to install. Services that the packages bring (a name server, a web server) are neither started nor
# enabled on this machine: the tests run them in network namespaces of their own.
set -euo pipefail

swift_wanted=6.3

packages_of() {
    case $1 in
    build) echo dns-root-data g++ git libc6-dev libcap-dev libevent-dev libnl-3-dev libnl-route-3-dev libsystemd-dev libunbound-dev make pkg-config ;;
    lab) echo bind9-dnsutils curl ethtool iperf3 iproute2 iputils-ping iputils-tracepath jq knot-dnsutils ldnsutils nftables nginx-light nsd openssl procps python3 traceroute util-linux ;;
    package) echo debhelper dpkg-dev fakeroot lintian man-db ;;
    box) echo mmdebstrap systemd systemd-container ;;
    budget) echo gcc valgrind ;;
    check) echo binutils git python3 shellcheck ;;
    bench) echo bpftool clang dnsperf ethtool gcc iperf3 kmod libbpf-dev liburing-dev make nftables pkg-config python3 ;;
    peers) echo bind9 knot-resolver nsd pdns-recursor tayga unbound ;;
    *)
        echo "install-dependencies.sh: no group \"$1\"; there are: build lab package box budget check bench peers" >&2
        return 2
        ;;
    esac
}

check_swift() {
    local found
    if ! command -v swift >/dev/null; then
        echo "Swift $swift_wanted or newer is not on the PATH; see https://www.swift.org/install/linux/" >&2
        return 1
    fi
    found=$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([0-9.]*\).*/\1/p')
    if [ "$(printf '%s\n' "$swift_wanted" "${found:-0}" | sort -V | head -n 1)" != "$swift_wanted" ]; then
        echo "Swift $swift_wanted or newer is needed, and the one on the PATH is ${found:-unknown}" >&2
        return 1
    fi
}

missing_of() {
    local package
    for package in "$@"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || echo "$package"
    done
}

# Debian starts a service when its package is installed, unless this file says no. An administrator's own file stays.
policy=/usr/sbin/policy-rc.d
forbid_service_starts() {
    [ -e $policy ] && return
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
}

# Only services that came with this run are kept from starting at the next boot.
disable_new_services() {
    local package
    command -v systemctl >/dev/null || return 0
    for package in "$@"; do
        case $package in
        nsd) systemctl disable --quiet nsd.service 2>/dev/null || true ;;
        nginx-light) systemctl disable --quiet nginx.service 2>/dev/null || true ;;
        bind9) systemctl disable --quiet named.service 2>/dev/null || true ;;
        pdns-recursor | tayga | unbound) systemctl disable --quiet "$package.service" 2>/dev/null || true ;;
        esac
    done
}

install() {
    DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends "$@"
}

groups=("$@")
[ ${#groups[@]} -gt 0 ] || groups=(build lab package box budget check)
wanted=()
for group in "${groups[@]}"; do
    list=$(packages_of "$group")
    read -r -a names <<<"$list"
    wanted+=("${names[@]}")
    [ "$group" != build ] || check_swift
done
mapfile -t missing < <(missing_of "${wanted[@]}" | sort -u)
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
    echo "These packages are missing; install them as root: apt-get install ${missing[*]}" >&2
    exit 1
fi
echo "Installing from Debian: ${missing[*]}"
forbid_service_starts
# The lists of a fresh machine are missing or old: then the first try fails, and the second has new ones.
if ! install "${missing[@]}" </dev/null; then
    echo "Trying again with fresh package lists"
    apt-get update --quiet
    install "${missing[@]}" </dev/null
fi
disable_new_services "${missing[@]}"
