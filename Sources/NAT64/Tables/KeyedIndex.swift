import Synchronization

/// An open-addressing index from keyed hashes to slot numbers, in an ``IndexSpace``.
///
/// Eight octets per place: the hash above, the number plus one below, zero when empty. Linear probing, at most five
/// eighths full, and removal moves later entries back, so that there are no tombstones and a miss ends soon. It doubles
/// when it is too full; moving all entries of a shard takes well under a millisecond, since the hash stands beside them.
///
/// Places are written under the shard's lock, as single words, because ``IndexSpace/guess(_:of:)`` reads them without.
@safe
struct KeyedIndex: ~Copyable {
    private var places: UnsafeMutablePointer<Atomic<UInt64>>
    private var mask: UInt32
    private(set) var count: UInt32 = 0
    private var size = IndexSpace.firstSize
    private let space: IndexSpace
    private let shard: Int

    /// Makes an empty index of 512 places, in memory that no index of this shard was in before.
    init(_ space: IndexSpace, shard: Int) {
        self.space = space
        self.shard = shard
        unsafe places = space.places(of: shard, size: size)
        mask = 1 << size - 1
        space.publish(shard, size: size)
    }

    /// How many places there are.
    var capacity: Int { Int(mask) + 1 }

    /// The number stored under this hash for which `matches` says yes.
    @inline(__always)
    borrowing func find(_ hash: UInt32, where matches: (UInt32) -> Bool) -> UInt32? {
        var place = hash & mask
        while true {
            let entry = unsafe places[Int(place)].load(ordering: .relaxed)
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
    /// - Returns: Whether there was room.
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
        while self[hole] != entry {
            guard self[hole] != 0 else { return }
            hole = (hole &+ 1) & mask
        }
        var next = (hole &+ 1) & mask
        while true {
            let other = self[next]
            if other == 0 { break }
            let home = UInt32(truncatingIfNeeded: other >> 32) & mask
            if (next &- home) & mask >= (next &- hole) & mask {
                self[hole] = other
                hole = next
            }
            next = (next &+ 1) & mask
        }
        self[hole] = 0
        count &-= 1
    }

    /// The longest way from an entry's home to its place, and the sum of all, for tests of the hash.
    borrowing func probeLengths() -> (longest: Int, sum: Int) {
        var longest = 0
        var sum = 0
        for place in 0...mask {
            let entry = self[place]
            if entry == 0 { continue }
            let way = Int((place &- UInt32(truncatingIfNeeded: entry >> 32)) & mask)
            longest = max(longest, way)
            sum += way
        }
        return (longest, sum)
    }

    private subscript(place: UInt32) -> UInt64 {
        get { unsafe places[Int(place)].load(ordering: .relaxed) }
        nonmutating set { unsafe places[Int(place)].store(newValue, ordering: .relaxed) }
    }

    private mutating func place(_ entry: UInt64) {
        var place = UInt32(truncatingIfNeeded: entry >> 32) & mask
        while self[place] != 0 { place = (place &+ 1) & mask }
        self[place] = entry
    }

    @inline(never)
    private mutating func grow() -> Bool {
        guard size < space.lastSize else { return false }
        let old = unsafe places
        let oldMask = mask
        size &+= 1
        unsafe places = space.places(of: shard, size: size)
        mask = oldMask << 1 | 1
        for index in 0...oldMask {
            let entry = unsafe old[Int(index)].load(ordering: .relaxed)
            if entry != 0 { place(entry) }
        }
        space.publish(shard, size: size)
        return true
    }
}
