# shellcheck shell=bash disable=SC2154
# The kernel's tables belong to everybody: what others do to our routes, and what we do not do to theirs.

prefix_route() { on box ip -6 route show 64:ff9b::/96 | grep -q "dev nat64"; }
repairs() { fact .network.repairs; }
more_repairs_than() {
    local now
    now=$(repairs)
    [ "$now" -gt "$1" ] || { echo "repairs: $1 before, $now after"; return 1; }
}
page_works() { same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"; }

# repaired COMMAND...: after this was done to us, everything is back, counted, with one line in the log.
repaired() {
    local before lines
    before=$(repairs)
    lines=$(wc -l <"$LOG")
    "$@"
    eventually 30 more_repairs_than "$before"
    eventually 30 page_works
    eventually 30 prefix_route
    tail -n "+$((lines + 1))" "$LOG" | tee /dev/stderr | grep -c . | grep -qx '[1-9]'
}
delete_route() { on box ip -6 route del 64:ff9b::/96; }
down_and_up() {
    on box ip link set nat64 down
    sleep 0.1
    on box ip link set nat64 up
}
down_alone() { on box ip link set nat64 down; }
delete_address() { on box ip addr flush dev nat64; }
# As `sysctl --system` and firewalls do it.
strict_paths() {
    local code=0 mode
    for mode in 1 0; do
        on box sysctl -qw net.ipv4.conf.all.rp_filter=$mode
        eventually 5 reached || code=1
    done
    return $code
}
reached() { on client curl -sSf -m 1 -o /dev/null http://v4.example.net/; }
delete_filters() { on box tc qdisc del dev wan0 clsact; }

# 10,000 routes come and go faster than a socket's buffer holds; the watch must still see what happens to ours.
storm() {
    local before
    before=$(repairs)
    python3 - >"$WORK/storm" <<'END'
for i in range(5000):
    print(f"route add 198.18.{i // 250}.{i % 250}/32 dev lan0")
for i in range(5000):
    print(f"route del 198.18.{i // 250}.{i % 250}/32 dev lan0")
END
    kill -STOP "$(appliance_pid)"
    on box ip -batch "$WORK/storm"
    delete_route
    kill -CONT "$(appliance_pid)"
    eventually 30 prefix_route
    on box ip -batch "$WORK/storm"
    delete_route
    eventually 30 prefix_route
    page_works
    eventually 30 more_repairs_than $((before + 1))
}
# The uplink gets another address: the share follows, or says so.
readdress() {
    ip -n "$LAB-box" addr del "$1/24" dev wan0
    ip -n "$LAB-box" addr add "$2/24" dev wan0
    ip -n "$LAB-box" route replace default via $ISP4
    # Until it is clear that the old one does not come back, it is in use.
    eventually 30 seen_from "$2"
    page_works
}
seen_from() { same "source that the server saw" "$1" "$(on client curl -sS -m 5 http://v4.example.net/address)"; }
new_client_network() {
    ip -n "$LAB-box" addr add 2001:db8:8::1/64 dev lan0 nodad
    ip -n "$LAB-client" addr add 2001:db8:8::c0/64 dev eth0 nodad
    eventually 30 on client dig +time=1 +tries=1 -b 2001:db8:8::c0 @2001:db8:8::1 AAAA v4.example.net
    receives 1 client -W 2 -I 2001:db8:8::c0 64:ff9b::b0b:b02
    ip -n "$LAB-client" addr del 2001:db8:8::c0/64 dev eth0
    ip -n "$LAB-box" addr del 2001:db8:8::1/64 dev lan0
}

# A route for the prefix that is not ours: the start is refused, and the route is as before.
foreign_route() {
    local bare code=0
    on box ip -6 route add 64:ff9b::/96 via 2001:db8:1::1 dev wan0
    # shellcheck disable=SC2034 # refuses compares with it
    bare=$(network_state)
    refuses 64:ff9b::/96 on box || code=$?
    holds "message" wan0 "$(cat "$LOG")" || code=1
    on box ip -6 route del 64:ff9b::/96
    return $code
}

# What a routing daemon has for what it announces, of the same length and behind ours, or less specific: none is in the way.
announced() {
    local others code=0
    stop
    on box ip -4 route add blackhole 192.0.2.64/28 proto 12 metric 32
    on box ip -4 route add unreachable 192.0.2.0/24 proto 12 metric 32
    on box ip -6 route add unreachable 64:ff9b::/96 proto 12 metric 32
    others=$(network_state)
    scenario '[nat64]
pool = ["192.0.2.64/28"]'
    receives 3 client -i 0.2 -W 2 64:ff9b::b0b:b02 || code=1
    same "verdict" working "$(fact .verdict)" || code=1
    stop
    diff <(echo "$others") <(network_state) || code=1
    on box ip -4 route del blackhole 192.0.2.64/28 proto 12 metric 32
    on box ip -4 route del unreachable 192.0.2.0/24 proto 12 metric 32
    on box ip -6 route del unreachable 64:ff9b::/96 proto 12 metric 32
    return $code
}

# As hosts with several providers have it: clients' packets go by a table that has a default route and nothing else.
led_aside() {
    local code=0 remedy
    ip -n "$LAB-box" -6 route add default via 2001:db8:1::1 table 200
    ip -n "$LAB-box" -6 rule add from 2001:db8:6::/64 lookup 200 pref 1000
    same "verdict" degraded "$(fact .verdict)" || code=1
    remedy=$(fact '.findings[] | select(.code == "prefix-bypassed") | .remedy')
    # shellcheck disable=SC2086 # the words of a command
    on box ${remedy##*: } || code=1
    same "verdict" working "$(fact .verdict)" || code=1
    receives 3 client -i 0.2 -W 2 64:ff9b::b0b:b02 || code=1
    ip -n "$LAB-box" -6 rule del to 64:ff9b::/96 lookup main pref 1
    ip -n "$LAB-box" -6 rule del from 2001:db8:6::/64 lookup 200 pref 1000
    ip -n "$LAB-box" -6 route flush table 200
    return $code
}

scenario
it "a route deleted by hand is back within a second, counted and logged" repaired delete_route
it "after the device was set down and up all is back within a second" repaired down_and_up
it "a device set down is up again within a second" repaired down_alone
it "a storm of 10,000 foreign route changes does not blind the watch" storm
it "traffic control filters deleted by hand are back within a second" repaired delete_filters
it "strict reverse paths that are set for all interfaces stop nothing for longer than a second" strict_paths
it "a rule that leads clients' packets past the translator is told, and the remedy helps" led_aside
it "a new network on a link is served without a restart" new_client_network
it "the share follows the uplink to another address" readdress $BOX4 11.11.1.6
it "and back" readdress 11.11.1.6 $BOX4

scenario '[nat64]
pool = ["192.0.2.64/28"]'
it "addresses flushed from the device are back within a second" repaired delete_address
it "with a pool of our own, the device set down and up is back within a second" repaired down_and_up

stop || true
: >"$LOG"
configure ""
it "discard routes of a routing daemon for pool and prefix: the start succeeds, traffic flows, and they stay" announced
it "a foreign route for the prefix: the start is refused, and the route stays" foreign_route
