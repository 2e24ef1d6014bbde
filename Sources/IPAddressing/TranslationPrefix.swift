/// A prefix under which IPv4 addresses are embedded in IPv6 addresses: RFC 6052 section 2.2.
@frozen
public struct TranslationPrefix: Hashable, Sendable {
    /// The six lengths of RFC 6052 section 2.2.
    @frozen
    public enum Length: Int, Sendable, CaseIterable {
        /// The IPv4 address fills octets 4 to 7.
        case bits32 = 32
        /// The IPv4 address fills octets 5 to 7 and 9.
        case bits40 = 40
        /// The IPv4 address fills octets 6, 7, 9 and 10.
        case bits48 = 48
        /// The IPv4 address fills octets 7 and 9 to 11.
        case bits56 = 56
        /// The IPv4 address fills octets 9 to 12.
        case bits64 = 64
        /// The IPv4 address fills octets 12 to 15.
        case bits96 = 96
    }

    /// The lowest address of the prefix; bits past the length are zero.
    public let address: IPv6Address
    /// How many bits the prefix fixes.
    public let length: Length

    /// 64:ff9b::/96: RFC 6052 section 2.1.
    public static let wellKnown = TranslationPrefix(
        unchecked: IPv6Address(high: 0x0064_FF9B_0000_0000, low: 0),
        .bits96
    )

    @usableFromInline
    init(unchecked address: IPv6Address, _ length: Length) {
        self.address = address
        self.length = length
    }

    /// Why a prefix cannot carry IPv4 addresses.
    public enum Problem: Error, Hashable, Sendable {
        /// Not one of the lengths 32, 40, 48, 56, 64 and 96.
        case length
        /// Octet 8, which RFC 6052 section 2.2 wants to be zero, is not.
        case octet8
        /// 64:ff9b::/96 exists at that length alone: RFC 6052 section 2.1.
        case wellKnownAtOtherLength
        /// Unspecified, loopback, link-local, multicast or IPv4-mapped addresses cannot be routed to a translator.
        case notUnicast
    }

    /// Accepts a prefix that RFC 6052 section 2.2 allows.
    public init(_ prefix: IPv6Prefix) throws(Problem) {
        guard let length = Length(rawValue: prefix.length) else { throw .length }
        let address = prefix.address
        guard length != .bits96 || address.low >> 56 == 0 else { throw .octet8 }
        if address.high == Self.wellKnown.address.high, address.low == 0, length != .bits96 {
            throw .wellKnownAtOtherLength
        }
        guard !address.isMulticast, !address.isLinkLocal, address.high != 0 else { throw .notUnicast }
        self.init(unchecked: address, length)
    }

    /// Whether this is 64:ff9b::/96.
    @inlinable @inline(__always)
    public var isWellKnown: Bool { self == Self.wellKnown }

    /// The prefix as a block of addresses: what is routed to the translator.
    @inlinable
    public var block: IPv6Prefix { IPv6Prefix(address, length: length.rawValue) }

    /// Whether the address lies under the prefix.
    @inlinable @inline(__always)
    public func contains(_ other: IPv6Address) -> Bool {
        switch length {
        case .bits96: other.high == address.high && other.low >> 32 == address.low >> 32
        case .bits64: other.high == address.high
        case .bits56: other.high >> 8 == address.high >> 8
        case .bits48: other.high >> 16 == address.high >> 16
        case .bits40: other.high >> 24 == address.high >> 24
        case .bits32: other.high >> 32 == address.high >> 32
        }
    }

    /// The IPv6 address that stands for an IPv4 address; octet 8 and the suffix are zero (RFC 6052 section 2.2).
    @inlinable @inline(__always)
    public func embed(_ embedded: IPv4Address) -> IPv6Address {
        let bits = UInt64(embedded.bits)
        return switch length {
        case .bits96: IPv6Address(high: address.high, low: address.low | bits)
        case .bits64: IPv6Address(high: address.high, low: bits << 24)
        case .bits56: IPv6Address(high: address.high | bits >> 24, low: (bits & 0xFF_FFFF) << 32)
        case .bits48: IPv6Address(high: address.high | bits >> 16, low: (bits & 0xFFFF) << 40)
        case .bits40: IPv6Address(high: address.high | bits >> 8, low: (bits & 0xFF) << 48)
        case .bits32: IPv6Address(high: address.high | bits, low: 0)
        }
    }

    /// The IPv4 address that an address under the prefix stands for; octet 8 and the suffix are ignored
    /// (RFC 6052 section 2.2, last paragraphs).
    @inlinable @inline(__always)
    public func extract(_ other: IPv6Address) -> IPv4Address {
        let bits: UInt64 =
            switch length {
            case .bits96: other.low
            case .bits64: other.low >> 24
            case .bits56: other.high << 24 | (other.low >> 32 & 0xFF_FFFF)
            case .bits48: other.high << 16 | (other.low >> 40 & 0xFFFF)
            case .bits40: other.high << 8 | (other.low >> 48 & 0xFF)
            case .bits32: other.high
            }
        return IPv4Address(bits: UInt32(truncatingIfNeeded: bits))
    }
}

extension TranslationPrefix: CustomStringConvertible {
    /// `64:ff9b::/96`.
    public var description: String { block.description }
}
