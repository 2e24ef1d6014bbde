public import PacketMemory

/// A domain name in wire form, as it was spelled, without compression: at most 255 octets, the root label included.
///
/// Held inline as words, so that making, comparing and hashing one allocates nothing. Octets past the end are zero.
/// Two names are equal if they differ in nothing but the case of ASCII letters (RFC 4343): length octets are at most
/// 63 and so are never taken for letters, which lets whole words be folded at once.
@frozen
public struct Name: Sendable {
    @usableFromInline var words: [32 of UInt64]
    /// How many octets the wire form has, 1 to 255.
    public internal(set) var count: Int

    /// The root, `.`.
    public static let root = Name()

    /// The root.
    public init() {
        words = [32 of UInt64](repeating: 0)
        count = 1
    }

    /// One of the octets of the wire form.
    ///
    /// - Parameter index: 0 to 254.
    @inlinable @inline(__always)
    public func octet(_ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words[index &>> 3] &>> UInt64(56 &- 8 &* (index & 7)))
    }

    /// The same of a name's words.
    @inline(__always)
    static func octet(_ words: Span<UInt64>, _ index: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: words[index &>> 3] &>> UInt64(56 &- 8 &* (index & 7)))
    }

    /// Eight octets of a name's words from any octet on; zero past the end.
    ///
    /// - Parameter offset: From 0 on.
    @inline(__always)
    static func word(_ words: Span<UInt64>, at offset: Int) -> UInt64 {
        let index = offset &>> 3
        guard index < 32 else { return 0 }
        let shift = UInt64(8 &* (offset & 7))
        let word = words[index] &<< shift
        guard shift != 0, index < 31 else { return word }
        return word | words[index &+ 1] &>> (64 &- shift)
    }

    @inline(__always)
    mutating func setOctet(_ index: Int, _ value: UInt8) {
        let shift = UInt64(56 &- 8 &* (index & 7))
        words[index &>> 3] = words[index &>> 3] & ~(0xFF &<< shift) | UInt64(value) &<< shift
    }

    @inline(__always)
    mutating func setCount(_ value: Int) { count = value }

    @inline(__always)
    mutating func setWord(_ index: Int, _ value: UInt64) { words[index] = value }

    /// Puts up to eight octets, the first of them the highest and the rest zero, where there are only zeros.
    @inline(__always)
    mutating func place(_ octets: UInt64, at offset: Int) {
        let index = offset &>> 3
        let shift = UInt64(8 &* (offset & 7))
        words[index] |= octets &>> shift
        if shift != 0, index < 31 { words[index &+ 1] |= octets &<< (64 &- shift) }
    }

    /// Eight octets of the wire form with their letters in lower case; zero past the end.
    ///
    /// - Parameter index: 0 to 31.
    @inlinable @inline(__always)
    public func foldedWord(_ index: Int) -> UInt64 { Self.folded(words[index]) }

    /// How many words hold octets of the name.
    @inlinable @inline(__always)
    public var wordCount: Int { (count &+ 7) &>> 3 }

    /// Eight octets with ASCII letters in lower case.
    @inlinable @inline(__always)
    public static func folded(_ word: UInt64) -> UInt64 {
        let low = word & 0x7F7F_7F7F_7F7F_7F7F
        let fromA = low &+ 0x3F3F_3F3F_3F3F_3F3F
        let pastZ = low &+ 0x2525_2525_2525_2525
        let upper = (fromA ^ pastZ) & ~word & 0x8080_8080_8080_8080
        return word | upper &>> 2
    }

    /// The name with its ASCII letters in lower case.
    public var folded: Name {
        var result = self
        for index in 0..<wordCount { result.words[index] = foldedWord(index) }
        return result
    }

    /// The name, which must be in lower case, with some of its letters in upper case: those at whose place, counted
    /// modulo 64, a bit is set.
    public func spelled(_ bits: UInt64) -> Name {
        guard bits != 0 else { return self }
        var result = self
        for index in 0..<count where bits >> UInt64(index & 63) & 1 != 0 {
            let octet = octet(index)
            if octet >= 97 && octet <= 122 { result.setOctet(index, octet & 0xDF) }
        }
        return result
    }

    /// A hash that equal names share, under the secret.
    @inlinable
    public func hash(_ secret: KeyedHash) -> UInt64 {
        var hash = secret(foldedWord(0), foldedWord(1), UInt64(truncatingIfNeeded: count))
        var index = 2
        while index < wordCount {
            hash = secret(hash, foldedWord(index), foldedWord(index &+ 1))
            index &+= 2
        }
        return hash
    }

    /// The same of the end of the name that begins at an octet.
    public func hash(from offset: Int, _ secret: KeyedHash) -> UInt64 {
        let words = words.span
        func foldedWord(_ index: Int) -> UInt64 { Self.folded(Self.word(words, at: offset &+ 8 &* index)) }
        let count = count &- offset
        var hash = secret(foldedWord(0), foldedWord(1), UInt64(truncatingIfNeeded: count))
        var index = 2
        while index &* 8 < count {
            hash = secret(hash, foldedWord(index), foldedWord(index &+ 1))
            index &+= 2
        }
        return hash
    }

    /// Whether this is the root.
    @inlinable
    public var isRoot: Bool { count == 1 }
}

extension Name: Equatable {
    /// Whether the names are equal, case aside.
    @inlinable
    public static func == (left: Name, right: Name) -> Bool {
        guard left.count == right.count else { return false }
        for index in 0..<left.wordCount where left.foldedWord(index) != right.foldedWord(index) { return false }
        return true
    }

    /// Whether the names are spelled alike, case included.
    public func isSpelledLike(_ other: Name) -> Bool {
        guard count == other.count else { return false }
        for index in 0..<wordCount where words[index] != other.words[index] { return false }
        return true
    }
}

extension Name: Hashable {
    /// Equal names hash alike, case aside.
    public func hash(into hasher: inout Hasher) {
        for index in 0..<wordCount { hasher.combine(foldedWord(index)) }
    }
}
