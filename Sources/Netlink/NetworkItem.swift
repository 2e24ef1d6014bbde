public import IPAddressing

/// One thing of ours in the kernel's tables.
public enum NetworkItem: Hashable, Sendable {
    /// The TUN gets no link-local address: nothing needs one, and so no router solicitations and no multicast
    /// reports of the kernel's own enter the translator.
    case noLinkLocalAddress
    /// The size of the TUN's largest packet, in octets.
    case mtu(UInt32)
    /// A kernel setting of the TUN.
    case setting(Sysctl, String)
    /// The TUN is up.
    case up
    /// The point-to-point address on the TUN whose peer is this prefix.
    case address(IPv4Address, peer: IPv4Prefix)
    /// A route to the TUN.
    case route(IPPrefix, table: RoutingTable)
    /// This host answers ARP for a pool address on a link.
    case proxyNeighbour(IPv4Address, interface: String)
    /// A clsact queueing discipline on a shared interface.
    case clsact(interface: String)
    /// A filter on a shared interface.
    case filter(interface: String, ShareFilter)
    /// The kernel's own broadcast route for a pool address; never wanted.
    case broadcastRoute(IPv4Address)

    /// What is made later has a greater rank, and is removed earlier. The IPv6 route comes last, because it brings
    /// clients' packets, and the broadcast route goes first.
    var rank: Int {
        switch self {
        case .noLinkLocalAddress: 0
        case .mtu: 1
        case .setting: 2
        case .up: 3
        case .address: 4
        case .route(.v4, _): 5
        case .proxyNeighbour: 6
        case .clsact: 7
        case .filter(_, let filter): 8 + Int(filter.preference - ShareFilter.firstPreference)
        case .route(.v6, _): 20
        case .broadcastRoute: 21
        }
    }

    /// Whether the kernel makes it beside an address of ours, so that its removal is no news.
    public var isByproduct: Bool {
        switch self {
        case .broadcastRoute: true
        default: false
        }
    }

    /// Whether the TUN takes it along when it goes, so that it needs no withdrawal.
    var isOfDevice: Bool {
        switch self {
        case .noLinkLocalAddress, .mtu, .setting, .up: true
        default: false
        }
    }
}

extension NetworkItem: CustomStringConvertible {
    /// A noun that reads well after "put back" or "removed".
    public var description: String {
        switch self {
        case .noLinkLocalAddress: "absence of a link-local address"
        case .mtu(let octets): "mtu \(octets)"
        case .setting(let sysctl, let value): sysctl.line(value)
        case .up: "state up"
        case .address(let address, let peer): "address \(address) peer \(peer)"
        case .route(let prefix, .main): "route \(prefix)"
        case .route(let prefix, let table): "route \(prefix) in table \(table)"
        case .proxyNeighbour(let address, let interface): "proxy neighbour \(address) on \(interface)"
        case .clsact(let interface): "clsact on \(interface)"
        case .filter(let interface, let filter): "\(filter) on \(interface)"
        case .broadcastRoute(let address): "broadcast route \(address)"
        }
    }
}
