# shellcheck shell=bash disable=SC2154
# The same questions to the appliance and to Unbound with its DNS64 module, both in front of the same authority (NSD).
# Skipped where Unbound is not installed.

compare=$WORK/compare
compared_zone() {
    local i
    cat <<ZONE
\$ORIGIN compared.example.
\$TTL 300
@       SOA   ns hostmaster 1 3600 600 86400 60
@       NS    ns
@       MX    10 mx
ns      A     $SERVER4
mx      A     $SERVER4
mapped  AAAA  ::ffff:11.11.11.2
mapped  A     11.11.11.2
mixed   AAAA  ::ffff:11.11.11.2
mixed   AAAA  2001:db8:b::8
mixed   A     11.11.11.2
sub.empty A   11.11.11.7
*.wild  A     11.11.11.8
*.wild6 AAAA  2001:db8:b::9
old     DNAME new
srv     SRV   0 0 53 ns
https   HTTPS 1 . alpn=h2
a.new   A     11.11.11.9
ZONE
    for i in $(seq 1 250); do
        echo "v4-$i    A     11.11.$((i % 200 + 11)).$i"
        echo "six-$i   AAAA  2001:db8:b::$i"
        echo "dual-$i  A     11.12.$((i % 200 + 11)).$i"
        echo "dual-$i  AAAA  2001:db8:b:1::$i"
        echo "text-$i  TXT   \"number $i\""
        echo "alias-$i CNAME v4-$i"
        echo "twice-$i CNAME alias-$i"
        echo "far-$i   CNAME dual-$i"
        echo "loose-$i CNAME nothing-$i"
    done
    for i in $(seq 1 50); do
        echo "many-$i  A     11.13.1.$i"
        echo "many-$i  A     11.13.2.$i"
        echo "many-$i  A     11.13.3.$i"
        echo "ten-$i   A     10.0.0.$i"
        echo "half-$i  A     192.168.0.$i"
        echo "half-$i  A     11.14.0.$i"
    done
}
compared_questions() {
    local i type
    for i in $(seq 1 250); do
        for type in A AAAA; do
            printf '%s\n' "v4-$i.compared.example. $type" "six-$i.compared.example. $type" "dual-$i.compared.example. $type" \
                "text-$i.compared.example. $type" "alias-$i.compared.example. $type" "twice-$i.compared.example. $type" \
                "far-$i.compared.example. $type" "loose-$i.compared.example. $type" "none-$i.compared.example. $type" \
                "w$i.wild.compared.example. $type" "w$i.wild6.compared.example. $type" "V4-$i.Compared.EXAMPLE. $type"
        done
        echo "text-$i.compared.example. TXT"
        echo "v4-$i.compared.example. MX"
    done
    for i in $(seq 1 50); do
        for type in A AAAA; do
            printf '%s\n' "many-$i.compared.example. $type" "ten-$i.compared.example. $type" "half-$i.compared.example. $type"
        done
    done
    for type in A AAAA MX NS SOA SRV TXT HTTPS CNAME; do
        printf '%s\n' "compared.example. $type" "ns.compared.example. $type" "mapped.compared.example. $type" \
            "mixed.compared.example. $type" "empty.compared.example. $type" "a.old.compared.example. $type" \
            "b.old.compared.example. $type" "srv.compared.example. $type" "https.compared.example. $type" \
            "alias-1.compared.example. $type" "nx.compared.example. $type" "below.v4-1.compared.example. $type"
    done
    printf '%s\n' "2.0.b.0.b.0.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR" \
        "3.0.b.0.b.0.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR" "2.11.11.11.in-addr.arpa. PTR" \
        "2.0.B.0.B.0.B.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.B.9.F.F.4.6.0.0.IP6.ARPA. PTR" \
        "b.0.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa. PTR" \
        "ipv4only.arpa. AAAA" "ipv4only.arpa. A" "v4-1.compared.example. ANY"
}
start_compared() {
    mkdir -p "$compare"
    compared_zone >"$compare/zone"
    reverse_zone_file >"$compare/reverse"
    cat >"$compare/nsd.conf" <<CONF
server:
    ip-address: $SERVER4@5301
    username: ""
    chroot: ""
    zonesdir: "$compare"
    database: ""
    zonelistfile: "$compare/zone.list"
    xfrdfile: "$compare/xfrd.state"
    xfrdir: "$compare"
    pidfile: "$compare/nsd.pid"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "compared.example"
    zonefile: "zone"
zone:
    name: "11.11.11.in-addr.arpa"
    zonefile: "reverse"
CONF
    spawn server nsd -d -c "$compare/nsd.conf" >"$compare/nsd.log" 2>&1
    cat >"$compare/unbound.conf" <<CONF
server:
    interface: 2001:db8:6::1@5302
    access-control: ::/0 allow
    username: ""
    chroot: ""
    directory: "$compare"
    pidfile: "$compare/unbound.pid"
    use-syslog: no
    logfile: "$compare/unbound.log"
    module-config: "dns64 iterator"
    dns64-prefix: 64:ff9b::/96
    local-zone: "11.in-addr.arpa." nodefault
    do-not-query-localhost: no
    edns-buffer-size: 1232
    max-udp-size: 1232
    rrset-roundrobin: no
    minimal-responses: no
    num-threads: 1
remote-control:
    control-enable: no
forward-zone:
    name: "."
    forward-addr: $SERVER4@5301
CONF
    spawn box unbound -d -c "$compare/unbound.conf" >"$compare/unbound.out" 2>&1
    eventually 30 on client dig +time=1 +tries=1 @2001:db8:6::1 -p 5302 v4-1.compared.example A
}
compared() {
    compared_questions >"$compare/questions"
    on client python3 "$lab_folder/compare.py" 2001:db8:6::1 "2001:db8:6::1#5302" <"$compare/questions" >"$compare/result" || {
        head -60 "$compare/result"
        return 1
    }
    # More than six thousand, and all but a few hundred the same.
    [ "$(wc -l <"$compare/questions")" -ge 6000 ]
}

if command -v unbound >/dev/null; then
    scenario "[dns64]
upstreams = [\"$SERVER4:5301\"]"
    it "Unbound and an authority for the comparison come up" start_compared
    it "thousands of questions are answered as Unbound answers them, but for differences that are explained" compared
    [ ! -f "$compare/result" ] || tail -n 12 "$compare/result" | sed 's/^/        /'
fi
