import CPrefetch
import IPAddressing
import Synchronization

/// The ports of one pool address for one protocol: a mask of used ports for each block of 64, and a summary of the
/// blocks that are full.
///
/// Block b is at home in shard b mod 64, so that an inward packet's shard follows from its port alone. A shard that has
/// no fitting port at home takes one out of another's blocks, until the last. Whoever takes a port does so by an atomic
/// exchange, because two shards may reach for the same mask.
///
/// The summary has a bit for each block whose even ports are all used, and one for its odd ports, so that a port is
/// found, or none, by looking at a few words however full the address is. Who sets a bit looks at the block again
/// afterwards, and who gives a port back looks at the bit afterwards; so no bit stays set over a free port. A bit that
/// is missing costs a look in vain.
@safe
struct PortSpace {
    /// Octets that a space takes; all zero means that every port is free.
    static let octets = 64 + 2 * 128 + 1024 * 8
    /// The even ports of a block.
    static let even: UInt64 = 0x5555_5555_5555_5555
    /// The odd ports of a block.
    static let odd: UInt64 = 0xAAAA_AAAA_AAAA_AAAA
    private static let retiredMark: UInt32 = 1 << 31

    private let base: UnsafeMutableRawPointer

    @unsafe @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// The bit of a block in its word of the summary. A word has the 16 blocks of each of four shards.
    @inline(__always)
    static func lane(of block: Int) -> UInt64 { UInt64((block & 3) << 4 | block >> 6) }

    // MARK: Counts

    /// How many ports are in use or held.
    @inline(__always)
    var used: Int { Int(unsafe total.pointee.load(ordering: .relaxed) & ~Self.retiredMark) }

    /// Whether the space is out of service.
    var isRetired: Bool { unsafe total.pointee.load(ordering: .relaxed) & Self.retiredMark != 0 }

    /// Takes the space out of service, or into it again. No port may be taken while it is out.
    ///
    /// - Returns: How many ports are in use or held.
    func setRetired(_ isRetired: Bool) -> Int {
        let old =
            unsafe isRetired
            ? total.pointee.bitwiseOr(Self.retiredMark, ordering: .sequentiallyConsistent).oldValue
            : total.pointee.bitwiseAnd(~Self.retiredMark, ordering: .sequentiallyConsistent).oldValue
        return Int(old & ~Self.retiredMark)
    }

    // MARK: Taking and giving back

    /// Takes a free port.
    ///
    /// - Parameters:
    ///   - ports: The ports to choose from: those of the pool's range, or fewer.
    ///   - shard: The shard that wants one; its own blocks are looked at first.
    ///   - wanted: The client's own port.
    ///   - choice: A keyed hash, of which bits 6 to 63 decide which port is tried first.
    ///   - looks: Counts the words of masks and summary that were looked at.
    /// - Returns: The port; nothing if none is free.
    func take(
        from ports: borrowing PoolPorts,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64,
        looks: inout Int
    ) -> Port? {
        var attempt = 0
        while let portClass = PortClass(attempt: attempt, transport, like: wanted) {
            let home = Self.home(of: shard)
            let (all, first) = Self.atHome(shard, in: ports, portClass, choice)
            if let port = take(from: ports, portClass, all, shard >> 2, first, choice, &looks) { return port }
            for step in 0..<16 {
                let word = (Int(truncatingIfNeeded: choice >> 32) &+ step) & 15
                let others = ports.blocks(word) & portClass.blocks(word) & ~(word == shard >> 2 ? home : 0)
                let first = choice >> 36 & 63
                if let port = take(from: ports, portClass, others, word, first, choice, &looks) { return port }
            }
            attempt += 1
        }
        return nil
    }

    /// Takes a free port of one block.
    ///
    /// - Parameters:
    ///   - port: One of the block, as ``prefetchFirst(of:for:_:like:choice:)`` says it for the same client.
    ///   - choice: The same as there.
    /// - Returns: The port that ``take(from:for:_:like:choice:looks:)`` tries first, or the next of the block that suits
    ///   the client as well; nothing if the block has none.
    @inline(__always)
    func take(
        near port: Port,
        from ports: borrowing PoolPorts,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64
    ) -> Port? {
        guard let portClass = PortClass(attempt: 0, transport, like: wanted) else { return nil }
        let block = Int(port.number >> 6)
        return take(from: ports, portClass, (block & 63) >> 2, Self.lane(of: block), choice)
    }

