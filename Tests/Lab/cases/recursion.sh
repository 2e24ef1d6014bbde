# shellcheck shell=bash disable=SC2154
# The child process: validation, with a second name server for signed zones, of which some were changed after they had been
# signed; and resolving from the root, with a third one that is the root.

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
# spoil NAME TYPE: another signature than the one that was made.
spoil() {
    sed -i "s/^\($1\..*RRSIG\t$2 .*\.\) ..../\1 AAAA/" "$signed/denied.example.signed"
}
# The root and what it delegates to have addresses of their own on the server, since name servers are asked at port 53.
ROOT4=11.11.11.3 AUTHORITY4=11.11.11.4
root_zone() {
    cat <<END
\$TTL 300
.                 SOA  root.root-servers.test. hostmaster.root-servers.test. 1 3600 600 86400 60
.                 NS   root.root-servers.test.
net.              NS   ns.net.
ns.net.           A    $AUTHORITY4
good.example.     NS   ns.good.example.
ns.good.example.  A    $AUTHORITY4
root.root-servers.test. A $ROOT4
END
}
net_zone() {
    cat <<END
\$ORIGIN net.
\$TTL 300
@           SOA  ns hostmaster 1 3600 600 86400 60
@           NS   ns
ns          A    $AUTHORITY4
example     NS   ns.example
ns.example  A    $SERVER4
END
}
# name_server NAME ZONE[=FILE]...: another NSD, whose addresses stand in what is read; the file of a zone is ZONE.signed.
name_server() {
    local zone
    cat >"$signed/$1.conf"
    cat >>"$signed/$1.conf" <<END
    username: ""
    chroot: ""
    zonesdir: "$signed"
    database: ""
    zonelistfile: "$signed/$1.list"
    xfrdfile: "$signed/$1.state"
    xfrdir: "$signed"
    pidfile: "$signed/$1.pid"
    server-count: 1
    rrl-ratelimit: 0
remote-control:
    control-enable: no
END
    for zone in "${@:2}"; do
        case $zone in *=*) ;; *) zone=$zone=$zone.signed ;; esac
        printf 'zone:\n    name: "%s"\n    zonefile: "%s"\n' "${zone%=*}" "${zone#*=}" >>"$signed/$1.conf"
    done
    spawn server nsd -d -c "$signed/$1.conf" >"$signed/$1.log" 2>&1
}
start_signed_zones() {
    rm -rf "$signed"
    mkdir -p "$signed"
    sign good.example
    sign forged.example
    sed -i "s/^\(v4\.forged\.example\..*\tA\t\).*/\111.11.11.99/" "$signed/forged.example.signed"
    sign denied.example
    # The denial of one name has a signature that is none; of the other the AAAA record is taken away.
    spoil 'v4\.denied\.example' NSEC
    sed -i '/^dual\.denied\.example\..*\t\(AAAA\t\|RRSIG\tAAAA \)/d' "$signed/denied.example.signed"
    root_zone >"$signed/root.zone"
    net_zone >"$signed/net.zone"
    printf '. 300 NS root.root-servers.test.\nroot.root-servers.test. 300 A %s\n' $ROOT4 >"$signed/hints"
    ip -n "$LAB-server" addr add $ROOT4/24 dev eth0
    ip -n "$LAB-server" addr add $AUTHORITY4/24 dev eth0
    printf 'server:\n    ip-address: %s@5300\n    ip-address: %s\n' "$SERVER4" $AUTHORITY4 |
        name_server authority net=net.zone {good,forged,denied}.example
    printf 'server:\n    ip-address: %s\n' $ROOT4 | name_server root .=root.zone
    eventually 30 on server dig +time=1 +tries=1 "@$SERVER4" -p 5300 good.example SOA
    eventually 30 on server dig +time=1 +tries=1 "@$ROOT4" . SOA
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
denied() {
    local name answer
    # The A records are good; it is the denial of the AAAA records that nobody vouches for.
    for name in v4 dual; do
        holds "A" "status: NOERROR" "$(on client dig A $name.denied.example)"
        answer=$(on client dig AAAA $name.denied.example)
        holds "$name" "status: SERVFAIL" "$answer"
        holds "$name" "EDE: 6 (DNSSEC Bogus)" "$answer"
        lacks "$name" 64:ff9b:: "$answer"
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
bounded() {
    same "soft and hard bound" "100663296 100663296" "$(awk '/^Max data size/ { print $4, $5 }' "/proc/$(recursor)/limits")"
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
    spawn client ping -i 0.05 64:ff9b::b0b:b02 >"$WORK/pings" 2>&1
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
    kill -INT "$pings"
    wait "$pings"
    no_gaps "$WORK/pings"
}
shown() {
    local status
    status=$(ctl status)
    holds "status" "recursor process $(recursor), restarted" "$status"
    holds "status" "1 time because it did not answer" "$status"
}

# From the root: the child knows nothing but the hints.
from_root() {
    same "AAAA" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.example.net)"
    same "a chain" "v4.example.net. 64:ff9b::b0b:b02" "$(on client dig +short AAAA www.example.net | paste -sd ' ')"
    same "native" "$SERVER6" "$(on client dig +short AAAA dual.example.net)"
    holds "no name" "status: NXDOMAIN" "$(on client dig AAAA nowhere.example.net)"
    holds "no zone" "status: NXDOMAIN" "$(on client dig AAAA www.nowhere)"
}
from_root_validated() {
    same "synthetic" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.good.example)"
    holds "flags" " ad" "$(on client dig +dnssec AAAA dual.good.example | grep ';; flags')"
}

