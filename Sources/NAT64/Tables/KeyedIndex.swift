import Synchronization

/// An open-addressing index from keyed hashes to slot numbers, in an ``IndexSpace``.
///
/// Eight octets per place: the hash above, the number plus one below, zero when empty; eight places are a line, which is
/// a cache line. An entry lies in the line of its home, at its home or, going round in the line, at the next place that
/// was free; only when the line is full, in the next line in the same way. So at five eighths, which is as full as it
/// gets, a search rarely needs a second line, and ends at the first empty place.
///
/// Removal moves entries back, so that there are no tombstones. The index doubles when it is too full; moving all entries
/// of a shard takes well under a millisecond, since the hash stands beside them.
///
/// Invariants: from an entry's home to its place, going round in its line, no place is empty; nor is any in the lines
/// between that of its home and its own.
///
/// Places are written under the shard's lock, as single words, because ``IndexSpace/guess(_:of:)`` reads them without.
@safe
struct KeyedIndex: ~Copyable {
    /// Places of a cache line.
    private static var line: UInt32 { 8 }

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
            place = next(place, for: hash)
        }
    }

    /// Stores a number under a hash.
    ///
    /// - Returns: Whether there was room.
    mutating func insert(_ hash: UInt32, _ number: UInt32) -> Bool {
        if UInt64(count &+ 1) &* 8 > UInt64(mask &+ 1) &* 5, !grow() { return false }
        place(UInt64(hash) << 32 | UInt64(number &+ 1))
        count &+= 1
        // Little before it doubles.
        if UInt64(count) &* 16 == UInt64(mask &+ 1) &* 9 { space.want(shard, size: size &+ 1) }
        return true
    }

    /// Forgets a number stored under a hash.
    mutating func remove(_ hash: UInt32, _ number: UInt32) {
        let entry = UInt64(hash) << 32 | UInt64(number &+ 1)
        var hole = hash & mask
        while self[hole] != entry {
            guard self[hole] != 0 else { return }
            hole = next(hole, for: hash)
        }
        while let other = overflow(past: hole) {
            self[hole] = self[other]
            hole = other
        }
        closeUp(hole)
        count &-= 1
    }

    /// An entry in a later line that would lie in the line of `hole` if that had been empty; nil if the line was not
    /// full, `hole` apart.
    private func overflow(past hole: UInt32) -> UInt32? {
        let start = line(of: hole)
        var later = start
        while true {
            for place in later..<later &+ Self.line where place != hole && self[place] == 0 { return nil }
            later = (later &+ Self.line) & mask
            for place in later..<later &+ Self.line where self[place] != 0 {
                if (later &- line(of: home(self[place]))) & mask >= (later &- start) & mask { return place }
            }
        }
    }

    /// Empties a place, and moves those entries of its line back that would have taken it.
    private func closeUp(_ place: UInt32) {
        var hole = place
        var step: UInt32 = 1
        // With each move the search begins anew: in a line that was full it may lead all the way round.
        while step < Self.line {
            let next = line(of: hole) | (hole &+ step) & (Self.line &- 1)
            let other = self[next]
            if other == 0 { break }
            if (next &- home(other)) & (Self.line &- 1) >= step {
                self[hole] = other
                hole = next
                step = 1
            } else {
                step &+= 1
            }
        }
        self[hole] = 0
    }

    /// The longest way from an entry's home to its place, the sum of all, and how many entries are not in the line of
    /// their home: for tests.
    borrowing func probeLengths() -> (longest: Int, sum: Int, beyondLine: Int) {
        var (longest, sum, beyondLine) = (0, 0, 0)
        for place in 0...mask {
            let entry = self[place]
            if entry == 0 { continue }
            let lines = (line(of: place) &- line(of: home(entry))) & mask
            let way = Int(lines | (place &- home(entry)) & (Self.line &- 1))
            longest = max(longest, way)
            sum += way
            if lines != 0 { beyondLine += 1 }
        }
        return (longest, sum, beyondLine)
    }

    private subscript(place: UInt32) -> UInt64 {
        get { unsafe places[Int(place)].load(ordering: .relaxed) }
        nonmutating set { unsafe places[Int(place)].store(newValue, ordering: .relaxed) }
    }

    /// The first place that an entry may lie at.
    private func home(_ entry: UInt64) -> UInt32 { UInt32(truncatingIfNeeded: entry >> 32) & mask }

    /// The first place of the line that a place is in.
    @inline(__always)
    private func line(of place: UInt32) -> UInt32 { place & ~(Self.line &- 1) }

    /// The place to look at behind another in a search for a hash.
    @inline(__always)
    private func next(_ place: UInt32, for hash: UInt32) -> UInt32 {
        let next = line(of: place) | (place &+ 1) & (Self.line &- 1)
        let isRound = (next ^ hash) & (Self.line &- 1) == 0
        return isRound ? (next &+ Self.line) & mask : next
    }

    private mutating func place(_ entry: UInt64) {
        var place = home(entry)
        while self[place] != 0 { place = next(place, for: UInt32(truncatingIfNeeded: entry >> 32)) }
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
