# shellcheck shell=bash disable=SC2154
# 464XLAT (RFC 6877): a real stateless translator at the client (TAYGA, as Debian has it), and programs that know nothing but
# IPv4 behind it.

CLAT6=2001:db8:6::464
clat_up() {
    cat >"$WORK/clat.conf" <<END
tun-device clat
ipv4-addr 192.0.0.2
ipv6-addr 2001:db8:6::465
prefix 64:ff9b::/96
map 192.0.0.1 $CLAT6
data-dir $WORK
END
    on client tayga --config "$WORK/clat.conf" --mktun
    on client sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.conf.eth0.proxy_ndp=1
    ip -n "$LAB-client" link set clat up
    ip -n "$LAB-client" addr add 192.0.0.1/29 dev clat
    ip -n "$LAB-client" -4 route add default dev clat src 192.0.0.1
    ip -n "$LAB-client" -6 route add $CLAT6/128 dev clat
    ip -n "$LAB-client" -6 route add 2001:db8:6::465/128 dev clat
    ip -n "$LAB-client" -6 neigh add proxy $CLAT6 dev eth0
    ip -n "$LAB-client" -6 neigh add proxy 2001:db8:6::465 dev eth0
    spawn client tayga --config "$WORK/clat.conf" --nodetach >"$WORK/clat.log" 2>&1
    clat=$!
}
clat_down() {
    kill $clat 2>/dev/null || true
    wait $clat 2>/dev/null || true
    on client tayga --config "$WORK/clat.conf" --rmtun || true
    ip -n "$LAB-client" -6 neigh del proxy $CLAT6 dev eth0 || true
    ip -n "$LAB-client" -6 neigh del proxy 2001:db8:6::465 dev eth0 || true
    on client sysctl -qw net.ipv6.conf.all.forwarding=0
}
literal_page() {
    same "page" "Hello from the IPv4 internet" "$(on client curl -4 -sS -m 30 http://$SERVER4/)"
    holds "sessions" "$CLAT6" "$(ctl sessions --json)"
}
literal_transfers() {
    on client curl -4 -sS -m 60 -o "$WORK/download" http://$SERVER4/large
    cmp "$WORK/download" "$WORK/web/www/large"
    on client curl -4 -sS -m 60 -T "$WORK/web/www/large" http://$SERVER4/upload/clat
    cmp "$WORK/web/www/upload/clat" "$WORK/web/www/large"
}
literal_pings() {
    local size
    # TAYGA makes nothing of ICMP in fragments, and what is larger comes back in fragments.
    for size in 0 1 56 1000 1212; do
        receives 2 client -4 -i 0.1 -W 2 -s $size $SERVER4
    done
}
# Datagrams there and back, from a few octets to many fragments in each direction.
literal_datagrams() {
    local holder code=0
    spawn server python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("0.0.0.0", 7007))
while True:
    data, peer = s.recvfrom(65535)
    s.sendto(data[::-1], peer)'
    holder=$!
    eventually 30 on server sh -c 'ss -Hlun "sport = :7007" | grep -q .'
    on client python3 -c "import os, socket, sys
came = b''
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(5)
s.connect(('$SERVER4', 7007))
for size in (1, 1000, 1212, 1232, 1233, 1472, 1473, 2900, 8000):
    sent, old = os.urandom(size), came
    for attempt in range(4):
        s.send(sent)
        try:
            came = s.recv(65535)
            # A busy machine may answer an earlier attempt too late.
            while came == old:
                came = s.recv(65535)
            break
        except (TimeoutError, OSError):
            came = b''
    if came != sent[::-1]:
        sys.exit(f'of {size} octets {len(came)} came back')" || code=1
    kill $holder
    return $code
}
literal_route() {
    local route
    route=$(on client traceroute -4 -n -q 1 -w 5,0,0 -m 8 $SERVER4)
    echo "$route"
    awk '{ print $2 }' <<<"$route" | tr '\n' ' ' | grep -q "$ISP4 $CORE4 $SERVER4"
}
literal_streams() {
    stream_server
    on client iperf3 -4 -c $SERVER4 -t 1 -P 4 "$@" --json >"$WORK/streams.json"
    jq -e '[.end.streams[].receiver.bytes] | length == 4 and (map(. > 100000) | all)' "$WORK/streams.json"
}
native_beside() { same "page by name" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"; }

scenario
clat_up
eventually 30 on client ping -4 -c 1 -W 1 $SERVER4 || true
it "EAM-08 464XLAT: a program that knows IPv4 alone gets a page from a literal address" literal_page
it "EAM-08 464XLAT: large download and upload" literal_transfers
it "EAM-08 464XLAT: four streams send" literal_streams
it "EAM-08 464XLAT: four streams receive" literal_streams -R
it "EAM-08 464XLAT: pings of every size" literal_pings
it "EAM-08 464XLAT: traceroute shows every router by its own address" literal_route
it "EAM-08 464XLAT: datagrams from 1 octet to 8,000 there and back" literal_datagrams
it "a program that knows IPv6 goes past the CLAT as before" native_beside
clat_down
