internal import CNetlink
internal import IPAddressing

/// Who made a route, an address or a proxy neighbour: the protocol number of rtnetlink.
struct RouteProtocol: Hashable, Sendable, CustomStringConvertible {
    /// The number, 0 to 255.
    let number: UInt8

    /// The protocol of this number.
    init(number: UInt8) { self.number = number }

    /// What this appliance puts on everything that can carry a protocol number; nothing else uses it.
    static let ours = RouteProtocol(number: 64)
    /// Nobody said.
    static let unspecified = RouteProtocol(number: 0)
    /// The kernel itself, for the networks of addresses.
    static let kernel = RouteProtocol(number: 2)
    /// The kernel, from router advertisements; programs that read them in its stead use the number too.
    static let routerAdvertisement = RouteProtocol(number: 9)

    /// The name `ip route` shows, or the number.
    var description: String {
        switch number {
        case 64: "nat64-appliance"
        case 0: "unspecified"
        case 1: "redirect"
        case 2: "kernel"
        case 3: "boot"
        case 4: "static"
        case 9: "ra"
        case 11: "zebra"
        case 12: "bird"
        case 16: "dhcp"
        case 18: "keepalived"
        case 42: "babel"
        case 186: "bgp"
        case 187: "isis"
        case 188: "ospf"
        case 189: "rip"
        case 192: "eigrp"
        default: String(number)
        }
    }
}

/// A routing table of the kernel.
public struct RoutingTable: Hashable, Sendable, CustomStringConvertible {
    /// The number; 0 stands for no table.
    public let number: UInt32

    /// The table of this number.
    public init(number: UInt32) { self.number = number }

    /// Where routes are unless somebody says otherwise.
    public static let main = RoutingTable(number: 254)
    /// Where the kernel keeps its own addresses and broadcast addresses; it is looked at first.
    public static let local = RoutingTable(number: 255)

    /// `main`, `local`, `default`, or the number.
    public var description: String {
        switch number {
        case 253: "default"
        case 254: "main"
        case 255: "local"
        default: String(number)
        }
    }
}

/// A route of either family.
struct Route: Hashable, Sendable {
    /// Where it leads to; length 0 is a default route.
    let destination: IPPrefix
    /// The table it stands in.
    let table: RoutingTable
    /// Who made it.
    let origin: RouteProtocol
    /// Smaller is preferred; 0 for IPv4 routes made without one, 1024 for IPv6.
    let metric: UInt32
    /// The link it uses, the first one if there are several; nothing for `unreachable` and its kin.
    let link: LinkIndex?
    /// The other links of a route over several, those left out that are down.
    let furtherLinks: [LinkIndex]
    /// Whether the kernel passes it over, for its links are down.
    let isDead: Bool
    /// The next router, nothing when the destination is on the link.
    let gateway: IPAddress?
    /// The source address the route prefers.
    let preferredSource: IPAddress?
    /// What happens to packets.
    let kind: Kind
    let scope: InterfaceAddress.Scope

    /// What a route does to packets, as rtnetlink numbers it.
    struct Kind: Hashable, Sendable, CustomStringConvertible {
        /// The number.
        let number: UInt8
        /// Sends them on.
        static let unicast = Kind(number: 1)
        /// Delivers them here and sends them to everybody on the link.
        static let broadcast = Kind(number: 3)
        /// Drops them: `blackhole`, or with an error to the sender `unreachable` and `prohibit`.
        var discards: Bool { 6...8 ~= number }

        /// The word `ip route` uses.
        var description: String {
            switch number {
            case 1: "unicast"
            case 2: "local"
            case 3: "broadcast"
            case 4: "anycast"
            case 5: "multicast"
            case 6: "blackhole"
            case 7: "unreachable"
            case 8: "prohibit"
            case 9: "throw"
            default: String(number)
            }
        }
    }

