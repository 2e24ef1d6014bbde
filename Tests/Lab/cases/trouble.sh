# shellcheck shell=bash disable=SC2154
# What goes wrong on real machines: each time a clear message that says what to do, and an exit code that is not 0.

as_nobody() {
    on box setpriv --reuid nobody --regid nogroup --clear-groups --inh-caps=-all --bounding-set=-all "$@"
}
without_tun() {
    # shellcheck disable=SC2016 # for the inner shell
    on box unshare --mount sh -c 'mount -t tmpfs tmpfs /dev/net && exec "$@"' sh "$@"
}
port_taken() {
    cat >"$WORK/taken.py" <<'END'
import socket, time
kept = []
for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
    s = socket.socket(socket.AF_INET6, kind)
    s.bind(("2001:db8:6::1", 53))
    if kind == socket.SOCK_STREAM:
        s.listen()
    kept.append(s)
time.sleep(600)
END
    spawn box python3 "$WORK/taken.py"
    local holder=$!
    eventually 30 port_is_held
    local code=0
    refuses "53" on box || code=$?
    kill $holder
    wait $holder 2>/dev/null || true
    return $code
}
port_is_held() { on box ss -Hlntu 'sport = :53' | grep -q 2001:db8:6::1; }
# A port that is taken where nobody named it in the file ("auto"): the rest serves, and status says which address is missing.
auto_port_taken() {
    cat >"$WORK/taken.py" <<'END'
import socket, time
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("2001:db8:7::1", 53))
time.sleep(600)
END
    spawn box python3 "$WORK/taken.py"
    local holder=$! code=0
    eventually 30 udp_port_is_held
    configure ""
    start || code=$?
    same "AAAA at the other address" 64:ff9b::b0b:b02 "$(on client dig +short AAAA v4.example.net)" || code=1
    holds "status" 2001:db8:7::1 "$(fact '.resolver.listenProblems[].address')" || code=1
    kill $holder
    wait $holder 2>/dev/null || true
    stop
    return $code
}
udp_port_is_held() { on box ss -Hlnu 'sport = :53' | grep -q 2001:db8:7::1; }
# It waits, says why, and starts translating by itself when the address is there.
no_uplink_address() {
    local code=0 said
    ip -n "$LAB-box" addr del $BOX4/24 dev wan0
    : >"$LOG"
    launch
    eventually 30 resolver_runs || code=1
    said=$(ctl status || true)
    echo "$said"
    holds "status" "IPv4" "$said" || code=1
    refused same "verdict" working "$(fact .verdict)" || code=1
    holds "log" "nat64.pool" "$(cat "$LOG")" || code=1
    ip -n "$LAB-box" addr add $BOX4/24 dev wan0
    ip -n "$LAB-box" route add default via $ISP4
    eventually 30 on client ping -c 1 -W 1 64:ff9b::b0b:b02 || code=1
    eventually 30 verdict_is working || code=1
    stop
    diff <(echo "$bare") <(network_state) || code=1
    return $code
}
verdict_is() { same "verdict" "$1" "$(fact .verdict)"; }
resolver_runs() { [ "$(fact .resolver.state)" = running ]; }
# tells_of_state COMMANDS: the daemon with a state folder that these have spoilt names it in the log, and has not crashed: it ends
# by itself, or when it is asked to.
tells_of_state() {
    local code=0 ended=0
    : >"$LOG"
    # shellcheck disable=SC2016 # for the inner shell
    spawn box unshare --mount sh -c "$1"'; exec "$2" --config "$3"' sh "$STATE" "$APPLIANCE" "$CONFIG" >>"$LOG" 2>&1
    echo $! >"$PID_FILE"
    eventually 30 grep -qF -- "$STATE" "$LOG" || code=1
    kill -TERM "$(appliance_pid)" 2>/dev/null || true
    wait_gone || code=1
    wait "$(appliance_pid)" || ended=$?
    cat "$LOG"
    echo "exit code $ended"
    [ $ended -lt 126 ] || [ $ended = 143 ] || code=1
    return $code
}
# The state folder lies on a file system without room. The translator has no need of it while it runs; it must say so.
full_disk() {
    rm -rf "$STATE"
    configure ""
    # shellcheck disable=SC2016 # for the inner shell
    tells_of_state 'mount -t tmpfs -o size=16k tmpfs "$1" && dd if=/dev/zero of="$1/filler" bs=4k 2>/dev/null'
    grep -qiE 'no space|full' "$LOG"
}
read_only_state() {
    rm -rf "$STATE"
    configure ""
    # shellcheck disable=SC2016 # for the inner shell
    tells_of_state 'mount -t tmpfs -o ro tmpfs "$1"'
}
forwarding_off() {
    on box sysctl -qw net.ipv6.conf.all.forwarding=0
    configure ""
    start
    local said code=0
    said=$(ctl status 2>&1) || code=$?
    echo "$said"
    holds "status" net.ipv6.conf.all.forwarding "$said" || code=99
    stop
    apply_sysctl_file
    on box ip -6 route replace default via 2001:db8:1::1
    [ $code != 99 ]
}
upstream_dead() {
    configure '[dns64]
upstreams = ["11.11.11.77"]'
    start
    local answer code=0
    answer=$(on client dig +time=30 +tries=1 AAAA v4.example.net)
    holds "answer" "status: SERVFAIL" "$answer" || code=1
    holds "status" 11.11.11.77 "$(ctl status)" || code=1
    receives 1 client -W 2 64:ff9b::b0b:b02 || code=1
    stop
    return $code
}
second_upstream() {
    configure '[dns64]
upstreams = ["11.11.11.77", "11.11.11.2"]'
    start
    local code=0
    same "AAAA" 64:ff9b::b0b:b02 "$(on client dig +short +time=30 +tries=1 AAAA v4.example.net)" || code=1
    stop
    return $code
}

stop || true
: >"$LOG"
rm -rf "$STATE"
configure ""
bare=$(network_state)
it "an unprivileged start names the capability that is missing" refuses CAP_NET_ADMIN as_nobody
it "without /dev/net/tun it says so" refuses /dev/net/tun without_tun
configure '[dns64]
listen = ["[2001:db8:6::1]:53"]'
it "a port that is taken is named" port_taken
configure ""
it "a port taken at one of the automatic addresses: the rest serves, and status names it" auto_port_taken
it "no IPv4 address on the uplink: it says what to do, and goes to work when the address comes" no_uplink_address
it "a full disk in the state folder is told and does not crash it" full_disk
it "a state folder that cannot be written is told" read_only_state
rm -rf "$STATE"
it "forwarding switched off is seen in status, with the name of the setting" forwarding_off
it "a dead upstream: SERVFAIL, named in status, and packets are translated all the same" upstream_dead
it "a dead first upstream: the second answers" second_upstream
configure ""
