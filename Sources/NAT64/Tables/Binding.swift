import IPAddressing

/// A BIB entry (RFC 6146 section 3.1) with its first session: one cache line, so that a packet of a binding's first
/// session touches the index and this.
struct Binding {
    /// What a slot holds.
    enum Standing: UInt8 {
        /// Nothing; all zero octets mean this.
        case free
        /// A binding with sessions.
        case live
        /// A binding without sessions whose port is kept from other clients for a while (RFC 6888, requirement 8).
        /// Its own client gets it back.
        case held
        /// A binding that the operator wrote down (RFC 6146 section 3.1): it stays without sessions.
        case fixed
        /// A binding that was taken away and that no packet finds any more; it goes with the last of its sessions.
        case ending
        /// As ``ending``, of a binding that the operator had written down.
        case endingFixed
    }

    /// The client's address: X'.
    var client: IPv6Address
    /// The client's port, or the identifier of its ICMP queries: x.
    var clientPort: Port
    /// The protocol whose BIB this is in.
    var transport: TransportProtocol
    /// What the slot holds.
    var standing: Standing
    /// The external address: T.
    var external: IPv4Address
    /// The external port or identifier: t.
    var externalPort: Port
    /// The number of the external address in the pool; ``noPoolAddress`` if the port is not this binding's alone.
    var poolAddress: UInt16
    /// The part of the client's hash that the index knows it by.
    var hash: UInt32
    /// The first session, which may be gone while others live.
    var session: Session

    /// How many sessions it has; no SYN that waits for its client is among them.
    @inline(__always)
    var sessionCount: Int { Int(session.owner) &+ (session.kind == .session ? 1 : 0) }

    /// Whether packets make sessions of it.
    @inline(__always)
    var isLive: Bool { standing == .live || standing == .fixed }

    /// Whether no packet finds it any more.
    @inline(__always)
    var isEnding: Bool { standing == .ending || standing == .endingFixed }

    /// The number of an external address whose port is overloaded, so that it is not this binding's alone.
    static let noPoolAddress = Int(UInt16.max)

    /// Whether other clients have the external port too, towards other peers (RFC 7857 section 3).
    @inline(__always)
    var sharesPort: Bool { poolAddress == .max }

    /// (X',x).
    var clientAddress: TransportAddress6 { TransportAddress6(client, clientPort) }
    /// (T,t).
    @inline(__always)
    var externalAddress: TransportAddress4 { TransportAddress4(external, externalPort) }

    /// Whether this is the binding of this client.
    @inline(__always)
    func belongs(to other: TransportAddress6, _ protocol: TransportProtocol) -> Bool {
        client == other.address && clientPort == other.port && transport == `protocol`
    }
}

/// Names a binding inside its shard.
struct BindingID: Equatable {
    var index: UInt32
    @inline(__always) init(_ index: UInt32) { self.index = index }
}
