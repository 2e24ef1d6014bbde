public import IPAddressing
public import Timing

/// A session as it is shown: RFC 6146 section 3.2.
public struct SessionRecord: Hashable, Sendable {
    /// The protocol.
    public var transport: TransportProtocol
    /// The client: (X',x).
    public var client: TransportAddress6
    /// The prefix under which the client reaches the peer, as an index into `Policy.prefixes`.
    public var prefix: UInt8
    /// The peer: (Z,z); for ICMP queries the port is 0.
    public var peer: TransportAddress4
    /// What stands for the client: (T,t).
    public var external: TransportAddress4
    /// The state of a TCP session; nothing for the other protocols.
    public var state: TCPState?
    /// How long it lives if no packet comes.
    public var remaining: Moment.Span
    /// How long ago a packet started its lifetime.
    public var idle: Moment.Span
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

    /// The shard, which half of its slots, and the slot.
    init(shard: Int, further: Bool, slot: UInt32) {
        rawValue = UInt64(shard) << 33 | (further ? 1 << 32 : 0) | UInt64(slot)
    }
    var shard: Int { Int(min(rawValue >> 33, 64)) }
    var isFurther: Bool { rawValue >> 32 & 1 == 1 }
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
    /// Sessions.
    public var sessions = ByTransport()
    /// SYNs from outside that wait for their client.
    public var heldSyns = 0
    /// Ports that belong to no binding any more and are kept from other clients for a while.
    public var heldPorts = 0
    /// Ports and identifiers in use or kept, of all protocols.
    public var portsInUse = 0
    /// Ports and identifiers there are, of all protocols.
    public var ports: UInt64 = 0
    /// Bindings made since the start.
    public var bindingsMade: UInt64 = 0
    /// Sessions made since the start.
    public var sessionsMade: UInt64 = 0
    /// Sessions ended since the start.
    public var sessionsEnded: UInt64 = 0
    /// The most sessions there have been, as seen four times a second.
    public var mostSessions = 0
    /// Packets that had to wait for the lock of a shard.
    public var lockWaits: UInt64 = 0
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
}
