import PacketWire

/// Type, code and the word behind the checksum of an ICMP error.
struct ICMPErrorHeader: Hashable {
    var type: UInt8
    var code: UInt8
    /// MTU, pointer or zero; the octet of RFC 4884 is not in it.
    var word: UInt32 = 0
    /// Whether the message has a length attribute and may carry extensions: RFC 4884 section 4.
    var mayExtend = false
}

/// The tables of RFC 7915 sections 4.2 and 5.2.
extension ICMPErrorHeader {
    /// The ICMPv6 error that says what an ICMPv4 error says; nothing for those that are dropped in silence.
    ///
    /// Fragmentation Needed is not in it, because its MTU depends on more than the message.
    static func fromICMPv4(type: UInt8, code: UInt8, pointer: UInt8) -> ICMPErrorHeader? {
        switch (type, code) {
        case (ICMPv4Type.unreachable, 0), (ICMPv4Type.unreachable, 1), (ICMPv4Type.unreachable, 5...8),
            (ICMPv4Type.unreachable, 11), (ICMPv4Type.unreachable, 12):
            ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 0, mayExtend: true)
        case (ICMPv4Type.unreachable, 2):
            // The next header field of the IPv6 header is what the peer did not understand.
            ICMPErrorHeader(type: ICMPv6Type.parameterProblem, code: 1, word: 6)
        case (ICMPv4Type.unreachable, 3):
            ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 4, mayExtend: true)
        case (ICMPv4Type.unreachable, 9), (ICMPv4Type.unreachable, 10), (ICMPv4Type.unreachable, 13),
            (ICMPv4Type.unreachable, 15):
            ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 1, mayExtend: true)
        case (ICMPv4Type.timeExceeded, _):
            ICMPErrorHeader(type: ICMPv6Type.timeExceeded, code: code, mayExtend: true)
        case (ICMPv4Type.parameterProblem, 0), (ICMPv4Type.parameterProblem, 2):
            pointerToIPv6(pointer).map {
                ICMPErrorHeader(type: ICMPv6Type.parameterProblem, code: 0, word: UInt32($0))
            }
        default: nil
        }
    }

    /// The ICMPv4 error that says what an ICMPv6 error says; nothing for those that are dropped in silence.
    ///
    /// Packet Too Big is not in it, because its MTU depends on more than the message.
    static func fromICMPv6(type: UInt8, code: UInt8, pointer: UInt32) -> ICMPErrorHeader? {
        switch (type, code) {
        case (ICMPv6Type.unreachable, 0), (ICMPv6Type.unreachable, 2), (ICMPv6Type.unreachable, 3):
            ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 1, mayExtend: true)
        case (ICMPv6Type.unreachable, 1):
            ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 10, mayExtend: true)
        case (ICMPv6Type.unreachable, 4):
            ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 3, mayExtend: true)
        case (ICMPv6Type.timeExceeded, _):
            ICMPErrorHeader(type: ICMPv4Type.timeExceeded, code: code, mayExtend: true)
        case (ICMPv6Type.parameterProblem, 0):
            pointerToIPv4(pointer).map {
                ICMPErrorHeader(type: ICMPv4Type.parameterProblem, code: 0, word: UInt32($0) << 24)
            }
        case (ICMPv6Type.parameterProblem, 1):
            ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 2, mayExtend: true)
        default: nil
        }
    }

    /// RFC 7915 figure 3.
    static func pointerToIPv6(_ pointer: UInt8) -> UInt8? {
        switch pointer {
        case 0: 0
        case 1: 1
        case 2, 3: 4
        case 8: 7
        case 9: 6
        case 12...15: 8
        case 16...19: 24
        default: nil
        }
    }

    /// RFC 7915 figure 6.
    static func pointerToIPv4(_ pointer: UInt32) -> UInt8? {
        switch pointer {
        case 0: 0
        case 1: 1
        case 4, 5: 2
        case 6: 9
        case 7: 8
        case 8...23: 12
        case 24...39: 16
        default: nil
        }
    }
}
