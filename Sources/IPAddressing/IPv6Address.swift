/// An IPv6 address as two words in the host's own octet order.
///
/// Two words and not one of 128 bits: that one is aligned to 16 octets and makes keys that hold a port larger.
@frozen
public struct IPv6Address: Hashable, Comparable, Sendable {
    /// The first 64 bits: for a unicast address its subnet prefix.
    public var high: UInt64
    /// The last 64 bits: for a unicast address its interface identifier.
    public var low: UInt64

    /// Makes an address from its two halves.
    @inlinable @inline(__always)
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// `::`, which stands for no address.
    @inlinable @inline(__always)
    public static var unspecified: IPv6Address { IPv6Address(high: 0, low: 0) }

    /// `::1`.
    @inlinable @inline(__always)
    public static var loopback: IPv6Address { IPv6Address(high: 0, low: 1) }

    /// Whether the address lies in ff00::/8.
    @inlinable @inline(__always)
    public var isMulticast: Bool { high >> 56 == 0xFF }

    /// Whether the address lies in fe80::/10.
    @inlinable @inline(__always)
    public var isLinkLocal: Bool { high >> 54 == 0xFE80 >> 6 }

    /// Whether the address lies in ::ffff:0:0/96 (RFC 4291 section 2.5.5.2).
    @inlinable @inline(__always)
    public var isIPv4Mapped: Bool { high == 0 && low >> 32 == 0xFFFF }

    /// Whether a client of a translator can have the address: RFC 7915 section 5.1, RFC 4291 section 2.5.6.
    @inlinable @inline(__always)
    public var mayBeClient: Bool { (high != 0 || low > 1) && !isMulticast && !isLinkLocal && !isIPv4Mapped }

    /// Orders addresses as numbers.
    @inlinable @inline(__always)
    public static func < (left: IPv6Address, right: IPv6Address) -> Bool {
        left.high != right.high ? left.high < right.high : left.low < right.low
    }

    /// One of the sixteen octets, the first being number 0.
    ///
    /// - Parameter index: 0 to 15.
    @inlinable
    public func octet(_ index: Int) -> UInt8 {
        index < 8
            ? UInt8(truncatingIfNeeded: high >> UInt64(56 - 8 * index))
            : UInt8(truncatingIfNeeded: low >> UInt64(56 - 8 * (index - 8)))
    }
}

extension IPv6Address: CustomStringConvertible {
    /// Reads any of the forms of RFC 4291 section 2.2, dotted decimal at the end included, without zone or brackets.
    public init?(_ text: some StringProtocol) {
        let octets = Array(text.utf8)
        guard octets.count >= 2, octets.count <= 45 else { return nil }
        var groups: [UInt16] = []
        var gap: Int?
        var position = 0
        if octets[0] == UInt8(ascii: ":") {
            guard octets[1] == UInt8(ascii: ":") else { return nil }
            gap = 0
            position = 2
        }
        while position < octets.count {
            guard groups.count < 8 else { return nil }
            let begin = position
            var value: UInt32 = 0
            while position < octets.count, let digit = Self.hexDigit(octets[position]) {
                guard position - begin < 4 else { return nil }
                value = value << 4 | UInt32(digit)
                position += 1
            }
            if position < octets.count, octets[position] == UInt8(ascii: ".") {
                guard groups.count <= 6,
                    let embedded = IPv4Address(String(decoding: octets[begin...], as: UTF8.self))
                else { return nil }
                groups.append(UInt16(truncatingIfNeeded: embedded.bits >> 16))
                groups.append(UInt16(truncatingIfNeeded: embedded.bits))
                position = octets.count
                break
            }
            guard position > begin else { return nil }
            groups.append(UInt16(truncatingIfNeeded: value))
            guard position < octets.count else { break }
            guard octets[position] == UInt8(ascii: ":") else { return nil }
            position += 1
            guard position < octets.count else { return nil }
            if octets[position] == UInt8(ascii: ":") {
                guard gap == nil else { return nil }
                gap = groups.count
                position += 1
            }
        }
        if let gap {
            guard groups.count <= 7 else { return nil }
            groups.insert(contentsOf: [UInt16](repeating: 0, count: 8 - groups.count), at: gap)
        }
        guard groups.count == 8 else { return nil }
        self.init(
            high: groups[..<4].reduce(0) { $0 << 16 | UInt64($1) },
            low: groups[4...].reduce(0) { $0 << 16 | UInt64($1) }
        )
    }

    private static func hexDigit(_ unit: UInt8) -> UInt8? {
        switch unit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): unit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): unit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): unit - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    /// The canonical text of RFC 5952.
    public var description: String {
        if isIPv4Mapped { return "::ffff:\(IPv4Address(bits: UInt32(truncatingIfNeeded: low)))" }
        let groups = (0..<8).map { UInt16(octet(2 * $0)) << 8 | UInt16(octet(2 * $0 + 1)) }
        var longest = 0..<0
        var start = 0
        while start < 8 {
            guard groups[start] == 0 else {
                start += 1
                continue
            }
            var end = start
            while end < 8, groups[end] == 0 { end += 1 }
            if end - start > longest.count { longest = start..<end }
            start = end
        }
        let words = groups.map { String($0, radix: 16) }
        guard longest.count >= 2 else { return words.joined(separator: ":") }
        return words[..<longest.lowerBound].joined(separator: ":") + "::"
            + words[longest.upperBound...].joined(separator: ":")
    }
}
