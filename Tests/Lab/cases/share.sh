# shellcheck shell=bash disable=SC2154
# The host's own address, shared: the host as a server and as a client, its containers and virtual machines, all ports in
# use on both sides, other people's filters, and what a stop and a kill leave.

V4=64:ff9b::b0b:b02
HOST6=64:ff9b::b0b:105
web_server() { spawn "$1" python3 -u -m http.server --bind "$2" --directory "$WORK/web/www" "$3" 2>"$WORK/web.$1.log"; }
reached() { on "$1" curl -sSf -m 30 -o /dev/null "$2"; }
page_of() { same "page" "Hello from the IPv4 internet" "$(on "$1" curl -sS -m 30 "$2")"; }

# The host is a peer of its own clients.
stop || true
: >"$LOG"
bare=$(network_state)
scenario

host_web() {
    web_server box $BOX4 8000
    local server=$!
    eventually 30 reached client "http://[$HOST6]:8000/"
    page_of client "http://[$HOST6]:8000/"
    on client curl -sS -m 60 -o "$WORK/download" "http://[$HOST6]:8000/large"
    kill $server
    cmp "$WORK/download" "$WORK/web/www/large"
    holds "source that the host saw" "192.0.0.7 - -" "$(cat "$WORK/web.box.log")"
    lacks "source that the host saw" "$BOX4 - -" "$(cat "$WORK/web.box.log")"
}
host_pinged() {
    receives 3 client -i 0.2 -W 2 $HOST6
    receives 3 client -i 0.2 -W 2 -s 4000 $HOST6
}
host_traced() {
    local route
    route=$(on client traceroute -6 -n -q 1 -w 10,0,0 -m 5 $HOST6)
    echo "$route"
    same "last hop" "$HOST6" "$(tail -n 1 <<<"$route" | awk '{print $2}')"
    [ "$(wc -l <<<"$route")" -le 4 ]
}
host_closed_port() {
    local code=0
    on client curl -sS -m 30 "http://[$HOST6]:8001/" || code=$?
    same "exit code of curl: connection refused" 7 $code
}
# As a container engine publishes a port: the destination is rewritten before the host would deliver it.
published_port() {
    ip netns exec "$LAB-box" nft -f - <<END
table ip published {
    chain in { type nat hook prerouting priority -100; tcp dport 8080 fib daddr type local dnat to 172.17.0.2:8000; }
}
END
    web_server container 172.17.0.2 8000
    local server=$! code=0
    eventually 30 reached box http://172.17.0.2:8000/
    page_of client "http://[$HOST6]:8080/" || code=1
    page_of server "http://$BOX4:8080/" || code=1
    on box nft delete table ip published
    kill $server
    return $code
}

