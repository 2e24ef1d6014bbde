import Synchronization

// What is in use of addresses of the pool and yet none of what clients are given: ports that a static binding has, or that
// a change of the pool has left behind, outside of the range; blocks of addresses that drain, and blocks outside of the range.
extension Pool {
    /// What is known of it, and where there may be more.
    struct Outside: ~Copyable {
        /// Addresses that may have such ports or blocks, by their numbers.
        let numbers = Mutex<Set<Int>>([])
        /// How many ports, by protocol.
        let ports: [3 of Atomic<UInt64>] = InlineArray { _ in Atomic<UInt64>(0) }
        /// How many blocks.
        let blocks = Atomic<Int>(0)
    }

    /// How many ports of all addresses that clients are given, those that drain aside, are in use or held for a protocol.
    func inUseOfRanges(_ transport: TransportProtocol) -> UInt64 {
        let (all, left) = (inUse(transport), outside.ports[Int(transport.rawValue)].load(ordering: .relaxed))
        return all > left ? all - left : 0
    }

    /// The same of one address.
    func inUseOfRange(_ place: PoolPlace, of layout: PoolLayout, _ transport: TransportProtocol) -> UInt64 {
        let space = space(place.number, transport)
        guard outside.ports[Int(transport.rawValue)].load(ordering: .relaxed) > 0 else { return UInt64(space.used) }
        return layout.withRange(at: place.range) { UInt64(max(space.used - space.used(outside: $0.ports), 0)) }
    }

    /// How many blocks are taken of those that clients who share the pool are given.
    var blocksOfRanges: Int { blocks.countOfPool - outside.blocks.load(ordering: .relaxed) }

    /// Says that an address may have ports or blocks in use outside of its range.
    func mayHaveOutside(_ number: Int) { outside.numbers.withLock { _ = $0.insert(number) } }

    /// Counts anew what is in use outside of the ranges: after each change, and every second, because it becomes less. For
    /// whoever changes the pool.
    ///
    /// - Parameter blockSize: How many ports a block has; zero if the pool is not cut into blocks.
    func countOutside(blockSize: Int) {
        let layout = layout
        var counts: [3 of UInt64] = .init(repeating: 0)
        var blockCount = 0
        outside.numbers.withLock { numbers in
            for number in numbers {
                guard let place = layout.place(ofNumber: number), !layout.withRange(at: place.range, \.isComputed)
                else {
                    numbers.remove(number)
                    continue
                }
                layout.withRange(at: place.range) { range in
                    var isAny = false
                    for transport in TransportProtocol.allCases {
                        let count = UInt64(space(number, transport).used(outside: range.ports))
                        counts[Int(transport.rawValue)] += count
                        isAny = isAny || count > 0
                    }
                    if blockSize > 0 {
                        let places = Tables.BlockCut(range.ports, size: blockSize).places
                        let count = blocks.taken(number) - blocks.taken(number, of: places)
                        blockCount += count
                        isAny = isAny || count > 0
                    }
                    if !isAny { numbers.remove(number) }
                }
            }
        }
        if blockSize > 0, layout.isDraining {
            for range in layout.all where range.isDraining {
                for number in range.numbers { blockCount += blocks.taken(number) }
            }
        }
        for index in 0..<3 { outside.ports[index].store(counts[index], ordering: .relaxed) }
        outside.blocks.store(blockCount, ordering: .relaxed)
    }
}
