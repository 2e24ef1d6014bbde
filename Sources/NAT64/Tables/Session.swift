import IPAddressing

/// A session table entry (RFC 6146 section 3.2), 32 octets. The client and the external address are its binding's.
///
/// The same layout serves the two kinds of record that stand beside further sessions; see ``Kind``.
struct Session {
    /// What a record is.
    enum Kind: UInt8 {
        /// Not in use; all zero octets mean this.
        case free
        /// A session of a binding.
        case session
        /// A count of the further sessions of one binding with one peer address, so that address-dependent filtering
        /// asks one question however many sessions there are.
        case peerAddress
        /// A session without a binding: a SYN from the IPv4 side that waits for a client, at a port that has none or
        /// that filtering keeps it from (RFC 6146 section 3.5.2.2, CLOSED).
        case unbound
    }

    /// The peer's address: Z.
    var peer: IPv4Address
    /// The peer's port: z.
    var peerPort: Port
    /// The number of the prefix the client reaches the peer under: see ``PrefixList``.
    var prefix: UInt8
    /// The state of a TCP session; CLOSED for the other protocols.
    var state: TCPState
    /// When the lifetime began that runs now.
    var refreshed: Tick
    /// Which lifetime runs.
    var lifetime: LifetimeClass
    /// What the record is.
    var kind: Kind
    /// The bucket of the expiry wheel it hangs in.
    var bucket: UInt16
    /// The neighbours in that bucket.
    var previous: SessionID
    var next: SessionID
    /// The binding of a further session; the external address of one without a binding; how many further sessions
    /// there are in the record of the binding's first.
    var owner: UInt32
    /// How many sessions a ``Kind/peerAddress`` stands for; the external port of an ``Kind/unbound``; the next free
    /// slot of a free one.
    var extra: UInt32

    /// The first session of a binding that has none yet.
    static var empty: Session {
        Session(
            peer: IPv4Address(bits: 0),
            peerPort: Port(0),
            prefix: 0,
            state: .closed,
            refreshed: Tick(count: 0),
            lifetime: .none,
            kind: .free,
            bucket: 0,
            previous: .none,
            next: .none,
            owner: 0,
            extra: 0
        )
    }

    /// The peer's transport address: (Z,z).
    var peerAddress: TransportAddress4 { TransportAddress4(peer, peerPort) }

    /// Whether this is the session with this peer.
    @inline(__always)
    func isWith(_ other: TransportAddress4) -> Bool {
        peer == other.address && peerPort == other.port && kind == .session
    }
}

/// Names a session inside its shard: the first session of the binding with this number, or a further one.
struct SessionID: Equatable {
    /// Zero is none; else twice the number plus two, plus one for a further session.
    var raw: UInt32

    @inline(__always) init(raw: UInt32) { self.raw = raw }
    @inline(__always) init(firstOf binding: BindingID) { raw = (binding.index &+ 1) << 1 }
    @inline(__always) init(further index: UInt32) { raw = (index &+ 1) << 1 | 1 }

    @inline(__always) static var none: SessionID { SessionID(raw: 0) }
    @inline(__always) var isFurther: Bool { raw & 1 == 1 }
    @inline(__always) var index: UInt32 { raw >> 1 &- 1 }
}
