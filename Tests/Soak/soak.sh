#!/bin/bash
# A hundred thousand flows at once through the real daemon, with loss, reordering, new connections and ends of old ones all the time:
# no wrong packet, memory that stays as it is, and nothing left in the tables afterwards.
#
#   Tests/Soak/soak.sh [SECONDS [FLOWS [PACKETS]]]      10 minutes, 100,000 flows, 40,000 packets of clients in a second
#
# A run of less than a minute is tried with half of the flows and packets if the machine loses too many in its queues.
#
#   far namespace                              box namespace
#     c0  many clients (traffic.c), IPv6  ───── lan0  the daemon  wan0 ───── s0  many servers (traffic.c), IPv4
#
# Loss (2 %) and reordering (over 256 packets) happen in traffic.c, because not every kernel has netem.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source-path=SCRIPTDIR source=../Lab/sentences.sh
. "$here/../Lab/sentences.sh"
seconds=${1:-600} flows=${2:-100000} rate=${3:-40000} lifetime=8
appliance=$(realpath "${APPLIANCE:-$here/../../.build/release/nat64-appliance}")
name=soak$$ work=$(mktemp -d)
box_lan=02:00:00:00:06:01 box_wan=02:00:00:00:08:01 far_lan=02:00:00:00:86:02 far_wan=02:00:00:00:08:02
daemon=

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root" >&2
    exit 1
