import CPrefetch
import Synchronization

/// Slots of one kind for all shards, in one stretch of memory that fills from its beginning, so that huge pages are
/// full and a slot's address follows from its number alone.
///
/// A shard takes slots by chunks of 64 and keeps them. The memory belongs to the tables; a slab only knows the way
/// around in it: how many chunks are given out, for each chunk its shard plus one, and, from the first huge page on,
/// the slots. Chunks that hold as much as there are shards lie in small pages; behind them huge ones begin.
@safe
struct Slab: @unchecked Sendable {
    /// Slots of a chunk, as a shift.
    static let chunkShift: UInt32 = 6

    /// The first slot.
    let slots: UnsafeMutableRawPointer
    private let given: UnsafeMutablePointer<Atomic<UInt32>>
    private let owners: UnsafeMutablePointer<Atomic<UInt8>>
    private let chunkCount: UInt32

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
        return .mustReserve(
            first + chunks(for: total) << Int(chunkShift) * octets,
            for: "bindings and sessions",
            hugePagesFrom: first + ReservedMemory.hugePage
        )
    }

    /// The slab in memory that ``memory(for:of:)`` has given, and that must outlive it.
    init(_ memory: borrowing ReservedMemory, for total: Int) {
        unsafe given = memory.base.assumingMemoryBound(to: Atomic<UInt32>.self)
        unsafe owners = (memory.base + 4096).assumingMemoryBound(to: Atomic<UInt8>.self)
        unsafe slots = memory.base + Self.slotsOffset(total)
        chunkCount = UInt32(Self.chunks(for: total))
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
                return number << Self.chunkShift
            }
            number = original
        }
        return nil
    }

    /// Asks for the cache line where a slot begins, whatever the number.
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

    /// Takes a slot; nothing if there is none.
    ///
    /// - Parameter link: Reads what ``give(back:)`` said to write into a slot.
    @inline(__always)
    mutating func take(_ link: (UInt32) -> UInt32) -> UInt32? {
        if firstFree != 0 {
            let number = firstFree &- 1
            firstFree = link(number)
            return number
        }
        if next == chunkEnd {
            guard let chunk = slab.takeChunk(for: shard) else { return nil }
            next = chunk
            chunkEnd = chunk &+ 1 << Slab.chunkShift
        }
        next &+= 1
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
