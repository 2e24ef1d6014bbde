# shellcheck shell=bash disable=SC2034,SC2154
# A namespace of its own with the real daemon and the ends of a flood, for as long as a script runs: taken down at its end,
# however it ends. To be sourced by a script that has set `here` to this folder and NAME to a word of its own.

# shellcheck source-path=SCRIPTDIR source=../Lab/sentences.sh
. "$here/../Lab/sentences.sh"
appliance=$(realpath "${APPLIANCE:-$here/../../.build/release/nat64-appliance}")
space=$NAME$$ work=$(mktemp -d)
daemon='' helpers=()

if [ "$(id -u)" != 0 ]; then
    echo "network namespaces need root" >&2
    exit 1
fi
finish() {
    local status=$?
    trap - EXIT INT TERM
    kill "${helpers[@]}" ${daemon:+"$daemon"} 2>/dev/null || true
    ip netns del "$space" 2>/dev/null || true
    rm -rf "$work"
    exit $status
}
trap finish EXIT
trap 'exit 130' INT TERM
on_failure() { tail -n 15 "$work/log"; }
inside() { ip netns exec "$space" "$@"; }
# helper OUTPUT WORDS...: an end of the flood, in the background; its process is ${helpers[-1]}.
helper() {
    local output=$1
    shift
    FROM=${from:-0.0.0.0} ip netns exec "$space" "$work/messages" "$@" >"$work/$output" 2>>"$work/complaints" &
    helpers+=($!)
}
# begin CACHE DOMAIN UPSTREAM [VARIABLE=VALUE...]: the daemon, whose upstream is 127.0.0.101, and another one for the names below a
# domain, in this environment. The lines of resolver_keys go to [dns64].
begin() {
    cat >"$work/appliance.toml" <<END
[nat64]
pool = ["203.0.113.0/28"]
[clients]
allow = ["127.0.0.0/8"]
[dns64]
listen = ["127.0.0.1:53"]
upstreams = ["127.0.0.101"]
cache-size = "$1"
${resolver_keys:-}
[[dns64.rule]]
domain = "$2"
upstreams = ["$3"]
[control]
socket = "$work/control.sock"
[state]
directory = "$work/state"
END
    shift 3
    ip netns exec "$space" env "$@" "$appliance" --config "$work/appliance.toml" >"$work/log" 2>&1 </dev/null &
    daemon=$!
    eventually 60 answers
}
fact() { "$work/appliance-ctl" --socket "$work/control.sock" status --json | jq -r "$1"; }
answers() { [ "$(fact .resolver.state)" = running ]; }
memory() { awk '/^Pss:/ { print $2 }' "/proc/$daemon/smaps_rollup"; }
# read_of END KEY: what an end of the flood said when it was over.
read_of() { jq -r ".$2" "$work/$1.json"; }

gcc -std=gnu11 -Wall -Wextra -Werror -O2 -o "$work/messages" "$here/messages.c"
ln -s "$appliance" "$work/appliance-ctl"
mkdir "$work/state"
ip netns add "$space"
ip -n "$space" link set lo up
inside sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
