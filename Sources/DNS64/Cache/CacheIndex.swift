/// Where the images of a shard lie, by the lower half of their names' hashes.
///
/// It is a handle, whose copies are the same index. A slot holds half a hash and a place in the ring, in eights of octets and
/// one more, so that zero is an empty slot.
///
/// Invariant: an image's slot lies in the unbroken run of slots that begins at its home.
@safe
struct CacheIndex: @unchecked Sendable {
    private let slots: UnsafeMutablePointer<UInt64>
    private let mask: UInt64

    /// - Parameter slotCount: A power of two; one slot in it must stay empty.
    init(slotCount: Int) {
        mask = UInt64(slotCount - 1)
        unsafe slots = UnsafeMutablePointer<UInt64>.allocate(capacity: slotCount)
        unsafe slots.initialize(repeating: 0, count: slotCount)
    }

    /// Gives the memory back; the index is not used again.
    func deallocate() { unsafe slots.deallocate() }

    /// How many slots there are.
    var slotCount: Int { Int(mask + 1) }

    /// Shows the places whose half of a hash is this one, until `wantsMore` says no.
    @inline(__always)
    func visit(_ hash: UInt64, _ wantsMore: (Int) -> Bool) {
        var index = hash & mask
        while true {
            let slot = unsafe slots[Int(truncatingIfNeeded: index)]
            if slot == 0 { return }
            if slot &>> 32 == hash & 0xFFFF_FFFF, !wantsMore(Self.base(slot)) { return }
            index = (index &+ 1) & mask
        }
    }

    /// Puts a place in.
    func link(_ hash: UInt64, _ base: Int) {
        var index = hash & mask
        while unsafe slots[Int(index)] != 0 { index = (index + 1) & mask }
        set(Int(index), hash, base)
    }

    /// Says where an image lies that was moved.
    func set(_ slot: Int, _ hash: UInt64, _ base: Int) { unsafe slots[slot] = Self.entry(hash, base) }

    /// The slot of a place; nothing if it is not in the index.
    func slot(of base: Int, hash: UInt64) -> Int? {
        let wanted = Self.entry(hash, base)
        var index = hash & mask
        while true {
            let slot = unsafe slots[Int(index)]
            if slot == wanted { return Int(index) }
            if slot == 0 { return nil }
            index = (index + 1) & mask
        }
    }

    /// Takes a place out and moves later slots of the run forward, so that no run is broken.
    func unlink(_ base: Int, hash: UInt64) {
        guard let found = slot(of: base, hash: hash) else { return }
        var hole = UInt64(found)
        var index = (hole + 1) & mask
        while true {
            let slot = unsafe slots[Int(index)]
            if slot == 0 { break }
            let home = slot &>> 32 & mask
            if (index &- home) & mask >= (index &- hole) & mask {
                unsafe slots[Int(hole)] = slot
                hole = index
            }
            index = (index + 1) & mask
        }
        unsafe slots[Int(hole)] = 0
    }

    @inline(__always)
    private static func entry(_ hash: UInt64, _ base: Int) -> UInt64 {
        hash &<< 32 | UInt64(truncatingIfNeeded: base &>> 3 &+ 1)
    }

    @inline(__always)
    private static func base(_ slot: UInt64) -> Int { Int(truncatingIfNeeded: (slot & 0xFFFF_FFFF) &- 1) &<< 3 }
}
