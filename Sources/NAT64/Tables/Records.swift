public import IPAddressing
public import Timing

/// A session as it is shown: RFC 6146 section 3.2.
public struct SessionRecord: Hashable, Sendable {
    /// The protocol.
    public var transport: TransportProtocol
    /// The client: (X',x).
    public var client: TransportAddress6
    /// The number of the prefix under which the client reaches the peer.
    public var prefix: UInt8
    /// The peer: (Z,z); for ICMP queries the port is 0.
    public var peer: TransportAddress4
    /// What stands for the client: (T,t).
    public var external: TransportAddress4
    /// The state of a TCP session; nothing for the other protocols.
    public var state: TCPState?
    /// How long it lives if no packet comes.
    public var remaining: Moment.Span
}

/// A binding as it is shown: RFC 6146 section 3.1.
public struct BindingRecord: Hashable, Sendable {
    /// The protocol.
    public var transport: TransportProtocol
    /// The client: (X',x).
    public var client: TransportAddress6
    /// What stands for it: (T,t).
    public var external: TransportAddress4
    /// How many sessions it has.
    public var sessions: Int
    /// Whether the operator wrote it down.
    public var isStatic: Bool
}

/// How far a listing of the tables has come.
///
/// What is made or ended between two slices may be seen or not; what lives throughout is seen exactly once.
public struct TableCursor: Hashable, Sendable, RawRepresentable {
    /// The place as a number, to be handed out and taken back.
    public var rawValue: UInt64

    /// Takes a place back. Any number is a place; one past the end lists nothing.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The beginning.
    public static let start = TableCursor(rawValue: 0)

    /// Which of the two kinds of slots, and the slot.
    init(further: Bool, slot: UInt32) { rawValue = (further ? 1 << 32 : 0) | UInt64(slot) }
    var isFurther: Bool { rawValue >> 32 != 0 }
    var slot: UInt32 { UInt32(truncatingIfNeeded: rawValue) }
}

/// What the tables hold, and have held.
public struct TableTotals: Hashable, Sendable {
    /// Entries by protocol.
    public struct ByTransport: Hashable, Sendable {
        /// Of UDP.
        public var udp = 0
        /// Of TCP.
        public var tcp = 0
        /// Of ICMP queries.
        public var icmp = 0
        /// Of all.
        public var all: Int { udp + tcp + icmp }
    }

    /// Bindings.
    public var bindings = ByTransport()
    /// Bindings among them that the operator wrote down.
    public var staticBindings = 0
    /// Sessions.
    public var sessions = ByTransport()
    /// SYNs from outside that wait for their client.
    public var heldSyns = 0
    /// Ports that belong to no binding any more and are kept from other clients for a while.
    public var heldPorts = 0
    /// Bindings whose port is overloaded: other clients have it too, towards other peers (RFC 7857 section 3).
    public var sharingBindings = 0
    /// Ports and identifiers in use or kept, of all protocols.
    public var portsInUse = 0
    /// Blocks of ports that client networks have.
    public var portBlocks = 0
    /// Blocks of ports there are; zero if none is given out.
    public var portBlocksInAll = 0
    /// Bindings made since the start.
    public var bindingsMade: UInt64 = 0
    /// Words looked at to find ports for bindings, since the start: a few for each, however full the pool is.
    public var portLooks: UInt64 = 0
    /// Sessions made since the start.
    public var sessionsMade: UInt64 = 0
    /// Sessions ended since the start.
    public var sessionsEnded: UInt64 = 0
    /// Times that a client network could not be held to its limits, because too many others were active.
    public var uncountedClients: UInt64 = 0
    /// Packets that had to wait for the lock of a shard, shard by shard.
    public var lockWaits = [UInt64](repeating: 0, count: Tables.shardCount)
    /// Bindings there is room for.
    public var maximumBindings = 0
}

/// How much of a range of the pool is in use.
public struct PoolUse: Hashable, Sendable {
    /// The addresses.
    public var addresses: ClosedRange<IPv4Address>
    /// The ports of each.
    public var ports: ClosedRange<Port>
    /// Whether the addresses are the host's as well.
    public var sharedWithHost: Bool
    /// Ports and identifiers in use or kept, of all addresses and protocols.
    public var portsInUse: Int
    /// Ports and identifiers there are, of all addresses and protocols.
    public var portsInAll: UInt64
    /// When the addresses were taken out of the pool, if they only wait for their last bindings to end.
    public var drainingSince: Moment?

    /// Whether they do.
    public var isDraining: Bool { drainingSince != nil }
}
