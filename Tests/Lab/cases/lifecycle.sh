# shellcheck shell=bash disable=SC2154
# Start, reload, stop, crash: what is there while it runs, and what is left when it does not.

ping_works() { on client ping -c 1 -W 1 64:ff9b::b0b:b02; }
page_works() { same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"; }

# stop || true in a scenario has ended the daemon before this one: the box is as bare as it was built.
stop || true
bare=$(network_state)

started_and_stopped() {
    rm -rf "$STATE"
    configure "$1"
    start
    on client ping -c 1 -W 10 64:ff9b::b0b:b02
    stop
    diff <(echo "$bare") <(network_state)
    [ ! -e "$SOCKET" ] || { echo "the control socket is still there"; return 1; }
}
only_prefix_routes() {
    local before=$bare after
    after=$(network_state)
    # What is new may name the device, and nothing that was there may be gone (but for the ingress queue of the uplink).
    diff <(echo "$before" | grep -v qdisc) <(echo "$after" | grep -v qdisc) | grep '^<' && return 1
    holds "routes" "64:ff9b::/96 dev nat64" "$(on box ip -6 route)"
}
# The daemon's CPU time so far, in ticks of a hundredth of a second.
cpu_ticks() { awk '{ print $14 + $15 }' "/proc/$(appliance_pid)/stat"; }
idles() {
    local before taken
    # What came just before may still echo: three attempts.
    for _ in 1 2 3; do
        before=$(cpu_ticks)
        sleep 2
        taken=$(($(cpu_ticks) - before))
        echo "$taken of 200 ticks"
        [ $taken -gt 6 ] || return 0
    done
    return 1
}
killed() {
    kill -KILL "$(appliance_pid)"
    wait_gone
    refused on box ip link show nat64
    same "route of the prefix" "" "$(on box ip -6 route show 64:ff9b::/96)"
    # native traffic does not depend on the translator
    on client ping -c 1 -W 10 $SERVER6
    on box ping -c 1 -W 10 $SERVER4
    host_tcp_after_crash
}
host_tcp_after_crash() { same "page" "Hello from the IPv4 internet" "$(on box curl -sS -m 30 http://$SERVER4/)"; }
starts_after_kill() {
    start
    page_works
    stop
    diff <(echo "$bare") <(network_state)
}
second_instance() {
    local code=0 before
    before=$(network_state)
    said=$(on box timeout -k 1 30 "$APPLIANCE" --config "$CONFIG" 2>&1 </dev/null) || code=$?
    echo "$said"
    [ $code != 0 ] && [ $code -lt 124 ]
    page_works
    same "repairs" 0 "$(fact .network.repairs)"
    same "state of the network" "$before" "$(network_state)"
}
reload_bad() {
    local said code=0
    printf '[nat64]\nprefixs = ["64:ff9b::/96"]\npool = ["192.0.2.300"]\n' >"$CONFIG"
    said=$(ctl reload 2>&1) || code=$?
    echo "$said"
    same "exit code" 1 "$code"
    holds "report" "appliance.toml:2" "$said"
    holds "report" "prefixes" "$said"
    holds "report" "192.0.2.300" "$said"
    page_works
}
reload_by_signal() {
    configure '[destinations]
allow = ["10.0.0.0/8"]'
    kill -HUP "$(appliance_pid)"
    eventually 30 on client ping -c 1 -W 1 64:ff9b::10.64.0.2
}
reload_under_load() {
    spawn client ping -i 0.02 64:ff9b::b0b:b02 >"$WORK/ping.log"
    local ping=$! code=0 seen
    for _ in 1 2; do
        seen=$(pings_answered)
        eventually 30 more_pings_than $((seen + 25)) || code=1
        ctl reload || code=1
    done
    seen=$(pings_answered)
    eventually 30 more_pings_than $((seen + 50)) || code=1
    kill -INT $ping
    wait $ping || code=1
    no_gaps "$WORK/ping.log" || code=1
    return $code
}
pings_answered() { grep -c 'time=' "$WORK/ping.log" || true; }
more_pings_than() { [ "$(pings_answered)" -gt "$1" ]; }
bad_file_at_start() {
    local code=0 said
    printf '[nat64]\nprefixs = ["64:ff9b::/96"]\n' >"$WORK/bad.toml"
    said=$(on box "$APPLIANCE" --config "$WORK/bad.toml" 2>&1 </dev/null) || code=$?
    echo "$said"
    same "exit code" 78 "$code"
    holds "report" "bad.toml:2" "$said"
    holds "report" prefixes "$said"
}
check_command() {
    local code=0 said
    "$APPLIANCE" check "$CONFIG"
    said=$("$APPLIANCE" check "$WORK/bad.toml" 2>&1) || code=$?
    echo "$said"
    same "exit code" 78 "$code"
    holds "report" "bad.toml:2" "$said"
}
shipped_file_valid() { "$APPLIANCE" check "$top_folder/etc/appliance.toml"; }
ctl_without_daemon() {
    local code=0
    ctl status >/dev/null 2>&1 || code=$?
    same "exit code of status without a daemon" 3 "$code"
    code=0
    ctl no-such-command >/dev/null 2>&1 || code=$?
    same "exit code of wrong use" 2 "$code"
}

it "start and stop leave the box as it was: address shared with the host" started_and_stopped ""
it "start and stop leave the box as it was: routed pool" started_and_stopped '[nat64]
pool = ["192.0.2.64/28"]'
it "start and stop leave the box as it was: pool in the uplink's network" started_and_stopped '[nat64]
pool = ["11.11.1.64/29"]'
it "the packaged default configuration is valid" shipped_file_valid
it "a bad file at start: exit 78, with file, line and what would be right" bad_file_at_start
it "check does only that" check_command
it "appliance-ctl tells apart wrong use and no daemon" ctl_without_daemon

scenario
it "while it runs, the prefix is routed and nothing of the host's is gone" only_prefix_routes
it "with nothing to do it takes next to no CPU" idles
it "a second instance is refused and does not disturb the first" second_instance
it "two reloads lose no packet of a running ping" reload_under_load
it "a reload by SIGHUP takes effect" reload_by_signal
it "a reload with a bad file says every problem, and the old settings serve on" reload_bad
configure ""
it "after SIGKILL only what vanishes with the device is gone, and the host and native traffic go on" killed
it "the next start after SIGKILL is clean, and so is its stop" starts_after_kill
