/// Client networks that keep the address of the pool where they have bindings, although their hash leads to another since
/// the pool was changed: who has bindings gets further ones at the same address (RFC 6146 section 3.5.1.1; RFC 6888,
/// requirement 2).
///
/// A word for each network, in an open-addressing table that is laid out once and never changed: the upper 48 bits of the
/// keyed hash of the network, below them the number of its address plus one; zero is none. It belongs to a
/// ``PoolLayout`` and is freed with it.
@safe
struct Pairings: BitwiseCopyable {
    /// The most networks; those beyond go where their hash leads.
    static let most = 1 << 16

    /// How many networks there are.
    let count: Int
    private let words: UnsafeMutablePointer<UInt64>?
    private let mask: Int

    /// There are none.
    init() {
        count = 0
        mask = 0
        unsafe words = nil
    }

    /// - Parameter numbers: The number of its address for each network, by its keyed hash.
    init(_ numbers: [UInt64: Int]) {
        guard !numbers.isEmpty else {
            count = 0
            mask = 0
            unsafe words = nil
            return
        }
        var size = 16
        while size < numbers.count * 2 { size *= 2 }
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: size)
        unsafe words.initialize(repeating: 0, count: size)
        for (network, number) in numbers {
            var place = Self.home(network) & (size - 1)
            while unsafe words[place] != 0 { place = (place + 1) & (size - 1) }
            unsafe words[place] = network & ~0xFFFF | UInt64(number + 1)
        }
        count = numbers.count
        mask = size - 1
        unsafe self.words = words
    }

    /// The same once more, for another layout.
    func copy() -> Pairings {
        guard let words = unsafe words else { return Pairings() }
        let copy = UnsafeMutablePointer<UInt64>.allocate(capacity: mask + 1)
        unsafe copy.initialize(from: words, count: mask + 1)
        return unsafe Pairings(count: count, words: copy, mask: mask)
    }

    @unsafe
    private init(count: Int, words: UnsafeMutablePointer<UInt64>, mask: Int) {
        self.count = count
        self.mask = mask
        unsafe self.words = words
    }

    /// The number of the address that a network keeps.
    ///
    /// - Parameter network: Its keyed hash.
    @inline(__always)
    func number(for network: UInt64) -> Int? {
        guard let words = unsafe words else { return nil }
        var place = Self.home(network) & mask
        while true {
            let word = unsafe words[place]
            if word == 0 { return nil }
            if (word ^ network) >> 16 == 0 { return Int(word & 0xFFFF) - 1 }
            place = (place + 1) & mask
        }
    }

    /// Frees the memory. Nobody may look for a network afterwards.
    func free() { unsafe words?.deallocate() }

    @inline(__always)
    private static func home(_ network: UInt64) -> Int { Int(truncatingIfNeeded: network >> 16) }
}
