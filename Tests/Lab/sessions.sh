#!/bin/bash
# What a packet costs among a million sessions, beside a thousand: the real process, packets of a client's in random order
# through the device, so that next to no line of the tables is in the CPU's caches. CPU is that of the translator's thread,
# system calls included. In turns, a fresh process for each, ROUNDS=5 of both.
#
#   Tests/Lab/sessions.sh [FEW MANY]   PACKETS=200000 a second may be set in the environment
#
# Ends with "N passed, N failed": among many sessions a packet costs at most MOST=1.2 of what it costs among few.
set -euo pipefail
LAB=${LAB:-nat64-sessions-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR
. "$here/opening.sh"
. "$here/sentences.sh"
. "$here/measuring.sh"
rounds=${ROUNDS:-5} packets=${PACKETS:-200000} most=${MOST:-1.2} few=${1:-1000} many=${2:-1000000}
gone() { rm -f "$sentence_log"; }

flood() { on client "$WORK/flood" eth0 "$mac" "$1" "$2" "$3" "$4"; }
translated() { ctl status --json | jq -e '.dataplane.traffic6to4.packets'; }
sessions() { ctl status --json | jq -e '.dataplane.sessions.udp'; }
# cost FLOWS: microseconds of CPU for each packet that went out.
cost() {
    local before gone
    start
    mac=$(ip -n "$LAB-box" -j link show lan0 | jq -r '.[0].address')
    # What the device's queue does not take the first time comes in the next.
    for _ in 1 2 3; do flood inturn 150000 "$(awk "BEGIN { print $1 / 150000 + 0.05 }")" "$1" >/dev/null; done
    [ "$(sessions)" -ge $(($1 * 99 / 100)) ] || { echo "only $(sessions) of $1 sessions are open"; return 1; }
    before=$(thread_time) gone=$(translated)
    flood among "$packets" 2 "$1" >/dev/null
    sleep 0.1
    awk "BEGIN { print ($(thread_time) - $before) / ($(translated) - $gone) }"
    stop
}

topology_up
internet_up
cc -O2 -o "$WORK/flood" "$here/flood.c"
ip -n "$LAB-client" addr add 2001:db8:6::bad0/64 dev eth0 nodad
# What is sent ends right behind the box, so that the rest of the internet costs nothing.
ip netns exec "$LAB-isp" nft -f - <<END
table ip flood {
    chain in {
        type filter hook prerouting priority -300
        ip saddr 192.0.2.64/27 drop
    }
}
END
configure '[nat64]
pool = ["192.0.2.64/27"]
workers = 1
poll-before-sleep = 0
[nat64.limits]
ports-per-client = 0
sessions-per-client = 0
new-bindings-per-second = 0'
echo "$rounds rounds, $packets packets a second; $(nproc) CPUs, Linux $(uname -r)"
for _ in $(seq "$rounds"); do
    for flows in "$few" "$many"; do echo "$flows $(cost "$flows")" | tee -a "$WORK/costs"; done
done
usual=$(awk "\$1 == $few { print \$2 }" "$WORK/costs" | median) cost=$(awk "\$1 == $many { print \$2 }" "$WORK/costs" | median)
is_flat() {
    echo "CPU for each packet, microseconds: $usual among $few sessions, $cost among $many"
    awk "BEGIN { exit !($cost > 0 && $cost <= $most * $usual) }"
}
if is_flat; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
summary
