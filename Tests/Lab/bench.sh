#!/bin/bash
# Throughput through the laboratory: one TCP stream of iperf3 in each direction through the translator, beside plain IPv6
# forwarding by the kernel over the same links in the same run. Rounds are interleaved; the table gives medians.
#
#   Tests/Lab/bench.sh          ROUNDS=5 and STREAM_SECONDS=3 may be set in the environment
#
# With dnsperf installed it also measures how fast the resolver answers from its cache.
set -euo pipefail
LAB=${LAB:-nat64-bench-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
rounds=${ROUNDS:-5} seconds=${STREAM_SECONDS:-3}
V4=64:ff9b::b0b:b02

leaving() { [ "$1" = 0 ] || tail -n 20 "$LOG" 2>/dev/null || true; }

# stream ADDRESS [-R]: Gbit/s of one TCP stream, and how many segments were sent again.
stream() {
    local address=$1 result=$WORK/iperf3.json
    shift
    on client iperf3 --client "$address" --time "$seconds" --omit 1 --json "$@" >"$result" ||
        { jq -r .error "$result" >&2; return 1; }
    jq -r '"\(.end.sum_received.bits_per_second / 1e9) \(.end.sum_sent.retransmits)"' "$result"
}

# median FILE: median, least and greatest of the first column.
median() {
    sort -n "$1" | awk '{ v[NR] = $1 } END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "%.2f %.2f %.2f", m, v[1], v[NR] }'
}

topology_up
internet_up
configure ""
start
on server iperf3 --server --daemon --pidfile "$WORK/iperf3.pid"
sleep 0.3
echo "$rounds rounds of $seconds s, after 1 s of warming up each; $(nproc) CPUs, Linux $(uname -r)"
for round in $(seq "$rounds"); do
    for what in plain-up:$SERVER6 nat64-up:$V4 plain-down:$SERVER6:-R nat64-down:$V4:-R; do
        name=${what%%:*}
        case $what in *:-R) options=-R ;; *) options='' ;; esac
        case $name in plain*) address=$SERVER6 ;; *) address=$V4 ;; esac
        # shellcheck disable=SC2086 # no word when there is no option
        figures=$(stream $address $options)
        echo "$figures" >>"$WORK/$name.figures"
        printf 'round %d  %-10s  %6.2f Gbit/s  %s segments sent again\n' "$round" "$name" ${figures}
    done
done

printf '\n%-28s %-24s %-24s %s\n' "one TCP stream, Gbit/s" "NAT64" "plain IPv6 forwarding" "ratio"
for direction in up down; do
    read -r n n_least n_most <<<"$(median "$WORK/nat64-$direction.figures")"
    read -r p p_least p_most <<<"$(median "$WORK/plain-$direction.figures")"
    case $direction in up) words="client to server" ;; down) words="server to client" ;; esac
    printf '%-28s %-24s %-24s %s\n' "$words" "$n ($n_least-$n_most)" "$p ($p_least-$p_most)" "$(awk "BEGIN { printf \"%.2f\", $n / $p }")"
done
printf '\n  iperf3 --client %s|%s --time %s --omit 1 [-R], median (least-greatest) of %s rounds\n' $V4 $SERVER6 "$seconds" "$rounds"

if command -v dnsperf >/dev/null; then
    printf 'v4.example.net AAAA\ndual.example.net AAAA\nwww.example.net AAAA\nv4.example.net A\n' >"$WORK/questions"
    printf '\nthe resolver, from its cache:\n'
    on client dnsperf -s 2001:db8:6::1 -d "$WORK/questions" -l "$seconds" -c 16 -q 200 2>&1 | grep -E 'Queries (per second|lost)|Average Latency'
fi