# A container engine's bridge, with a container and a virtual machine's tap (as a cable) in it. The daemon hears of it.
bridge_up() {
    ip netns add "$LAB-container"
    ip netns add "$LAB-machine"
    local box="$LAB-box"
    ip -n "$box" link add ctr0 type bridge
    on box sysctl -qw net.ipv6.conf.ctr0.accept_dad=0
    ip -n "$box" addr add 172.17.0.1/16 dev ctr0
    ip -n "$box" addr add fd00:d0c::1/64 dev ctr0 nodad
    ip -n "$box" link set ctr0 up
    local node
    for node in container machine; do
        ip -n "$LAB-$node" link set lo up
        ip -n "$box" link add "tap-$node" type veth peer name eth0 netns "$LAB-$node"
        ip -n "$box" link set "tap-$node" master ctr0 up
        on $node sysctl -qw net.ipv6.conf.eth0.accept_dad=0
        ip -n "$LAB-$node" link set eth0 up
    done
    ip -n "$LAB-container" addr add 172.17.0.2/16 dev eth0
    ip -n "$LAB-container" route add default via 172.17.0.1
    ip -n "$LAB-container" addr add fd00:d0c::2/64 dev eth0 nodad
    ip -n "$LAB-machine" addr add fd00:d0c::3/64 dev eth0 nodad
    for node in container machine; do
        ip -n "$LAB-$node" -6 route add default via fd00:d0c::1
        resolver $node fd00:d0c::1
    done
}
bridge_down() {
    local node
    for node in container machine; do
        # shellcheck disable=SC2046 # a list of numbers
        kill $(ip netns pids "$LAB-$node") 2>/dev/null || true
        ip netns del "$LAB-$node" 2>/dev/null || true
        rm -rf "/etc/netns/$LAB-$node"
    done
    ip -n "$LAB-box" link del ctr0 2>/dev/null || true
}
serves_node() {
    eventually 30 reached "$1" http://v4.example.net/
    page_of "$1" http://v4.example.net/
    same "source that the server saw" $BOX4 "$(on "$1" curl -sS -m 30 http://v4.example.net/address)"
    receives 3 "$1" -i 0.2 -W 2 $V4
    on "$1" curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
masqueraded() {
    local code=0
    on box nft -f - <<END
table ip6 masked {
    chain out { type nat hook postrouting priority 100; ip6 saddr fd00:d0c::/64 oifname != "ctr0" masquerade; }
}
END
    (serves_node container) || code=1
    ctl sessions --json | jq -e '.. | strings | select(contains("fd00:d0c"))' >/dev/null && echo "not masqueraded"
    on box nft delete table ip6 masked
    return $code
}
host_is_client() {
    page_of box "http://[$V4]/"
    same "source that the server saw" $BOX4 "$(on box curl -sS -m 30 "http://[$V4]/address")"
    receives 3 box -i 0.2 -W 2 $V4
    receives 3 box -i 0.2 -W 2 -s 4000 $V4
    on box curl -sS -m 60 -o "$WORK/download" "http://[$V4]/large"
    cmp "$WORK/download" "$WORK/web/www/large"
    on box curl -sS -m 60 -T "$WORK/web/www/large" "http://[$V4]/upload/host"
    cmp "$WORK/web/www/upload/host" "$WORK/web/www/large"
}
host_to_itself() {
    web_server box 0.0.0.0 8000
    local server=$!
    eventually 30 reached box "http://127.0.0.1:8000/"
    page_of box "http://[$HOST6]:8000/"
    kill $server
}
# A firewall with connection tracking sees only one direction of a translated connection in IPv4, because answers go to the
# translator before it: it drops the rest as invalid, and masquerading gives it other ports. The documentation has the
# rule in `raw` for both. What the host's and the containers' own connections get back comes from the translator too, and
# must stay tracked.
firewalled() {
    local code=0
    on box nft -f - <<END
table inet firewall {
    chain raw { type filter hook prerouting priority raw; iifname "nat64" fib saddr type local notrack; }
    chain input {
        type filter hook input priority 0; policy drop;
        ct state invalid drop
        ct state established,related accept
        iifname { "lan0", "lo" } accept
        meta l4proto icmpv6 accept
    }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state invalid drop
        ct state established,related accept
        iifname { "lan0", "nat64", "ctr0" } accept
        oifname { "lan0", "nat64" } accept
    }
    chain postrouting { type nat hook postrouting priority srcnat; oifname "wan0" meta nfproto ipv4 masquerade random; }
}
END
    local node
    (page_of client http://v4.example.net/) || code=1
    (on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large && cmp "$WORK/download" "$WORK/web/www/large") || code=1
    for node in client box container; do
        receives 2 $node -i 0.2 -W 2 "$(v4_of $node)" || code=1
        receives 1 $node -W 2 -s 4000 "$(v4_of $node)" || code=1
    done
    # From a port of the share, where answers pass the translator, and every hop's word.
    for node in box container; do
        (on $node curl -sS -m 60 --local-port 63001-63099 -o "$WORK/download" http://$SERVER4/large &&
            cmp "$WORK/download" "$WORK/web/www/large") || code=1
        same "hops from $node" "$SERVER4" "$(on $node traceroute -n -q 1 -w 10,0,0 -m 6 $SERVER4 | tail -n 1 | awk '{print $2}')" || code=1
    done
    on box nft delete table inet firewall
    return $code
}
# What a node calls the server.
v4_of() { if [ "$1" = client ]; then echo $V4; else echo $SERVER4; fi; }
# Many connections of the host, of which the translator takes no part, beside one of a client's: neither is disturbed.
downloads_at_once() {
    on client curl -sS -m 60 -o "$WORK/download.client" http://v4.example.net/large &
    local client=$!
    on box curl -sS -m 60 -o "$WORK/download.host" http://$SERVER4/large &
    local host=$!
    wait $client
    wait $host
    cmp "$WORK/download.client" "$WORK/web/www/large"
    cmp "$WORK/download.host" "$WORK/web/www/large"
    rm -f "$WORK"/download.*
}
# As probes of several uplinks do, and programs in a VRF.
bound_to_uplink() {
    local code=0
    receives 2 box -e 4660 -i 0.2 -W 2 -I wan0 $SERVER4 || code=1
    same "last hop" "$SERVER4" "$(on box traceroute -i wan0 -n -q 1 -w 10,0,0 -m 6 $SERVER4 | tail -n 1 | awk '{print $2}')" || code=1
    ip -n "$LAB-isp" link set up0 mtu 1300
    on box curl -sS -m 60 --interface if!wan0 -T "$WORK/web/www/large" "http://$SERVER4/upload/bound" || code=1
    ip -n "$LAB-isp" link set up0 mtu 1500
    on box ip route flush cache
    cmp "$WORK/web/www/upload/bound" "$WORK/web/www/large" || code=1
    return $code
}
# A socket of the host's on a port of the share, which no client has: the translator hands everything back, super-packets too.
host_in_the_share() {
    on box curl -sS -m 60 --local-port 62001-62001 -o "$WORK/download" http://$SERVER4/large
    cmp "$WORK/download" "$WORK/web/www/large"
}

it "a client reaches a web server of the host under the prefix, and the host sees neither itself nor a neighbour" host_web
it "a client's pings of the host are answered, in fragments as well" host_pinged
it "a traceroute to the host ends at the host" host_traced
it "a closed port of the host refuses at once" host_closed_port
it "host and client download at the same time" downloads_at_once
it "a connection of the host from a port of the share is handed back whole" host_in_the_share
it "programs of the host that bind their sockets to the uplink are answered, hear of every hop and of a narrow path" bound_to_uplink
it "the host itself is a client: page, ping, large download and upload" host_is_client
it "the host reaches itself under the prefix" host_to_itself
bridge_up
it "a container on a bridge with a network of its own is served within two seconds" serves_node container
it "a virtual machine on the same bridge is served" serves_node machine
it "a container behind IPv6 masquerading is served" masqueraded
it "a client reaches a port of the host that is published from a container" published_port
it "a firewall with connection tracking and masquerading leaves clients, host and containers alone, with the rule that is documented" firewalled
bridge_down

# Everything in use at once: both sides ask over all they have round on round, until each has had two rounds beside the other.
many_opened() { # NODE ADDRESS TCP UDP NAME
    on "$1" python3 "$lab_folder/sockets.py" open "$2" 7000 "$3" "$4" \
        "$WORK/many.$5" "$WORK/many.go" "$WORK/many.$5.again" "$WORK/many.done" >"$WORK/many.$5.json"
}
many_bindings() { ctl bindings --protocol "$1" --json --limit 10000 | jq -c '.bindings[] | [.client, .external]' | sort; }
many_sockets() {
    rm -f "$WORK"/many.*
    spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7000 37000
    local server=$! host client protocol code=0
    eventually 30 on server sh -c 'ss -Hltn "sport = :7000" | grep -q .'
    many_opened box $SERVER4 28000 0 host &
    host=$!
    many_opened client $V4 4096 4096 client &
    client=$!
    eventually 300 test -e "$WORK/many.host" -a -e "$WORK/many.client" || code=1
    same "sockets of the host" 28000 "$(on box ss -Htn state established "dst $SERVER4:7000" | wc -l)" || code=1
    for protocol in tcp udp; do
        many_bindings $protocol >"$WORK/many.$protocol"
        same "$protocol bindings" 4096 "$(wc -l <"$WORK/many.$protocol")" || code=1
    done
    touch "$WORK/many.go"
    eventually 300 test -e "$WORK/many.host.again" -a -e "$WORK/many.client.again" || code=1
    for protocol in tcp udp; do diff "$WORK/many.$protocol" <(many_bindings $protocol) || code=1; done
    touch "$WORK/many.done"
    wait $host || code=1
    wait $client || code=1
    # shellcheck disable=SC2046 # a list of numbers
    kill $(pgrep -P $server) $server
    same "failures of the host" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/many.host.json")" || code=1
    same "failures of the client" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/many.client.json")" || code=1
    rm -f "$WORK"/many.*
    return $code
}
scenario
it "28,000 sockets of the host and all 4,096 ports of the translator at once: nothing is lost on either side" many_sockets

# Ports that both could want.
findings() { ctl status --json | jq -r '.findings[] | .code + ": " + .problem + " " + .remedy'; }
chosen_range() {
    scenario '[nat64]
pool = ["share:wan0"]
ports = "50000-50999"'
    page_of client http://v4.example.net/
    local port
    port=$(ctl bindings --json | jq -r '.bindings[0].external' | sed 's/.*://')
    [ "$port" -ge 50000 ] && [ "$port" -le 50999 ]
    holds "findings" "net.ipv4.ip_local_reserved_ports=50000-50999" "$(findings)"
    on box sysctl -qw net.ipv4.ip_local_reserved_ports=50000-50999
    lacks "findings" "ip_local_reserved_ports" "$(findings)"
    # Of the kernel's 28,232 ports none of these is given to the host any more.
    on box python3 - <<END
import resource, socket
most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
kept = []
for _ in range(15000):
    one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    one.connect(("$SERVER4", 9))
    kept.append(one)
bad = [one.getsockname()[1] for one in kept if 50000 <= one.getsockname()[1] <= 50999]
assert not bad, bad
END
    on box sysctl -qw net.ipv4.ip_local_reserved_ports=
}
# Two ports of eight belong to programs of the host: one of UDP since before the start, one of TCP from then on.
echo_at() {
    spawn box python3 -u -c "import socket, sys
kind = socket.SOCK_DGRAM if sys.argv[1] == 'udp' else socket.SOCK_STREAM
s = socket.socket(socket.AF_INET, kind)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('0.0.0.0', int(sys.argv[2])))
if kind == socket.SOCK_STREAM:
    s.listen()
while True:
    if kind == socket.SOCK_DGRAM:
        s.sendto(*s.recvfrom(100))
    else:
        one, _ = s.accept()
        one.sendall(one.recv(100))
        one.close()" "$1" "$2"
}
echoed() {
    same "answer of the host's program" "hello" "$(on server python3 -c "import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if sys.argv[1] == 'udp' else socket.SOCK_STREAM)
