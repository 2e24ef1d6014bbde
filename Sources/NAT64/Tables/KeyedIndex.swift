/// An open-addressing index from keyed hashes to slot numbers, in memory of its own.
///
/// Eight octets per place: the hash above, the number plus one below, zero when empty. Linear probing, at most five
/// eighths full, and removal moves later entries back, so that there are no tombstones and a miss ends soon. It doubles
/// when it is too full; moving all entries of a shard takes well under a millisecond, since the hash stands beside them.
@safe
struct KeyedIndex: ~Copyable {
    private var places: UnsafeMutablePointer<UInt64>
    private var mask: UInt32
    private(set) var count: UInt32 = 0
    private var memory: ReservedMemory

    /// Makes an empty index of 512 places.
    init() {
        memory = .mustReserve(512 * 8, for: "an index")
        unsafe places = memory.base.assumingMemoryBound(to: UInt64.self)
        mask = 511
    }

    /// How many places there are.
    var capacity: Int { Int(mask) + 1 }

    /// The number stored under this hash for which `matches` says yes.
    @inline(__always)
    borrowing func find(_ hash: UInt32, where matches: (UInt32) -> Bool) -> UInt32? {
        var place = hash & mask
        while true {
            let entry = unsafe places[Int(place)]
            if entry == 0 { return nil }
            if UInt32(truncatingIfNeeded: entry >> 32) == hash {
                let number = UInt32(truncatingIfNeeded: entry) &- 1
                if matches(number) { return number }
            }
            place = (place &+ 1) & mask
        }
    }

    /// Stores a number under a hash.
    ///
    /// - Returns: Whether there was room, or memory for more.
    mutating func insert(_ hash: UInt32, _ number: UInt32) -> Bool {
        if UInt64(count &+ 1) &* 8 > UInt64(mask &+ 1) &* 5, !grow() { return false }
        place(UInt64(hash) << 32 | UInt64(number &+ 1))
        count &+= 1
        return true
    }

    /// Forgets a number stored under a hash.
    mutating func remove(_ hash: UInt32, _ number: UInt32) {
        let entry = UInt64(hash) << 32 | UInt64(number &+ 1)
        var hole = hash & mask
        while unsafe places[Int(hole)] != entry {
            guard unsafe places[Int(hole)] != 0 else { return }
            hole = (hole &+ 1) & mask
        }
        var next = (hole &+ 1) & mask
        while true {
            let other = unsafe places[Int(next)]
            if other == 0 { break }
            let home = UInt32(truncatingIfNeeded: other >> 32) & mask
            if (next &- home) & mask >= (next &- hole) & mask {
                unsafe places[Int(hole)] = other
                hole = next
            }
            next = (next &+ 1) & mask
        }
        unsafe places[Int(hole)] = 0
        count &-= 1
    }

    /// The longest way from an entry's home to its place, and the sum of all, for tests of the hash.
    borrowing func probeLengths() -> (longest: Int, sum: Int) {
        var longest = 0
        var sum = 0
        for place in 0...mask {
            let entry = unsafe places[Int(place)]
            if entry == 0 { continue }
            let way = Int((place &- UInt32(truncatingIfNeeded: entry >> 32)) & mask)
            longest = max(longest, way)
            sum += way
        }
        return (longest, sum)
    }

    private mutating func place(_ entry: UInt64) {
        var place = UInt32(truncatingIfNeeded: entry >> 32) & mask
        while unsafe places[Int(place)] != 0 { place = (place &+ 1) & mask }
        unsafe places[Int(place)] = entry
    }

    // The one place that takes memory, as rarely as the table doubles; the check for allocations looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    private mutating func grow() -> Bool {
        guard mask < 1 << 30, let larger = ReservedMemory(count: capacity * 16) else { return false }
        let old = unsafe places
        let oldMask = mask
        unsafe places = larger.base.assumingMemoryBound(to: UInt64.self)
        mask = oldMask << 1 | 1
        for index in 0...oldMask {
            let entry = unsafe old[Int(index)]
            if entry != 0 { place(entry) }
        }
        memory = larger
        return true
    }
}
