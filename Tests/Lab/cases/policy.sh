# shellcheck shell=bash disable=SC2154
# One policy for both halves: what DNS64 does not hand out, NAT64 does not carry, and the other way round.

P4=64:ff9b::a40:2

not_handed_out() {
    same "AAAA of a private address" "" "$(on client dig +short AAAA private.example.net)"
    same "A stays" $PRIVATE4 "$(on client dig +short A private.example.net)"
}
mixed_filtered() { same "AAAA of a mixed name" 64:ff9b::b0b:b02 "$(on client dig +short AAAA mixed.example.net)"; }
not_carried() {
    refused on client ping -c 1 -W 1 $P4
    refused on client curl -sS -m 2 "http://[$P4]/"
}
counted() {
    local before after
    before=$(fact '[.dataplane.drops[].count] | add')
    on client ping -c 3 -i 0.2 -W 1 $P4 || true
    after=$(fact '[.dataplane.drops[].count] | add')
    echo "dropped: $before, then $after"
    [ "$after" -gt "$before" ]
}
handed_out() { same "AAAA of a private address" $P4 "$(on client dig +short AAAA private.example.net)"; }
carried() {
    receives 2 client -i 0.2 -W 2 $P4
    same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://private.example.net/)"
}
allow_by_reload() {
    configure '[destinations]
allow = ["10.0.0.0/8"]'
    ctl reload
    handed_out
    carried
}
client_refused() {
    holds "answer" "status: REFUSED" "$(on guest dig +time=10 +tries=1 AAAA v4.example.net)"
    refused on guest ping -c 1 -W 1 64:ff9b::b0b:b02
    same "the allowed client" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.example.net)"
    receives 1 client -W 2 64:ff9b::b0b:b02
}

scenario
it "a private address is not handed out" not_handed_out
it "of a mixed name only what may be reached is handed out" mixed_filtered
it "packets to a private address are refused" not_carried
it "such packets are counted" counted
it "a reload that allows the range opens both halves at once" allow_by_reload

scenario '[destinations]
allow = ["10.0.0.0/8"]'
it "an allowed private address is handed out" handed_out
it "packets to it are carried" carried

scenario '[clients]
allow = ["2001:db8:6::/64"]'
it "a client that is not on the list is served by neither half" client_refused
