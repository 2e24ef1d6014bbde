import IPAddressing
import Linux
import Netlink

/// A plan with the well-known prefix and a pool that lies nowhere near the uplink.
func plan(
    device: String = "nat64",
    prefixes: [String] = ["64:ff9b::/96"],
    pool: [String] = ["198.18.7.64/28"],
    shared: [NetworkPlan.SharedAddress] = [],
    table: RoutingTable = .main
) -> NetworkPlan {
    NetworkPlan(
        device: device,
        mtu: 1500,
        prefixes: prefixes.compactMap { IPv6Prefix($0) },
        pool: pool.compactMap { IPv4Prefix($0) },
        shared: shared,
        table: table
    )
}

/// The TUN of a running appliance; it is gone when this value is.
func makeDevice(_ name: String = "nat64") throws -> TunDevice { try TunDevice(name: name, queues: 1) }

/// An uplink `eth0` with 203.0.113.5/24, a default route, and the other end `far` in the same namespace.
func makeUplink() throws {
    try run(
        """
        ip link add eth0 type veth peer name far \
        && ip link set eth0 addrgenmode none && ip link set far addrgenmode none \
        && ip link set eth0 up && ip link set far up \
        && ip addr add 203.0.113.5/24 dev eth0 && ip route add default via 203.0.113.1
        """
    )
}

let shareOfUplink = NetworkPlan.SharedAddress(
    interface: "eth0",
    address: IPv4Address(203, 0, 113, 5),
    ports: Port(61440)...Port(65535)
)

/// Installs a plan and lets the device go, as a process does that is killed.
func installAndDie(_ plan: NetworkPlan) throws {
    do {
        let device = try makeDevice()
        var killed = try NetworkInstallation()
        _ = try killed.install(plan)
        withExtendedLifetime(device) {}
    }
    // A child that another test starts meanwhile has a copy of the device, until it runs its program.
    try run("for _ in $(seq 200); do ip link show nat64 >/dev/null 2>&1 || exit 0; sleep 0.05; done; exit 1")
}

/// Everything that could be left of us in this namespace, beside what was there before.
func everything() throws -> String {
    try run(
        """
        ip -4 route show table all; ip -6 route show table all | grep -v 'fe80\\|ff00'; ip rule; ip -6 rule; \
        ip -4 addr | grep inet; ip -o link show nat64 2>/dev/null | grep -o '<.*mtu [0-9]*'; ip neigh show proxy; ip -6 neigh show proxy; \
        for l in $(ip -o link | sed 's/^[0-9]*: //; s/[@:].*//'); do tc qdisc show dev $l | grep 'clsact\\|ingress'; \
        tc filter show dev $l ingress; tc filter show dev $l egress; done; true
        """
    )
}

/// Why a plan is not installed; nothing when it is.
func refusal(of plan: NetworkPlan, by installation: inout NetworkInstallation) -> NetworkProblem? {
    do throws(NetworkProblem) {
        _ = try installation.install(plan)
        return nil
    } catch {
        return error
    }
}
