/// A block of IPv4 addresses that share their first bits.
@frozen
public struct IPv4Prefix: Hashable, Sendable {
    /// The lowest address of the block; bits past the length are zero.
    public let address: IPv4Address
    /// How many bits are shared, 0 to 32.
    public let length: Int

    /// Makes a prefix; bits of the address past the length are cleared.
    ///
    /// - Parameter length: 0 to 32.
    @inlinable
    public init(_ address: IPv4Address, length: Int) {
        precondition((0...32).contains(length), "an IPv4 prefix has 0 to 32 bits")
        self.address = IPv4Address(bits: address.bits & Self.mask(length))
        self.length = length
    }

    /// The bits that a prefix of this length fixes, as ones.
    @inlinable @inline(__always)
    public static func mask(_ length: Int) -> UInt32 { length == 0 ? 0 : ~0 << UInt32(32 - length) }

    /// Whether the address lies in the block.
    @inlinable
    public func contains(_ other: IPv4Address) -> Bool { other.bits & Self.mask(length) == address.bits }

    /// Whether every address of the other block lies in this one.
    @inlinable
    public func contains(_ other: IPv4Prefix) -> Bool { length <= other.length && contains(other.address) }

    /// Whether the two blocks have an address in common.
    @inlinable
    public func overlaps(_ other: IPv4Prefix) -> Bool {
        contains(other.address) || other.contains(address)
    }

    /// The lowest and the highest address of the block.
    @inlinable
    public var range: ClosedRange<IPv4Address> {
        address...IPv4Address(bits: address.bits | ~Self.mask(length))
    }
}

/// A block of IPv6 addresses that share their first bits.
@frozen
public struct IPv6Prefix: Hashable, Sendable {
    /// The lowest address of the block; bits past the length are zero.
    public let address: IPv6Address
    /// How many bits are shared, 0 to 128.
    public let length: Int

    /// Makes a prefix; bits of the address past the length are cleared.
    ///
    /// - Parameter length: 0 to 128.
    @inlinable
    public init(_ address: IPv6Address, length: Int) {
        precondition((0...128).contains(length), "an IPv6 prefix has 0 to 128 bits")
        let mask = Self.mask(length)
        self.address = IPv6Address(high: address.high & mask.high, low: address.low & mask.low)
        self.length = length
    }

    /// The bits that a prefix of this length fixes, as ones.
    @inlinable
    public static func mask(_ length: Int) -> IPv6Address {
        IPv6Address(
            high: length == 0 ? 0 : length >= 64 ? ~0 : ~0 << UInt64(64 - length),
            low: length <= 64 ? 0 : ~0 << UInt64(128 - length)
        )
    }

    /// Whether the address lies in the block.
    @inlinable
    public func contains(_ other: IPv6Address) -> Bool {
        let mask = Self.mask(length)
        return other.high & mask.high == address.high && other.low & mask.low == address.low
    }

    /// Whether every address of the other block lies in this one.
    @inlinable
    public func contains(_ other: IPv6Prefix) -> Bool { length <= other.length && contains(other.address) }

    /// Whether the two blocks have an address in common.
    @inlinable
    public func overlaps(_ other: IPv6Prefix) -> Bool {
        contains(other.address) || other.contains(address)
    }
}

/// A block of addresses of either family.
@frozen
public enum IPPrefix: Hashable, Sendable {
    /// A block of IPv4 addresses.
    case v4(IPv4Prefix)
    /// A block of IPv6 addresses.
    case v6(IPv6Prefix)

    /// Whether the address is of the block's family and lies in it.
    @inlinable
    public func contains(_ address: IPAddress) -> Bool {
        switch (self, address) {
        case (.v4(let prefix), .v4(let address)): prefix.contains(address)
        case (.v6(let prefix), .v6(let address)): prefix.contains(address)
        default: false
        }
    }

    /// Whether every address of the other block lies in this one.
    @inlinable
    public func contains(_ other: IPPrefix) -> Bool {
        switch (self, other) {
        case (.v4(let prefix), .v4(let other)): prefix.contains(other)
        case (.v6(let prefix), .v6(let other)): prefix.contains(other)
        default: false
        }
    }

    /// How many bits are shared.
    @inlinable
    public var length: Int {
        switch self {
        case .v4(let prefix): prefix.length
        case .v6(let prefix): prefix.length
        }
    }
}

/// Why a text is not a prefix.
public enum PrefixProblem: Error, Hashable, Sendable {
    /// Not `ADDRESS/LENGTH` and not an address.
    case unreadable
    /// The length is more than the address has bits.
    case lengthOutOfRange
    /// Bits past the length are set: the payload is the prefix that would be right.
    case bitsPastLength(IPPrefix)
}

extension IPPrefix: CustomStringConvertible {
    /// Reads `ADDRESS/LENGTH`, or an address alone as the block that holds only it.
    ///
    /// - Throws: The ``PrefixProblem``; set bits past the length are refused, because they are usually a mistake.
    public init(parsing text: some StringProtocol) throws(PrefixProblem) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(first) else { throw .unreadable }
        let bits =
            switch address {
            case .v4: 32
            case .v6: 128
            }
        var length = bits
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ (48...57).contains($0) }),
                let number = Int(parts[1])
            else { throw .unreadable }
            guard number <= bits else { throw .lengthOutOfRange }
            length = number
        }
        switch address {
        case .v4(let address):
            let prefix = IPv4Prefix(address, length: length)
            guard prefix.address == address else { throw .bitsPastLength(.v4(prefix)) }
            self = .v4(prefix)
        case .v6(let address):
            let prefix = IPv6Prefix(address, length: length)
            guard prefix.address == address else { throw .bitsPastLength(.v6(prefix)) }
            self = .v6(prefix)
        }
    }

    /// Reads `ADDRESS/LENGTH`, or an address alone; nothing for any other text.
    public init?(_ text: some StringProtocol) {
        do throws(PrefixProblem) {
            try self.init(parsing: text)
        } catch {
            return nil
        }
    }

    /// `192.0.2.0/24` or `2001:db8::/32`.
    public var description: String {
        switch self {
        case .v4(let prefix): prefix.description
        case .v6(let prefix): prefix.description
        }
    }
}

extension IPv4Prefix: CustomStringConvertible {
    /// Reads `192.0.2.0/24`, or an address alone; nothing for any other text.
    public init?(_ text: some StringProtocol) {
        guard case .v4(let prefix)? = IPPrefix(text) else { return nil }
        self = prefix
    }

    /// `192.0.2.0/24`.
    public var description: String { "\(address)/\(length)" }
}

extension IPv6Prefix: CustomStringConvertible {
    /// Reads `2001:db8::/32`, or an address alone; nothing for any other text.
    public init?(_ text: some StringProtocol) {
        guard case .v6(let prefix)? = IPPrefix(text) else { return nil }
        self = prefix
    }

    /// `2001:db8::/32`.
    public var description: String { "\(address)/\(length)" }
}
