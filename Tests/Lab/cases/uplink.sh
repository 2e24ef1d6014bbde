# shellcheck shell=bash disable=SC2154
# Addresses and links that change under a shared address: sessions live on where they can, and all is right a moment later.

V4=64:ff9b::b0b:b02
reached() { on "$1" curl -sSf -m 2 -o /dev/null "$2"; }
page_works() { same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 20 http://v4.example.net/)"; }
pings() { on client ping -c 1 -W 10 $V4; }
log_holds() { tail -n "+$((logged + 1))" "$LOG" | grep -qF -- "$1"; }
followed() { fact .network.followed; }
# What a link that was down has lost.
box_route() {
    local name=${1:-wan0}
    ip -n "$LAB-box" route replace default via "$ISP4"
    ip -n "$LAB-box" addr replace 2001:db8:1::5/64 dev "$name" nodad
    ip -n "$LAB-box" -6 route replace default via 2001:db8:1::1
}

# long_talk: a connection of the client's that says a word every tenth of a second, and is told each word back.
long_talk() {
    spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7100 10
    echo $! >"$WORK/talk.server"
    eventually 30 on server sh -c 'ss -Hltn "sport = :7100" | grep -q .'
    spawn client python3 -u -c "
import socket, time
s = socket.create_connection(('$V4', 7100), 30)
s.settimeout(30)
while True:
    s.sendall(b'word')
    assert s.recv(10) == b'word'
    print('word')
    time.sleep(0.1)
" >"$WORK/talk" 2>&1
    echo $! >"$WORK/talk.client"
    eventually 30 test -s "$WORK/talk"
}
talks() {
    local before
    before=$(wc -l <"$WORK/talk")
    kill -0 "$(cat "$WORK/talk.client")"
    # TCP itself takes its time after a while of silence.
    eventually 30 said_more "$before"
    lacks "what the client said" Error "$(cat "$WORK/talk")"
}
said_more() { [ "$(wc -l <"$WORK/talk")" -gt "$1" ]; }
end_talk() {
    kill "$(cat "$WORK/talk.client")" "$(cat "$WORK/talk.server")" 2>/dev/null || true
    rm -f "$WORK"/talk*
}
# survives COMMAND...: a connection goes on after this was done, pings, counted, with a line in the log.
survives() {
    local code=0 before logged
    before=$(followed)
    logged=$(wc -l <"$LOG")
    long_talk
    ("$@" && eventually 30 pings && talks && page_works) || code=1
    end_talk
    tail -n "+$((logged + 1))" "$LOG"
    [ "$(followed)" -gt "$before" ] || { echo "followed: $before before, $(followed) after"; code=1; }
    [ $code = 0 ] || ctl status
    same "verdict" working "$(fact .verdict)" || code=1
    return $code
}
address_lost() {
    ip -n "$LAB-box" addr del $BOX4/24 dev wan0
    eventually 30 log_holds "NAT64 is held, its sessions are kept"
    same "verdict" failing "$(fact .verdict)"
    same "route of the prefix" "" "$(on box ip -6 route show 64:ff9b::/96)"
    same "filters" "" "$(on box tc filter show dev wan0 ingress)"
    sleep 0.5
    ip -n "$LAB-box" addr add $BOX4/24 dev wan0
    box_route
    eventually 30 log_holds "NAT64 goes on"
}
link_down() {
    ip -n "$LAB-box" link set wan0 down
    eventually 30 log_holds "NAT64 is held, its sessions are kept"
    ip -n "$LAB-box" link set wan0 up
    box_route
}
link_renamed() {
    ip -n "$LAB-box" link set wan0 down
    ip -n "$LAB-box" link set wan0 name up0
    ip -n "$LAB-box" link set up0 up
    box_route up0
    eventually 30 log_holds "on up0"
}
link_named_back() {
    ip -n "$LAB-box" link set up0 down
    ip -n "$LAB-box" link set up0 name wan0
    ip -n "$LAB-box" link set wan0 up
    box_route
}
link_made_anew() {
    ip -n "$LAB-box" link del wan0
    eventually 30 log_holds "NAT64 is held, its sessions are kept"
    join box wan0 11.11.1.5/24 2001:db8:1::5/64 isp down0 11.11.1.1/24 2001:db8:1::1/64
    box_route
    route isp 2001:db8:6::/63 2001:db8:1::5
    route isp 192.0.2.64/28 11.11.1.5
}
# A second address of the uplink, and one that goes: the share stays with the one it has.
address_beside() {
    ip -n "$LAB-box" addr add 11.11.1.7/24 dev wan0
    sleep 0.3
    ip -n "$LAB-box" addr del 11.11.1.7/24 dev wan0
}
# As when an interface is set up anew.
clients_link_anew() {
    ip -n "$LAB-box" addr del $BOX_LAN6/64 dev lan0
    sleep 0.3
    ip -n "$LAB-box" addr add $BOX_LAN6/64 dev lan0 nodad
}
# DHCP renews by taking the address away and giving it again, which then stands behind the other.
address_renewed() {
    local code=0
    on box sysctl -qw net.ipv4.conf.wan0.promote_secondaries=1
    ip -n "$LAB-box" addr add 11.11.1.7/24 dev wan0
    ip -n "$LAB-box" -batch - <<END
addr del $BOX4/24 dev wan0
addr add $BOX4/24 dev wan0
route replace default via $ISP4 dev wan0
END
    holds "addresses" "inet $BOX4/24 scope global secondary wan0" "$(ip -n "$LAB-box" addr show dev wan0)" || code=1
    (talks && seen_from $BOX4 30) || code=1
    ip -n "$LAB-box" -batch - <<END
addr del 11.11.1.7/24 dev wan0
addr replace $BOX4/24 dev wan0
route replace default via $ISP4 dev wan0
END
    on box sysctl -qw net.ipv4.conf.wan0.promote_secondaries=0
    return $code
}
# The same while there is a second uplink, which has the default route for that moment.
renewed_before_another() {
    join box wan1 11.11.3.5/24 - isp down1 11.11.3.1/24 -
    local code=0
    ip -n "$LAB-box" route add default via 11.11.3.1 dev wan1 metric 600
    ip -n "$LAB-box" -batch - <<END
addr flush dev wan0 to $BOX4
addr add $BOX4/24 dev wan0
route add default via $ISP4 dev wan0
END
    (talks && seen_from $BOX4 30) || code=1
    ip -n "$LAB-box" link del wan1
    return $code
}
undisturbed() {
    local code=0
    long_talk
    ("$@" && pings && talks) || code=1
    end_talk
    return $code
}
# DHCP gives another address: what goes out bears it.
renumbered() {
    local logged
    logged=$(wc -l <"$LOG")
    ip -n "$LAB-box" addr add "$2/24" dev wan0
    ip -n "$LAB-box" addr del "$1/24" dev wan0
    ip -n "$LAB-box" addr replace "$2/24" dev wan0
    box_route
    eventually 30 seen_from "$2"
    log_holds "the pool changes"
    holds "filters" "$(hex "$2")" "$(on box tc filter show dev wan0 ingress)"
    lacks "filters" "$(hex "$1")" "$(on box tc filter show dev wan0 ingress)"
}
hex() { python3 -c 'import socket, sys; print(socket.inet_aton(sys.argv[1]).hex())' "$1"; }
# seen_from ADDRESS [SECONDS]: the source of a connection that is made within this time.
seen_from() { same "source that the server saw" "$1" "$(on client curl -sS -m "${2:-5}" http://v4.example.net/address)"; }
# The default route moves to a second uplink, and back.
moved() {
    join box wan1 11.11.3.5/24 - isp down1 11.11.3.1/24 -
    local code=0
    ip -n "$LAB-box" route replace default via 11.11.3.1 dev wan1
    eventually 30 seen_from 11.11.3.5 || code=1
    holds "filters of the new uplink" "$(hex 11.11.3.5)" "$(on box tc filter show dev wan1 ingress)" || code=1
    ip -n "$LAB-box" route replace default via $ISP4 dev wan0
    eventually 30 seen_from $BOX4 || code=1
    lacks "filters of the old uplink" "$(hex 11.11.3.5)" "$(on box tc filter show dev wan1 ingress)" || code=1
    ip -n "$LAB-box" link del wan1
    return $code
}
# The same for an interface shared by name: where the default route goes is no business of the pool's.
named_stays() {
    join box wan1 11.11.3.5/24 - isp down1 11.11.3.1/24 -
    local code=0
    long_talk
    # Strict reverse paths would have it otherwise; the way back is by the old uplink.
    ip -n "$LAB-box" route replace default via 11.11.3.1 dev wan1
    (sleep 0.3 && talks && pings && seen_from $BOX4 30) || code=1
    end_talk
    ip -n "$LAB-box" route replace default via $ISP4 dev wan0
    ip -n "$LAB-box" link del wan1
    return $code
}

stop || true
: >"$LOG"
settled_state() { network_state | grep -v '^[0-9]*: \|link/ether\|fe80:\|wan0'; }
bare=$(settled_state)
scenario
it "an address that is lost for a while: sessions live on" survives address_lost
it "an uplink that goes down and up: sessions live on" survives link_down
it "an uplink that gets another name: sessions live on" survives link_renamed
it "and the old name again" survives link_named_back
it "an uplink that is taken out and put in again: sessions live on" survives link_made_anew
it "an address that comes and goes beside the shared one disturbs nothing" undisturbed address_beside
it "an address that is renewed, and stands behind another then, disturbs nothing" undisturbed address_renewed
it "nor does one that is renewed beside a second uplink" undisturbed renewed_before_another
it "nor does an address of the clients' link that is taken away and put back" undisturbed clients_link_anew
it "another address by DHCP is in use" renumbered $BOX4 11.11.1.8
it "and the old one again" renumbered 11.11.1.8 $BOX4
it "the default route moves to another interface and back, and is followed" moved
nothing_left() {
    stop
    diff <(echo "$bare") <(settled_state)
    lacks "disciplines" clsact "$(on box tc qdisc show)"
}
it "after all that a stop leaves nothing" nothing_left

scenario '[nat64]
pool = ["share:wan0"]'
it "an interface shared by name keeps its sessions when the default route moves" named_stays

# An uplink with nothing but a link network of its own, and the host's address on another interface, as hosts with
# several uplinks have it: the answers come in by the uplink.
address_elsewhere() {
    ip -n "$LAB-box" -batch - <<END
link add own0 type bridge
link set own0 up
addr flush dev wan0 to $BOX4
addr add 10.99.0.5/24 dev wan0
addr add $BOX4/32 dev own0
route add default via 10.99.0.1 dev wan0 src $BOX4
END
    ip -n "$LAB-isp" addr add 10.99.0.1/24 dev down0
    ip -n "$LAB-isp" route add $BOX4/32 via 10.99.0.5
    local code=0
    scenario "$1"
    (seen_from $BOX4 30 && pings) || code=1
    stop
    ip -n "$LAB-isp" route del $BOX4/32
    ip -n "$LAB-isp" addr del 10.99.0.1/24 dev down0
    ip -n "$LAB-box" link del own0
    ip -n "$LAB-box" -batch - <<END
addr del 10.99.0.5/24 dev wan0
addr add $BOX4/24 dev wan0
route add default via $ISP4 dev wan0
END
    return $code
}
it "an address that another interface has is shared, and answers come in by the uplink" address_elsewhere '[nat64]
pool = ["share:own0"]'
it "also if nothing but the default route names it" address_elsewhere ''

# Two routers, of whom the one answers that is asked second at best: which way answers take is for the networks to decide.
answered_by_another() {
    join box wan1 10.99.3.5/24 - core down1 10.99.3.1/24 -
    ip -n "$LAB-box" route add default via 10.99.3.1 dev wan1 metric 200
    ip -n "$LAB-core" route add $BOX4/32 via 10.99.3.5
    local code=0
    (seen_from $BOX4 30 && pings) || code=1
    # Over two routers at once, of whom each has a part of the connections.
    ip -n "$LAB-box" route del default via 10.99.3.1 dev wan1 metric 200
    ip -n "$LAB-box" route replace default src $BOX4 nexthop via $ISP4 dev wan0 nexthop via 10.99.3.1 dev wan1
    (seen_from $BOX4 30 && pings) || code=1
    ip -n "$LAB-box" route replace default via $ISP4 dev wan0
    ip -n "$LAB-core" route del $BOX4/32 via 10.99.3.5
    ip -n "$LAB-box" link del wan1
    return $code
}
# The kernel goes on by the other then, and so does the translator, under the other's address.
one_of_two_down() {
    join box wan1 11.11.3.5/24 - core down1 11.11.3.1/24 -
    ip -n "$LAB-box" route replace default nexthop via $ISP4 dev wan0 nexthop via 11.11.3.1 dev wan1
    local code=0
    ip -n "$LAB-box" link set wan0 down
    eventually 30 seen_from 11.11.3.5 || code=1
    pings || code=1
    ip -n "$LAB-box" link set wan0 up
    box_route
    ip -n "$LAB-box" link del wan1
    eventually 30 seen_from $BOX4 || code=1
    return $code
}
# A tunnel with the rules that wg-quick makes: table main keeps its default route, and packets go by another one.
by_tunnel() {
    join box vpn0 11.11.3.5/24 - isp down1 11.11.3.1/24 -
    local code=0
    ip -n "$LAB-box" -batch - <<END
route add default via 11.11.3.1 dev vpn0 table 51820
rule add not fwmark 51820 lookup 51820
rule add lookup main suppress_prefixlength 0
END
    (eventually 30 seen_from 11.11.3.5 && pings) || code=1
    same "uplink" vpn0 "$(fact .network.uplink.interface)" || code=1
    ip -n "$LAB-box" -batch - <<END
rule del not fwmark 51820 lookup 51820
rule del lookup main suppress_prefixlength 0
END
    (eventually 30 seen_from $BOX4 && pings) || code=1
    ip -n "$LAB-box" link del vpn0
    return $code
}
# The table is the only one with a default route.
by_table() {
    local code=0
    ip -n "$LAB-box" route del default via "$ISP4"
    ip -n "$LAB-box" route add default via "$ISP4" table 100
    ip -n "$LAB-box" rule add lookup 100 pref 1000
    (eventually 30 seen_from $BOX4 && pings) || code=1
    same "verdict" working "$(fact .verdict)" || code=1
    ip -n "$LAB-box" rule del lookup 100 pref 1000
    ip -n "$LAB-box" route flush table 100
    box_route
    (eventually 30 seen_from $BOX4 && pings) || code=1
    return $code
}
scenario
it "answers that come in by another uplink are heard, where both have a link network alone" answered_by_another
it "of two uplinks of one route one goes down: the other's address is shared" one_of_two_down
it "where rules lead packets by a tunnel, its address is shared, and later the uplink's again" by_tunnel
it "a default route in a table of its own is one" by_table

# Beside addresses of the pool's own: what has one of those does not care what the uplink is called.
own_goes_on() {
    local code=0
    long_talk
    holds "external address" 192.0.2. "$(ctl bindings --protocol tcp --json | jq -r '.bindings[].external')" || code=1
    ip -n "$LAB-box" addr add 11.11.1.8/24 dev wan0
    ip -n "$LAB-box" addr del $BOX4/24 dev wan0
    ip -n "$LAB-box" addr replace 11.11.1.8/24 dev wan0
    box_route
    ip -n "$LAB-isp" route replace 192.0.2.64/28 via 11.11.1.8
    (eventually 30 followed_to 11.11.1.8 && talks && pings) || code=1
    ip -n "$LAB-box" addr add $BOX4/24 dev wan0
    ip -n "$LAB-box" addr del 11.11.1.8/24 dev wan0
    ip -n "$LAB-box" addr replace $BOX4/24 dev wan0
    box_route
    ip -n "$LAB-isp" route replace 192.0.2.64/28 via $BOX4
    (eventually 30 followed_to $BOX4 && talks && pings) || code=1
    end_talk
    return $code
}
followed_to() { on box tc filter show dev wan0 ingress | grep -q "$(hex "$1")"; }
scenario '[nat64]
pool = ["192.0.2.64/28", "share:wan0"]'
it "sessions of the pool's own addresses live on when the shared one becomes another" own_goes_on

# Links as PPPoE and WireGuard make them: nothing is set by hand, and paths are found to the octet.
narrow() { # INTERFACE NODE PEER-INTERFACE MTU
    ip -n "$LAB-box" link set "$1" mtu "$4"
    ip -n "$LAB-$2" link set "$3" mtu "$4"
    on client ip -6 route flush cache
    on server ip route flush cache
}
both_ways() {
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/narrow
    cmp "$WORK/web/www/upload/narrow" "$WORK/web/www/large"
    on box curl -sS -m 60 -o "$WORK/download" "http://[$V4]/large"
    cmp "$WORK/download" "$WORK/web/www/large"
}
pppoe() {
    narrow wan0 isp down0 1492
    eventually 30 uplink_carries 1492
    both_ways
    # 1,492 octets of IPv4 are 1,512 of IPv6: the client's own link is the narrow one.
    receives 1 client -W 2 -M "do" -s 1452 $V4
    receives 1 box -W 2 -M "do" -s 1464 $SERVER4
}
wireguard_uplink() {
    narrow wan0 isp down0 1420
    eventually 30 uplink_carries 1420
    both_ways
    # 1,420 of IPv4 are 1,440 of IPv6.
    receives 1 client -W 2 -M "do" -s 1392 $V4
    holds "ping that is too big" "mtu=1440" "$(on client ping -c 2 -i 0.2 -W 1 -M "do" -s 1393 $V4 2>&1 || true)"
}
wireguard_clients() {
    narrow lan0 client eth0 1420
    both_ways
    # 1,420 of IPv6 are 1,400 of IPv4; the server's first datagram of 1,401 is refused, and it learns.
    on server ping -c 1 -W 1 $BOX4 >/dev/null
    receives 1 client -W 2 -M "do" -s 1372 $V4
}
server_learns() {
    narrow lan0 client eth0 1420
    # Announces a segment size that the path does not carry, as a client does that stands behind a narrow link.
    ip -n "$LAB-client" -6 route replace default via 2001:db8:6::1 advmss 1440
    local code=0
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large || code=1
    cmp "$WORK/download" "$WORK/web/www/large" || code=1
    ip -n "$LAB-client" -6 route replace default via 2001:db8:6::1
    return $code
}
uplink_carries() { same "MTU of the uplink" "$1" "$(fact .network.uplink.mtu)"; }
device_carries() { same "MTU of the device" "$1" "$(on box cat /sys/class/net/nat64/mtu)"; }
wide() {
    narrow wan0 isp down0 1500
    narrow lan0 client eth0 1500
    eventually 30 device_carries 1500
    eventually 30 uplink_carries 1500
}
scenario
it "an uplink of 1,492 octets, as PPPoE has it: both ways, the host too, and pings to the octet" pppoe
it "an uplink of 1,420 octets, as WireGuard has it" wireguard_uplink
wide
it "clients behind a link of 1,420 octets" wireguard_clients
scenario '[nat64]
clamp-segment-size = false'
it "without MSS clamping the IPv4 server learns of the clients' link of 1,420 octets" server_learns
narrow lan0 client eth0 1500
narrow wan0 isp down0 1420
it "and clients learn of the uplink's" both_ways
wide
