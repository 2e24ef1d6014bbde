import IPAddressing
import Synchronization

/// The ports of one pool address for one protocol: a mask of used ports for each block of 64.
///
/// Block b is at home in shard b mod 64, so that an inward packet's shard follows from its port alone. A shard that has
/// no fitting port at home takes one out of another's blocks, until the last. Whoever takes a port does so by an atomic
/// exchange, because two shards may reach for the same mask.
@safe
struct PortSpace {
    /// Octets that a space takes; all zero means that every port is free.
    static let octets = 64 + 128 + 64 * 16 * 8

    private let base: UnsafeMutableRawPointer

    @unsafe @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// How many ports are in use or held.
    @inline(__always)
    var used: Int { Int(unsafe total.pointee.load(ordering: .relaxed)) }

    /// Takes a free port.
    ///
    /// - Parameters:
    ///   - ports: The ports there are.
    ///   - shard: The shard that wants one; its own blocks are looked at first.
    ///   - wanted: The client's own port.
    ///   - choice: A keyed hash, of which bits 6 to 63 decide which port is tried first.
    /// - Returns: The port; nothing if none is free.
    func take(
        from ports: borrowing PoolPorts,
        for shard: Int,
        _ transport: TransportProtocol,
        like wanted: Port,
        choice: UInt64
    ) -> Port? {
        guard used < ports.count else { return nil }
        var attempt = 0
        while let portClass = PortClass(attempt: attempt, transport, like: wanted) {
            if let port = take(from: ports, atHomeIn: shard, portClass, choice) { return port }
            let first = Int(truncatingIfNeeded: choice >> 32)
            for step in 0..<64 {
                let other = (first &+ step) & 63
                guard other != shard,
                    unsafe usedAtHome(in: other).pointee.load(ordering: .relaxed) < ports.count(atHomeIn: other)
                else { continue }
                if let port = take(from: ports, atHomeIn: other, portClass, choice) { return port }
            }
            attempt += 1
        }
        return nil
    }

    /// Gives a port back.
    func give(back port: Port) {
        let block = Int(port.number >> 6)
        let bit: UInt64 = 1 << UInt64(port.number & 63)
        let (old, _) = unsafe mask(block & 63, block >> 6).pointee.bitwiseAnd(~bit, ordering: .releasing)
        assert(old & bit != 0, "a port was given back twice")
        unsafe usedAtHome(in: block & 63).pointee.wrappingSubtract(1, ordering: .relaxed)
        unsafe total.pointee.wrappingSubtract(1, ordering: .relaxed)
    }

    /// Whether a port is in use or held.
    func isUsed(_ port: Port) -> Bool {
        let block = Int(port.number >> 6)
        return unsafe mask(block & 63, block >> 6).pointee.load(ordering: .relaxed) >> UInt64(port.number & 63) & 1 == 1
    }

    private func take(
        from ports: borrowing PoolPorts,
        atHomeIn shard: Int,
        _ portClass: PortClass,
        _ choice: UInt64
    ) -> Port? {
        // Shifting keeps the sign, so that a shard without a block in the class gets an empty range of rows.
        let low = (max(portClass.firstBlock, ports.firstBlock) - shard + 63) >> 6
        let high = (min(portClass.lastBlock, ports.lastBlock) - shard) >> 6
        guard low <= high else { return nil }
        let count = high - low + 1
        var row = low + (Int(choice >> 6 & 0x3FF) * count) >> 10
        let start = choice >> 16 & 63
        for _ in 0..<count {
            let word = unsafe mask(shard, row)
            let candidates = portClass.bits & ports.usable(inBlock: row << 6 | shard)
            var taken = unsafe word.pointee.load(ordering: .relaxed)
            while ~taken & candidates != 0 {
                let free = ~taken & candidates
                let turned = free >> start | free << ((64 - start) & 63)
                let bit = (UInt64(turned.trailingZeroBitCount) + start) & 63
                let (exchanged, original) = unsafe word.pointee.compareExchange(
                    expected: taken,
                    desired: taken | 1 << bit,
                    ordering: .acquiringAndReleasing
                )
                if exchanged {
                    unsafe usedAtHome(in: shard).pointee.wrappingAdd(1, ordering: .relaxed)
                    unsafe total.pointee.wrappingAdd(1, ordering: .relaxed)
                    return Port(UInt16(row << 12 | shard << 6 | Int(bit)))
                }
                taken = original
            }
            row = row == high ? low : row + 1
        }
        return nil
    }

    private var total: UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt32>.self)
    }

    private func usedAtHome(in shard: Int) -> UnsafeMutablePointer<Atomic<UInt16>> {
        unsafe (base + 64).assumingMemoryBound(to: Atomic<UInt16>.self) + shard
    }

    private func mask(_ shard: Int, _ row: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe (base + 192).assumingMemoryBound(to: Atomic<UInt64>.self) + (shard << 4 | row)
    }
}
