import Synchronization

/// Which addresses of the pool may have a free port of a protocol: a bit for each address, one for each 64 of these,
/// and one for each 4,096, so that the next such address is found by a few words however large the pool is.
///
/// Like the summary of ``PortSpace`` it may say yes for an address that has none, at the price of a look in vain, but
/// not for long no for one that has. Who says no looks again afterwards.
@safe
struct OpenAddresses {
    /// Octets for one protocol; all zero means that no address is open.
    static let octets = (1024 + 16 + 16) * 8

    private let base: UnsafeMutableRawPointer

    @unsafe @inline(__always)
    init(_ base: UnsafeMutableRawPointer) { unsafe self.base = base }

    /// Whether an address is open.
    @inline(__always)
    func contains(_ number: Int) -> Bool {
        unsafe word(0, number >> 6).pointee.load(ordering: .sequentiallyConsistent) >> UInt64(number & 63) & 1 == 1
    }

    /// Says that an address has a free port.
    func open(_ number: Int) {
        var place = number
        for level in 0..<3 {
            unsafe word(level, place >> 6).pointee.bitwiseOr(
                1 << UInt64(place & 63),
                ordering: .sequentiallyConsistent
            )
            place >>= 6
        }
    }

    /// Says that an address has no free port.
    func close(_ number: Int) {
        var place = number
        for level in 0..<3 {
            let bit: UInt64 = 1 << UInt64(place & 63)
            let word = unsafe word(level, place >> 6)
            unsafe word.pointee.bitwiseAnd(~bit, ordering: .sequentiallyConsistent)
            // Somebody may have opened what lies below this bit while it was taken away.
            if level > 0, unsafe self.word(level - 1, place).pointee.load(ordering: .sequentiallyConsistent) != 0 {
                unsafe word.pointee.bitwiseOr(bit, ordering: .sequentiallyConsistent)
            }
            guard unsafe word.pointee.load(ordering: .sequentiallyConsistent) == 0 else { return }
            place >>= 6
        }
    }

    /// The first open address from a number on, the lowest ones coming after the highest; nothing if none is open.
    ///
    /// - Parameter looks: Counts the words that were looked at.
    func next(from number: Int, looks: inout Int) -> Int? {
        if let found = next(0, from: number & 0xFFFF, &looks) { return found }
        return next(0, from: 0, &looks)
    }

    /// The first bit set from a place on at one level.
    private func next(_ level: Int, from place: Int, _ looks: inout Int) -> Int? {
        guard place >> 6 < Self.words(level) else { return nil }
        looks &+= 1
        let here = unsafe word(level, place >> 6).pointee.load(ordering: .sequentiallyConsistent)
        let later = here & (~0 << UInt64(place & 63))
        if later != 0 { return place & ~63 | later.trailingZeroBitCount }
        guard level < 2, let word = next(level + 1, from: place >> 6 + 1, &looks) else { return nil }
        // Empty only if it was closed just now; then whoever asked asks again.
        return next(level, from: word << 6, &looks)
    }

    private static func words(_ level: Int) -> Int { level == 0 ? 1024 : level == 1 ? 16 : 1 }

    private func word(_ level: Int, _ index: Int) -> UnsafeMutablePointer<Atomic<UInt64>> {
        let first = level == 0 ? 0 : level == 1 ? 1024 : 1040
        return unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self) + (first + index)
    }
}

/// Goes through the addresses that are said to have room, from one of them on. Who asks one of them in vain closes it.
///
/// Others may be closing and opening addresses meanwhile, and so there is a limit to it.
@safe
struct RoomSearch {
    private let open: OpenAddresses
    private var number: Int
    private var left = 64

    init(from first: PoolPlace, _ open: OpenAddresses) {
        number = first.number
        self.open = open
    }

    /// The next address; nothing if there is none, or if it takes too long.
    ///
    /// - Parameter looks: Counts the words that were looked at.
    mutating func next(of layout: PoolLayout, looks: inout Int) -> PoolPlace? {
        while left > 0, let found = open.next(from: number, looks: &looks) {
            left -= 1
            number = found + 1
            if let place = layout.place(ofNumber: found) { return place }
            open.close(found)
        }
        return nil
    }
}
