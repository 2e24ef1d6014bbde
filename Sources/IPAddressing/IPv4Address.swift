/// An IPv4 address, held as a number in the host's own octet order.
@frozen
public struct IPv4Address: Hashable, Comparable, Sendable {
    /// The address as a number: 192.0.2.1 is 0xC000_0201.
    public var bits: UInt32

    /// Makes an address from its number.
    @inlinable @inline(__always)
    public init(bits: UInt32) { self.bits = bits }

    /// Makes an address from its four octets, in the order they are written.
    @inlinable @inline(__always)
    public init(_ a: UInt8, _ b: UInt8, _ c: UInt8, _ d: UInt8) {
        bits = UInt32(a) << 24 | UInt32(b) << 16 | UInt32(c) << 8 | UInt32(d)
    }

    /// 192.0.0.8, for a translator that has no IPv4 address of its own: the dummy address of RFC 7600.
    @inlinable @inline(__always)
    public static var dummy: IPv4Address { IPv4Address(192, 0, 0, 8) }

    /// Orders addresses as numbers.
    @inlinable @inline(__always)
    public static func < (left: IPv4Address, right: IPv4Address) -> Bool { left.bits < right.bits }
}

extension IPv4Address: CustomStringConvertible {
    /// Reads dotted decimal: four numbers from 0 to 255 without leading zeros, nothing else.
    public init?(_ text: some StringProtocol) {
        var bits: UInt32 = 0
        var number: UInt32 = 0
        var digits = 0
        var dots = 0
        for unit in text.utf8 {
            switch unit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                guard digits == 0 || number != 0 else { return nil }
                number = number * 10 + UInt32(unit - UInt8(ascii: "0"))
                digits += 1
                guard digits <= 3, number <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0, dots < 3 else { return nil }
                bits = bits << 8 | number
                number = 0
                digits = 0
                dots += 1
            default: return nil
            }
        }
        guard dots == 3, digits > 0 else { return nil }
        self.init(bits: bits << 8 | number)
    }

    /// Dotted decimal.
    public var description: String {
        "\(bits >> 24).\(bits >> 16 & 255).\(bits >> 8 & 255).\(bits & 255)"
    }
}
