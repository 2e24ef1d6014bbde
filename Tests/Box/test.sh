#!/bin/bash
# The package's tests: a booted systemd in the laboratory's box, the .deb installed there as an administrator would, traffic from
# a client's namespace, upgrade, remove, purge. Prints a sentence per test and a closing count.
set -euo pipefail
LAB=${LAB:-nat64-pkg-$$}
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../Lab/topology.sh
. "$here/../Lab/topology.sh"
# shellcheck source=../Lab/internet.sh
. "$here/../Lab/internet.sh"
# shellcheck source=../Lab/appliance.sh
. "$here/../Lab/appliance.sh"
# shellcheck source=../Lab/sentences.sh
. "$here/../Lab/sentences.sh"
# shellcheck source=box.sh
. "$here/box.sh"

if [ "$(id -u)" != 0 ]; then
    echo "a booted container needs root" >&2
    exit 1
fi

finish() {
    local status=$?
    trap - EXIT INT TERM
    box_down
    topology_down
    rm -f "$sentence_log"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM

on_failure() {
    [ -n "$box_leader" ] || return 0
    echo "the journal of the unit ends so:"
    journal --lines 25 || true
}

unit=nat64-appliance
etc=$BOX_ROOT/etc/nat64-appliance

# Two packages of the same executable: one to install, a newer one to upgrade to.
export DEB_FOLDER=$WORK/deb
package=$(LINTIAN=no "$top_folder/packaging/build-deb.sh" | tail -n 1)
version=$(dpkg-deb --field "$package" Version)
newer_version=$version+next
newer=$(LINTIAN=no "$top_folder/packaging/build-deb.sh" "$newer_version" | tail -n 1)

topology_up
internet_up
# What has to be left in the end; the package itself is to switch forwarding on, which stays on.
bare=$(network_state)
on box sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
box_boot

answers() { same "AAAA for $1" "${2-64:ff9b::b0b:b02}" "$(on "$1" dig +short +time=10 +tries=1 AAAA v4.example.net)"; }
pings() { on client ping -c 1 -W 5 64:ff9b::b0b:b02; }
serves_now() {
    answers client
    pings
    same "page" "Hello from the IPv4 internet" "$(on client curl -sS -m 30 http://v4.example.net/)"
}
active() { same "state of the unit" "$1" "$(inside systemctl is-active $unit || true)"; }
property() { inside systemctl show --property "$1" --value $unit; }
verdict() { inside appliance-ctl status --json | jq -r .verdict; }

lintian_clean() { lintian --fail-on error,warning --allow-root "$package"; }
installs() {
    cp "$package" "$newer" "$BOX_ROOT/root/"
    inside dpkg --install "/root/$(basename "$package")"
}
forwarding_on() {
    same "forwarding IPv4" 1 "$(on box sysctl -n net.ipv4.ip_forward)"
    same "forwarding IPv6" 1 "$(on box sysctl -n net.ipv6.conf.all.forwarding)"
}
enabled() { same "enabled" enabled "$(inside systemctl is-enabled $unit)"; }
untouched_serves() {
    active active
    serves_now
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    cmp "$WORK/download" "$WORK/web/www/large"
}
beside_resolved() {
    same "state of systemd-resolved" active "$(inside systemctl is-active systemd-resolved)"
    answers client
    holds "the box's own resolver" "$SERVER4" "$(inside getent ahostsv4 v4.example.net)"
}
status_inside() {
    inside appliance-ctl status
    same "verdict" working "$(verdict)"
    same "version" "$version" "$(inside appliance-ctl status --json | jq -r .version)"
    same "verdict over HTTP" working \
        "$(curl -sS --unix-socket "/proc/$box_leader/root/run/nat64-appliance/control.sock" http://localhost/v1/status | jq -r .verdict)"
}
ready_means_ready() {
    inside systemctl stop $unit
    diff <(echo "$bare") <(network_state)
    inside systemctl start $unit
    answers client
    pings
}
unprivileged() {
    local pid thread
    pid=$(property MainPID)
    # shellcheck disable=SC2016 # for the inner shell
    inside sh -c 'grep -H "^\(Uid\|CapEff\|CapPrm\)" /proc/'"$pid"'/status; for t in /proc/'"$pid"'/task/*; do
        echo "$(cat "$t/comm") $(sed -n "s/^CapEff:\t//p" "$t/status") $(sed -n "s/^CapPrm:\t//p" "$t/status")"; done' | tee "$WORK/threads"
    same "user" nat64-appliance "$(inside ps -o user:32= -p "$pid" | tr -d ' ')"
    # CAP_NET_BIND_SERVICE is bit 10, CAP_NET_ADMIN bit 12: nothing else is there in any thread.
    grep -v '^/' "$WORK/threads" | while read -r thread; do
        case $thread in *" 0000000000001400 0000000000001400" | *" 0000000000000000 0000000000000000" | *" 0000000000001000 0000000000001000" | *" 0000000000000400 0000000000000400") ;; *)
            echo "too many privileges: $thread"
            return 1
            ;;
        esac
    done
    # The threads that parse what strangers send hold none.
    grep -q ' 0000000000000000 0000000000000000$' "$WORK/threads"
}
# The privilege for it was given up before the first thread, which the sentence before this one has seen.
steered() {
    [ "$(nproc)" -gt 1 ] || return 0
    inside appliance-ctl status --json | jq -c .dataplane.steering
    same "program loaded" true "$(inside appliance-ctl status --json | jq .dataplane.steering.programLoaded)"
    on client curl -sS -m 60 -o "$WORK/download" http://v4.example.net/large
    inside appliance-ctl status --json | jq -e '.dataplane.steering.hits > 100'
}
exposure() {
    local level
    level=$(inside systemd-analyze security --no-pager $unit.service | tee /dev/stderr | sed -n 's/.*exposure level.*: \([0-9.]*\).*/\1/p')
    awk -v level="$level" 'BEGIN { exit !(level != "" && level <= 2.0) }'
}
verified() {
    local said
    said=$(inside systemd-analyze verify --man=no /lib/systemd/system/$unit.service 2>&1)
    echo "$said"
    lacks "verify" $unit "$said"
}
reloads() {
    printf '[destinations]\nallow = ["10.0.0.0/8"]\n' >"$etc/appliance.d/private.toml"
    inside systemctl reload $unit
    active active
    on client ping -c 1 -W 10 64:ff9b::10.64.0.2
    rm "$etc/appliance.d/private.toml"
    inside systemctl reload $unit
    refused on client ping -c 1 -W 1 64:ff9b::10.64.0.2
}
reload_with_problems() {
    printf '[nat64]\nprefixs = []\n' >"$etc/appliance.d/bad.toml"
    inside systemctl reload $unit || true
    eventually 30 journal_says "bad.toml:2"
    active active
    serves_now
    rm "$etc/appliance.d/bad.toml"
    inside systemctl reload $unit
}
journal_says() { journal | grep -qF -- "$1"; }
start_with_problems() {
    printf '[nat64]\nprefixs = []\n' >"$etc/appliance.d/bad.toml"
    refused inside systemctl restart $unit
    same "exit code" 78 "$(property ExecMainStatus)"
    sleep 1
    active failed
    holds "journal" "bad.toml:2" "$(journal --lines 10)"
    rm "$etc/appliance.d/bad.toml"
    inside systemctl reset-failed $unit
    inside systemctl start $unit
    serves_now
}
back_after_kill() {
    local before
    before=$(property MainPID)
    inside systemctl kill --signal SIGKILL $unit
    eventually 30 pings
    eventually 30 answers client
    refused same "process" "$before" "$(property MainPID)"
    active active
}
watchdog() {
    local before
    mkdir -p "$BOX_ROOT/run" && inside mkdir -p /run/systemd/system/$unit.service.d
    inside sh -c "printf '[Service]\nWatchdogSec=10\n' >/run/systemd/system/$unit.service.d/watchdog.conf"
    inside systemctl daemon-reload
    inside systemctl restart $unit
    sleep 11
    active active
    same "restarts without a reason" 0 "$(property NRestarts)"
    before=$(property MainPID)
    inside systemctl kill --signal SIGSTOP $unit
    eventually 30 pings
    refused same "process" "$before" "$(property MainPID)"
    inside rm -r /run/systemd/system/$unit.service.d
    inside systemctl daemon-reload
    inside systemctl restart $unit
}
switch_survives() {
    inside appliance-ctl dns64 disable 2001:db8:7::/64
    answers guest ""
    inside systemctl restart $unit
    answers guest ""
    inside appliance-ctl dns64 enable 2001:db8:7::/64
    answers guest
}
socket_modes() {
    same "socket" "nat64-appliance 660" "$(inside stat -c '%G %a' /run/nat64-appliance/control.sock)"
    refused inside setpriv --reuid nobody --regid nogroup --clear-groups appliance-ctl status
    inside setpriv --reuid nobody --regid nat64-appliance --clear-groups appliance-ctl status
    refused inside setpriv --reuid nobody --regid nat64-appliance --clear-groups appliance-ctl dns64 disable 2001:db8:7::/64
}
# Who had a port by the records of its blocks: while it runs, after it has stopped, in a later run, and after a kill.
block() { inside appliance-ctl blocks --json | jq -r ".blocks[0].$1"; }
holder() { inside appliance-ctl blocks holder "$@"; }
named() { holds "holder" "$client has $external since" "$(holder "$external" --at "$moment")"; }
exits() {
    local code=0
    "${@:2}" || code=$?
    same "exit code of ${*:2}" "$1" $code
}
clock() { inside date +%s; }
past() { [ "$(clock)" -gt "$1" ]; }
# A block, and a moment some seconds after it was taken that is some seconds ago.
takes_block() {
    pings
    external=$(block address):$(block ports | cut -d - -f 1)
    client=$(block client)
    moment=$(($(block since) + 2))
    eventually 30 past $((moment + 2))
}
records() {
    local external client moment first
    printf '[nat64]\nport-block-size = 64\n' >"$etc/appliance.d/blocks.toml"
    inside systemctl restart $unit
    same "lines that the journal drops" 0 "$(property LogRateLimitIntervalUSec)"
    takes_block
    named
    inside systemctl stop $unit
    eventually 30 named
    exits 1 holder "$external" --at "$(($(clock) + 2))"
    holds "holder" "$client has $external since" \
        "$(inside sh -c "journalctl -o cat -u $unit | nat64-appliance lookup --journal --at $moment $external")"
    # Who may not read the journal is not told that nobody had it.
    exits 3 inside setpriv --reuid nobody --regid nogroup --clear-groups appliance-ctl blocks holder "$external" --at "$moment"
    inside setpriv --reuid nobody --regid systemd-journal --clear-groups appliance-ctl blocks holder "$external" --at "$moment"
    first=$moment
    inside systemctl start $unit
    named
    takes_block
    [ "$moment" -gt "$first" ]
    inside systemctl kill --signal SIGKILL $unit
    eventually 30 pings
    eventually 30 named
    moment=$first named
    rm "$etc/appliance.d/blocks.toml"
    inside systemctl restart $unit
}
upgrades() {
    local before
    before=$(property MainPID)
    echo "# an administrator's remark" >>"$etc/appliance.toml"
    inside dpkg --install "/root/$(basename "$newer")"
    same "installed version" "$newer_version" "$(inside dpkg-query -W -f '${Version}' nat64-appliance)"
    refused same "process" "$before" "$(property MainPID)"
    holds "configuration" "an administrator's remark" "$(cat "$etc/appliance.toml")"
    eventually 30 answers client
    serves_now
}
removes() {
    inside dpkg --remove nat64-appliance
    [ ! -e "$BOX_ROOT/usr/sbin/nat64-appliance" ]
    [ -e "$etc/appliance.toml" ]
    refused on box ip link show nat64
    diff <(echo "$bare") <(network_state)
}
purges() {
    inside dpkg --purge nat64-appliance
    [ ! -e "$etc" ]
    [ ! -e "$BOX_ROOT/var/lib/nat64-appliance" ]
    same "units left" "" "$(inside systemctl list-unit-files --no-legend 'nat64-appliance*')"
}

