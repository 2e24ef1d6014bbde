import IPAddressing
import PacketWire

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
struct OutwardFlow: Hashable {
    /// Which of the tables it belongs to.
    var transport: TransportProtocol
    /// Where it comes from: (X',x); for ICMP queries the port is the identifier.
    var client: TransportAddress6
    /// The number of the prefix its destination lies under.
    var prefix: UInt8
    /// Where it goes: (Z,z); for ICMP queries the port is 0.
    var peer: TransportAddress4
    /// SYN, FIN and RST of a TCP segment (ACK too, nobody minds); empty for the other protocols.
    var tcp: TCPFlags = []
}

/// A packet from the IPv4 side as the tables see it: (Z,z) to (T,t).
struct InwardFlow: Hashable {
    /// Which of the tables it belongs to.
    var transport: TransportProtocol
    /// Where it goes: (T,t); for ICMP queries the port is the identifier.
    var external: TransportAddress4
    /// Where it comes from: (Z,z); for ICMP queries the port is 0.
    var peer: TransportAddress4
    /// SYN, FIN and RST of a TCP segment, and ACK; empty for the other protocols.
    var tcp: TCPFlags = []
}

/// What the tables say to a packet from the IPv4 side that they do not refuse.
enum InwardResult: Hashable {
    /// Translate it to this client, under the prefix with this number.
    case client(TransportAddress6, prefix: UInt8)
    /// Keep a copy of the SYN: RFC 6146 section 3.5.2.2, state V4 INIT without a binding or with filtering.
    case hold
}

/// How an IPv4 address stands towards the pool.
enum PoolStanding {
    /// Not an address of the pool.
    case outside
    /// An address of the pool that nobody else uses.
    case own
    /// An address of the pool that is the host's as well: what belongs to no session goes back to the host.
    case shared
}
