internal import NAT64
internal import PacketMemory
internal import PacketWire

/// Where the parts of a TCP segment lie and what it says about its place in its flow.
struct TCPSegment {
    /// What a packet has to do with the flows of TCP.
    enum Relation {
        /// A whole TCP segment behind a plain IP header: all lengths hold.
        case segment
        /// Part of no TCP flow.
        case none
        /// Perhaps part of a flow, but not to be read from its headers: a fragment, IPv4 options, a wrong length.
        case unclear
    }

    /// Where the IP header starts.
    let start: Int
    /// Where the TCP header starts.
    let transport: Int
    /// Where the payload starts.
    let payload: Int
    /// Behind the last octet.
    let end: Int
    /// Both ports.
    let ports: UInt32
    let sequence: UInt32
    /// Header length, reserved bits, flags and window: RFC 9293 section 3.1.
    let control: UInt32

    /// Bits of ``control``.
    enum Control {
        static let fin: UInt32 = 0x01_0000
        static let push: UInt32 = 0x08_0000
        /// The flags with which no run of segments starts: FIN, SYN, RST, PSH, URG and CWR.
        static let lonely: UInt32 = 0xAF_0000
    }

    var payloadCount: Int { end &- payload }
    var isIPv6: Bool { transport &- start == IPv6Field.length }

    /// Looks at the headers only as far as needed to tell whether they are those of a whole segment.
    @inline(__always)
    static func relation(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) -> Relation {
        let start = frame.start
        guard frame.count >= IPv4Field.length else { return .unclear }
        let first = memory.octet(at: start)
        let length: Int
        let headers: Int
        switch first >> 4 {
        case 4:
            guard memory.octet(at: start &+ IPv4Field.proto) == IPProtocol.tcp else { return .none }
            guard first == 0x45,
                memory.uint16(at: start &+ IPv4Field.fragment) & ~IPv4Field.dontFragment == 0
            else { return .unclear }
            headers = IPv4Field.length
            length = Int(memory.uint16(at: start &+ IPv4Field.totalLength))
        case 6:
            guard frame.count >= IPv6Field.length else { return .unclear }
            switch memory.octet(at: start &+ IPv6Field.nextHeader) {
            case IPProtocol.tcp: break
            case IPProtocol.udp, IPProtocol.icmp6: return .none
            default: return .unclear
            }
            headers = IPv6Field.length
            length = headers &+ Int(memory.uint16(at: start &+ IPv6Field.payloadLength))
        default: return .unclear
        }
        guard length == frame.count, length >= headers &+ TCPField.length else { return .unclear }
        let own = Int(memory.octet(at: start &+ headers &+ TCPField.dataOffset) >> 4) &* 4
        return own >= TCPField.length && headers &+ own <= length ? .segment : .unclear
    }

    /// Reads a packet that ``relation(_:_:)`` has found to be a segment.
    @inline(__always)
    init(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) {
        start = frame.start
        transport = start &+ (memory.octet(at: start) >> 4 == 4 ? IPv4Field.length : IPv6Field.length)
        end = start &+ frame.count
        ports = memory.uint32(at: transport)
        sequence = memory.uint32(at: transport &+ 4)
        control = memory.uint32(at: transport &+ TCPField.dataOffset)
        payload = transport &+ Int(control >> 28) &* 4
    }

    /// Whether the checksum is known to be right, by the kernel or by summing. One that the kernel leaves to be
    /// completed counts as right, if what it says about its place is true.
    @inline(__always)
    func hasRightChecksum(_ memory: borrowing MutableRawSpan, _ offload: Offload) -> Bool {
        if offload.needsChecksum {
            return Int(offload.checksumStart) == transport &- start && Int(offload.checksumOffset) == TCPField.checksum
        }
        return offload.dataValid || sumsUp(memory)
    }

    /// RFC 9293 section 3.1: the sum over pseudo-header and segment, its checksum included, is all ones.
    @inline(never)
    private func sumsUp(_ memory: borrowing MutableRawSpan) -> Bool {
        var sum = pseudoHeader(memory, octets: end &- transport)
        sum.add(memory.bytes, from: transport, count: end &- transport)
        return sum.folded == 0xFFFF
    }

    /// The sum of the pseudo-header of a segment of this many octets: RFC 9293 section 3.1, RFC 8200 section 8.1.
    func pseudoHeader(_ memory: borrowing MutableRawSpan, octets: Int) -> OnesComplementSum {
        var sum = OnesComplementSum()
        if isIPv6 {
            sum.add(memory.uint64(at: start &+ IPv6Field.source))
            sum.add(memory.uint64(at: start &+ IPv6Field.source &+ 8))
            sum.add(memory.uint64(at: start &+ IPv6Field.destination))
            sum.add(memory.uint64(at: start &+ IPv6Field.destination &+ 8))
        } else {
            sum.add(memory.uint64(at: start &+ IPv4Field.source))
        }
        sum.add(UInt64(truncatingIfNeeded: octets) &+ UInt64(IPProtocol.tcp))
        return sum
    }
}