s.settimeout(20)
s.connect(('$BOX4', int(sys.argv[2])))
s.send(b'hello')
print(s.recv(100).decode())" "$1" "$2")"
}
# more_flows NUMBER: so many UDP flows from sockets of the client's own, to the name server.
more_flows() {
    on client python3 -c "import socket, sys
kept = []
for _ in range(int(sys.argv[1])):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    s.connect(('$V4', 9))
    s.send(b'x')
    kept.append(s)" "$1"
}
given() { ctl bindings --protocol "$1" --json --limit 100 | jq -r '.bindings[].external' | sed 's/.*://' | sort -n | tr '\n' ' '; }
socket_in_range() {
    echo_at udp 62100
    local holder=$! late code=0
    eventually 30 on box sh -c 'ss -Hlun "sport = :62100" | grep -q .'
    scenario '[nat64]
pool = ["share:wan0"]
ports = "62100-62107"'
    log_holds "UDP port 62100 of the translator's share, kept from clients" || code=1
    same "ports withheld" 1 "$(fact .dataplane.withheldPorts)" || code=1
    echo_at tcp 62101
    late=$!
    eventually 30 withheld 2 || code=1
    holds "findings" "TCP port 62101, UDP port 62100" "$(findings)" || code=1
    lacks "findings" "ports-of-host-in-use" "$(findings)" || code=1
    more_flows 40
    same "UDP ports of clients" "62101 62102 62103 62104 62105 62106 62107 " "$(given udp)" || code=1
    for _ in 1 2 3 4 5; do
        page_of client "http://[$V4]/" || code=1
        echoed udp 62100 || code=1
        echoed tcp 62101 || code=1
    done
    case " $(given tcp)" in *" 62101 "*) echo "a client has TCP port 62101" && code=1 ;; esac
    # A program that takes a port that a client has is told of, and the client goes on.
    echo_at udp 62103
    eventually 30 findings_hold ports-of-host-in-use || code=1
    holds "findings" "UDP port 62103" "$(findings)" || code=1
    kill $! $holder $late
    eventually 30 withheld null || code=1
    more_flows 40
    holds "UDP ports of clients" "62100" "$(given udp)" || code=1
    return $code
}
withheld() { same "ports withheld" "$1" "$(fact .dataplane.withheldPorts)"; }
findings_hold() { findings | grep -qF -- "$1"; }
log_holds() { grep -qF -- "$1" "$LOG"; }
it "a chosen range within the kernel's own is used, and the setting that keeps it from the host is named" chosen_range
it "ports of the share that programs of the host have are kept from clients, and both work; named, counted and given back" socket_in_range