    /// The blocks of a shard in its word of the summary.
    @inline(__always)
    private static func home(of shard: Int) -> UInt64 { 0xFFFF << UInt64((shard & 3) << 4) }

    /// The blocks of a shard that hold ports of a class, and the place of the one to try first. Those that belong to a
    /// range lie side by side in the shard's part of the word.
    @inline(__always)
    private static func atHome(
        _ shard: Int,
        in ports: borrowing PoolPorts,
        _ portClass: PortClass,
        _ choice: UInt64
    ) -> (blocks: UInt64, first: UInt64) {
        let blocks = ports.blocks(shard >> 2) & portClass.blocks(shard >> 2) & home(of: shard)
        let row = ((choice >> 6 & 0x3FF) &* UInt64(truncatingIfNeeded: blocks.nonzeroBitCount)) >> 10
        return (blocks, (UInt64(truncatingIfNeeded: blocks.trailingZeroBitCount) &+ row) & 63)
    }

    /// The port where ``take(from:for:_:like:choice:looks:)`` begins to look; asks for the cache line of its mask.
    @inline(__always)
    func prefetchFirst(
        of ports: borrowing PoolPorts,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64
    ) -> Port? {
        guard let portClass = PortClass(attempt: 0, transport, like: wanted) else { return nil }
        let (blocks, lane) = Self.atHome(shard, in: ports, portClass, choice)
        guard blocks != 0 else { return nil }
        let block = Self.block(shard >> 2, lane)
        unsafe cprefetch_line(mask(block))
        return Port(UInt16(truncatingIfNeeded: block << 6 | Int(choice >> 16 & 63)))
    }

    /// The block that has a bit in a word of the summary.
    @inline(__always)
    private static func block(_ word: Int, _ lane: UInt64) -> Int { Int(lane & 15) << 6 | word << 2 | Int(lane >> 4) }

    /// Takes a port of some blocks of a word of the summary, those from `first` on before the others.
    @inline(__always)
    private func take(
        from ports: borrowing PoolPorts,
        _ portClass: PortClass,
        _ blocks: UInt64,
        _ word: Int,
        _ first: UInt64,
        _ choice: UInt64,
        _ looks: inout Int
    ) -> Port? {
        guard blocks != 0 else { return nil }
        let (even, odd) = unsafe (
            summary(word).pointee.load(ordering: .relaxed), summary(word + 16).pointee.load(ordering: .relaxed)
        )
        looks &+= 1
        var left = blocks & ~portClass.full(even: even, odd: odd)
        while left != 0 {
            let later = left & (~0 << first)
            let bit = UInt64(truncatingIfNeeded: (later != 0 ? later : left).trailingZeroBitCount)
            looks &+= 1
            if let port = take(from: ports, portClass, word, bit, choice) { return port }
            left &= ~(1 << bit)
        }
        return nil
    }

    /// Takes a port of a block.
    @inline(__always)
    private func take(
        from ports: borrowing PoolPorts,
        _ portClass: PortClass,
        _ word: Int,
        _ lane: UInt64,
        _ choice: UInt64
    ) -> Port? {
        let block = Self.block(word, lane)
        let start = choice >> 16 & 63
        let mask = unsafe mask(block)
        let candidates = portClass.bits & ports.usable(inBlock: block)
        var taken = unsafe mask.pointee.load(ordering: .relaxed)
        while true {
            let free = ~taken & candidates
            guard free != 0 else {
                unsafe note(taken, word, lane, mask)
                return nil
            }
            let turned = free >> start | free << ((64 - start) & 63)
            let bit = (UInt64(truncatingIfNeeded: turned.trailingZeroBitCount) &+ start) & 63
            let (exchanged, original) = unsafe mask.pointee.compareExchange(
                expected: taken,
                desired: taken | 1 << bit,
                ordering: .sequentiallyConsistent
            )
            if exchanged {
                unsafe total.pointee.wrappingAdd(1, ordering: .relaxed)
                unsafe note(taken | 1 << bit, word, lane, mask)
                return Port(UInt16(truncatingIfNeeded: block << 6 | Int(bit)))
            }
            taken = original
        }
    }

    /// Takes a certain port, whatever range it is in.
    ///
    /// - Returns: Whether it was free.
    func take(_ port: Port) -> Bool {
        let block = Int(port.number >> 6)
        let bit: UInt64 = 1 << UInt64(port.number & 63)
        let mask = unsafe mask(block)
        let old = unsafe mask.pointee.bitwiseOr(bit, ordering: .sequentiallyConsistent).oldValue
        guard old & bit == 0 else { return false }
        unsafe total.pointee.wrappingAdd(1, ordering: .relaxed)
        unsafe note(old | bit, (block & 63) >> 2, Self.lane(of: block), mask)
        return true
    }

