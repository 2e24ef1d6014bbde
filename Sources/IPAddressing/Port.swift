/// A TCP or UDP port, or the identifier of an ICMP query, which RFC 6146 treats like one.
///
/// It has an order but no arithmetic: a port plus one is rarely what anybody means.
@frozen
public struct Port: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The number, 0 to 65535, in the host's own octet order.
    public var number: UInt16

    /// The port of this number.
    @inlinable @inline(__always)
    public init(_ number: UInt16) { self.number = number }

    /// Orders ports by number.
    @inlinable @inline(__always)
    public static func < (left: Port, right: Port) -> Bool { left.number < right.number }

    /// The number in decimal.
    public var description: String { String(number) }
}

extension ClosedRange<Port> {
    /// How many ports there are.
    @inlinable @inline(__always)
    public var length: Int { Int(upperBound.number) - Int(lowerBound.number) + 1 }
}