# Filters of others on the same interfaces.
foreign_filters() {
    stop
    ip -n "$LAB-box" link add snoop0 type veth peer name snoop1
    ip -n "$LAB-box" link set snoop0 up
    ip -n "$LAB-box" link set snoop1 up
    on box tc qdisc add dev wan0 clsact
    on box tc filter add dev wan0 ingress pref 7000 protocol ip u32 match ip protocol 17 0xff match ip dport 4999 0xffff \
        action mirred egress redirect dev snoop0
    local before
    scenario
    before=$(snooped)
    eventually 30 snooped_more "$before" 4999
    page_of client http://v4.example.net/
    # And one that comes while we are there.
    on box tc filter del dev wan0 ingress pref 7000
    on box tc filter add dev wan0 ingress pref 7001 protocol ip u32 match ip protocol 17 0xff match ip dport 4998 0xffff \
        action mirred egress redirect dev snoop0
    before=$(snooped)
    eventually 30 snooped_more "$before" 4998
    page_of client http://v4.example.net/
    receives 2 server -i 0.2 -s 4000 $BOX4
    receives 2 client -i 0.2 -s 4000 $V4
    stop
    holds "filters" "pref 7001" "$(on box tc filter show dev wan0 ingress)"
    lacks "filters" "pref 640" "$(on box tc filter show dev wan0 ingress)"
    holds "disciplines" clsact "$(on box tc qdisc show dev wan0)"
    on box tc qdisc del dev wan0 clsact
    ip -n "$LAB-box" link del snoop0
    diff <(echo "$bare") <(network_state)
}
snooped() { ip -n "$LAB-box" -j -s link show snoop0 | jq '.[0].stats64.tx.packets'; }
# snooped_more BEFORE PORT: a datagram that is sent to this port has come out where the filter leads it.
snooped_more() {
    on server bash -c "echo x >/dev/udp/$BOX4/$2"
    [ "$(snooped)" -gt "$1" ]
}
it "filters of others behind ours are still asked, come and go, and stay with their clsact" foreign_filters

