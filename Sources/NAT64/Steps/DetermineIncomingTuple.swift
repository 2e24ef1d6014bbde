import IPAddressing
import PacketMemory
import PacketWire

/// What identifies the flow of a packet besides its addresses: RFC 6146 section 3.4.
struct IncomingTuple {
    /// Which tables the packet belongs to.
    var transport: TransportProtocol
    /// The source port; of an ICMP query its identifier.
    var source: Port
    /// The destination port; 0 in an ICMP query.
    var destination: Port
    /// The control bits of a TCP segment.
    var flags: TCPFlags = []
    /// The ICMP type of a query.
    var type: UInt8 = 0
    /// Octets of the transport header.
    var headerLength: Int
}

extension DropReason {
    /// The reason under which an unreadable packet is counted.
    @inline(__always)
    init(_ refusal: PacketRefusal) {
        self =
            switch refusal.reason {
            case .truncated, .wrongVersion: .malformed
            case .badHeaderChecksum: .badHeaderChecksum
            case .extensionChain: .extensionChain
            case .jumbogram: .jumbogram
            case .routingHeader: .routingHeader
            case .sourceRoute: .sourceRoute
            case .badFragment: .badFragment
            }
    }
}

/// Reads an IPv6 address.
@inline(__always)
func ipv6Address(_ memory: borrowing RawSpan, at offset: Int) -> IPv6Address {
    IPv6Address(high: memory.uint64(at: offset), low: memory.uint64(at: offset &+ 8))
}

/// Reads an IPv4 address.
@inline(__always)
func ipv4Address(_ memory: borrowing RawSpan, at offset: Int) -> IPv4Address {
    IPv4Address(bits: memory.uint32(at: offset))
}

extension IncomingTuple {
    /// Reads the transport header of a packet, which must be whole, as RFC 6146 section 3.4 allows a NAT64 to demand
    /// of first fragments too (RFC 7112).
    ///
    /// - Returns: Nothing for an ICMP error, which has no tuple of its own.
    /// - Throws: ``DropReason`` for what cannot be translated with state.
    @inline(__always)
    init?(reading memory: borrowing RawSpan, _ layout: PacketLayout) throws(DropReason) {
        let at = layout.payload
        switch layout.proto {
        case IPProtocol.tcp:
            guard layout.payloadCount >= TCPField.length else { throw layout.short }
            let headerLength = Int(memory.octet(at: at &+ TCPField.dataOffset) >> 4) &* 4
            guard headerLength >= TCPField.length, headerLength <= layout.payloadCount else { throw layout.short }
            self.init(
                transport: .tcp,
                source: Port(memory.uint16(at: at)),
                destination: Port(memory.uint16(at: at &+ 2)),
                flags: TCPFlags(rawValue: memory.octet(at: at &+ TCPField.flags)),
                headerLength: headerLength
            )
        case IPProtocol.udp:
            guard layout.payloadCount >= UDPField.headerLength else { throw layout.short }
            let length = Int(memory.uint16(at: at &+ UDPField.length))
            guard length >= UDPField.headerLength, layout.moreFragments || length <= layout.payloadCount else {
                throw .malformed
            }
            self.init(
                transport: .udp,
                source: Port(memory.uint16(at: at)),
                destination: Port(memory.uint16(at: at &+ 2)),
                headerLength: UDPField.headerLength
            )
        case IPProtocol.icmp6 where layout.isIPv6, IPProtocol.icmp where !layout.isIPv6:
            guard layout.payloadCount >= ICMPField.length else { throw layout.short }
            let type = memory.octet(at: at)
            if try !layout.isQuery(type) { return nil }
            let identifier = Port(memory.uint16(at: at &+ ICMPField.identifier))
            self.init(
                transport: .icmpQuery,
                source: identifier,
                destination: identifier,
                type: type,
                headerLength: ICMPField.length
            )
        case IPProtocol.igmp where !layout.isIPv6:
            throw .unsupportedMessage
        default:
            throw .unsupportedProtocol
        }
    }
}

extension PacketLayout {
    /// What a transport header that is not all there means.
    @inline(__always)
    fileprivate var short: DropReason { moreFragments ? .tinyFragment : .malformed }

    /// Whether an ICMP type is echo (true) or an error that is translated (false).
    ///
    /// - Throws: For every other message: RFC 7915 sections 4.2 and 5.2.
    @inline(__always)
    fileprivate func isQuery(_ type: UInt8) throws(DropReason) -> Bool {
        if isIPv6 {
            switch type {
            case ICMPv6Type.echoRequest, ICMPv6Type.echoReply: return true
            case ICMPv6Type.unreachable, ICMPv6Type.packetTooBig, ICMPv6Type.timeExceeded,
                ICMPv6Type.parameterProblem:
                return false
            default: throw .unsupportedMessage
            }
        }
        switch type {
        case ICMPv4Type.echoRequest, ICMPv4Type.echoReply: return true
        case ICMPv4Type.unreachable, ICMPv4Type.timeExceeded, ICMPv4Type.parameterProblem: return false
        default: throw .unsupportedMessage
        }
    }
}

/// Whether the kernel's offload header describes this packet.
///
/// - Throws: ``DropReason/badOffload``.
@inline(__always)
func checkOffload(_ offload: Offload, _ layout: PacketLayout, _ tuple: IncomingTuple) throws(DropReason) {
    guard offload.needsChecksum || offload.segmentation != .none else { return }
    let field: Int
    switch tuple.transport {
    case .tcp: field = TCPField.checksum
    case .udp: field = UDPField.checksum
    case .icmpQuery: field = ICMPField.checksum
    }
    guard offload.needsChecksum, Int(offload.checksumStart) == layout.payload &- layout.start,
        Int(offload.checksumOffset) == field
    else { throw .badOffload }
    switch offload.segmentation {
    case .none: return
    case .tcp4: guard tuple.transport == .tcp, !layout.isIPv6 else { throw .badOffload }
    case .tcp6: guard tuple.transport == .tcp, layout.isIPv6 else { throw .badOffload }
    case .udpL4: guard tuple.transport == .udp else { throw .badOffload }
    }
    guard offload.segmentSize > 0, layout.fragmentHeader == 0, !layout.isFragment else { throw .badOffload }
}
