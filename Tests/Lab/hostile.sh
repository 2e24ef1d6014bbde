#!/bin/bash
# What a hostile host costs the others. A host sends so many packets a second of each kind that a hostile host might, and, in
# turns with each, as many of an ordinary client's: first alone, to see what CPU the translator's threads spend on each
# packet, then while a TCP stream of another client's goes on. In the end every connection and every datagram flow that was
# open before all of it has to answer still.
#
#   Tests/Lab/hostile.sh [KINDS...]   ROUNDS=3 and PACKETS=40000 a second may be set in the environment
#
# Ends with "N passed, N failed". A hostile packet of each kind costs at most MOST=1.1 of an ordinary one, so that a flood that
# takes half of the CPUs takes 5 % more by being hostile; the stream keeps LEAST=0.95 of what it has beside ordinary packets;
# nobody's flow is lost. Both are ratios of two figures that follow each other, of which the geometric mean counts, and both
# scatter: what is beyond its bound by no more than twice its standard error is not held against anybody, but a run whose
# standard error is more than 3 % for the stream, or 5 % for a kind, was made on a machine too busy to tell and does not pass.
set -euo pipefail
LAB=${LAB:-nat64-hostile-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
. "$here/sentences.sh"
. "$here/measuring.sh"
rounds=${ROUNDS:-3} packets=${PACKETS:-40000} least=${LEAST:-0.95} most=${MOST:-1.1}
V4=64:ff9b::b0b:b02
[ $# -gt 0 ] || set -- flows ports destinations syns firsts laters tiny malformed errors insyns inudp
gone() { rm -f "$sentence_log"; }

mac() { ip -n "$LAB-$1" -j link show "$2" | jq -r '.[0].address'; }
flood() {
    local node=client interface=eth0 target
    target=$(mac box lan0)
    case $1 in in*) node=isp interface=down0 target=$(mac box wan0) ;; esac
    on "$node" "$WORK/flood" $interface "$target" "$1" "$packets" "$2"
}
# stream KIND: Gbit/s that the other client receives while there is such a flood.
received() { on guest cat /sys/class/net/eth0/statistics/rx_bytes; }
stream() {
    local flooder before begun
    flood "$1" 2 >"$WORK/sent" &
    flooder=$!
    sleep 0.4
    before=$(received) begun=$EPOCHREALTIME
    sleep 1.2
    awk "BEGIN { print ($(received) - $before) * 8 / ($EPOCHREALTIME - $begun) / 1e9 }"
    wait $flooder
}
# Microseconds of CPU for each packet of a flood, when nothing else is sent.
cost() {
    local before
    before=$(thread_time)
    flood "$1" 1 >"$WORK/sent"
    sleep 0.1
    awk "BEGIN { print ($(thread_time) - $before) / $(cat "$WORK/sent") }"
}
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
echo "$rounds rounds, $packets packets a second; $(nproc) CPUs, Linux $(uname -r)"
for round in $(seq "$rounds"); do
    for kind in "$@"; do
        echo "$kind $(cost ordinary) $(cost "$kind")" | tee -a "$WORK/costs"
        drops >"$WORK/drops.new"
        [ "$round" != 1 ] || comm -13 "$WORK/drops.old" "$WORK/drops.new" | cut -d' ' -f1 | paste -s -d, >"$WORK/$kind.drops"
        mv "$WORK/drops.new" "$WORK/drops.old"
    done
done
on guest iperf3 --client $V4 --reverse --time 86400 >"$WORK/iperf3.log" 2>&1 &
streaming=$!
sleep 2
for round in $(seq "$rounds"); do
    for kind in "$@"; do echo "$kind $(stream ordinary) $(stream "$kind")" | tee -a "$WORK/streams"; done
done
kill $streaming || { echo "the stream has ended:" && tail -n 3 "$WORK/iperf3.log"; }

# judge WORDS RATIO BOUND ERROR MOST: whether a ratio is at most its bound or beyond it by two standard errors at the most, and
# whether its standard error allows to say so. All are logarithms.
judge() {
    local verdict
    verdict=$(awk "BEGIN { print ($4 > $5) ? \"undecided, the machine is too busy\" : ($2 - 2 * $4 > $3) ? \"FAILED\" : \"ok\" }")
    awk "BEGIN { printf \"%s: %.3f, within %.1f %% (twice its standard error): %s\n\", \"$1\", exp($2), 200 * $4, \"$verdict\" }"
    if [ "$verdict" = ok ]; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}
# spread FILE: the mean of the logarithms of hostile by ordinary, and its standard error if all kinds have a mean of their own.
spread() {
    awk '{ r = log($3 / $2); sum += r; n++; k[$1]++; s[$1] += r; q[$1] += r * r }
        END { for (x in k) { v += q[x] - s[x] * s[x] / k[x]; f += k[x] - 1 }
            printf "%f %f\n", sum / n, sqrt(v / (f > 0 ? f : 1e-9) / n) }' "$1"
}
printf '\n| Kind | CPU of an ordinary packet, us | of a hostile one | ratio | stream beside ordinary ones, Gbit/s | beside hostile ones | counted as |\n'
printf '| --- | --- | --- | --- | --- | --- | --- |\n'
for kind in "$@"; do
    for file in costs streams; do grep "^$kind " "$WORK/$file" >"$WORK/$kind.$file"; done
    usual=$(awk '{ print $2 }' "$WORK/$kind.costs" | median) cost=$(awk '{ print $3 }' "$WORK/$kind.costs" | median)
    printf '| %s | %s | %s | %.2f | %s | %s | %s |\n' "$kind" "$usual" "$cost" \
        "$(awk '{ sum += log($3 / $2) } END { print exp(sum / NR) }' "$WORK/$kind.costs")" \
        "$(awk '{ print $2 }' "$WORK/$kind.streams" | median)" "$(awk '{ print $3 }' "$WORK/$kind.streams" | median)" \
        "$(sed 's/,/, /g' "$WORK/$kind.drops")"
done
echo
# The costs of all kinds scatter alike: what one kind's few rounds say of that is little.
read -r _ error <<<"$(spread "$WORK/costs")"
error=$(awk "BEGIN { print $error * sqrt($#) }")
for kind in "$@"; do
    read -r ratio _ <<<"$(spread "$WORK/$kind.costs")"
    judge "CPU for each packet, $kind" "$ratio" "$(awk "BEGIN { print log($most) }")" "$error" 0.05
done
read -r ratio error <<<"$(spread "$WORK/streams")"
judge "what the stream loses, all kinds" "$(awk "BEGIN { print -1 * $ratio }")" "$(awk "BEGIN { print -log($least) }")" "$error" 0.03
echo
touch "$WORK/go"
survived() { wait $survivors && same "flows that do not answer any more" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/survivors.json")"; }
if survived; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
summary
