import IPAddressing
import PacketMemory
import PacketWire

/// The transport header of a packet that goes the short way: see ``TranslatorWorker/passKnownOutward(_:_:_:at:)``.
struct KnownTransport {
    /// Which tables the packet belongs to.
    let kind: TransportProtocol
    /// Octets behind the IP header of the largest packet that it is to become.
    let largest: Int
    /// The same of the last one.
    let last: Int
    /// How many packets it is to become: more than one only of a super-packet.
    let pieces: Int
    /// The two ports as they lie in the header.
    private let ports: UInt32

    /// The source port.
    @inline(__always) var source: Port { Port(UInt16(truncatingIfNeeded: ports >> 16)) }
    /// The destination port.
    @inline(__always) var destination: Port { Port(UInt16(truncatingIfNeeded: ports)) }
    /// Whether it is TCP; if not, it is UDP.
    @inline(__always) var isTCP: Bool { kind == .tcp }
    /// The protocol's number.
    @inline(__always) var proto: UInt8 { isTCP ? IPProtocol.tcp : IPProtocol.udp }
    /// Where in the header the checksum is.
    @inline(__always) private var field: Int { isTCP ? TCPField.checksum : UDPField.checksum }

    /// Reads a header.
    ///
    /// - Parameters:
    ///   - headers: At least `at` and 20 octets more, whatever belongs to the packet.
    ///   - at: Where the header begins.
    ///   - payload: How many octets of the packet there are from there.
    ///   - ipHeader: Octets of the header in front.
    /// - Returns: Nothing for all but a header of UDP or TCP that is whole and whose lengths agree; nothing for a
    ///   segment that opens or closes a connection, for a super-packet of datagrams, and where the kernel's offload
    ///   header is not right.
    @inline(__always)
    init?(
        _ proto: UInt8,
        _ headers: borrowing RawSpan,
        at: Int,
        _ payload: Int,
        _ offload: Offload,
        behind ipHeader: Int
    ) {
        let header: Int
        switch proto {
        case IPProtocol.udp:
            let length = Int(headers.uint16(at: at &+ UDPField.length))
            guard length >= UDPField.headerLength, length <= payload else { return nil }
            kind = .udp
            header = UDPField.headerLength
        case IPProtocol.tcp:
            let length = Int(headers.octet(at: at &+ TCPField.dataOffset) >> 4) &* 4
            let flags = TCPFlags(rawValue: headers.octet(at: at &+ TCPField.flags))
            guard length >= TCPField.length, length <= payload, flags.isDisjoint(with: .opensOrCloses) else {
                return nil
            }
            kind = .tcp
            header = length
        default: return nil
        }
        ports = headers.uint32(at: at)
        if offload.segmentation == .none {
            largest = payload
            last = payload
            pieces = 1
        } else {
            let size = UInt32(offload.segmentSize)
            guard kind == .tcp, size > 0, offload.needsChecksum,
                offload.segmentation == (ipHeader == IPv6Field.length ? .tcp6 : .tcp4)
            else { return nil }
            let (quotient, rest) = UInt32(truncatingIfNeeded: payload &- header).quotientAndRemainder(dividingBy: size)
            largest = quotient == 0 ? payload : header &+ Int(size)
            last = rest == 0 ? largest : header &+ Int(rest)
            pieces = Int(quotient) &+ 1
        }
        guard offload.needsChecksum else { return }
        guard Int(offload.checksumStart) == ipHeader, Int(offload.checksumOffset) == field else { return nil }
    }

    /// The checksum as it stands there.
    @inline(__always)
    func checksum(_ headers: borrowing RawSpan, at: Int) -> UInt16 { headers.uint16(at: at &+ field) }

    /// Writes the new ports and lets the checksum follow: RFC 7915 sections 4.5 and 5.5.
    ///
    /// - Parameter addresses: How the pseudo-header's sum changes.
    @inline(__always)
    func rewrite(
        _ headers: inout MutableRawSpan,
        at: Int,
        _ new: OutgoingPorts,
        addresses: OnesComplementSum,
        _ offload: Offload
    ) {
        let tuple = IncomingTuple(transport: kind, source: source, destination: destination, headerLength: 0)
        rewriteTransport(
            &headers,
            at: at,
            tuple,
            new,
            addresses: addresses,
            isPartial: offload.needsChecksum,
            segmentLimit: 0
        )
    }
}
