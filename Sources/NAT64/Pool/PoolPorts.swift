import IPAddressing

/// The ports that a range of the pool gives for each of its addresses.
///
/// Where ports may be overloaded, the last sixteenth is set aside for that: ``shared``. All else here is about the
/// others.
struct PoolPorts: Equatable {
    /// The first port, at least 1: port 0 is not used on the wire.
    let first: UInt16
    /// The last port that one client has for itself.
    let last: UInt16
    /// How many ports follow that several clients may have at once.
    let sharedCount: Int
    private let blocks: [16 of UInt64]

    /// - Parameter sharing: Whether a sixteenth is set aside for overloading. A single port is not.
    init(_ ports: ClosedRange<Port>, sharing: Bool = false) {
        let first = max(ports.lowerBound.number, 1)
        let end = max(ports.upperBound.number, first)
        let count = Int(end - first) + 1
        sharedCount = sharing && count > 1 ? max(count / 16, 1) : 0
        self.first = first
        last = end - UInt16(sharedCount)
        var blocks: [16 of UInt64] = .init(repeating: 0)
        for block in Int(first) >> 6...Int(last) >> 6 { blocks[(block & 63) >> 2] |= 1 << PortSpace.lane(of: block) }
        self.blocks = blocks
    }

    /// How many ports there are.
    @inline(__always)
    var count: Int { Int(last) - Int(first) + 1 }

    /// The first of the ports that several clients may have at once, if ``sharedCount`` is not zero.
    @inline(__always)
    var firstShared: UInt16 { last &+ 1 }

    /// The last port of all.
    @inline(__always)
    var end: UInt16 { last &+ UInt16(truncatingIfNeeded: sharedCount) }

    /// The blocks, in the order of ``PortSpace``'s summary, that hold a port of the range.
    @inline(__always)
    func blocks(_ word: Int) -> UInt64 { blocks[word & 15] }

    /// The ports of a block that belong to the range.
    @inline(__always)
    func usable(inBlock block: Int) -> UInt64 {
        var bits: UInt64 = ~0
        if block == Int(first) >> 6 { bits &= ~0 << UInt64(first & 63) }
        if block == Int(last) >> 6 { bits &= ~0 >> UInt64(63 - (last & 63)) }
        return block < Int(first) >> 6 || block > Int(last) >> 6 ? 0 : bits
    }

    static func == (left: PoolPorts, right: PoolPorts) -> Bool {
        left.first == right.first && left.last == right.last && left.sharedCount == right.sharedCount
    }
}
