public import IPAddressing
public import Timing

/// Everything an operator can say about the translator, with the defaults that hold when nothing is said.
///
/// A value of this type is taken as it is: whoever reads it from a file checks the bounds named here first.
public struct NAT64Settings: Sendable, Hashable {
    /// The IPv4 transport addresses that stand for clients. Interfaces whose address is shared with the host stand
    /// here with the address they have at the moment.
    public var pool: [PoolEntry] = []
    /// How long bindings and sessions live without traffic.
    public var lifetimes = Lifetimes()
    /// Which outside hosts may send to a binding.
    public var filtering = Filtering()
    /// What one client network may take.
    public var limits = Limits()
    /// How long a freed UDP port or ICMP identifier is kept from other clients; a TCP port never is, because the
    /// sessions on it are tracked (RFC 6888, requirement 8). Zero: not at all.
    public var portHoldDown: Moment.Span = .seconds(120)
    /// How many freed ports and identifiers are kept at once, counted in 64ths; those freed beyond can be given again at
    /// once. Zero: no limit; else 64 or more.
    public var mostHeldPorts = 0
    /// Whether a port may be several clients' at once, towards different peers, when no other is left for a new binding
    /// (RFC 7857 section 3). A sixteenth of the ports of each address is set aside for that, and only for that. A
    /// client that gets such a port is reached through it by nobody it has not sent to first, and cannot talk to a
    /// peer that another client talks to through it: other bindings are as RFC 6146 wants them.
    public var overloadsPorts = false
    /// Client networks whose ports are computed (RFC 7422), whose addresses the pool holds as well, marked
    /// ``PoolEntry/isComputed``. None overlaps another, and the client length of each is ``Limits/clientLength``.
    public var deterministic: [DeterministicMapping] = []
    /// How many ports a block has that client networks take and give back as a whole, so that the log needs a line for
    /// each block and not for each binding (RFC 6888 section 4): a power of two from 64 to 4096, or zero for no blocks.
    /// Not together with ``overloadsPorts``. A block is given back when none of its ports has been in use for
    /// ``portHoldDown``.
    public var portBlockSize = 0
    /// How many bindings there may be in all, with those whose port is kept; each takes at most 96 octets with its first
    /// session.
    public var maximumBindings = 4_194_304
    /// How many sessions there may be besides the first of each binding; each takes at most 116 octets.
    public var maximumFurtherSessions = 4_194_304
    /// How packets are translated.
    public var translation = TranslationSettings()
    /// The MTU of the translator's device; none: from the links.
    public var mtu: Int?
    /// Queues of the device and threads that serve them; none: as many as the process may use CPUs.
    public var workers: Int?

    /// Takes the defaults; the pool is empty.
    public init() {}

    /// The most addresses a pool may hold; more would need more address space than is wise to reserve.
    public static let mostPoolAddresses = 65_535
}

/// A range of IPv4 addresses in the pool, with the ports of each that may be used.
public struct PoolEntry: Sendable, Hashable {
    /// The addresses, both ends included.
    public var addresses: ClosedRange<IPv4Address>
    /// The TCP and UDP ports and ICMP identifiers of each address, both ends included.
    public var ports: ClosedRange<Port>
    /// Whether the addresses are the host's own, so that only traffic of our sessions is ours.
    public var sharedWithHost: Bool
    /// Whether the addresses are for clients whose ports are computed (RFC 7422), and for nobody else.
    public var isComputed: Bool

    /// Describes a range.
    public init(
        addresses: ClosedRange<IPv4Address>,
        ports: ClosedRange<Port> = PoolEntry.usualPorts,
        sharedWithHost: Bool = false,
        isComputed: Bool = false
    ) {
        self.isComputed = isComputed
        self.addresses = addresses
        self.ports = ports
        self.sharedWithHost = sharedWithHost
    }

    /// The ports of an address that is ours alone: 1024 to 65535.
    public static let usualPorts = Port(1024)...Port(65535)
    /// The ports of an address that is the host's as well: 61440 to 65535, above those the kernel gives out by itself.
    public static let sharedPorts = Port(61440)...Port(65535)
}

/// Which outside hosts may send to a binding, per protocol: RFC 6146 section 1.2.3.
public struct Filtering: Sendable, Hashable {
    /// For UDP.
    public var udp = Rule.addressDependent
    /// For TCP.
    public var tcp = Rule.addressDependent
    /// For ICMP queries, which have no port of the peer: the last two rules mean the same.
    public var icmp = Rule.addressDependent
    /// Whether TCP connections may be opened from the IPv4 side at all, as far as the rule lets them; if not, such a
    /// SYN is dropped in silence (RFC 6146 section 3.5.2.2, CLOSED).
    public var admitsConnectionsFromOutside = true

    /// Takes the default: address-dependent for each.
    public init() {}

    /// The same rule for every protocol.
    public init(_ rule: Rule) {
        udp = rule
        tcp = rule
        icmp = rule
    }

    /// Who may send to a binding.
    public enum Rule: UInt8, Sendable, Hashable, CaseIterable {
        /// Everyone.
        case endpointIndependent
        /// Hosts the client has sent to, from any of their ports.
        case addressDependent
        /// Hosts the client has sent to, from the port it has sent to.
        case addressAndPortDependent
    }
}

/// What one client network may take: RFC 6888, requirements 4 and 5. Zero means no limit.
///
/// There is none by default, because a /64 is often everybody there is.
public struct Limits: Sendable, Hashable {
    /// How many bits of its address name the network of a client, 1 to 128. Clients of one network also share one
    /// pool address (RFC 6888, requirement 2).
    public var clientLength = 64
    /// Sessions of a network, all protocols together.
    public var sessionsPerClient = 0
    /// Sessions of a binding that is not static. Static ones are there for many to reach, and are bounded by
    /// ``sessionsPerClient`` alone.
    public var sessionsPerBinding = 0
    /// Ports and identifiers of a network, all protocols together.
    public var portsPerClient = 0
    /// Blocks of ports of a network, where ``NAT64Settings/portBlockSize`` is set.
    public var portBlocksPerClient = 8
    /// Bindings a network may make within a second.
    public var newBindingsPerSecond = 0
    /// How many of a hundred ports are kept for networks that have none yet, so that a few busy ones cannot take the
    /// last: of all ports of the pool if a network may go on with other addresses, else of those of each address.
    public var portsForNewClients = 0
    /// Whether a network whose pool address has no port left goes on with other addresses of the pool. RFC 7857
    /// section 4 would rather have it refused, unless the operator allows it; we allow it unless the operator forbids
    /// it, because to an IPv6-only host a second address is a lesser evil than no internet.
    public var spillsToOtherAddresses = true

    /// Takes the defaults.
    public init() {}

    /// How much of a limit on sessions those may take that hosts outside begin, so that nobody out there can shut a
    /// client in by sending to its open ports: a quarter is the client's, and one at least where there are two.
    static func outsidePart(of limit: Int) -> Int { limit - max(limit / 4, limit > 1 ? 1 : 0) }

    /// The highest value of ``sessionsPerClient``, ``sessionsPerBinding`` and ``portsPerClient``.
    public static let most = 1_000_000
    /// The highest value of ``portsForNewClients``.
    public static let mostPortsForNewClients = 50
}
