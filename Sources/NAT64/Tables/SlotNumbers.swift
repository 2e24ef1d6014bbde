/// Which slots of a slab are free: a chain through the free slots themselves, and the slots that were never used.
struct SlotNumbers {
    /// How many slots there are.
    let capacity: UInt32
    /// No slot from here on was ever used; its memory has never been touched.
    private(set) var highWater: UInt32 = 0
    /// How many slots are in use.
    private(set) var used: UInt32 = 0
    private var firstFree: UInt32 = 0

    init(capacity: Int) { self.capacity = UInt32(clamping: capacity) }

    /// Takes a slot; nothing if there is none.
    ///
    /// - Parameter link: Reads what ``give(back:)`` said to write into a slot.
    @inline(__always)
    mutating func take(_ link: (UInt32) -> UInt32) -> UInt32? {
        if firstFree != 0 {
            let number = firstFree &- 1
            firstFree = link(number)
            used &+= 1
            return number
        }
        guard highWater < capacity else { return nil }
        highWater &+= 1
        used &+= 1
        return highWater &- 1
    }

    /// Gives a slot back.
    ///
    /// - Returns: What must be written into the slot, to be read when it is taken again.
    @inline(__always)
    mutating func give(back number: UInt32) -> UInt32 {
        let link = firstFree
        firstFree = number &+ 1
        used &-= 1
        return link
    }
}