    /// Gives a port back.
    ///
    /// - Returns: Whether the space is in service.
    @discardableResult
    func give(back port: Port) -> Bool {
        let block = Int(port.number >> 6)
        let bit: UInt64 = 1 << UInt64(port.number & 63)
        let old = unsafe mask(block).pointee.bitwiseAnd(~bit, ordering: .sequentiallyConsistent).oldValue
        assert(old & bit != 0, "a port was given back twice")
        let lane: UInt64 = 1 << Self.lane(of: block)
        let full = unsafe summary((block & 63) >> 2 | Int(port.number & 1) << 4)
        if unsafe full.pointee.load(ordering: .sequentiallyConsistent) & lane != 0 {
            unsafe full.pointee.bitwiseAnd(~lane, ordering: .sequentiallyConsistent)
        }
        let before = unsafe total.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent).oldValue
        return before & Self.retiredMark == 0
    }

    /// Whether a port is in use or held.
    func isUsed(_ port: Port) -> Bool {
        unsafe mask(Int(port.number >> 6)).pointee.load(ordering: .relaxed) >> UInt64(port.number & 63) & 1 == 1
    }

    /// How many ports that are none of a range are in use.
    func used(outside ports: borrowing PoolPorts) -> Int {
        var count = 0
        for block in 0..<1024 {
            let taken = unsafe mask(block).pointee.load(ordering: .relaxed)
            count += (taken & ~ports.usable(inBlock: block)).nonzeroBitCount
        }
        return count
    }

    /// Whether one of these ports is free: for few of them.
    func hasFree(_ ports: ClosedRange<UInt16>) -> Bool {
        let (first, last) = (Int(ports.lowerBound), Int(ports.upperBound))
        for block in first >> 6...last >> 6 {
            var free = unsafe ~mask(block).pointee.load(ordering: .relaxed)
            if block == first >> 6 { free &= ~0 << UInt64(first & 63) }
            if block == last >> 6 { free &= ~0 >> UInt64(63 - (last & 63)) }
            if free != 0 { return true }
        }
        return false
    }

    /// Whether there is a free port of a range.
    func hasFree(_ ports: borrowing PoolPorts) -> Bool {
        for word in 0..<16 {
            let (even, odd) = unsafe (
                summary(word).pointee.load(ordering: .sequentiallyConsistent),
                summary(word + 16).pointee.load(ordering: .sequentiallyConsistent)
            )
            var left = ports.blocks(word) & ~(even & odd)
            while left != 0 {
                let lane = left.trailingZeroBitCount
                let block = (lane & 15) << 6 | word << 2 | lane >> 4
                let taken = unsafe mask(block).pointee.load(ordering: .sequentiallyConsistent)
                if ~taken & ports.usable(inBlock: block) != 0 { return true }
                left &= left &- 1
            }
        }
        return false
    }

    /// Takes note in the summary of a block whose even or odd ports are all used.
    @inline(__always)
    private func note(_ taken: UInt64, _ word: Int, _ lane: UInt64, _ mask: UnsafeMutablePointer<Atomic<UInt64>>) {
        if taken & Self.even == Self.even { unsafe note(Self.even, summary(word), lane, mask) }
        if taken & Self.odd == Self.odd { unsafe note(Self.odd, summary(word + 16), lane, mask) }
    }

    @inline(never)
    private func note(
        _ kind: UInt64,
        _ full: UnsafeMutablePointer<Atomic<UInt64>>,
        _ lane: UInt64,
        _ mask: UnsafeMutablePointer<Atomic<UInt64>>
    ) {
        unsafe full.pointee.bitwiseOr(1 << lane, ordering: .sequentiallyConsistent)
        if unsafe mask.pointee.load(ordering: .sequentiallyConsistent) & kind != kind {
            unsafe full.pointee.bitwiseAnd(~(1 << lane), ordering: .sequentiallyConsistent)
        }
    }

    private var total: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    /// The summary: words 0 to 15 of even ports, 16 to 31 of odd ones.
    private func summary(_ word: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + 64).assumingMemoryBound(to: Atomic<UInt64>.self) + word
    }

    private func mask(_ block: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + 320).assumingMemoryBound(to: Atomic<UInt64>.self) + ((block & 63) << 4 | block >> 6)
    }
}
