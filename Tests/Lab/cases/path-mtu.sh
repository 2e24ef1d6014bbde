# shellcheck shell=bash disable=SC2154
# Path MTU discovery in both directions: every side learns of a narrow link that lies beyond the translator.

# The path between the routers carries so many octets of IPv4; IPv6 is left alone, since a link below 1,280 would lose it.
narrow_ipv4() {
    ip -n "$LAB-isp" route replace default via $CORE4 mtu lock "$1"
    ip -n "$LAB-core" route replace default via 11.11.2.1 mtu lock "$1"
    on client ip -6 route flush cache
    on server ip route flush cache
}

# The path carries 1,400 octets: the client learns 1,420 for this IPv4 host.
upload_narrow() {
    narrow_ipv4 1400
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/narrow
    cmp "$WORK/web/www/upload/narrow" "$WORK/web/www/large"
    holds "route that the client learnt" "mtu 1420" "$(on client ip -6 route get 64:ff9b::b0b:b02)"
}
download_narrow() {
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
too_big_told() {
    narrow_ipv4 1400
    local said
    said=$(on client ping -c 2 -i 0.3 -W 10 -M "do" -s 1432 64:ff9b::b0b:b02 2>&1 || true)
    holds "ping" "mtu=1420" "$said"
}
# A path below 1,280: RFC 7915 section 5.1 lets IPv4 fragment then.
below_minimum() {
    narrow_ipv4 1000
    on client curl -sS -m 60 -T "$WORK/web/www/index.html" http://v4.example.net/upload/below
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/below
    cmp "$WORK/web/www/upload/below" "$WORK/web/www/large"
}
# The clients' network carries 1,380 octets: the IPv4 server learns 1,360 for the appliance's address.
narrow_clients() {
    narrow_ipv4 1500
    ip -n "$LAB-box" -6 route change 2001:db8:6::/64 dev lan0 proto kernel metric 256 mtu lock 1380
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
    holds "route that the server learnt" "mtu 1360" "$(on server ip route get $BOX4)"
}
# The uplink itself carries 1,400 octets: nobody but the box can say so.
narrow_uplink() {
    narrow_ipv4 1500
    ip -n "$LAB-box" link set wan0 mtu 1400
    ip -n "$LAB-isp" link set down0 mtu 1400
    eventually 30 uplink_known
    on client ip -6 route flush cache
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/uplink
    cmp "$WORK/web/www/upload/uplink" "$WORK/web/www/large"
    holds "ping" "mtu=1420" "$(on client ping -c 2 -i 0.3 -W 10 -M "do" -s 1440 64:ff9b::b0b:b02 2>&1 || true)"
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
uplink_known() { same "MTU of the uplink" 1400 "$(fact .network.uplink.mtu)"; }
uplink_wide() {
    ip -n "$LAB-box" link set wan0 mtu 1500
    ip -n "$LAB-isp" link set down0 mtu 1500
    on client ip -6 route flush cache
}
wide_again() {
    narrow_ipv4 1500
    ip -n "$LAB-box" -6 route change 2001:db8:6::/64 dev lan0 proto kernel metric 256
    on server ip route flush cache
}

scenario
it "a narrow IPv4 link is told to the client as Packet Too Big" too_big_told
it "an upload over a narrow IPv4 link arrives whole and the client has learnt the MTU" upload_narrow
it "a download over a narrow IPv4 link arrives whole" download_narrow
it "an upload over an IPv4 link of 1,000 octets arrives whole" below_minimum
it "a download into a narrow IPv6 network arrives whole and the server has learnt the MTU" narrow_clients
it "the links are wide again" wide_again
it "an uplink of 1,400 octets: upload and download arrive whole and Packet Too Big says 1,420" narrow_uplink
uplink_wide

scenario '[nat64]
pool = ["192.0.2.64/28"]'
it "the same with a routed pool" narrow_uplink
uplink_wide

# Links as people have them, with nothing set by hand but the links themselves.
# link NODE INTERFACE NODE INTERFACE MTU
link() {
    ip -n "$LAB-$1" link set "$2" mtu "$5"
    ip -n "$LAB-$3" link set "$4" mtu "$5"
    on client ip -6 route flush cache
    on server ip route flush cache
}
# Two of three pings of a size are answered at least; three attempts, as for "receives".
received_but_one() {
    local said
    for _ in 1 2 3; do
        said=$(on client ping -c 3 -i 0.1 -W 5 -s "$1" 64:ff9b::b0b:b02 || true)
        ! grep -qE ' [23] received' <<<"$said" || return 0
    done
    echo "$said"
    return 1
}
gets_through() {
    local want=$1 size said way
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/link
    cmp "$WORK/web/www/upload/link" "$WORK/web/www/large"
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
    for way in "" -R; do
        stream_server
        # shellcheck disable=SC2086 # no word when there is no option
        on client iperf3 -c 64:ff9b::b0b:b02 -t 1 -P 4 $way --json >"$WORK/streams.json"
        jq -e '[.end.streams[].receiver.bytes] | length == 4 and (map(. > 100000) | all)' "$WORK/streams.json"
    done
    # The first of each size may be what a router says Packet Too Big to.
    for size in 56 1180 1232 1233 1352 1400 1452 1600 4000 20000; do
        received_but_one "$size"
    done
    said=$(on client tracepath -6 -n -m 8 64:ff9b::b0b:b02)
    holds "tracepath" "pmtu $want" "$said"
    holds "tracepath" "64:ff9b::b0b:202" "$said"
    holds "tracepath" "reached" "$said"
}
between_routers() { link isp up0 core down0 "$1" && gets_through "$2"; }
# The clients' own link; the box hears of it as of any other.
client_link() { link client eth0 box lan0 "$1" && sleep 0.3 && gets_through "$2"; }

# A route with an MTU of its own would be believed more than the link.
ip -n "$LAB-isp" route replace default via $CORE4
ip -n "$LAB-core" route replace default via 11.11.2.1
scenario
it "an IPv4 link of 1,400 octets behind a router: transfers, streams, pings of every size, tracepath" between_routers 1400 1420
it "an IPv4 link of 1,280 octets behind a router" between_routers 1280 1300
link isp up0 core down0 1500
it "a clients' link of 1,400 octets" client_link 1400 1400
it "a clients' link of 1,280 octets, the least of IPv6" client_link 1280 1280
narrow_everywhere() {
    link box wan0 isp down0 1420
    eventually 30 same "MTU of the uplink" 1420 "$(fact .network.uplink.mtu)"
    client_link 1280 1280
}
it "a clients' link of 1,280 octets and an uplink of 1,420" narrow_everywhere
link box wan0 isp down0 1500
link client eth0 box lan0 1500
