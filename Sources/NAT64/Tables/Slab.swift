import CPrefetch
import Synchronization

/// Slots of one kind for all shards, in one stretch of memory that fills from its beginning, so that huge pages are
/// full and a slot's address follows from its number alone.
///
/// A shard takes slots by chunks of 64 and keeps them. The memory belongs to the tables; a slab only knows the way
/// around in it: how many chunks are given out, for each chunk its shard plus one, and, from where the second huge page
/// would begin, the slots.
@safe
struct Slab: @unchecked Sendable {
    /// Slots of a chunk, as a shift.
    static let chunkShift: UInt32 = 6

    /// The first slot.
    let slots: UnsafeMutableRawPointer
    private let given: UnsafeMutablePointer<Atomic<UInt32>>
    private let owners: UnsafeMutablePointer<Atomic<UInt8>>
    private let chunkCount: UInt32
    private let ahead: MemoryAhead

    /// How many chunks there must be so that `total` slots can be used however the hash spreads them: those of the
    /// slots, a sixteenth for shards that were once fuller than now, and two for each shard. The number of a slot plus
    /// one has 26 bits in ``Pool/owner(_:_:_:)``.
    private static func chunks(for total: Int) -> Int {
        min((total + total / 16) >> Int(chunkShift) + 2 * Tables.shardCount, 1 << (26 - Int(chunkShift)) - 1)
    }

    private static func slotsOffset(_ total: Int) -> Int {
        (4096 + chunks(for: total) + ReservedMemory.hugePage - 1) & ~(ReservedMemory.hugePage - 1)
    }

    /// Memory for a slab of this many slots of this many octets each.
    static func memory(for total: Int, of octets: Int) -> ReservedMemory {
        let first = slotsOffset(total)
        let count = first + chunks(for: total) << Int(chunkShift) * octets
        return .mustReserve(count, for: "bindings and sessions", forHugePages: true)
    }

    /// The slab in memory that ``memory(for:of:)`` has given, and that must outlive it.
    init(_ memory: borrowing ReservedMemory, for total: Int, _ ahead: MemoryAhead = MemoryAhead()) {
        self.ahead = ahead
        unsafe given = memory.base.assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe owners = (memory.base + 4096).assumingMemoryBound(to: Atomic<UInt8>.self)
        unsafe slots = memory.base + Self.slotsOffset(total)
        chunkCount = UInt32(Self.chunks(for: total))
        unsafe laidIn.pointee.store(UInt32(Tables.shardCount), ordering: .relaxed)
    }

    /// Gives a shard a chunk; nothing if there is none left.
    ///
    /// - Returns: Its first slot, which was never used.
    func takeChunk(for shard: Int) -> UInt32? {
        var number = unsafe given.pointee.load(ordering: .relaxed)
        while number < chunkCount {
            let (exchanged, original) = unsafe given.pointee.compareExchange(
                expected: number,
                desired: number &+ 1,
                ordering: .relaxed
            )
            if exchanged {
                unsafe owners[Int(number)].store(UInt8(truncatingIfNeeded: shard &+ 1), ordering: .releasing)
                if unsafe number >= laidIn.pointee.load(ordering: .relaxed) { ahead.want() }
                return number << Self.chunkShift
            }
            number = original
        }
        return nil
    }

    /// The chunk with which no more than half a step of memory is left of what was laid in. None is while not every shard
    /// has had a chunk.
    private var laidIn: UnsafeMutablePointer<Atomic<UInt32>> { unsafe given + 16 }
    /// How many huge pages there are.
    private var joined: UnsafeMutablePointer<Atomic<UInt32>> { unsafe given + 17 }
    /// How many octets of memory are laid in at once.
    private static var step: Int { 1 << 19 }

    /// Lays memory in for the chunks that will be given next, if little is left.
    ///
    /// - Parameter octets: Of a slot.
    func layIn(_ octets: Int) {
        let number = unsafe given.pointee.load(ordering: .relaxed)
        guard unsafe number >= laidIn.pointee.load(ordering: .relaxed) else { return }
        let chunk = octets << Int(Self.chunkShift)
        let (start, last) = (Int(number) * chunk, Int(chunkCount) * chunk)
        let end = min((start + Self.step / 2 + Self.step) & ~(Self.step - 1), last)
        if start < end { unsafe ReservedMemory.layIn(slots + start, count: end - start) }
        let next = end < last ? UInt32((end - Self.step / 2) / chunk) : .max
        unsafe laidIn.pointee.store(next, ordering: .relaxed)
    }

    /// Makes a huge page of small ones whose chunks have all been given.
    ///
    /// - Parameter octets: Of a slot.
    /// - Returns: Whether there were any.
    func joinPages(_ octets: Int) -> Bool {
        let done = unsafe Int(joined.pointee.load(ordering: .relaxed)) * ReservedMemory.hugePage
        guard Int(end) * octets >= done + ReservedMemory.hugePage else { return false }
        unsafe ReservedMemory.joinPages(slots + done)
        unsafe joined.pointee.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// Asks for the cache line where a slot begins, whatever the number.
    // The check for allocations takes the one instruction for a call and looks away.
    @_semantics("no_performance_analysis")
    @inline(__always)
    func prefetch(_ slot: UInt32, _ octets: Int) { unsafe cprefetch_line(slots + Int(slot) &* octets) }

    /// No slot from here on was ever used.
    var end: UInt32 { unsafe given.pointee.load(ordering: .relaxed) << Self.chunkShift }

    /// The shard that has a slot before ``end``; nothing while its chunk is being given out.
    func shard(of slot: UInt32) -> Int? {
        let owner = unsafe owners[Int(slot >> Self.chunkShift)].load(ordering: .acquiring)
        return owner == 0 ? nil : Int(owner) - 1
    }
}

/// Which slots of a shard are free: a chain through the free ones themselves, and what is left of its last chunk.
struct SlotNumbers {
    private let slab: Slab
    private let shard: Int
    private var firstFree: UInt32 = 0
    private var next: UInt32 = 0
    private var chunkEnd: UInt32 = 0

    init(_ slab: Slab, shard: Int) {
        self.slab = slab
        self.shard = shard
    }

    /// Takes a slot; nothing if there is none. Asks for the cache line of the one that will be taken next.
    ///
    /// - Parameters:
    ///   - octets: Of a slot.
    ///   - link: Reads what ``give(back:)`` said to write into a slot.
    @inline(__always)
    mutating func take(_ octets: Int, _ link: (UInt32) -> UInt32) -> UInt32? {
        if firstFree != 0 {
            let number = firstFree &- 1
            firstFree = link(number)
            slab.prefetch(firstFree &- 1, octets)
            return number
        }
        if next == chunkEnd {
            guard let chunk = slab.takeChunk(for: shard) else { return nil }
            next = chunk
            chunkEnd = chunk &+ 1 << Slab.chunkShift
        }
        next &+= 1
        slab.prefetch(next, octets)
        return next &- 1
    }

    /// Gives a slot back.
    ///
    /// - Returns: What must be written into the slot, to be read when it is taken again.
    @inline(__always)
    mutating func give(back number: UInt32) -> UInt32 {
        let link = firstFree
        firstFree = number &+ 1
        return link
    }
}
