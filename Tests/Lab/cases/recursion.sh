# shellcheck shell=bash disable=SC2154
# Validation in the child process: a second name server with two signed zones, of which one was changed after it had been signed.

signed=$WORK/signed
signed_zone() {
    cat <<END
\$ORIGIN $1.
\$TTL 300
@     SOA  ns hostmaster 1 3600 600 86400 60
@     NS   ns
ns    A    $SERVER4
v4    A    $SERVER4
dual  A    $SERVER4
dual  AAAA $SERVER6
END
}
sign() {
    local key
    signed_zone "$1" >"$signed/$1.zone"
    key=$(cd "$signed" && ldns-keygen -a ECDSAP256SHA256 -k "$1.")
    (cd "$signed" && ldns-signzone -f "$1.signed" "$1.zone" "$key")
    cat "$signed/$key.ds" >>"$signed/anchors"
}
start_signed_zones() {
    rm -rf "$signed"
    mkdir -p "$signed"
    sign good.example
    sign forged.example
    sed -i "s/^\(v4\.forged\.example\..*\tA\t\).*/\111.11.11.99/" "$signed/forged.example.signed"
    cat >"$signed/nsd.conf" <<END
server:
    ip-address: $SERVER4@5300
    username: ""
    chroot: ""
    zonesdir: "$signed"
    database: ""
    zonelistfile: "$signed/zone.list"
    xfrdfile: "$signed/xfrd.state"
    xfrdir: "$signed"
    pidfile: "$signed/nsd.pid"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
zone:
    name: "good.example"
    zonefile: "good.example.signed"
zone:
    name: "forged.example"
    zonefile: "forged.example.signed"
END
    spawn server nsd -d -c "$signed/nsd.conf" >"$signed/log" 2>&1
    eventually 30 on server dig +time=1 +tries=1 "@$SERVER4" -p 5300 good.example SOA
}

recursor() { pgrep -P "$(appliance_pid)" -f '^nat64-recursor '; }

synthesized() { same "AAAA" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.good.example)"; }
native() {
    local answer
    answer=$(on client dig +dnssec AAAA dual.good.example)
    holds "flags" " ad" "$(grep ';; flags' <<<"$answer")"
    holds "answer" "$SERVER6" "$answer"
}
forged() {
    local type answer
    for type in A AAAA; do
        answer=$(on client dig $type v4.forged.example)
        holds "$type" "status: SERVFAIL" "$answer"
        holds "$type" "EDE: 6 (DNSSEC Bogus)" "$answer"
        lacks "$type" 64:ff9b:: "$answer"
    done
}
ruled() {
    same "AAAA" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.example.net)"
    lacks "flags" " ad" "$(on client dig +dnssec A v4.example.net | grep ';; flags')"
}
confined() {
    local status
    status=$(cat "/proc/$(recursor)/status")
    for line in CapPrm CapEff; do same $line 0000000000000000 "$(awk -v name=$line: '$1 == name { print $2 }' <<<"$status")"; done
    same NoNewPrivs 1 "$(awk '$1 == "NoNewPrivs:" { print $2 }' <<<"$status")"
    same Seccomp 2 "$(awk '$1 == "Seccomp:" { print $2 }' <<<"$status")"
}
killed() {
    local first
    first=$(recursor)
    synthesized
    kill -KILL "$first"
    # What is known and what has a rule does not depend on it.
    synthesized
    same "a name with a rule" "$SERVER4" "$(on client dig +short A www.example.net | tail -n 1)"
    eventually 30 recursor
    refused same "the process" "$first" "$(recursor)"
    eventually 30 on client sh -c "dig +short AAAA dual.good.example | grep -q ."
}

# asked_again HOW: a question is at the child when it ends; it is answered by the next, and no packet is lost meanwhile.
asked_again() {
    local first name pings asked
    first=$(recursor)
    name=x$RANDOM$RANDOM.good.example
    spawn client ping -q -c 80 -i 0.05 -W 2 64:ff9b::b0b:b02 >"$WORK/pings" 2>&1
    pings=$!
    kill -STOP "$first"
    spawn client dig +time=30 +tries=1 A "$name" >"$WORK/asked" 2>&1
    asked=$!
    sleep 0.3
    # Left alone it is found out; it is in no state to end by itself.
    [ "$1" = hung ] || kill -"$1" "$first"
    synthesized
    wait "$asked"
    holds "the answer" "status: NXDOMAIN" "$(cat "$WORK/asked")"
    eventually 30 recursor
    refused same "the process" "$first" "$(recursor)"
    wait "$pings"
    holds "the ping" " 0% packet loss" "$(cat "$WORK/pings")"
}
shown() {
    local status
    status=$(ctl status)
    holds "status" "recursor process $(recursor), restarted" "$status"
    holds "status" "1 time because it did not answer" "$status"
}

start_signed_zones
scenario "[dns64]
upstreams = [\"$SERVER4:5300\"]
dnssec = \"validate\"
trust-anchor-file = \"$signed/anchors\"

[[dns64.rule]]
domain = \"example.net\"
upstreams = [\"$SERVER4\"]"
it "a validated A record becomes a synthetic address" synthesized
it "a validated AAAA record is handed out with AD" native
it "a forged record is SERVFAIL with extended error 6, and never a synthetic address" forged
it "a name with a rule is not validated, and never said to be" ruled
it "the child process has no privilege and cannot get one" confined
it "what is asked when it is killed is asked of the next, and no packet is lost" asked_again KILL
it "one that answers nothing is ended and replaced, and what waits is asked of the next" asked_again hung
it "the status says how often it was started again, and why" shown
it "killed, it is back within seconds; what is cached or has a rule does not notice" killed
