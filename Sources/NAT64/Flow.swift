public import IPAddressing
public import PacketWire

/// The protocols a stateful NAT64 keeps tables for: RFC 6146 section 3.1.
@frozen
public enum TransportProtocol: UInt8, Sendable, CaseIterable {
    /// UDP.
    case udp
    /// TCP.
    case tcp
    /// ICMP echo request and reply, whose identifier stands where the others have a port.
    case icmpQuery
}

/// A packet from the IPv6 side as the tables see it: (X',x) to (Z,z) under a prefix.
@frozen
public struct OutwardFlow: Hashable, Sendable {
    /// Which of the tables it belongs to.
    public var transport: TransportProtocol
    /// Where it comes from: (X',x); for ICMP queries the port is the identifier.
    public var client: TransportAddress6
    /// The number of the prefix its destination lies under.
    public var prefix: UInt8
    /// Where it goes: (Z,z); for ICMP queries the port is 0.
    public var peer: TransportAddress4
    /// SYN, FIN and RST of a TCP segment (ACK too, nobody minds); empty for the other protocols.
    public var tcp: TCPFlags

    /// Describes a packet from the IPv6 side.
    @inlinable @inline(__always)
    public init(
        transport: TransportProtocol,
        client: TransportAddress6,
        prefix: UInt8,
        peer: TransportAddress4,
        tcp: TCPFlags = []
    ) {
        self.transport = transport
        self.client = client
        self.prefix = prefix
        self.peer = peer
        self.tcp = tcp
    }
}

/// A packet from the IPv4 side as the tables see it: (Z,z) to (T,t).
@frozen
public struct InwardFlow: Hashable, Sendable {
    /// Which of the tables it belongs to.
    public var transport: TransportProtocol
    /// Where it goes: (T,t); for ICMP queries the port is the identifier.
    public var external: TransportAddress4
    /// Where it comes from: (Z,z); for ICMP queries the port is 0.
    public var peer: TransportAddress4
    /// SYN, FIN and RST of a TCP segment; empty for the other protocols.
    public var tcp: TCPFlags

    /// Describes a packet from the IPv4 side.
    @inlinable @inline(__always)
    public init(
        transport: TransportProtocol,
        external: TransportAddress4,
        peer: TransportAddress4,
        tcp: TCPFlags = []
    ) {
        self.transport = transport
        self.external = external
        self.peer = peer
        self.tcp = tcp
    }
}

/// What the tables say to a packet from the IPv4 side that they do not refuse.
@frozen
public enum InwardResult: Hashable, Sendable {
    /// Translate it to this client, under the prefix with this number.
    case client(TransportAddress6, prefix: UInt8)
    /// Keep a copy of the SYN: RFC 6146 section 3.5.2.2, state V4 INIT without a binding or with filtering.
    case hold
}

/// How an IPv4 address stands towards the pool.
@frozen
public enum PoolStanding: UInt8, Sendable {
    /// Not an address of the pool.
    case outside
    /// An address of the pool that nobody else uses.
    case own
    /// An address of the pool that is the host's as well: what belongs to no session goes back to the host.
    case shared
}
