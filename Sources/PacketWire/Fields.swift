/// Protocol numbers of IANA's registry that a translator must know.
public enum IPProtocol {
    /// IPv6 hop-by-hop options.
    @inlinable @inline(__always) public static var hopByHop: UInt8 { 0 }
    /// ICMPv4.
    @inlinable @inline(__always) public static var icmp: UInt8 { 1 }
    /// IGMP.
    @inlinable @inline(__always) public static var igmp: UInt8 { 2 }
    /// TCP.
    @inlinable @inline(__always) public static var tcp: UInt8 { 6 }
    /// UDP.
    @inlinable @inline(__always) public static var udp: UInt8 { 17 }
    /// IPv6 routing header.
    @inlinable @inline(__always) public static var routing: UInt8 { 43 }
    /// IPv6 fragment header.
    @inlinable @inline(__always) public static var fragment: UInt8 { 44 }
    /// Authentication Header.
    @inlinable @inline(__always) public static var ah: UInt8 { 51 }
    /// ICMPv6.
    @inlinable @inline(__always) public static var icmp6: UInt8 { 58 }
    /// IPv6 destination options.
    @inlinable @inline(__always) public static var destinationOptions: UInt8 { 60 }
}

/// Where the fields of the IPv4 header start: RFC 791 section 3.1.
public enum IPv4Field {
    /// Octets of a header without options.
    @inlinable @inline(__always) public static var length: Int { 20 }
    /// DSCP and ECN.
    @inlinable @inline(__always) public static var typeOfService: Int { 1 }
    /// Octets of header and payload.
    @inlinable @inline(__always) public static var totalLength: Int { 2 }
    /// The identification.
    @inlinable @inline(__always) public static var identification: Int { 4 }
    /// Three flags and the fragment offset.
    @inlinable @inline(__always) public static var fragment: Int { 6 }
    /// Time to live.
    @inlinable @inline(__always) public static var timeToLive: Int { 8 }
    /// The protocol of the payload.
    @inlinable @inline(__always) public static var proto: Int { 9 }
    /// The checksum of the header.
    @inlinable @inline(__always) public static var checksum: Int { 10 }
    /// The source address.
    @inlinable @inline(__always) public static var source: Int { 12 }
    /// The destination address.
    @inlinable @inline(__always) public static var destination: Int { 16 }
    /// The bit of ``fragment`` that forbids fragmenting.
    @inlinable @inline(__always) public static var dontFragment: UInt16 { 0x4000 }
    /// The bit of ``fragment`` that says that more follow.
    @inlinable @inline(__always) public static var moreFragments: UInt16 { 0x2000 }
    /// The bits of ``fragment`` that hold the offset in units of eight octets.
    @inlinable @inline(__always) public static var offsetMask: UInt16 { 0x1FFF }
}

/// Where the fields of the IPv6 header start: RFC 8200 section 3.
public enum IPv6Field {
    /// Octets of the fixed header.
    @inlinable @inline(__always) public static var length: Int { 40 }
    /// Octets after the fixed header.
    @inlinable @inline(__always) public static var payloadLength: Int { 4 }
    /// What follows the fixed header.
    @inlinable @inline(__always) public static var nextHeader: Int { 6 }
    /// The hop limit.
    @inlinable @inline(__always) public static var hopLimit: Int { 7 }
    /// The source address.
    @inlinable @inline(__always) public static var source: Int { 8 }
    /// The destination address.
    @inlinable @inline(__always) public static var destination: Int { 24 }
    /// Octets of a fragment header (RFC 8200 section 4.5).
    @inlinable @inline(__always) public static var fragmentLength: Int { 8 }
}

/// Where the fields of the TCP header start: RFC 9293 section 3.1.
public enum TCPField {
    /// Octets of a header without options.
    @inlinable @inline(__always) public static var length: Int { 20 }
    /// Octets of the longest header.
    @inlinable @inline(__always) public static var longest: Int { 60 }
    /// The header's length in words, in the upper four bits.
    @inlinable @inline(__always) public static var dataOffset: Int { 12 }
    /// The control bits.
    @inlinable @inline(__always) public static var flags: Int { 13 }
    /// The checksum.
    @inlinable @inline(__always) public static var checksum: Int { 16 }
}

/// Where the fields of the UDP header start: RFC 768.
public enum UDPField {
    /// Octets of the header.
    @inlinable @inline(__always) public static var headerLength: Int { 8 }
    /// The destination port.
    @inlinable @inline(__always) public static var destinationPort: Int { 2 }
    /// Octets of header and payload.
    @inlinable @inline(__always) public static var length: Int { 4 }
    /// The checksum.
    @inlinable @inline(__always) public static var checksum: Int { 6 }
}

/// Where the fields of ICMPv4 and ICMPv6 messages start: RFC 792, RFC 4443 section 2.1.
public enum ICMPField {
    /// Octets in front of the body: type, code, checksum and one word that depends on the type.
    @inlinable @inline(__always) public static var length: Int { 8 }
    /// The checksum.
    @inlinable @inline(__always) public static var checksum: Int { 2 }
    /// The word that depends on the type: MTU, pointer, identifier and sequence number.
    @inlinable @inline(__always) public static var word: Int { 4 }
    /// The identifier of an echo message.
    @inlinable @inline(__always) public static var identifier: Int { 4 }
}

/// ICMPv4 types: RFC 792.
public enum ICMPv4Type {
    /// Echo reply.
    @inlinable @inline(__always) public static var echoReply: UInt8 { 0 }
    /// Destination unreachable.
    @inlinable @inline(__always) public static var unreachable: UInt8 { 3 }
    /// Source quench, which nobody sends any more (RFC 6633).
    @inlinable @inline(__always) public static var sourceQuench: UInt8 { 4 }
    /// Redirect.
    @inlinable @inline(__always) public static var redirect: UInt8 { 5 }
    /// Echo request.
    @inlinable @inline(__always) public static var echoRequest: UInt8 { 8 }
    /// Time exceeded.
    @inlinable @inline(__always) public static var timeExceeded: UInt8 { 11 }
    /// Parameter problem.
    @inlinable @inline(__always) public static var parameterProblem: UInt8 { 12 }

    /// Whether the type is an error, about which no error may be sent (RFC 1812 section 4.3.2.7).
    @inlinable @inline(__always)
    public static func isError(_ type: UInt8) -> Bool {
        type == unreachable || type == timeExceeded || type == parameterProblem || type == sourceQuench
            || type == redirect
    }
}

/// ICMPv6 types: RFC 4443.
public enum ICMPv6Type {
    /// Destination unreachable.
    @inlinable @inline(__always) public static var unreachable: UInt8 { 1 }
    /// Packet too big.
    @inlinable @inline(__always) public static var packetTooBig: UInt8 { 2 }
    /// Time exceeded.
    @inlinable @inline(__always) public static var timeExceeded: UInt8 { 3 }
    /// Parameter problem.
    @inlinable @inline(__always) public static var parameterProblem: UInt8 { 4 }
    /// Echo request.
    @inlinable @inline(__always) public static var echoRequest: UInt8 { 128 }
    /// Echo reply.
    @inlinable @inline(__always) public static var echoReply: UInt8 { 129 }
    /// Redirect (RFC 4861).
    @inlinable @inline(__always) public static var redirect: UInt8 { 137 }

    /// Whether the type is an error: the highest bit is clear (RFC 4443 section 2.1).
    @inlinable @inline(__always)
    public static func isError(_ type: UInt8) -> Bool { type < 128 }
}