# Cached names, names with a rule (each of them new) and pings go on while the child is killed, again and again.
killed_under_load() {
    local asking first counts
    from_root
    rm -f "$WORK/enough"
    spawn client python3 "$lab_folder/questions.py" "$BOX_LAN6" "$WORK/enough" 64:ff9b::b0b:b02 \
        v4.example.net=64:ff9b::b0b:b02 "x*.ruled.net=NXDOMAIN" "dual.example.net=$SERVER6" >"$WORK/counts" 2>&1
    asking=$!
    for _ in 1 2; do
        first=$(recursor)
        kill -KILL "$first"
        # New names keep it at work.
        on client dig +short +time=1 +tries=1 AAAA "x$RANDOM.example.net" >"$WORK/meanwhile" || true
        eventually 30 another "$first"
    done
    touch "$WORK/enough"
    wait $asking
    counts=$(cat "$WORK/counts")
    for kind in lost "pings lost"; do same "$kind" 0 "$(jq ".[\"$kind\"]" <<<"$counts")"; done
    same "wrong" "[]" "$(jq -c .wrong <<<"$counts")"
}
another() {
    local now
    now=$(recursor)
    [ -n "$now" ] && [ "$now" != "$1" ]
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
it "a forged denial is SERVFAIL with extended error 6, and never a synthetic address, however good the A record is" denied
it "a name with a rule is not validated, and never said to be" ruled
it "the child process has no privilege and cannot get one" confined
it "what is asked when it is killed is asked of the next, and no packet is lost" asked_again KILL
it "one that answers nothing is ended and replaced, and what waits is asked of the next" asked_again hung
it "the status says how often it was started again, and why" shown
it "killed, it is back within seconds; what is cached or has a rule does not notice" killed

scenario "[dns64]
upstreams = [\"recursive\"]
dnssec = \"validate\"
trust-anchor-file = \"$signed/anchors\"
root-hints-file = \"$signed/hints\"
recursion-memory = \"96MiB\"

[[dns64.rule]]
domain = \"ruled.net\"
upstreams = [\"$AUTHORITY4\"]"
it "names are resolved from the root, and made into addresses" from_root
it "from the root they are validated, too" from_root_validated
it "the memory of the child is what the operator allows, and no more" bounded
it "killed under load: no cached name, no name with a rule and no packet is lost" killed_under_load

without_landlock() {
    synthesized
    eventually 30 grep -q "this kernel has no Landlock" "$LOG"
    holds "status" "recursor kept from files by seccomp alone: this kernel has no Landlock" "$(ctl status)"
    same "JSON" false "$(ctl status --json | jq .resolver.recursor.landlock)"
}
export REAL_APPLIANCE=$APPLIANCE
APPLIANCE=$lab_folder/without-landlock.py
scenario "[dns64]
upstreams = [\"$SERVER4:5300\"]
dnssec = \"validate\"
trust-anchor-file = \"$signed/anchors\""
it "a kernel without Landlock is named in the log, and names are resolved all the same" without_landlock
APPLIANCE=$REAL_APPLIANCE
