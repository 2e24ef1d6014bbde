public import IPAddressing

/// Why a plan cannot be carried out, in words for the person who runs the box.
public enum NetworkProblem: Error, Hashable, Sendable {
    /// The plan has no translation prefix, or neither pool nor shared address (RFC 6146 section 3).
    case nothingToTranslate
    /// There is no TUN of this name.
    case deviceMissing(String)
    /// There is no interface of this name to share an address of.
    case interfaceMissing(String)
    /// The interface does not have the address that is to be shared.
    case addressMissing(IPv4Address, interface: String)
    /// Somebody else's route leads to a destination of ours. It was left as it is.
    case conflict(RouteConflict)
    /// A pool address is an address of this host, which would answer for it.
    case addressInPool(IPv4Address, interface: String, pool: IPv4Prefix)
    /// A pool address is the broadcast address of a network on a link.
    case broadcastAddressInPool(IPv4Address, interface: String, pool: IPv4Prefix)
    /// Somebody else's filters on a shared interface have our preferences. They were left as they are.
    case foreignFilters(interface: String)
    /// The kernel refused a step: that of this item, or one that reads.
    case refused(NetlinkError, NetworkItem?)
    /// All steps succeeded, and yet something is not there, or does not go.
    case notInPlace([NetworkItem])
}

/// Somebody else's route for a destination of ours.
public struct RouteConflict: Hashable, Sendable {
    /// The route, as it was found.
    let route: Route
    /// The name of the link it leads to.
    public let interface: String?

    /// A discard route need only stand behind ours.
    var otherRemedy: String {
        guard route.kind.discards else { return "" }
        return ", give it a metric above \(Route.metricOfOurs(to: route.destination))"
    }

    var command: String {
        let tool =
            switch route.destination {
            case .v4: "ip -4 route del"
            case .v6: "ip -6 route del"
            }
        var words =
            route.kind == .unicast ? "\(tool) \(route.destination)" : "\(tool) \(route.kind) \(route.destination)"
        if let interface { words += " dev \(interface)" }
        if route.table != .main { words += " table \(route.table)" }
        if route.metric != 0 { words += " metric \(route.metric)" }
        return words
    }
}

extension RouteConflict: CustomStringConvertible {
    /// `64:ff9b::/96 dev eth1, protocol static, table main, metric 1024`.
    public var description: String {
        var words = route.kind == .unicast ? "\(route.destination)" : "\(route.kind) \(route.destination)"
        if let gateway = route.gateway { words += " via \(gateway)" }
        if let interface { words += " dev \(interface)" }
        words += ", protocol \(route.origin), table \(route.table)"
        if route.metric != 0 { words += ", metric \(route.metric)" }
        return words
    }
}

extension NetworkProblem {
    /// Whether a shared address, or the interface that had it, has gone.
    public var isOfLostAddress: Bool {
        switch self {
        case .interfaceMissing, .addressMissing: true
        default: false
        }
    }
}

extension NetworkProblem: CustomStringConvertible {
    /// One sentence, and what to do about it.
    public var description: String {
        switch self {
        case .nothingToTranslate:
            "a translation prefix and a pool or a shared address are needed before anything can be translated"
        case .deviceMissing(let name):
            "there is no device \(name)"
        case .interfaceMissing(let name):
            "there is no interface \(name) to share an address of; name another in pool, or give the pool prefixes"
        case .addressMissing(let address, let interface):
            "interface \(interface) does not have the address \(address) that is to be shared"
        case .conflict(let conflict) where conflict.route.origin == .ours:
            "conflict: another appliance has the route for \(conflict.route.destination) (\(conflict)); stop it, or give "
                + "each of the two prefixes and pool addresses of its own (nat64.prefixes, nat64.pool); one alone can "
                + "share addresses of the host"
        case .conflict(let conflict):
            "conflict: \(conflict.route.destination) is already routed by somebody else (\(conflict)); the route was left"
                + " as it is: delete it (\(conflict.command))\(conflict.otherRemedy) or take another prefix"
        case .addressInPool(let address, let interface, let pool):
            "pool: \(pool) holds \(address), an address of this host on \(interface); give the pool addresses of its"
                + " own, or write \"share:\(interface)\""
        case .broadcastAddressInPool(let address, let interface, let pool):
            "pool: \(pool) holds \(address), the broadcast address of a network on \(interface), which can stand for no"
                + " client: leave it out, with a range that ends before it"
        case .foreignFilters(let interface):
            "conflict: interface \(interface) has traffic filters of somebody else with preferences 6400 to 6403; they"
                + " were left as they are: `tc filter show dev \(interface) ingress` shows them"
        case .refused(let error, _):
            "\(error)"
        case .notInPlace(let items):
            "the kernel took every step, and yet this is not as it should be: "
                + items.map { "\($0)" }.joined(separator: ", ")
        }
    }
}

/// What a person should know though the plan was carried out.
public enum NetworkNotice: Hashable, Sendable {
    /// More pool addresses lie in the subnet of an interface than we answer ARP for.
    case proxyNeighboursLeftOut(IPv4Prefix, interface: String)
    /// Somebody else's filters stand where ours should, on an interface other than the shared one.
    case entranceLeftOut(IPv4Address, interface: String)
    /// A setting of the TUN could not be made.
    case settingNotMade(NetworkItem, NetlinkError)
}

extension NetworkNotice: CustomStringConvertible {
    /// One sentence.
    public var description: String {
        switch self {
        case .proxyNeighboursLeftOut(let prefix, let interface):
            "pool \(prefix) lies in the subnet of \(interface) but has too many addresses to answer ARP for (at most"
                + " \(NetworkPlan.mostProxyNeighbours) in all): route it to this host on the router of that subnet"
        case .entranceLeftOut(let address, let interface):
            "interface \(interface) has traffic filters of somebody else with preferences 6400 to 6403, so clients do not"
                + " hear what comes in there for \(address): `tc filter show dev \(interface) ingress` shows them"
        case .settingNotMade(let item, let error):
            "\(item) is not in force: \(error.reason)"
        }
    }
}

/// What a look at the kernel's tables led to.
public struct NetworkReport: Hashable, Sendable {
    /// What was made or put back, in this order.
    public var made: [NetworkItem] = []
    /// What was removed: left over from a former plan or run, or put there by the kernel.
    public var removed: [NetworkItem] = []
    /// What was there already.
    public var found: [NetworkItem] = []
    /// What could not be mended; only repairs go on in spite of problems.
    public var problems: [NetworkProblem] = []
    /// What a person should know.
    public var notices: [NetworkNotice] = []

    /// Whether nothing had to be done.
    public var isUnchanged: Bool { made.isEmpty && removed.isEmpty }
}
