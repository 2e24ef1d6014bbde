# shellcheck shell=bash disable=SC2154
# A hostile client and a hostile peer: 200,000 packets of each kind, as fast as they go, and what is left of everybody else's
# connections. The address is shared, so that there are no more than 4,096 ports to take.

V4=64:ff9b::b0b:b02
mac() { ip -n "$LAB-$1" -j link show "$2" | jq -r '.[0].address'; }
# Packets that were refused for some reasons, named as in "a|b", or given back to the host, which answers them itself.
refusals() {
    [ "$1" != handed-back ] || { fact .dataplane.handedBack && return; }
    ctl status --json | jq -r "[.dataplane.drops[] | select(.name == (\"$1\" | split(\"|\")[])) | .count] | add"
}

# floods KIND REASONS: the flood, with another client's connections and datagram flows open since before it.
floods() {
    local kind=$1 reasons=$2 node=client interface=eth0 target before victims sent=0 code=0
    target=$(mac box lan0)
    case $kind in in*) node=isp interface=down0 target=$(mac box wan0) ;; esac
    before=$(refusals "$reasons")
    rm -f "$WORK/ready" "$WORK/go"
    on guest python3 "$lab_folder/sockets.py" open $V4 7000 40 40 "$WORK/ready" "$WORK/go" >"$WORK/victims.json" &
    victims=$!
    eventually 90 test -e "$WORK/ready"
    while [ "$sent" -lt 200000 ]; do sent=$((sent + $(on $node "$WORK/flood" $interface "$target" "$kind" 150000 1 $BOX4))); done
    touch "$WORK/go"
    wait $victims
    same "flows that do not answer any more" '{"tcp": 0, "udp": 0}' "$(cat "$WORK/victims.json")" || code=1
    if [ "$(refusals "$reasons")" -le "$before" ]; then
        echo "nothing more is counted as $reasons"
        code=1
    fi
    same "page that the other client gets now" "Hello from the IPv4 internet" "$(on guest curl -sS -m 30 "http://[$V4]/")" || code=1
    return $code
}
hostile_up() {
    cc -O2 -o "$WORK/flood" "$lab_folder/flood.c"
    ip -n "$LAB-client" addr add 2001:db8:6::bad0/64 dev eth0 nodad
    # What is sent to nobody ends right behind the box.
    ip netns exec "$LAB-isp" nft -f - <<END
table ip flood {
    chain in {
        type filter hook prerouting priority -300
        ip saddr $BOX4 tcp dport { 80, 7000 } accept
        ip saddr $BOX4 udp dport { 53, 7000 } accept
        iifname "down0" ip saddr $BOX4 drop
    }
}
END
    spawn server python3 "$lab_folder/sockets.py" serve $SERVER4 7000 400
    # Without it the first connections of the first case would be refused by the server itself.
    eventually 60 on server sh -c 'ss -Hltn "sport = :7000" | grep -q .'
}
hostile_down() {
    # shellcheck disable=SC2046 # a list of numbers
    kill $(on server ss -Hltnp 'sport = :7000' | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u) 2>/dev/null || true
    on isp nft delete table ip flood
    ip -n "$LAB-client" addr del 2001:db8:6::bad0/64 dev eth0
}

scenario '[nat64.limits]
ports-per-client = 1000'
hostile_up
it "datagrams to one port of 200,000 hosts cost nobody a flow" floods destinations "destination-refused|client-limit|table-full"
it "lone first fragments cost nobody a flow" floods firsts "fragment-memory|fragment-timeout|client-limit"
it "lone later fragments cost nobody a flow" floods laters fragment-memory
it "tiny and overlapping fragments cost nobody a flow" floods tiny "malformed|fragment-of-refused"
it "malformed packets of a dozen kinds cost nobody a flow" floods malformed malformed
it "ICMPv6 errors about nothing cost nobody a flow" floods errors quote-unknown
it "SYNs from everywhere to every port cost nobody a flow" floods insyns handed-back
it "datagrams from everywhere to every port cost nobody a flow" floods inudp handed-back
it "a client that takes another port for every packet gets its limit, and nobody loses a flow" floods ports client-limit
it "new flows at full speed from one network get its limit, and nobody loses a flow" floods flows client-limit
it "a flood of SYNs from one network gets its limit, and nobody loses a flow" floods syns client-limit

scenario
it "without a limit it takes the pool down to the last ports, and nobody loses a flow" floods flows pool-exhausted
hostile_down
