#!/bin/bash
# The main job, from end to end, before your eyes: a host with IPv6 alone uses the IPv4 internet through one process.
# Every command is printed before it runs. Ends with a success line, or non-zero at the first thing that is not as it should be.
set -euo pipefail
LAB=${LAB:-nat64-run-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"

leaving() {
    [ "$1" != 0 ] && [ -s "$LOG" ] || return 0
    printf '\nThe log of the appliance ends so:\n'
    tail -n 20 "$LOG"
}
gone() {
    if [ "$1" = 0 ]; then
        printf '\nSUCCESS: a host with IPv6 alone used the IPv4 internet through one process, and nothing was left behind.\n'
    else
        printf '\nFAILED: see the last command above.\n'
    fi
}

heading() { printf '\n== %s\n' "$1"; }

# typed COMMAND...: the command as one would type it.
typed() {
    local word
    for word in "$@"; do
        case $word in *[!A-Za-z0-9_./:=@%+,-]*) printf " '%s'" "$word" ;; *) printf ' %s' "$word" ;; esac
    done
}

# show NODE COMMAND...: prints the command as one would type it there, runs it, and keeps what it printed in $said.
show() {
    local node=$1 code=0
    shift
    printf '%s$%s\n' "$node" "$(typed "$@")"
    said=$(on "$node" "$@" 2>&1) || code=$?
    [ -z "$said" ] || printf '%s\n' "$said"
    [ $code = 0 ] || { echo "(exit code $code)"; return $code; }
}

# expect TEXT: what the last command printed holds this text.
expect() {
    grep -qF -- "$1" <<<"$said" || { echo "expected to read: $1"; return 1; }
}

heading "A laboratory of network namespaces: client (IPv6 alone), box (the appliance), two routers, server (the internet)"
topology_up
internet_up
configure ""
echo "box\$ nat64-appliance --config appliance.toml &     # but for the places of socket and state, the file is empty"
start

heading "A name that has an IPv4 address alone"
show client ip -brief address show dev eth0
show client dig +noall +answer v4.example.net A
show client dig +noall +answer v4.example.net AAAA
expect 64:ff9b::b0b:b02

heading "A page, a ping and a large download from that IPv4 host"
show client curl --silent --show-error http://v4.example.net/
expect "Hello from the IPv4 internet"
show client curl --silent --show-error http://v4.example.net/address
expect $BOX4
show client ping -c 3 -i 0.2 v4.example.net
expect "3 received"
show client traceroute -6 -n -q 1 -w 10,0,0 v4.example.net
expect 64:ff9b::b0b:b02
show client curl --silent --show-error --output "$WORK/download" \
    --write-out '%{size_download} octets at %{speed_download} octets per second\n' http://v4.example.net/large
show client sha256sum "$WORK/download"
sum=${said%% *}
show server sha256sum "$WORK/web/www/large"
expect "$sum"

heading "A name that has an IPv6 address too goes natively, past the translator"
before=$(translated_packets)
show client dig +noall +answer dual.example.net AAAA
expect $SERVER6
show client curl --silent --show-error http://dual.example.net/address
expect 2001:db8:6::c0
show client ping -c 3 -i 0.2 dual.example.net
expect "3 received"
show client curl --silent --show-error --output "$WORK/download" \
    --write-out '%{size_download} octets at %{speed_download} octets per second\n' http://dual.example.net/large
show client sha256sum "$WORK/download"
expect "$sum"
after=$(translated_packets)
echo "packets translated before and after: $before, $after"
[ "$before" = "$after" ]

heading "What the operator sees"
show box "$WORK/appliance-ctl" --socket "$SOCKET" status
show box curl --silent --show-error --unix-socket "$SOCKET" http://localhost/v1/status
jq -e '.verdict == "working"' <<<"$said" >/dev/null || { echo 'expected "verdict": "working"'; exit 1; }

heading "Stopping, and looking for anything left behind"
stop
show box ip -6 route show 64:ff9b::/96
[ -z "$said" ]
