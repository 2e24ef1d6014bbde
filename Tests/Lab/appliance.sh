# shellcheck shell=bash
# The appliance in the laboratory: the real daemon, in the foreground, with a socket and a state folder of its own.

APPLIANCE=${APPLIANCE:-$top_folder/.build/release/nat64-appliance}
SOCKET=$WORK/control.sock
STATE=$WORK/state
CONFIG=$WORK/appliance.toml
LOG=$WORK/appliance.log
PID_FILE=$WORK/appliance.pid
# What network_state said before a scenario; its tests compare with it.
export bare=''

# configure [LINES]: an otherwise untouched configuration, with the two places that a laboratory needs of its own.
# Lines given are the tables of the configuration that a scenario is about.
configure() {
    mkdir -p "$STATE"
    ln -sf "$APPLIANCE" "$WORK/appliance-ctl"
    cat >"$CONFIG" <<END
[control]
socket = "$SOCKET"

[state]
directory = "$STATE"

${1:-}
END
}

ctl() {
    "$WORK/appliance-ctl" --socket "$SOCKET" "$@"
}

appliance_pid() {
    cat "$PID_FILE" 2>/dev/null
}

appliance_runs() {
    local pid
    pid=$(appliance_pid) && [ -n "$pid" ] && kill -0 "$pid" 2>/dev/null
}

# launch: starts the daemon and comes back at once.
launch() {
    if [ ! -x "$APPLIANCE" ]; then
        echo "there is no executable $APPLIANCE; build it with: make build" >&2
        return 1
    fi
    spawn box "$APPLIANCE" --config "$CONFIG" >>"$LOG" 2>&1
    echo $! >"$PID_FILE"
}

# fact JQ: one value of the status report, by a jq expression.
fact() {
    ctl status --json | jq -r "$1"
}

# What the translator has translated so far, both directions together.
translated_packets() {
    fact '.dataplane.traffic6to4.packets + .dataplane.traffic4to6.packets'
}

serves() {
    [ "$(fact '.dataplane.state + " " + .resolver.state' 2>/dev/null)" = "running running" ]
}

# start: launches the daemon and waits until both halves say that they run.
start() {
    local left=1200
    launch
    until serves; do
        left=$((left - 1))
        if [ $left = 0 ] || ! appliance_runs; then
            echo "the appliance did not come up; its log ends so:" >&2
            tail -n 20 "$LOG" >&2
            return 1
        fi
        sleep 0.05
    done
}

# Waits until the daemon has ended.
wait_gone() {
    local left=600
    while appliance_runs && [ $left -gt 0 ]; do
        sleep 0.05
        left=$((left - 1))
    done
    ! appliance_runs
}

# stop: asks the daemon to end as systemd does, and waits for it.
stop() {
    appliance_runs || return 0
    kill -TERM "$(appliance_pid)"
    if ! wait_gone; then
        echo "the appliance did not end within thirty seconds after SIGTERM" >&2
        kill -KILL "$(appliance_pid)"
        wait_gone
        return 1
    fi
}

# What a stop has to leave as it was: everything that the kernel holds for the box's network, but for counters and timers.
network_state() {
    on box ip -d link show | sed 's/ qlen [0-9]*//'
    on box ip addr show | sed 's/valid_lft.*//'
    on box ip rule
    on box ip -6 rule
    on box ip -4 route show table all
    on box ip -6 route show table all | sed 's/ expires [0-9]*sec//'
    on box ip neigh show proxy
    on box ip -6 neigh show proxy
    on box tc qdisc show
    local interface
    for interface in lan0 lan1 wan0; do
        on box tc filter show dev $interface ingress 2>/dev/null || true
        on box tc filter show dev $interface egress 2>/dev/null || true
    done
}

# refuses WORDS COMMAND...: the daemon, started by this command in front of it, ends by itself within thirty seconds, non-zero, with
# these words in its log, and leaves the network as it was in $bare.
refuses() {
    local words=$1 code=0
    shift
    : >"$LOG"
    "$@" timeout -k 1 30 "$APPLIANCE" --config "$CONFIG" </dev/null >>"$LOG" 2>&1 || code=$?
    cat "$LOG"
    echo "exit code $code"
    [ $code != 0 ] && [ $code != 124 ] && [ $code != 137 ] && [ $code -lt 128 ]
    holds "message" "$words" "$(cat "$LOG")"
    diff <(echo "$bare") <(network_state)
}
