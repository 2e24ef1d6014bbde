public import IPAddressing
public import Timing

/// A block of ports of one pool address that a client network has, as it is told to people.
public struct PortBlock: Sendable, Hashable {
    /// The client network.
    public let client: IPv6Prefix
    /// The external address.
    public let address: IPv4Address
    /// The ports of the block, the network's for all protocols.
    public let ports: ClosedRange<Port>
    /// When it was taken.
    public let taken: Moment
}

/// What has become of a block of ports: what the log must say (RFC 6888 section 4, RFC 7422 section 2.3).
public struct PortBlockEvent: Sendable, Hashable {
    /// Whether it was taken; if not, it was given back.
    public let isTaken: Bool
    /// The block.
    public let block: PortBlock
    /// When it happened.
    public let moment: Moment
}

/// Names a block: an address of the pool by its number, and the block's place there.
struct PortBlockID: Equatable {
    let rawValue: UInt32

    static let none = PortBlockID(rawValue: 0)

    @inline(__always)
    init(rawValue: UInt32) { self.rawValue = rawValue }

    /// - Parameter place: From 0 to 1023.
    @inline(__always)
    init(_ number: Int, _ place: Int) { rawValue = UInt32(truncatingIfNeeded: number << 10 | place) &+ 1 }

    @inline(__always)
    var number: Int { Int(rawValue &- 1) >> 10 }
    @inline(__always)
    var place: Int { Int(rawValue &- 1) & 1023 }
}

/// What is kept of a block: 64 octets.
struct PortBlockRecord: BitwiseCopyable {
    /// The first address of the client network.
    var client: IPv6Address
    /// The keyed hash of the network.
    var network: UInt64
    /// When it was taken.
    var taken: Moment
    /// Since when none of its ports has been in use or held; to be believed while ``isSeenEmpty``.
    var emptied = Tick(count: 0)
    /// The external address.
    var address: IPv4Address
    /// The first port.
    var first: UInt16
    /// The last port.
    var last: UInt16
    /// How many ports of each protocol the network may have of it.
    var limit: UInt16
    /// How many it has.
    var udp: UInt16 = 0
    var tcp: UInt16 = 0
    var icmp: UInt16 = 0
    /// Whether nobody was told yet that it was taken.
    var isNew = true
    /// Whether none of its ports was in use or held at the last look, nor since.
    var isSeenEmpty = false
    /// Whether it stands in a line of those that may be empty.
    var isListed = false
    /// The next block of the bucket.
    var next = PortBlockID.none.rawValue
    /// The next one in the line it stands in.
    var nextInLine = PortBlockID.none.rawValue

    @inline(__always)
    var isEmpty: Bool { udp | tcp | icmp == 0 }

    /// How many ports of a protocol are in use or held.
    @inline(__always)
    subscript(_ transport: TransportProtocol) -> UInt16 {
        get {
            switch transport {
            case .udp: udp
            case .tcp: tcp
            case .icmpQuery: icmp
            }
        }
        set {
            switch transport {
            case .udp: udp = newValue
            case .tcp: tcp = newValue
            case .icmpQuery: icmp = newValue
            }
        }
    }
}
