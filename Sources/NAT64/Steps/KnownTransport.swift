import IPAddressing
import PacketMemory
import PacketWire

/// The transport header of a packet that goes the short way: see ``TranslatorWorker/passKnownOutward(_:_:_:at:)``.
struct KnownTransport {
    /// Which tables the packet belongs to.
    let kind: TransportProtocol
    /// The control bits of a TCP segment; none for the others.
    let flags: TCPFlags
    /// Octets behind the IP header of the largest packet that it is to become.
    let largest: Int
    /// The same of the last one.
    let last: Int
    /// How many packets it is to become: more than one only of a super-packet.
    let pieces: Int
    /// The two ports as they lie in the header; of a query the identifier and zero, as the tables have it.
    private let ports: UInt32

    /// The source port; of a query outward its identifier.
    @inline(__always) var source: Port { Port(UInt16(truncatingIfNeeded: ports >> 16)) }
    /// The destination port; of a query inward its identifier.
    @inline(__always) var destination: Port { Port(UInt16(truncatingIfNeeded: ports)) }
    /// Whether it is echo, whose checksum covers a pseudo-header in ICMPv6 only.
    @inline(__always) var isQuery: Bool { kind == .icmpQuery }

    /// Reads a header.
    ///
    /// - Parameters:
    ///   - headers: At least `at` and 20 octets more, whatever belongs to the packet.
    ///   - at: Where the header begins.
    ///   - payload: How many octets of the packet there are from there.
    ///   - ipHeader: Octets of the header in front.
    /// - Returns: Nothing for all but a header of UDP, TCP or echo that is whole and whose lengths agree, nothing for a
    ///   datagram that has no checksum, neither now nor later, and where the kernel's offload header is not right.
    @inline(__always)
    init?(
        _ proto: UInt8,
        _ headers: borrowing RawSpan,
        at: Int,
        _ payload: Int,
        _ offload: Offload,
        behind ipHeader: Int
    ) {
        let isIPv6 = ipHeader == IPv6Field.length
        // What all three have first: ports, length and checksum; ports and sequence; type, checksum and identifier.
        let word = headers.uint64(at: at)
        let header: Int
        let field: Int
        switch proto {
        case IPProtocol.udp:
            let length = Int(word >> 16 & 0xFFFF)
            guard length >= UDPField.headerLength, length <= payload, offload.needsChecksum || word & 0xFFFF != 0
            else { return nil }
            kind = .udp
            flags = []
            ports = UInt32(truncatingIfNeeded: word >> 32)
            header = UDPField.headerLength
            field = UDPField.checksum
        case IPProtocol.tcp:
            let control = headers.uint16(at: at &+ TCPField.dataOffset)
            let length = Int(control >> 12) &* 4
            guard length >= TCPField.length, length <= payload else { return nil }
            kind = .tcp
            flags = TCPFlags(rawValue: UInt8(truncatingIfNeeded: control))
            ports = UInt32(truncatingIfNeeded: word >> 32)
            header = length
            field = TCPField.checksum
        case isIPv6 ? IPProtocol.icmp6 : IPProtocol.icmp:
            let type = UInt8(truncatingIfNeeded: word >> 56)
            // The kernel leaves no checksum of these for later.
            guard payload >= ICMPField.length, !offload.needsChecksum,
                type == (isIPv6 ? ICMPv6Type.echoRequest : ICMPv4Type.echoRequest)
                    || type == (isIPv6 ? ICMPv6Type.echoReply : ICMPv4Type.echoReply)
            else { return nil }
            kind = .icmpQuery
            flags = []
            let identifier = UInt32(truncatingIfNeeded: word >> 16) & 0xFFFF
            ports = isIPv6 ? identifier << 16 : identifier
            header = ICMPField.length
            field = ICMPField.checksum
        default: return nil
        }
        if offload.segmentation == .none {
            largest = payload
            last = payload
            pieces = 1
        } else {
            let size = UInt32(offload.segmentSize)
            guard size > 0, offload.needsChecksum,
                offload.segmentation == (kind == .udp ? .udpL4 : isIPv6 ? .tcp6 : .tcp4)
            else { return nil }
            let (quotient, rest) = UInt32(truncatingIfNeeded: payload &- header).quotientAndRemainder(dividingBy: size)
            largest = quotient == 0 ? payload : header &+ Int(size)
            last = rest == 0 ? largest : header &+ Int(rest)
            pieces = Int(quotient) &+ 1
        }
        guard offload.needsChecksum else { return }
        guard Int(offload.checksumStart) == ipHeader, Int(offload.checksumOffset) == field else { return nil }
    }

    /// Writes the new port and lets the checksum follow: RFC 7915 sections 4.5 and 5.5.
    ///
    /// - Parameters:
    ///   - ports: The new ones.
    ///   - addresses: How the pseudo-header's sum changes.
    ///   - segmentLimit: The most a SYN may announce; 0 leaves it alone.
    @inline(__always)
    func rewrite(
        _ headers: inout MutableRawSpan,
        at: Int,
        _ ports: OutgoingPorts,
        addresses: OnesComplementSum,
        _ offload: Offload,
        segmentLimit: @autoclosure () -> UInt16
    ) {
        var change = addresses
        if flags.contains(.syn) {
            let announced = clampSegmentSize(&headers, at: at, to: segmentLimit())
            // A partial checksum knows of the pseudo-header only.
            if !offload.needsChecksum { change.add(announced) }
        }
        rewriteTransport(
            &headers,
            at: at,
            IncomingTuple(transport: kind, source: source, destination: destination, headerLength: 0),
            ports,
            addresses: change,
            isPartial: offload.needsChecksum,
            segmentLimit: 0
        )
    }
}