    init?(_ entry: cnetlink_route) {
        guard let destination = IPPrefix(entry.destination, length: entry.length, family: entry.family) else {
            return nil
        }
        self.destination = destination
        table = RoutingTable(number: entry.table)
        origin = RouteProtocol(number: entry.protocol)
        metric = entry.metric
        link = entry.link == 0 ? nil : LinkIndex(entry.link)
        furtherLinks = unsafe withUnsafeBytes(of: entry.further) { octets in
            unsafe octets.bindMemory(to: UInt32.self).filter { $0 != 0 }.map { LinkIndex($0) }
        }
        isDead = entry.is_dead
        gateway = entry.has_gateway ? IPAddress(entry.gateway, family: entry.gateway_family) : nil
        preferredSource = entry.has_source ? IPAddress(entry.source, family: entry.family) : nil
        kind = Kind(number: entry.type)
        scope = InterfaceAddress.Scope(number: entry.scope)
    }

    /// A route that leads straight to a link.
    ///
    /// - Parameter metric: 0 leaves the choice to the kernel.
    init(
        to destination: IPPrefix,
        over link: LinkIndex,
        table: RoutingTable = .main,
        origin: RouteProtocol = .ours,
        metric: UInt32 = 0
    ) {
        self.destination = destination
        self.table = table
        self.origin = origin
        self.metric = metric
        self.link = link
        furtherLinks = []
        isDead = false
        gateway = nil
        preferredSource = nil
        kind = .unicast
        switch destination {
        case .v4: scope = .link
        case .v6: scope = .global
        }
    }

    /// The metric of our own routes: the best there is, so that they stand before those of routing daemons.
    ///
    /// 0 is the best of IPv4; the kernel takes 0 for 1024 where IPv6 is concerned.
    static func metricOfOurs(to destination: IPPrefix) -> UInt32 {
        switch destination {
        case .v4: 0
        case .v6: 1
        }
    }

    /// Whether this only says what becomes of packets while our route is not there: a discard route for one of our
    /// destinations with a worse metric, as routing daemons make for what they announce.
    var standsBehindOurs: Bool { kind.discards && metric > Self.metricOfOurs(to: destination) }

    /// The route the kernel makes for the last address of a network.
    init(broadcast address: IPv4Address, over link: LinkIndex) {
        destination = .v4(IPv4Prefix(address, length: 32))
        table = .local
        origin = .kernel
        metric = 0
        self.link = link
        furtherLinks = []
        isDead = false
        gateway = nil
        preferredSource = nil
        kind = .broadcast
        scope = .link
    }

    var entry: cnetlink_route {
        var entry = cnetlink_route()
        entry.table = table.number
        entry.metric = metric
        entry.link = link?.number ?? 0
        entry.family = destination.address.family
        entry.length = UInt8(destination.length)
        entry.protocol = origin.number
        entry.scope = scope.number
        entry.type = kind.number
        entry.destination = destination.address.words
        if let gateway {
            entry.has_gateway = true
            entry.gateway_family = gateway.family
            entry.gateway = gateway.words
        }
        if let preferredSource {
            entry.has_source = true
            entry.source = preferredSource.words
        }
        return entry
    }
}

/// An address this host answers for on a link though it has it not: ARP or neighbour discovery by proxy.
struct ProxyNeighbour: Hashable, Sendable {
    /// The link it answers on.
    let link: LinkIndex
    /// The address it answers for.
    let address: IPAddress
    /// Who made the entry.
    let origin: RouteProtocol

    /// An entry; without an origin it is ours.
    init(_ address: IPAddress, on link: LinkIndex, origin: RouteProtocol = .ours) {
        self.link = link
        self.address = address
        self.origin = origin
    }

    init(_ entry: cnetlink_neighbour) {
        self.init(
            IPAddress(entry.address, family: entry.family),
            on: LinkIndex(entry.link),
            origin: RouteProtocol(number: entry.protocol)
        )
    }

    var entry: cnetlink_neighbour {
        cnetlink_neighbour(
            link: link.number,
            family: address.family,
            protocol: origin.number,
            address: address.words
        )
    }
}
