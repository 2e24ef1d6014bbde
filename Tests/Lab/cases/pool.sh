# shellcheck shell=bash disable=SC2154
# Pools of addresses of our own: a prefix that is routed to the box, and one out of the uplink's own network.

address_in() {
    local seen
    seen=$(on client curl -sS -m 5 http://v4.example.net/address)
    echo "seen from $seen"
    python3 -c 'import ipaddress, sys; sys.exit(ipaddress.ip_address(sys.argv[1]) not in ipaddress.ip_network(sys.argv[2]))' "$seen" "$1"
}
basics() {
    address_in "$1"
    holds "ping" "3 received" "$(on client ping -c 3 -i 0.2 -W 2 v4.example.net)"
    same "UDP" $SERVER4 "$(on client dig +short +time=2 +tries=2 @64:ff9b::b0b:b02 A v4.example.net)"
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
    holds "traceroute" 64:ff9b::b0b:202 "$(on client traceroute -6 -n -q 1 -w 2 -m 8 v4.example.net)"
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
    same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 5 http://v4.example.net/)"
}
it "a prefix of the operator's own is synthesized, routed and translated" own_prefix
