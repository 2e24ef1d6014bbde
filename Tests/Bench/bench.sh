#!/bin/bash
# NAT64 beside plain forwarding, a translator that does nothing but swap headers, and TAYGA; DNS64 beside Unbound, BIND, Knot
# Resolver, PowerDNS, NSD and a bare echo responder: all in one run on one machine, rounds interleaved, as tables.
#
#   WHAT=all ROUNDS=1 BENCH_SECS=1 Tests/Bench/bench.sh        a quick look, ten minutes
#   ROUNDS=5 BENCH_SECS=2 Tests/Bench/bench.sh                 a full run, an hour and a half
#
# WHAT is all, nat, dns, or some of their parts: gso mtu gro sessions, dns1 dns2 (threads). Samples are lines of JSON in
# RESULTS, which starts empty unless it is given: then they are added, and the tables are of all that is there. The tables go
# to standard output, and with PAGE=FILE between the marker comments of that page too.
# The harness (nat64.sh, dns64.sh, the small translators and generators) is not part of this repository: BENCH says where it
# is. Without it only the laboratory is measured, beside plain forwarding.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
bench=${BENCH:-$root/../shared/bench}
rounds=${ROUNDS:-1} secs=${BENCH_SECS:-1}

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root: sudo make bench" >&2
    exit 1
fi
if ! [ -x "$bench/nat64.sh" ]; then
    echo "The harness that measures other translators and name servers beside this one is not in $bench." >&2
    echo "BENCH=DIRECTORY says where nat64.sh and dns64.sh are. Without it: the laboratory, beside plain forwarding." >&2
    STREAM_SECONDS=${STREAM_SECONDS:-${BENCH_SECS:-3}} exec "$here/../Lab/bench.sh"
fi
if ! [[ $secs =~ ^[1-9][0-9]*$ && $rounds =~ ^[1-9][0-9]*$ ]]; then
    echo "BENCH_SECS and ROUNDS: whole numbers from 1; iperf3 takes no parts of seconds" >&2
    exit 2
fi

export APPLIANCE=${APPLIANCE:-$root/.build/release/nat64-appliance} OUT=${OUT:-$root/.build/bench-tools}
results=${RESULTS:-$root/.build/bench}
[ -n "${RESULTS:-}" ] || rm -rf "$results"
mkdir -p "$results"

case ${WHAT:-all} in
all) parts="gso mtu gro sessions dns1 dns2" ;;
nat) parts="gso mtu gro sessions" ;;
dns) parts="dns1 dns2" ;;
*) parts=$WHAT ;;
esac

# among PROGRAM:NAME...: the names whose program is installed, joined by semicolons; says which are not.
among() {
    local each found=''
    for each in "$@"; do
        if [ -z "${each%%:*}" ] || PATH=$PATH:/usr/sbin command -v "${each%%:*}" >/dev/null; then
            found+=";${each#*:}"
        else
            echo "not installed and left out: ${each%%:*}" >&2
        fi
    done
    echo "${found#;}"
}
common=(--rounds "$rounds" --secs "$secs" --quiet-wait "${QUIET_WAIT:-20}" --retries "${RETRIES:-2}")
# The harness takes a session of its own, where no Ctrl-C of this terminal arrives: it is told.
child=''
trap '[ -z "$child" ] || kill "$child" 2>/dev/null; exit 130' INT TERM
watched() {
    "$@" >/dev/null &
    child=$!
    wait "$child"
    child=''
}
nat64() { # WIRE METRICS TRANSLATORS [OPTIONS...]
    watched "$bench/nat64.sh" --wire "$1" --metric "$2" --translators "$3" "${common[@]}" "${@:4}" --out "$results/nat64.jsonl"
}
dns64() { # THREADS METRICS SERVERS
    watched "$bench/dns64.sh" --threads "$1" --metric "$2" --servers "$3" "${common[@]}" --out "$results/dns64.jsonl"
}

# What this machine takes to wake a CPU that sleeps, which nobody's answer from another CPU can do without.
wake() {
    gcc -O2 -Wall -Wextra -Werror -pthread "$here/wake.c" -o "$results/wake"
    [ "$(nproc)" = 1 ] || "$results/wake" | sed 's/.*/{"metric": "wake", "p50_us": &}/' >>"$results/nat64.jsonl"
}

streams=tcp1_up,tcp1_down,tcp8_up,tcp8_down
tayga=$(among tayga:tayga092)
peers=$(among unbound:unbound named:bind9 kresd:kresd pdns_recursor:pdnsrec)
# TAYGA with a masquerade leaves a route for the pool behind, beside which the appliance does not start: it runs alone.
for part in $parts; do
    case $part in
    gso)
        nat64 gso $streams,pps_up,ndr_rt,lat_udp,lat_same "kfwd;null:o=all;${tayga:+$tayga;}appliance:q=1"
        nat64 gso pps_up,newflow "null:o=all;appliance:q=1"
        [ -z "$tayga" ] || nat64 gso newflow "$tayga:masq"
        nat64 gso tcp8_up,tcp8_down,pps_up "null:o=all,q=2;appliance:q=2"
        wake
        ;;
    mtu | gro) nat64 "$part" $streams "kfwd;null:o=all,coal;${tayga:+$tayga;}appliance:q=1" ;;
    sessions)
        nat64 gso mem "null:tab=1000000;appliance:q=1"
        # Once: the kernel does not give back what its sessions took, and a second round would find it there.
        [ -z "$tayga" ] || nat64 gso mem "$tayga:masq" --rounds 1
        ;;
    dns[12])
        dns64 "${part#dns}" cached,mix,half,tcp "echo;$(among nsd:nsd);${peers:+$peers;}appliance"
        dns64 "${part#dns}" miss "${peers:+$peers;}appliance"
        ;;
    *)
        echo "WHAT: no part \"$part\"; there are: all nat dns gso mtu gro sessions dns1 dns2" >&2
        exit 2
        ;;
    esac
done
"$here/tables.py" "$results" ${PAGE:+--page "$PAGE"}
