/// The control bits of a TCP segment: RFC 9293 section 3.1, in their places on the wire.
@frozen
public struct TCPFlags: OptionSet, Hashable, Sendable {
    /// The octet at offset 13 of the TCP header.
    public let rawValue: UInt8

    /// Takes the octet at offset 13 of the TCP header.
    @inlinable @inline(__always)
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// No more data from the sender.
    @inlinable @inline(__always) public static var fin: TCPFlags { TCPFlags(rawValue: 0x01) }
    /// Synchronize sequence numbers.
    @inlinable @inline(__always) public static var syn: TCPFlags { TCPFlags(rawValue: 0x02) }
    /// Reset the connection.
    @inlinable @inline(__always) public static var rst: TCPFlags { TCPFlags(rawValue: 0x04) }
    /// The acknowledgment field counts.
    @inlinable @inline(__always) public static var ack: TCPFlags { TCPFlags(rawValue: 0x10) }
    /// The bits that move the state machine of RFC 6146 section 3.5.2.2.
    @inlinable @inline(__always) public static var opensOrCloses: TCPFlags { TCPFlags(rawValue: 0x07) }
}