it "lintian finds no error and no warning" lintian_clean
it "dpkg installs the package" installs
it "the package switches forwarding on" forwarding_on
it "the service is enabled" enabled
it "the untouched configuration serves a client: name, ping, page, large download" untouched_serves
it "it serves beside systemd-resolved, and through it finds the upstream" beside_resolved
it "appliance-ctl status says working" status_inside
it "systemctl start returns when a query and a packet work; stop leaves the network as it was" ready_means_ready
it "the process is no one's but its own user's, and packet threads hold no privilege" unprivileged
it "packets are led to their threads by a program in the kernel" steered
it "systemd-analyze security says at most 2.0" exposure
it "systemd-analyze verify finds nothing" verified
it "the socket is for its group to read, and changing is for root" socket_modes
it "systemctl reload takes a drop-in into force" reloads
it "a reload with problems leaves the old settings and says so in the journal" reload_with_problems
it "a start with problems: exit 78, not started again, and the report in the journal" start_with_problems
it "killed, it is back within three seconds" back_after_kill
it "a process that hangs is started anew by the watchdog" watchdog
it "a switch made at run time survives systemctl restart" switch_survives
it "who had a port is looked up in the journal: after a stop, in a later run, and after a kill" records
it "an upgrade keeps the administrator's file and serves at once" upgrades
it "remove takes the program and everything in the kernel, and keeps the configuration" removes
it "purge takes the rest" purges
echo
summary
