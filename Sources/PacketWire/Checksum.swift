public import PacketMemory
public import IPAddressing

/// A running one's complement sum of 16-bit words: RFC 1071.
///
/// Words may be added four at a time, because 2^16 is 1 modulo 2^16 - 1: a 64-bit number in network order counts like
/// its four words. Carries are folded back in as they arise.
@frozen
public struct OnesComplementSum: Hashable, Sendable {
    @usableFromInline var value: UInt64

    /// Nothing summed yet.
    @inlinable @inline(__always)
    public init() { value = 0 }

    /// Adds four words.
    @inlinable @inline(__always)
    public mutating func add(_ words: UInt64) {
        let (sum, carry) = value.addingReportingOverflow(words)
        value = sum &+ (carry ? 1 : 0)
    }

    /// Adds one word.
    @inlinable @inline(__always)
    public mutating func add(_ word: UInt16) { add(UInt64(word)) }

    /// Adds two words.
    @inlinable @inline(__always)
    public mutating func add(_ words: UInt32) { add(UInt64(words)) }

    /// Adds an IPv4 address.
    @inlinable @inline(__always)
    public mutating func add(_ address: IPv4Address) { add(UInt64(address.bits)) }

    /// Adds an IPv6 address.
    @inlinable @inline(__always)
    public mutating func add(_ address: IPv6Address) {
        add(address.high)
        add(address.low)
    }

    /// Takes away what was added elsewhere: adds its complement (RFC 1624 section 3).
    @inlinable @inline(__always)
    public mutating func subtract(_ other: OnesComplementSum) { add(~other.folded) }

    /// Adds octets of a packet, the last one padded with a zero octet if their number is odd.
    ///
    /// - Precondition: The range lies inside the span.
    @inlinable
    public mutating func add(_ octets: borrowing RawSpan, from start: Int, count: Int) {
        precondition(start >= 0 && count >= 0 && start &+ count <= octets.byteCount)
        let end = start &+ count
        var offset = start
        // Two sums without carry chain between them: 32-bit halves gathered in 64 bits cannot overflow within 64 KiB
        // and far beyond, and the compiler keeps both loads of a round in flight.
        var upper: UInt64 = 0
        var lower: UInt64 = 0
        while offset &+ 16 <= end {
            let first = octets.uint64(at: offset)
            let second = octets.uint64(at: offset &+ 8)
            upper &+= (first >> 32) &+ (second >> 32)
            lower &+= (first & 0xFFFF_FFFF) &+ (second & 0xFFFF_FFFF)
            offset &+= 16
        }
        add(upper)
        add(lower)
        while offset &+ 2 <= end {
            add(octets.uint16(at: offset))
            offset &+= 2
        }
        if offset < end { add(UInt16(octets.octet(at: offset)) << 8) }
    }

    /// The sum in sixteen bits: what a partial checksum holds.
    @inlinable @inline(__always)
    public var folded: UInt16 {
        var sum = (value >> 32) &+ (value & 0xFFFF_FFFF)
        sum = (sum >> 32) &+ (sum & 0xFFFF_FFFF)
        sum = (sum >> 16) &+ (sum & 0xFFFF)
        sum = (sum >> 16) &+ (sum & 0xFFFF)
        sum = (sum >> 16) &+ (sum & 0xFFFF)
        return UInt16(truncatingIfNeeded: sum)
    }

    /// The complement of the sum: what a checksum field holds.
    @inlinable @inline(__always)
    public var checksum: UInt16 { ~folded }
}

/// How a checksum follows when fields it covers change.
public enum Checksum {
    /// The complete checksum after a change: HC' = ~(~HC + ~m + m') of RFC 1624 section 3.
    ///
    /// A checksum that was wrong stays wrong by as much.
    @inlinable @inline(__always)
    public static func adjusted(_ checksum: UInt16, by change: OnesComplementSum) -> UInt16 {
        var sum = change
        sum.add(~checksum)
        return sum.checksum
    }

    /// The partial checksum after a change of the pseudo-header.
    ///
    /// Under NEEDS_CSUM the field holds the folded sum of the pseudo-header itself and not its complement, so the
    /// change goes in with the opposite sense of a complete checksum.
    @inlinable @inline(__always)
    public static func adjustedPartial(_ partial: UInt16, by change: OnesComplementSum) -> UInt16 {
        var sum = change
        sum.add(partial)
        return sum.folded
    }

    /// A UDP checksum as it is sent: zero would say that there is none (RFC 768).
    @inlinable @inline(__always)
    public static func udp(_ checksum: UInt16) -> UInt16 { checksum == 0 ? 0xFFFF : checksum }

    /// The sum of the pseudo-header of RFC 8200 section 8.1.
    @inlinable @inline(__always)
    public static func pseudoHeader(
        _ source: IPv6Address,
        _ destination: IPv6Address,
        length: Int,
        proto: UInt8
    ) -> OnesComplementSum {
        var sum = OnesComplementSum()
        sum.add(source)
        sum.add(destination)
        sum.add(UInt32(truncatingIfNeeded: length))
        sum.add(UInt16(proto))
        return sum
    }

    /// The sum of the pseudo-header of RFC 768 and RFC 9293.
    @inlinable @inline(__always)
    public static func pseudoHeader(
        _ source: IPv4Address,
        _ destination: IPv4Address,
        length: Int,
        proto: UInt8
    ) -> OnesComplementSum {
        var sum = OnesComplementSum()
        sum.add(source)
        sum.add(destination)
        sum.add(UInt32(truncatingIfNeeded: length))
        sum.add(UInt16(proto))
        return sum
    }
}
