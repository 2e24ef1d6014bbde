public import PacketMemory

/// A name as it lies in a message, without compression: looked at in its place, so that nothing of it is copied.
///
/// It says where the name lies, and is to be used with the message it was found in.
@frozen
public struct PlacedName: Sendable {
    /// Where it begins, at least eight octets behind the begin of the message.
    public let start: Int
    /// How many octets it has, 1 to 255, its root label included.
    public let count: Int
    /// Where its last label begins, the root's not counted; ``start`` for the root itself.
    public let last: Int

    /// Finds the name that begins at an offset.
    ///
    /// - Returns: Nothing if what lies there is cut, too long, or no name without pointers.
    @inlinable @inline(__always)
    public init?(in message: borrowing RawSpan, at start: Int) {
        var offset = start
        var last = start
        while true {
            guard offset < message.byteCount else { return nil }
            let length = Int(message.octet(at: offset))
            guard length != 0 else { break }
            guard length <= 63 else { return nil }
            last = offset
            offset &+= 1 &+ length
            guard offset &- start <= 254 else { return nil }
        }
        guard start >= 8 else { return nil }
        self.start = start
        self.last = last
        count = offset &+ 1 &- start
    }

    /// Some octets of a message with their letters in lower case, as the first of a word; the rest of it is zero.
    ///
    /// - Parameters:
    ///   - offset: At least 8.
    ///   - size: 1 to 8.
    @inlinable @inline(__always)
    public static func folded(_ message: borrowing RawSpan, at offset: Int, _ size: Int) -> UInt64 {
        // Read from their end backwards, because the message may end there.
        Name.folded(message.uint64(at: offset &+ size &- 8) &<< UInt64(64 &- 8 &* size))
    }

    /// The same as that of a ``Name``.
    @inlinable @inline(__always)
    public func foldedWord(_ message: borrowing RawSpan, _ index: Int) -> UInt64 {
        let left = count &- 8 &* index
        return left <= 0 ? 0 : Self.folded(message, at: start &+ 8 &* index, min(left, 8))
    }

    /// The same as that of a ``Name``.
    @inlinable @inline(__always)
    public func hash(_ message: borrowing RawSpan, _ secret: KeyedHash) -> UInt64 {
        var hash = secret(foldedWord(message, 0), foldedWord(message, 1), UInt64(truncatingIfNeeded: count))
        var index = 2
        while 8 &* index < count {
            hash = secret(hash, foldedWord(message, index), foldedWord(message, index &+ 1))
            index &+= 2
        }
        return hash
    }
}
