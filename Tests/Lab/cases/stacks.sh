# shellcheck shell=bash disable=SC2154
# Real stacks at both ends and what they do with a path: every hop, every size, many streams, datagrams in fragments.

V4=64:ff9b::b0b:b02

hops_by_tcp() {
    local route
    route=$(on client traceroute -6 -n -T -p 80 -q 1 -w 10,0,0 -m 8 $V4)
    echo "$route"
    awk '{ print $2 }' <<<"$route" | tr '\n' ' ' | grep -q "64:ff9b::b0b:101 64:ff9b::b0b:202 $V4"
}
hops_by_each() {
    local route way
    for way in "" -I "-U -p 53" "-T -p 80"; do
        # shellcheck disable=SC2086 # several words
        route=$(on client traceroute -6 -n $way -q 1 -w 10,0,0 -m 8 $V4)
        echo "$route"
        awk '{ print $2 }' <<<"$route" | tr '\n' ' ' | grep -q "2001:db8:6::1 .*64:ff9b::b0b:101 64:ff9b::b0b:202 $V4"
    done
}
# From the IPv4 side to a client with a static binding: both routers and the box.
hops_inward() {
    local route
    scenario '[nat64]
pool = ["192.0.2.64/28"]
[[nat64.static]]
protocol = "tcp"
ipv4 = "192.0.2.70"
ipv4-port = 8080
ipv6 = "2001:db8:6::c0"
ipv6-port = 8080'
    spawn client python3 -m http.server --bind 2001:db8:6::c0 --directory "$WORK/web/www" 8080 2>/dev/null
    local server=$! code=0
    eventually 30 on server curl -sSf -m 2 -o /dev/null http://192.0.2.70:8080/ || code=1
    route=$(on server traceroute -4 -n -T -p 8080 -q 1 -w 10,0,0 -m 8 192.0.2.70)
    kill $server
    echo "$route"
    awk '{ print $2 }' <<<"$route" | tr '\n' ' ' | grep -q "11.11.11.1 11.11.2.1 $BOX4 .*192.0.2.70" || code=1
    return $code
}
# The IPv4 path carries 1,400 octets between the routers; nobody but a router can tell.
path_traced() {
    local code=0 said
    ip -n "$LAB-isp" route replace default via "$CORE4" mtu lock 1400
    on client ip -6 route flush cache
    said=$(on client tracepath -6 -n -m 8 $V4) || code=1
    echo "$said"
    ip -n "$LAB-isp" route replace default via "$CORE4"
    holds "tracepath" "pmtu 1420" "$said" || code=1
    holds "tracepath" "64:ff9b::b0b:202" "$said" || code=1
    holds "tracepath" "reached" "$said" || code=1
    on client ip -6 route flush cache
    return $code
}
# Octets of payload for which something changes: nothing at all, one, DF above 1,260, the lowest MTU, the whole link.
sizes() {
    local size
    for size in 0 1 8 56 1192 1204 1212 1213 1232 1233 1351 1424 1452; do
        receives 2 client -i 0.05 -W 2 -M "do" -s $size $V4
    done
    refused on client ping -c 1 -W 1 -M "do" -s 1453 $V4
    for size in 1453 1500 2960 4000 8000 20000; do
        receives 2 client -i 0.05 -W 2 -s $size $V4
    done
}
streams() {
    stream_server
    on client iperf3 -c $V4 -t 1 -P 8 "$@" --json >"$WORK/streams.json"
    jq -e '[.end.streams[].receiver.bytes] | length == 8 and (map(. > 100000) | all)' "$WORK/streams.json"
}
echo_server() {
    cat >"$WORK/echo.py" <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7007))
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(data[::-1], peer)
END
    spawn server python3 "$WORK/echo.py"
    holder=$!
}
# Datagrams of up to 60,000 octets there and back, each way in fragments made by the hosts themselves.
datagrams() {
    local holder code=0
    echo_server
    eventually 30 echo_server_is_up
    cat >"$WORK/datagrams.py" <<'END'
import os, socket, sys
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect((sys.argv[1], 7007))
came = b""
for size in (1, 1000, 1212, 1232, 1233, 1452, 1453, 2900, 8000, 8192, 20000, 60000):
    sent, old = os.urandom(size), came
    for attempt in range(3):
        s.send(sent)
        try:
            came = s.recv(65535)
            # A busy machine may answer an earlier attempt too late.
            while came == old:
                came = s.recv(65535)
            break
        except TimeoutError:
            came = b""
    if came != sent[::-1]:
        sys.exit(f"of {size} octets {len(came)} came back")
END
    on client python3 "$WORK/datagrams.py" $V4 || code=$?
    kill "$holder"
    wait "$holder" 2>/dev/null || true
    return $code
}
echo_server_is_up() { on server ss -Hlnu 'sport = :7007' | grep -q 7007; }

scenario
it "traceroute by TCP shows every router" hops_by_tcp
it "traceroute by UDP, ICMP and TCP shows every router by its own address" hops_by_each
it "tracepath finds the MTU of an IPv4 link and reaches the host" path_traced
it "ping of every size that matters goes through, whole up to the link's MTU and in fragments above" sizes
it "eight TCP streams at a time send" streams
it "eight TCP streams at a time receive" streams -R
it "datagrams of up to 60,000 octets come there and back in fragments of the hosts' own" datagrams
it "traceroute from the IPv4 side to a client shows both routers and the box" hops_inward
