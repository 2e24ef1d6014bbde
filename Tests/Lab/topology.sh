# shellcheck shell=bash
# The laboratory: six network namespaces of this machine, joined by virtual Ethernet and closed to everything else.
#
#   client  2001:db8:6::c0 ─┐
#                        lan0  box  wan0 ──── isp ──── core ──── server
#   guest   2001:db8:7::c0 ─┘ lan1
#
#   client, guest   hosts with IPv6 alone; their default route and their resolver are the box
#   box             the appliance; one IPv4 address (11.11.1.5) and one default route on its uplink wan0
#   isp, core       two routers, so that traceroute has something to show
#   server          the internet: an authoritative name server and a web server, over IPv4 and IPv6
#
# The IPv4 addresses look public, because 64:ff9b::/96 does not carry others. No packet leaves the namespaces.
# Names of namespaces start with $LAB, so that several laboratories can stand at the same time.

LAB=${LAB:-nat64-lab}
WORK=${LAB_WORK:-${TMPDIR:-/tmp}/$LAB}
NODES="client guest box isp core server"
SERVER4=11.11.11.2 SERVER6=2001:db8:b::2 PRIVATE4=10.64.0.2
BOX4=11.11.1.5 BOX_LAN6=2001:db8:6::1
ISP4=11.11.1.1 CORE4=11.11.2.2
export LAB WORK SERVER4 SERVER6 PRIVATE4 BOX4 BOX_LAN6 ISP4 CORE4
lab_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top_folder=$(cd "$lab_folder/../.." && pwd)

# on NODE COMMAND...: runs a command in a node's namespace.
on() {
    local node=$1
    shift
    ip netns exec "$LAB-$node" "$@"
}

# spawn NODE COMMAND...: starts a command in a node's namespace; $! is the command itself, not a shell around it.
spawn() {
    local node=$1
    shift
    ip netns exec "$LAB-$node" "$@" </dev/null &
}

# join NODE INTERFACE ADDRESS4 ADDRESS6 NODE INTERFACE ADDRESS4 ADDRESS6: a cable between two nodes; "-" is no address.
join() {
    ip -n "$LAB-$1" link add "$2" type veth peer name "$6" netns "$LAB-$5"
    set_up "$1" "$2" "$3" "$4"
    set_up "$5" "$6" "$7" "$8"
}
set_up() {
    on "$1" sysctl -qw "net.ipv6.conf.$2.accept_dad=0"
    ip -n "$LAB-$1" link set "$2" up
    [ "$3" = - ] || ip -n "$LAB-$1" addr add "$3" dev "$2"
    [ "$4" = - ] || ip -n "$LAB-$1" addr add "$4" dev "$2" nodad
}

# route NODE PREFIX GATEWAY
route() {
    local family=-4
    case $3 in *:*) family=-6 ;; esac
    ip -n "$LAB-$1" "$family" route add "$2" via "$3"
}

# resolver NODE ADDRESS: what /etc/resolv.conf says in that node.
resolver() {
    mkdir -p "/etc/netns/$LAB-$1"
    echo "nameserver $2" >"/etc/netns/$LAB-$1/resolv.conf"
}

# What the package sets on a real machine, from the file it ships.
apply_sysctl_file() {
    on box sysctl -q -p "$top_folder/systemd/nat64-appliance.sysctl"
}

topology_up() {
    local node
    if [ -e "/run/netns/$LAB-box" ]; then
        echo "a laboratory named $LAB stands already; take it down with: make lab-down" >&2
        return 1
    fi
    mkdir -p "$WORK"
    chmod 755 "$WORK"
    for node in $NODES; do
        ip netns add "$LAB-$node"
        ip -n "$LAB-$node" link set lo up
    done
    for node in isp core; do on $node sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1; done
    join client eth0 - 2001:db8:6::c0/64 box lan0 - 2001:db8:6::1/64
    join guest eth0 - 2001:db8:7::c0/64 box lan1 - 2001:db8:7::1/64
    join box wan0 11.11.1.5/24 2001:db8:1::5/64 isp down0 11.11.1.1/24 2001:db8:1::1/64
    join isp up0 11.11.2.1/24 2001:db8:2::1/64 core down0 11.11.2.2/24 2001:db8:2::2/64
    join core up0 11.11.11.1/24 2001:db8:b::1/64 server eth0 11.11.11.2/24 2001:db8:b::2/64
    ip -n "$LAB-server" addr add $PRIVATE4/32 dev lo
    route client default 2001:db8:6::1
    route guest default 2001:db8:7::1
    route box default 11.11.1.1
    route box default 2001:db8:1::1
    route isp default 11.11.2.2
    route isp default 2001:db8:2::2
    route isp 2001:db8:6::/63 2001:db8:1::5
    route isp 192.0.2.64/28 11.11.1.5
    route core default 2001:db8:2::1
    route core default 11.11.2.1
    route core $PRIVATE4/32 11.11.11.2
    route server default 11.11.11.1
    route server default 2001:db8:b::1
    resolver client 2001:db8:6::1
    resolver guest 2001:db8:7::1
    resolver box $SERVER4
    resolver server $SERVER4
    apply_sysctl_file
}

# Ends every process in the namespaces, and takes all of it away. Safe to call twice, and when half of it was built.
topology_down() {
    local node pid left
    for node in $NODES; do
        [ -e "/run/netns/$LAB-$node" ] || continue
        # shellcheck disable=SC2046 # a list of numbers
        kill $(ip netns pids "$LAB-$node") 2>/dev/null || true
    done
    for node in $NODES; do
        [ -e "/run/netns/$LAB-$node" ] || continue
        left=50
        while pid=$(ip netns pids "$LAB-$node" 2>/dev/null) && [ -n "$pid" ] && [ $left -gt 0 ]; do
            sleep 0.1
            left=$((left - 1))
        done
        # shellcheck disable=SC2086 # a list of numbers
        [ -z "$pid" ] || kill -KILL $pid 2>/dev/null || true
        ip netns del "$LAB-$node"
        rm -rf "/etc/netns/$LAB-$node"
    done
    rmdir /etc/netns 2>/dev/null || true
    rm -rf "${WORK:?}"
}