# Daemon and sentinel killed at once: what the unit does after every stop takes the filters away, and not the others' own.
# The sentinel is stopped first, or it might see the daemon's end before its own.
kill_both() {
    local sentinel
    sentinel=$(sentinel_pid || true)
    kill -STOP "$sentinel"
    kill -KILL "$(appliance_pid)" "$sentinel"
    wait_gone
}
sentinel_pid() { on box sh -c 'for p in $(ip netns pids '"$LAB"'-box); do grep -qsx nat64-sentinel /proc/$p/comm && echo $p; done'; }
both_killed() {
    stop
    local before
    on box tc qdisc add dev wan0 clsact
    on box tc filter add dev wan0 ingress pref 7000 protocol ip u32 match ip protocol 17 0xff match ip dport 4999 0xffff flowid 1:1
    before=$(network_state)
    scenario
    kill_both
    holds "filters left over" "pref 6400" "$(on box tc filter show dev wan0 ingress)"
    on box "$APPLIANCE" withdraw --config "$CONFIG"
    diff <(echo "$before") <(network_state)
    # Without others it is our own discipline, and goes too.
    on box tc qdisc del dev wan0 clsact
    scenario
    kill_both
    on box "$APPLIANCE" withdraw --config "$CONFIG"
    diff <(echo "$bare") <(network_state)
}
it "daemon and sentinel killed: what runs after every stop takes what is ours, and leaves filter and clsact of others" both_killed

# A peer that is not behind the uplink: its answers come in by another interface.
peer_elsewhere() {
    ip -n "$LAB-box" addr add 10.7.0.1/24 dev lan1
    ip -n "$LAB-guest" addr add 10.7.0.2/24 dev eth0
    ip -n "$LAB-guest" route add default via 10.7.0.1
    scenario '[destinations]
allow = ["10.0.0.0/8"]'
    web_server guest 10.7.0.2 8000
    local server=$! code=0
    eventually 30 reached client "http://[64:ff9b::10.7.0.2]:8000/" || code=1
    holds "source that it saw" "$BOX4 - -" "$(cat "$WORK/web.guest.log")" || code=1
    holds "filters of lan1" "pref 6400" "$(on box tc filter show dev lan1 ingress)" || code=1
    page_of client http://v4.example.net/ || code=1
    kill $server
    kill -KILL "$(appliance_pid)"
    wait_gone
    eventually 30 nothing_left || code=1
    ip -n "$LAB-guest" addr del 10.7.0.2/24 dev eth0
    ip -n "$LAB-box" addr del 10.7.0.1/24 dev lan1
    diff <(echo "$bare") <(network_state) || code=1
    return $code
}
nothing_left() { on box sh -c 'for l in lan0 lan1 wan0; do tc qdisc show dev $l; tc filter show dev $l ingress; done' | refused grep -E 'clsact|6400|640[1-3]'; }
it "a peer behind another interface is heard, and a kill leaves nothing on either" peer_elsewhere
