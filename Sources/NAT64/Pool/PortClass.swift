import IPAddressing

/// Ports that are equally good for a client, as blocks and as bits of each block's mask.
struct PortClass {
    /// The first block of 64 ports.
    let firstBlock: Int
    /// The last block of 64 ports.
    let lastBlock: Int
    /// Which ports of each block.
    let bits: UInt64

    /// The class to look in at the n-th attempt for a client that uses a port; nothing after the last.
    ///
    /// RFC 6146 sections 3.5.1.1 and 3.5.2.3: the port stays below 1024 or above where it can, and UDP keeps its parity
    /// as well (RFC 4787, requirements 3 and 4). Any identifier is as good as another for ICMP queries (section 3.5.3).
    @inline(__always)
    init?(attempt: Int, _ transport: TransportProtocol, like wanted: Port) {
        var attempt = attempt
        if transport == .tcp { attempt += 1 }
        if transport == .icmpQuery { attempt += 2 }
        guard attempt < 3 else { return nil }
        let isLow = wanted.number < 1024
        firstBlock = attempt == 2 || isLow ? 0 : 16
        lastBlock = attempt < 2 && isLow ? 15 : 1023
        let parity: UInt64 = wanted.number & 1 == 0 ? 0x5555_5555_5555_5555 : 0xAAAA_AAAA_AAAA_AAAA
        bits = attempt == 0 ? parity : ~0
    }
}

/// The ports that a range of the pool gives for each of its addresses.
struct PoolPorts {
    /// The first port, at least 1: port 0 is not used on the wire.
    let first: UInt16
    /// The last port.
    let last: UInt16
    private let atHome: [64 of UInt16]

    init(_ ports: ClosedRange<Port>) {
        let first = max(ports.lowerBound.number, 1)
        let last = max(ports.upperBound.number, first)
        self.first = first
        self.last = last
        var atHome: [64 of UInt16] = .init(repeating: 0)
        for block in Int(first) >> 6...Int(last) >> 6 {
            atHome[block & 63] += UInt16(Self.usable(first, last, block).nonzeroBitCount)
        }
        self.atHome = atHome
    }

    /// How many ports there are.
    @inline(__always)
    var count: Int { Int(last) - Int(first) + 1 }
    @inline(__always)
    var firstBlock: Int { Int(first) >> 6 }
    @inline(__always)
    var lastBlock: Int { Int(last) >> 6 }

    /// How many of them are at home in a shard.
    @inline(__always)
    func count(atHomeIn shard: Int) -> UInt16 { atHome[shard] }

    /// The ports of a block that belong to the range.
    @inline(__always)
    func usable(inBlock block: Int) -> UInt64 { Self.usable(first, last, block) }

    @inline(__always)
    private static func usable(_ first: UInt16, _ last: UInt16, _ block: Int) -> UInt64 {
        var bits: UInt64 = ~0
        if block == Int(first) >> 6 { bits &= ~0 << UInt64(first & 63) }
        if block == Int(last) >> 6 { bits &= ~0 >> UInt64(63 - (last & 63)) }
        return block < Int(first) >> 6 || block > Int(last) >> 6 ? 0 : bits
    }
}