fi
on() {
    local end=$1
    shift
    ip netns exec "$name-$end" "$@"
}
finish() {
    local status=$?
    trap - EXIT INT TERM
    [ -z "$daemon" ] || kill "$daemon" 2>/dev/null || true
    ip netns del "$name-box" 2>/dev/null || true
    ip netns del "$name-far" 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
on_failure() { tail -n 15 "$work/log"; }

cable() {
    ip -n "$name-box" link add "$1" address "$2" type veth peer name "$3" address "$4" netns "$name-far"
    on far sysctl -qw "net.ipv6.conf.$3.disable_ipv6=1"
    # Every frame is whole: no checksum for the other end to fill in, none larger than the link.
    on box ethtool -K "$1" tx off tso off gso off gro off >/dev/null 2>&1 || true
    on far ethtool -K "$3" tx off tso off gso off gro off >/dev/null 2>&1 || true
    ip -n "$name-box" link set "$1" up txqueuelen 10000
    ip -n "$name-far" link set "$3" up txqueuelen 10000
}
ip netns add "$name-box"
ip netns add "$name-far"
on box sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
    net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.core.netdev_max_backlog=20000 2>/dev/null ||
    on box sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
cable lan0 $box_lan c0 $far_lan
cable wan0 $box_wan s0 $far_wan
ip -n "$name-box" link set lo up
ip -n "$name-box" addr add 2001:db8:6::1/64 dev lan0 nodad
ip -n "$name-box" addr add 100.64.0.2/24 dev wan0
ip -n "$name-box" neigh replace 2001:db8:6::c0 lladdr $far_lan dev lan0 nud permanent
ip -n "$name-box" neigh replace 100.64.0.1 lladdr $far_wan dev wan0 nud permanent
ip -n "$name-box" route add 2001:db8:6:8000::/49 via 2001:db8:6::c0
ip -n "$name-box" route add default via 100.64.0.1
gcc -std=gnu11 -Wall -Wextra -Werror -O2 -o "$work/traffic" "$here/traffic.c"
ln -s "$appliance" "$work/appliance-ctl"
mkdir "$work/state"
cat >"$work/appliance.toml" <<END
[nat64]
prefixes = ["2001:db8:64::/96"]
pool = ["203.0.113.0/28"]
port-hold-down = "2s"
[nat64.lifetimes]
unsafe-short = true
udp = $lifetime
icmp = $lifetime
tcp-established = $lifetime
tcp-transitory = 4
[clients]
allow = ["2001:db8:6::/48"]
[dns64]
listen = ["127.0.0.1:5353"]
upstreams = ["100.64.0.1"]
[control]
socket = "$work/control.sock"
[state]
directory = "$work/state"
END
ip netns exec "$name-box" "$appliance" --config "$work/appliance.toml" >"$work/log" 2>&1 </dev/null &
daemon=$!
fact() { "$work/appliance-ctl" --socket "$work/control.sock" status --json | jq -r "$1"; }
runs() { [ "$(fact .dataplane.state)" = running ]; }
eventually 60 runs
sleep 0.5

sessions() { fact '.dataplane.sessions | .tcp + .udp + .icmp'; }
# Proportional set size and the threads' number, in KiB: what the process itself costs.
memory() { awk '/^Pss:/ { print $2 }' "/proc/$daemon/smaps_rollup"; }

# One run: what came of it stands in $work/result, $ended, $looks, $before, $after and $most.
soak() {
    local traffic began=$SECONDS warm
    ended=0
    on far "$work/traffic" -f "$flows" -t "$seconds" -r "$rate" -l $lifetime -m $box_lan,$box_wan c0 s0 >"$work/result" 2>"$work/complaints" &
    traffic=$!
    : >"$work/memory"
    while kill -0 $traffic 2>/dev/null; do
        sleep 1
        echo "$((SECONDS - began)) $(memory) $(sessions)" >>"$work/memory"
    done
    wait $traffic || ended=$?
    cat "$work/complaints" "$work/result"
    # All flows are there, and those that have ended since, once the first lifetimes are over.
    warm=$((flows / (rate > 0 ? rate : 1) + 2 * lifetime))
    [ $warm -lt $((seconds * 2 / 3)) ] || warm=$((seconds * 2 / 3))
    # A slow machine may need longer until all flows are there, and the tables grow as long.
    read -r looks before after most <<<"$(awk -v warm=$warm -v seconds="$seconds" -v all=$((flows * 98 / 100)) '
        $3 > most { most = $3 }
        most >= all && $1 >= warm && $1 <= seconds { n++; pss[n] = $2 }
        END { k = int((n + 4) / 5); for (i = 1; i <= k; i++) { a += pss[i]; b += pss[n - k + i] }
            if (k) print n, int(a / k), int(b / k), most; else print 0, 0, 0, most + 0 }' "$work/memory")"
    printf 'memory with all flows, after %d s or more: %d KiB, at the end: %d KiB, %d looks; at most %d sessions\n' \
        $warm "$before" "$after" "$looks" "$most"
}

result() { jq -r ".$1" "$work/result"; }
no_wrong_packet() {
    cat "$work/complaints"
    [ $ended = 0 ] && same "wrong packets" 0 "$(result wrong)" && same "ICMP errors" 0 "$(result errors)"
}
all_at_once() {
    echo "$most sessions"
    [ "$most" -ge $((flows * 98 / 100)) ] && [ "$(result open)" -ge $((flows * 97 / 100)) ]
}
most_come_through() {
    # What the far ends have not lost themselves; a busy machine may lose some in its queues.
    local up down sent lost
    up=$(result up) down=$(result down) sent=$(result sent) lost=$(result lost)
    echo "$up up, $down down of $sent less $lost"
    [ $((up + down)) -gt $(((sent - lost) * 80 / 100)) ]
}
# The memory was looked at twice at least while all flows were there.
is_seen() { [ "$looks" -ge 2 ]; }
# A short run ends before the last tables have grown.
memory_is_flat() {
    echo "$before KiB, then $after KiB, $looks looks"
    is_seen
    [ "$after" -le $((before + before / 50 + (seconds < 60 ? 4096 : 1024))) ]
}
nothing_is_left() { same "sessions" 0 "$(sessions)" && same "bindings" 0 "$(fact '.dataplane.bindings | .tcp + .udp + .icmp')"; }
everything_expires() { eventually 60 nothing_is_left; }
still_runs() { kill -0 "$daemon"; }

soak
while [ "$seconds" -lt 60 ] && [ "$rate" -gt 2500 ] && no_wrong_packet >/dev/null && ! { all_at_once && most_come_through && is_seen; } >/dev/null; do
    flows=$((flows / 2)) rate=$((rate / 2))
    echo "The machine does not carry so much; again with $flows flows and $rate packets a second"
    everything_expires
    soak
done
it "$flows flows under loss and reordering for $seconds s: no wrong packet" no_wrong_packet
it "they are there at the same time" all_at_once
it "their packets come through" most_come_through
it "memory stays flat" memory_is_flat
it "all sessions expire afterwards" everything_expires
it "the daemon still runs" still_runs
summary
