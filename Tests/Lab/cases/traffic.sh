# shellcheck shell=bash disable=SC2154
# An untouched configuration: the uplink's own address shared with the host, and all that a client does all day.

V4=64:ff9b::b0b:b02

asks() { on "$1" dig +short +time=10 +tries=2 "${@:2}"; }

scenario

synthesized() { same "AAAA of v4.example.net" $V4 "$(asks client AAAA v4.example.net)"; }
over_tcp() { same "AAAA over TCP" $V4 "$(asks client +tcp AAAA v4.example.net)"; }
native_wins() { same "AAAA of dual.example.net" 2001:db8:b::2 "$(asks client AAAA dual.example.net)"; }
chain() {
    local answer
    answer=$(asks client AAAA shop.example.net)
    holds "answer" www.example.net. "$answer"
    holds "answer" v4.example.net. "$answer"
    holds "answer" $V4 "$answer"
}
nothing_there() {
    local answer
    answer=$(on client dig nothing.example.net AAAA)
    holds "answer" "status: NOERROR" "$answer"
    holds "answer" "ANSWER: 0" "$answer"
    holds "answer" "status: NXDOMAIN" "$(on client dig absent.example.net AAAA)"
}
many_addresses() { same "AAAA records" 120 "$(asks client +tcp AAAA many.example.net | wc -l)"; }
truncated_upstream() { same "A records" 120 "$(asks client +tcp A many.example.net | wc -l)"; }
backwards() { holds "PTR" v4.example.net. "$(asks client -x $V4)"; }
discovery() {
    local answer
    answer=$(asks client AAAA ipv4only.arpa)
    holds "answer" 64:ff9b::c000:aa "$answer"
    holds "answer" 64:ff9b::c000:ab "$answer"
}
asked_address_answers() {
    same "answer from the uplink's own address" $V4 "$(asks client @2001:db8:1::5 AAAA v4.example.net)"
    same "answer over IPv4 on the box itself" $SERVER4 "$(asks box @$BOX4 A v4.example.net)"
}
strangers_refused() { holds "answer" "status: REFUSED" "$(on server dig +time=10 +tries=1 @$BOX4 A v4.example.net)"; }
page() { same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"; }
seen_from() { same "source that the server saw" $BOX4 "$(on client curl -sS -m 30 http://v4.example.net/address)"; }
udp_through() { same "answer through the translator" $SERVER4 "$(asks client @$V4 A v4.example.net)"; }
ping_through() { receives 3 client -i 0.2 -W 2 v4.example.net; }
large_ping() { receives 3 client -i 0.2 -W 2 -s 4000 $V4; }
fragments_through() {
    same "records in one large datagram" 120 "$(asks client +bufsize=4096 +ignore @$V4 A many.example.net | wc -l)"
}
hops() {
    local route
    route=$(on client traceroute -6 -n -q 1 -w 10,0,0 -m 8 "$@" $V4)
    echo "$route"
    awk '{print $2}' <<<"$route" | tr '\n' ' ' | grep -q "64:ff9b::b0b:101 64:ff9b::b0b:202 $V4"
}
download() {
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
upload() {
    on client curl -sS -m 60 -T "$WORK/web/www/large" http://v4.example.net/upload/file
    cmp "$WORK/web/www/upload/file" "$WORK/web/www/large"
}
bulk() {
    stream_server
    on client iperf3 -c $V4 -t 1 "$@" --json | jq -e '(.end.sum_received.bytes // .end.sum.bytes) > 1000000'
}
many_connections() {
    local i
    for i in $(seq 1 40); do on client curl -sS -m 60 -o "$WORK/page.$i" http://v4.example.net/ & done
    wait
    same "pages" 40 "$(cat "$WORK"/page.* | grep -c "Hello from")"
    rm -f "$WORK"/page.*
}
# Nothing is under way any more: connections of other sentences end for a while on a busy machine.
is_quiet() {
    local before
    before=$(translated_packets)
    sleep 1
    same "translated packets" "$before" "$(translated_packets)"
}
native_untouched() {
    local before after
    eventually 30 is_quiet
    before=$(translated_packets)
    same "source that the server saw" 2001:db8:6::c0 "$(on client curl -sS -m 30 http://dual.example.net/address)"
    receives 3 client -i 0.2 dual.example.net
    after=$(translated_packets)
    same "translated packets" "$before" "$after"
}
status_working() {
    same "verdict" working "$(fact .verdict)"
    holds "text" 64:ff9b::/96 "$(ctl status)"
    same "verdict over HTTP" working "$(curl -sS --unix-socket "$SOCKET" http://localhost/v1/status | jq -r .verdict)"
}
metrics() {
    local text
    text=$(curl -sS --unix-socket "$SOCKET" http://localhost/metrics)
    grep -vE '^(# (HELP|TYPE) [a-z0-9_]+ .*|[a-z0-9_]+(\{.*\})? [0-9.e+-]+)$' <<<"$text" && return 1
    [ "$(grep -c '^# TYPE' <<<"$text")" -gt 10 ]
}
sessions_listed() {
    on client curl -sS -m 30 http://v4.example.net/ >/dev/null
    ctl sessions --json | jq -e '.. | strings | select(contains("2001:db8:6::c0"))' >/dev/null
    ctl bindings --json | jq -e '.. | strings | select(contains("2001:db8:6::c0"))' >/dev/null
}

it "an IPv4-only name gets an AAAA under the Well-Known Prefix" synthesized
it "the same over TCP" over_tcp
it "a name's own AAAA wins" native_wins
it "a chain of CNAMEs is followed" chain
it "a name without addresses stays NODATA, an absent one NXDOMAIN" nothing_there
it "a hundred and twenty addresses come whole over TCP" many_addresses
it "a truncated answer is asked for again over TCP" truncated_upstream
it "a PTR question under the prefix finds the IPv4 name" backwards
it "ipv4only.arpa tells the prefix" discovery
it "the address that was asked is the one that answers" asked_address_answers
it "a stranger from the uplink is refused" strangers_refused
it "TCP: a page is fetched" page
it "the server sees the uplink's own address" seen_from
it "UDP: a question to an IPv4 name server goes through" udp_through
it "ICMP: ping goes through" ping_through
it "a ping of 4,000 octets goes through in fragments" large_ping
it "a datagram in fragments comes back from IPv4" fragments_through
it "traceroute shows the IPv4 routers by UDP" hops
it "traceroute shows the IPv4 routers by ICMP" hops -I
it "a large download arrives whole" download
it "a large upload arrives whole" upload
it "iperf3 sends" bulk
it "iperf3 receives" bulk -R
it "iperf3 sends UDP" bulk -u -b 50M
it "forty connections at a time are served" many_connections
it "a dual-stack name goes natively and the translator's counters stay" native_untouched
it "status says working, as a table, as JSON and over HTTP" status_working
it "metrics are Prometheus text" metrics
it "sessions and bindings are listed" sessions_listed

# The host shares its address with the translator, and goes on as before meanwhile.
host_ping() {
    receives 3 box -i 0.2 $SERVER4
    receives 3 box -i 0.2 -s 4000 $SERVER4
    receives 3 server -i 0.2 $BOX4
}
host_udp() {
    same "over UDP" $SERVER4 "$(asks box @$SERVER4 A v4.example.net)"
    same "in fragments" 120 "$(asks box +bufsize=4096 +ignore @$SERVER4 A many.example.net | wc -l)"
}
host_tcp() {
    same "page" "Hello from the IPv4 internet" "$(on box curl -sS -m 30 http://$SERVER4/)"
    on box curl -sS -m 60 -o "$WORK/download" http://$SERVER4/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
host_serves() {
    spawn box python3 -m http.server --bind $BOX4 --directory "$WORK/web/www" 8000
    local server=$!
    eventually 30 on server curl -sSf -m 2 -o /dev/null http://$BOX4:8000/
    kill $server
}
host_traceroute() { holds "traceroute" $SERVER4 "$(on box traceroute -n -q 1 -w 10,0,0 -m 6 $SERVER4)"; }
both_at_once() {
    spawn client curl -sS -m 60 --limit-rate 20M -o "$WORK/download" http://v4.example.net/large
    local download=$!
    host_ping
    host_udp
    host_tcp
    wait $download
}
it "the host's own ping works beside the translator" host_ping
it "the host's own UDP works beside the translator" host_udp
it "the host's own TCP works beside the translator" host_tcp
it "a service of the host is reached from outside" host_serves
it "the host's own traceroute works" host_traceroute
it "host and client use the address at the same time" both_at_once
