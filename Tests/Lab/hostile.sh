#!/bin/bash
# What a hostile host costs the others. A host sends so many packets a second of each kind that a hostile host might, and, in
# turns with each, as many of an ordinary client's: once alone, to see what CPU the translator's threads spend on each packet,
# and once beside a TCP stream of another client's. In the end every connection and every datagram flow that was open before
# all of it has to answer still.
#
#   Tests/Lab/hostile.sh [KINDS...]   ROUNDS=2, PACKETS=40000 a second and STREAM_SECONDS=1 may be set in the environment
#
# Ends with "N passed, N failed": a hostile packet of each kind costs at most MOST=1.1 of an ordinary one, so that a flood that
# takes half of the CPUs takes 5 % more by being hostile; all streams together, by the geometric mean of the pairs, keep
# LEAST=0.95 of what they reach beside ordinary packets; nobody's flow is lost. One pair says little, because two streams
# in a row differ by a fifth.
set -euo pipefail
LAB=${LAB:-nat64-hostile-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/topology.sh"
. "$here/internet.sh"
. "$here/appliance.sh"
. "$here/sentences.sh"
rounds=${ROUNDS:-2} packets=${PACKETS:-40000} seconds=${STREAM_SECONDS:-1} least=${LEAST:-0.95} most=${MOST:-1.1}
V4=64:ff9b::b0b:b02
[ $# -gt 0 ] || set -- flows ports destinations syns firsts laters tiny malformed errors insyns inudp

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root" >&2
    exit 1
fi
finish() {
    local status=$?
    trap - EXIT INT TERM
    stop || true
    topology_down
    rm -f "$sentence_log"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

mac() { ip -n "$LAB-$1" -j link show "$2" | jq -r '.[0].address'; }
flood() {
    local node=client interface=eth0 target
    target=$(mac box lan0)
    case $1 in in*) node=isp interface=down0 target=$(mac box wan0) ;; esac
    on "$node" "$WORK/flood" $interface "$target" "$1" "$packets" "$2"
}
# stream [KIND]: Gbit/s of the other client's stream, with such a flood or without.
stream() {
    local flooder=''
    if [ -n "${1:-}" ]; then
        flood "$1" "$((seconds + 2))" >"$WORK/sent" &
        flooder=$!
        sleep 0.3
    fi
    on guest iperf3 --client $V4 --reverse --time "$seconds" --omit 1 --json >"$WORK/iperf3.json" ||
        { jq -r .error "$WORK/iperf3.json" >&2; return 1; }
    [ -z "$flooder" ] || wait $flooder
    jq -r '.end.sum_received.bits_per_second / 1e9' "$WORK/iperf3.json"
}
# Microseconds of CPU that the threads for packets take for each packet of a flood, when nothing else is sent.
thread_time() { cat /proc/"$(appliance_pid)"/task/*/comm /proc/"$(appliance_pid)"/task/*/schedstat | awk '
    NF == 1 { name[++names] = $1 } NF == 3 { if (name[++times] ~ /^nat64-[0-9]/) sum += $1 } END { print sum / 1000 }'; }
cost() {
    local before
    before=$(thread_time)
    flood "$1" 1 >"$WORK/sent"
    sleep 0.1
    awk "BEGIN { print ($(thread_time) - $before) / $(cat "$WORK/sent") }"
}
median() { sort -n | awk '{ v[NR] = $1 } END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2; printf "%.2f", m }'; }
drops() { ctl status --json | jq -r '.dataplane.drops[] | select(.count > 0) | "\(.name) \(.count)"' | sort; }

topology_up
internet_up
cc -O2 -o "$WORK/flood" "$here/flood.c"
ip -n "$LAB-client" addr add 2001:db8:6::bad0/64 dev eth0 nodad
# What is sent to nobody ends right behind the box, so that the rest of the internet costs nothing.
ip netns exec "$LAB-isp" nft -f - <<END
table ip flood {
    chain in {
        type filter hook prerouting priority -300
        ip saddr 192.0.2.64/28 tcp dport { 5201, 7000 } accept
        ip saddr 192.0.2.64/28 udp dport 7000 accept
        ip saddr 192.0.2.64/28 drop
    }
}
END
configure '[nat64]
pool = ["192.0.2.64/28"]'
start
spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7000 400
on server iperf3 --server --daemon --pidfile "$WORK/iperf3.pid"
eventually 20 on server sh -c 'ss -Hltn "sport = :7000" | grep -q . && ss -Hltn "sport = :5201" | grep -q .'
on guest python3 "$lab_folder/sockets.py" open $V4 7000 200 200 "$WORK/ready" "$WORK/go" >"$WORK/survivors.json" &
survivors=$!
eventually 20 test -e "$WORK/ready"

drops >"$WORK/drops.old"
echo "$rounds rounds of $seconds s, $packets packets a second; $(nproc) CPUs, Linux $(uname -r)"
for round in $(seq "$rounds"); do
    stream >>"$WORK/none.figures"
    for kind in "$@"; do
        stream ordinary >"$WORK/figure" && a=$(cat "$WORK/figure")
        stream "$kind" >"$WORK/figure" && b=$(cat "$WORK/figure")
        echo "$a" >>"$WORK/$kind.ordinary"
        echo "$b" >>"$WORK/$kind.figures"
        awk "BEGIN { print $b / $a }" >>"$WORK/$kind.ratios"
        cost ordinary >>"$WORK/$kind.ordinary-cost"
        cost "$kind" >>"$WORK/$kind.cost"
        drops >"$WORK/drops.new"
        [ "$round" != 1 ] || comm -13 "$WORK/drops.old" "$WORK/drops.new" >"$WORK/$kind.drops"
        mv "$WORK/drops.new" "$WORK/drops.old"
        printf 'round %d  %-13s %6.2f Gbit/s, beside ordinary packets %6.2f; %s packets sent\n' "$round" "$kind" "$b" "$a" "$(cat "$WORK/sent")"
    done
done

# judge WORDS CONDITION: counts a condition of awk, and says so if it does not hold.
judge() {
    if awk "BEGIN { exit !($2) }"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED  $1: $2"
    fi
}
printf '\n| Kind | CPU of an ordinary packet, us | of a hostile one | ratio | stream beside ordinary ones, Gbit/s | beside hostile ones | counted as |\n'
printf '| --- | --- | --- | --- | --- | --- | --- |\n'
for kind in "$@"; do
    usual=$(median <"$WORK/$kind.ordinary-cost") cost=$(median <"$WORK/$kind.cost")
    printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$kind" "$usual" "$cost" "$(awk "BEGIN { printf \"%.2f\", $cost / $usual }")" \
        "$(median <"$WORK/$kind.ordinary")" "$(median <"$WORK/$kind.figures")" \
        "$(cut -d' ' -f1 "$WORK/$kind.drops" | tr '\n' ',' | sed 's/,$//; s/,/, /g')"
done
ratio=$(cat "$WORK"/*.ratios | awk '{ sum += log($1) } END { printf "%.3f", exp(sum / NR) }')
printf '\nall %s pairs of streams: %s; without any flood %s Gbit/s\n\n' "$(cat "$WORK"/*.ratios | wc -l)" "$ratio" "$(median <"$WORK/none.figures")"
for kind in "$@"; do judge "CPU for each packet, $kind" "$(median <"$WORK/$kind.cost") <= $most * $(median <"$WORK/$kind.ordinary-cost")"; done
judge "all streams together" "$ratio >= $least"
echo
touch "$WORK/go"
survived() { wait $survivors && same "flows that do not answer any more" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/survivors.json")"; }
if survived; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
summary
