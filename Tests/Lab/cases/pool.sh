# shellcheck shell=bash disable=SC2154
# Pools of addresses of our own: a prefix that is routed to the box, and one out of the uplink's own network.

address_in() {
    local seen
    seen=$(on client curl -sS -m 30 http://v4.example.net/address)
    echo "seen from $seen"
    python3 -c 'import ipaddress, sys; sys.exit(ipaddress.ip_address(sys.argv[1]) not in ipaddress.ip_network(sys.argv[2]))' "$seen" "$1"
}
basics() {
    address_in "$1"
    receives 3 client -i 0.2 -W 2 v4.example.net
    same "UDP" $SERVER4 "$(on client dig +short +time=10 +tries=2 @64:ff9b::b0b:b02 A v4.example.net)"
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
    holds "traceroute" 64:ff9b::b0b:202 "$(on client traceroute -6 -n -q 1 -w 10,0,0 -m 8 v4.example.net)"
}
# The kernel must not answer for an address of the pool: no echo reply, no reset, no port unreachable.
silent() {
    local said
    said=$(on server ping -c 1 -W 1 "$1" || true)
    holds "ping" "100% packet loss" "$said"
    said=$(on server curl -sS -m 1 "http://$1:4711/" 2>&1 || true)
    lacks "TCP" "refused" "$said"
}
pool_visible() { holds "addresses of the device" "192.0.2.64/28" "$(on box ip addr show dev nat64)"; }
no_broadcast() { lacks "local table" "broadcast 192.0.2" "$(on box ip route show table local)"; }
neighbour_proxied() { holds "proxy neighbours" 11.11.1.64 "$(on box ip neigh show proxy)"; }

scenario '[nat64]
pool = ["192.0.2.64/28"]'
it "a routed pool: page, ping, UDP, large download and traceroute" basics 192.0.2.64/28
it "the kernel answers for no address of the pool, the last one included" silent 192.0.2.79
it "the pool is seen in ip addr" pool_visible
it "no broadcast route takes an address out of the pool" no_broadcast
it "a start on a clean host speaks of nothing removed" lacks "log" "removed" "$(cat "$LOG")"
it "status says working with a routed pool" same verdict working "$(fact .verdict || true)"

scenario '[nat64]
pool = ["11.11.1.64/29"]'
it "a pool in the uplink's own network: page, ping, UDP, large download and traceroute" basics 11.11.1.64/29
it "ARP for that pool is answered by proxy neighbours" neighbour_proxied

scenario '[nat64]
pool = ["share:wan0"]
ports = "61440-65535"'
it "an interface named for sharing: page, ping, UDP, large download and traceroute" basics $BOX4/32

scenario '[nat64]
prefixes = ["2001:db8:64::/96"]
pool = ["192.0.2.64/28"]
[destinations]
allow = ["10.0.0.0/8"]'
own_prefix() {
    same "AAAA" 2001:db8:64::b0b:b02 "$(on client dig +short AAAA v4.example.net)"
    same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"
}
it "a prefix of the operator's own is synthesized, routed and translated" own_prefix

# A pool that changes by a reload while connections go on.
with_pool() {
    configure "[nat64]
pool = [$1]"
    kill -HUP "$(appliance_pid)"
}
seen_by_server() { on client curl -sS -m 30 http://v4.example.net/address; }
in_prefix() { python3 -c 'import ipaddress, sys; sys.exit(ipaddress.ip_address(sys.argv[1]) not in ipaddress.ip_network(sys.argv[2]))' "$1" "$2"; }
moves_to() { in_prefix "$(seen_by_server)" "$1"; }
draining() { ctl status --json | jq -e '[.dataplane.pool[] | select(.isDraining)] | length == '"$1" >/dev/null; }
route_within() {
    on box ip -j route show dev nat64 | python3 -c 'import ipaddress, json, sys
whole = ipaddress.ip_network(sys.argv[1])
routes = [route["dst"] for route in json.load(sys.stdin) if route["dst"] != "default"]
inside = [text for text in routes if ipaddress.ip_network(text).subnet_of(whole)]
inside or sys.exit(f"no route of {whole} among {routes}")' "$1"
}
drains_under_traffic() {
    local download second flows one code=0
    rm -f "$WORK/ready" "$WORK/download" "$WORK/second" "$WORK/go"
    spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7000 400
    local server=$!
    eventually 30 on server sh -c 'ss -Hltn "sport = :7000" | grep -q .'
    in_prefix "$(seen_by_server)" 192.0.2.64/29 || code=1
    # Connections that stand, datagram flows, and one that sends all the time.
    on client python3 "$lab_folder/sockets.py" open 64:ff9b::b0b:b02 7000 200 50 "$WORK/ready" "$WORK/go" >"$WORK/drain.json" &
    flows=$!
    eventually 90 test -e "$WORK/ready" || code=1
    on client curl -sS -m 60 --limit-rate 4M -o "$WORK/download" http://v4.example.net/large &
    download=$!
    eventually 30 test -s "$WORK/download" || code=1
    with_pool '"192.0.2.72/29"'
    eventually 30 moves_to 192.0.2.72/29 || code=1
    draining 1 || { echo "no range drains" && code=1; }
    # All of the range at first, and soon only the addresses that still have sessions.
    route_within 192.0.2.64/29 || code=1
    touch "$WORK/go"
    wait $flows || code=1
    same "flows that do not answer any more" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/drain.json")" || code=1
    # And back again while the first have not drained yet, beside a third range; a download keeps the second one in use.
    on client curl -sS -m 60 --limit-rate 8M -o "$WORK/second" http://v4.example.net/large &
    second=$!
    eventually 30 test -s "$WORK/second" || code=1
    with_pool '"192.0.2.64/29", "11.11.1.64/30"'
    eventually 30 draining 1 || code=1
    for one in $download $second; do wait "$one" || code=1; done
    for one in download second; do cmp "$WORK/$one" "$WORK/web/www/large" || code=1; done
    rm -f "$WORK/second"
    page_loop || code=1
    kill $server
    return $code
}
drain_time() {
    configure "[nat64]
pool = [\"192.0.2.72/30\"]
drain-time = $1"
    kill -HUP "$(appliance_pid)"
}
no_route_of() { lacks "routes" "$1" "$(on box ip route show table all dev nat64)"; }
# Nothing here waits for a time to pass: the long one is not over in any case, and nothing else would end the connections.
drains_for_a_while() {
    local flows code=0
    rm -f "$WORK/ready" "$WORK/go"
    spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7000 400
    local server=$!
    eventually 30 on server sh -c 'ss -Hltn "sport = :7000" | grep -q .'
    on client python3 "$lab_folder/sockets.py" open 64:ff9b::b0b:b02 7000 20 0 "$WORK/ready" "$WORK/go" >"$WORK/drain.json" &
    flows=$!
    eventually 20 test -e "$WORK/ready" || code=1
    drain_time 86399
    eventually 30 moves_to 192.0.2.72/30 || code=1
    eventually 30 draining 1 || code=1
    holds "status" ", draining, 23 hours" "$(ctl status)" || code=1
    # The new time holds for what drains already.
    drain_time 1
    eventually 30 draining 0 || code=1
    eventually 30 no_route_of 192.0.2.6 || code=1
    holds "log" "20 sessions were ended on 192.0.2.6" "$(cat "$LOG")" || code=1
    touch "$WORK/go"
    wait $flows || code=1
    same "connections that do not answer any more" '{"tcp": 20, "udp": 0}' "$(cat "$WORK/drain.json")" || code=1
    page_loop || code=1
    kill $server
    return $code
}
page_loop() {
    for _ in 1 2 3 4 5 6 7 8; do
        same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)" || return 1
    done
}
scenario '[nat64]
pool = ["192.0.2.64/29"]
port-hold-down = 0
[nat64.lifetimes]
unsafe-short = true
udp = 5
tcp-transitory = 5
icmp = 5'
it "a pool that is changed by a reload under traffic: new flows move at once, those there are go on, nothing is lost" drains_under_traffic

scenario '[nat64]
pool = ["192.0.2.64/30"]'
it "an address taken out of the pool drains for drain-time: status counts it down, then its sessions end and it goes" drains_for_a_while
