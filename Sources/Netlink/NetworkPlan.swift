public import IPAddressing

/// What the appliance wants of the kernel's tables: the whole of it, as a value.
public struct NetworkPlan: Hashable, Sendable {
    /// The name of the TUN, which exists before the plan is installed.
    public var device: String
    /// The largest packet of the TUN in octets, at least 1280.
    public var mtu: UInt32
    /// The translation prefixes; each becomes a route of exactly this length (RFC 8215 section 5: the neighbours of
    /// the well-known prefix are not it).
    public var prefixes: [IPv6Prefix]
    /// The pool.
    public var pool: [IPv4Prefix]
    /// Addresses that are shared with the host.
    public var shared: [SharedAddress]
    /// Addresses by which the host sees clients that come to itself from a shared address: nobody's, routed to the TUN.
    public var standIns: [IPv4Address]
    /// The table the routes go to.
    public var table: RoutingTable

    /// An address of an interface of which some ports, and ICMP, go through the translator.
    public struct SharedAddress: Hashable, Sendable {
        /// The interface that has the address.
        public var interface: String
        /// The address.
        public var address: IPv4Address
        /// The TCP and UDP ports that are the translator's.
        public var ports: ClosedRange<Port>
        /// Other interfaces where answers to the address may come in: those that lead to hosts which clients may reach.
        public var furtherEntrances: [String]

        /// Puts them together.
        public init(
            interface: String,
            address: IPv4Address,
            ports: ClosedRange<Port>,
            furtherEntrances: [String] = []
        ) {
            self.interface = interface
            self.address = address
            self.ports = ports
            self.furtherEntrances = furtherEntrances
        }

        /// Every interface whose packets to the address we look at.
        var entrances: [String] { [interface] + furtherEntrances }
    }

    /// Every interface that filters stand at, if it is there.
    var filtered: Set<String> { Set(shared.flatMap { $0.entrances + [Self.loopback] }) }

    /// The device by which the kernel tells this host's addresses of errors.
    static let loopback = "lo"

    /// A plan; what is left out is the usual.
    public init(
        device: String,
        mtu: UInt32,
        prefixes: [IPv6Prefix],
        pool: [IPv4Prefix],
        shared: [SharedAddress] = [],
        standIns: [IPv4Address] = [],
        table: RoutingTable = .main
    ) {
        self.device = device
        self.mtu = mtu
        self.prefixes = prefixes
        self.pool = pool
        self.shared = shared
        self.standIns = standIns
        self.table = table
    }

    /// Everything that must lead to the TUN.
    public var destinations: [IPPrefix] { routed4.map { .v4($0) } + prefixes.map { .v6($0) } }

    /// What of IPv4 must lead to the TUN.
    var routed4: [IPv4Prefix] { pool + standIns.map { IPv4Prefix($0, length: 32) } }

    /// How many addresses we answer ARP for at most: each is an entry the kernel looks through one by one.
    static let mostProxyNeighbours = 1024
}
