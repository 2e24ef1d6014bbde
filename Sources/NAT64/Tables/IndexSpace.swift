import CPrefetch
import Glibc
import Synchronization

/// The memory of all shards' indices of one kind: for each size that an index may have, a stretch with room for that
/// size in every shard. So the indices, which grow at about the same time, lie side by side in huge pages; and a place
/// of an index that has grown may still be read, though not found in.
///
/// The memory belongs to the tables; this knows the way around in it. Sizes are shifts: the stretch of size s begins at
/// octet 2^(s+9) and is as long. In front of the first stand, for each shard, where its index is now, and for each size
/// how many shards have left it.
@safe
struct IndexSpace: @unchecked Sendable {
    /// The smallest size: 512 places.
    static let firstSize: UInt32 = 9

    private let base: UnsafeMutableRawPointer
    private let ahead: MemoryAhead
    /// The largest size.
    let lastSize: UInt32

    /// The size that holds, in each shard, twice its part of so many entries.
    private static func lastSize(for entries: Int) -> UInt32 {
        let places = UInt64(entries / Tables.shardCount * 2 + 512) * 8 / 5
        return max(firstSize, UInt32(64 - (places - 1).leadingZeroBitCount))
    }

    /// Memory for indices of so many entries in all.
    static func memory(for entries: Int) -> ReservedMemory {
        .mustReserve(1 << Int(lastSize(for: entries) + 10), for: "indices", forHugePages: true)
    }

    /// The space in memory that ``memory(for:)`` has given, and that must outlive it.
    init(_ memory: borrowing ReservedMemory, for entries: Int, _ ahead: MemoryAhead = MemoryAhead()) {
        self.ahead = ahead
        unsafe base = memory.base
        lastSize = Self.lastSize(for: entries)
    }

    /// The places of an index of a size.
    func places(of shard: Int, size: UInt32) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let start = 1 << Int(size + 9) + shard << Int(size + 3)
        return unsafe (base + start).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Says that a shard's index will soon have a size.
    func want(_ shard: Int, size: UInt32) {
        guard size <= lastSize else { return }
        unsafe wanted[shard].store(UInt8(truncatingIfNeeded: size), ordering: .relaxed)
        ahead.want()
    }

    /// Lays memory in for the indices of which this was said.
    func layIn() {
        for shard in 0..<Tables.shardCount {
            let size = unsafe UInt32(wanted[shard].exchange(0, ordering: .relaxed))
            let now = unsafe UInt32(truncatingIfNeeded: current(shard).pointee.load(ordering: .relaxed) & 63)
            guard size > now else { continue }
            unsafe ReservedMemory.layIn(UnsafeMutableRawPointer(places(of: shard, size: size)), count: 8 << Int(size))
        }
    }

    /// Makes a huge page of small ones of a size that half of the shards have or more.
    ///
    /// - Returns: Whether there were any.
    func joinPages() -> Bool {
        for size in Self.firstSize...lastSize where 1 << Int(size + 9) >= ReservedMemory.hugePage {
            let arrived = unsafe left(size - 1).pointee.load(ordering: .relaxed)
            let staying = unsafe arrived - min(arrived, left(size).pointee.load(ordering: .relaxed))
            let start = 1 << Int(size + 9)
            let done = unsafe Int(joined(size).pointee.load(ordering: .relaxed)) * ReservedMemory.hugePage
            guard staying >= UInt32(Tables.shardCount) / 2, done < start else { continue }
            unsafe ReservedMemory.joinPages(base + start + done)
            unsafe joined(size).pointee.wrappingAdd(1, ordering: .relaxed)
            return true
        }
        return false
    }

    /// How many shards have left a size.
    private func left(_ size: UInt32) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + 4096).assumingMemoryBound(to: Atomic<UInt32>.self) + Int(size)
    }

    /// How many huge pages a size has.
    private func joined(_ size: UInt32) -> UnsafeMutablePointer<Atomic<UInt32>> {
        unsafe (base + 2048).assumingMemoryBound(to: Atomic<UInt32>.self) + Int(size)
    }

    /// Which size the index of each shard will soon have.
    private var wanted: UnsafeMutablePointer<Atomic<UInt8>> {
        unsafe (base + 1024).assumingMemoryBound(to: Atomic<UInt8>.self)
    }

    /// Says that a shard's index has a size from now on. What it leaves goes back to the kernel when all have left.
    // As rare as an index doubles; the check for allocations cannot see into a system call and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    func publish(_ shard: Int, size: UInt32) {
        let now = unsafe UInt64(UInt(bitPattern: places(of: shard, size: size))) | UInt64(size)
        unsafe current(shard).pointee.store(now, ordering: .releasing)
        guard size > Self.firstSize else { return }
        guard unsafe left(size - 1).pointee.wrappingAdd(1, ordering: .relaxed).newValue == Tables.shardCount else {
            return
        }
        let old = 1 << Int(size + 8)
        _ = unsafe madvise(base + old, old, MADV_DONTNEED)
    }

    /// Asks for the cache line where the search for a hash begins. Takes no lock.
    @inline(__always)
    func prefetch(_ hash: UInt32, of shard: Int) {
        let (places, mask) = unsafe now(shard)
        unsafe cprefetch_line(places + Int(hash & mask))
    }

    /// The number plus one that is probably stored under a hash, found without a lock: what is found here may be wrong,
    /// and what is not found, which is said by zero, may be there.
    ///
    /// Nearly all are in one of the first four places of the search, which are all in the cache line asked for; these are
    /// looked at without a branch, because which of them it is nobody can foretell.
    @inline(__always)
    func guess(_ hash: UInt32, of shard: Int) -> UInt32 {
        let (places, mask) = unsafe now(shard)
        let home = hash & mask
        let line = unsafe places + Int(home & ~7)
        // Of a place with this hash only the number is left.
        let tag = UInt64(hash) << 32
        var found = UInt64.max
        for step in 0..<4 as Range<UInt32> {
            found = min(found, unsafe line[Int((home &+ step) & 7)].load(ordering: .relaxed) ^ tag)
        }
        if found >> 32 == 0 { return UInt32(truncatingIfNeeded: found) }
        for step in 4..<8 as Range<UInt32> {
            let entry = unsafe line[Int((home &+ step) & 7)].load(ordering: .relaxed)
            if entry == 0 { break }
            if UInt32(truncatingIfNeeded: entry >> 32) == hash { return UInt32(truncatingIfNeeded: entry) }
        }
        return 0
    }

    @unsafe @inline(__always)
    private func now(_ shard: Int) -> (places: UnsafeMutablePointer<Atomic<UInt64>>, mask: UInt32) {
        // A pointer to places is aligned to a page, so that the size fits below it.
        let word = unsafe UInt(current(shard).pointee.load(ordering: .acquiring))
        let size = word & 63
        let start = unsafe UnsafeMutableRawPointer(bitPattern: word &- size) ?? base
        return unsafe (start.assumingMemoryBound(to: Atomic<UInt64>.self), UInt32(1) &<< UInt32(size) &- 1)
    }

    @inline(__always)
    private func current(_ shard: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self) + shard
    }
}
