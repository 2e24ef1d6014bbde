import IPAddressing
import PacketMemory
import PacketWire

/// An ICMP error of either family, taken apart: its quote, and where extensions begin (RFC 4884).
struct ICMPErrorMessage {
    /// The error itself.
    var layout: PacketLayout
    /// The packet it is about.
    var quote: QuotedPacket
    /// Where the extension structure starts; `layout.end` when there is none.
    var extensions: Int

    /// Reads the message and what it quotes: RFC 6146 section 3.4.
    init(reading memory: borrowing RawSpan, _ layout: PacketLayout, _ view: borrowing WorkerView) throws(DropReason) {
        self.layout = layout
        extensions = layout.end
        let at = layout.payload
        let body = at &+ ICMPField.length
        let type = memory.octet(at: at)
        let mayExtend =
            layout.isIPv6
            ? type == ICMPv6Type.unreachable || type == ICMPv6Type.timeExceeded
            : type == ICMPv4Type.unreachable || type == ICMPv4Type.timeExceeded || type == ICMPv4Type.parameterProblem
        if mayExtend {
            // RFC 4884 sections 4.1 to 4.5: in 64-bit words in ICMPv6, in 32-bit words in ICMPv4.
            let length =
                layout.isIPv6
                ? 8 &* Int(memory.octet(at: at &+ 4)) : 4 &* Int(memory.octet(at: at &+ 5))
            // An extension structure has at least its header of four octets; RFC 4884 section 4: the quote has 128.
            if length >= 128, body &+ length &+ 4 <= layout.end { extensions = body &+ length }
        }
        quote = try QuotedPacket(reading: memory, from: body, to: extensions)
    }

    /// Whether the message's checksum is right: RFC 5508 requirements 3.
    func verify(_ memory: borrowing RawSpan, _ offload: Offload) throws(DropReason) {
        guard !offload.needsChecksum else { return }
        var sum = OnesComplementSum()
        if layout.isIPv6 {
            sum = Checksum.pseudoHeader(
                ipv6Address(memory, at: layout.start &+ IPv6Field.source),
                ipv6Address(memory, at: layout.start &+ IPv6Field.destination),
                length: layout.payloadCount,
                proto: IPProtocol.icmp6
            )
        }
        sum.add(memory, from: layout.payload, count: layout.payloadCount)
        guard sum.folded == 0xFFFF else { throw .badTransportChecksum }
    }

    /// The header of the ICMPv6 error to write.
    func toICMPv6(_ memory: borrowing RawSpan, _ view: borrowing WorkerView) -> ICMPErrorHeader? {
        let at = layout.payload
        let (type, code) = (memory.octet(at: at), memory.octet(at: at &+ 1))
        if type == ICMPv4Type.unreachable, code == 4 {
            let mtu = PathMTU.toIPv6(
                announced: Int(memory.uint16(at: at &+ 6)),
                quotedLength: quote.layout.declaredLength,
                ipv6MTU: view.ipv6MTU,
                ipv4MTU: view.ipv4MTU
            )
            return ICMPErrorHeader(type: ICMPv6Type.packetTooBig, code: 0, word: UInt32(truncatingIfNeeded: mtu))
        }
        return .fromICMPv4(type: type, code: code, pointer: memory.octet(at: at &+ 4))
    }

    /// The header of the ICMPv4 error to write.
    func toICMPv4(_ memory: borrowing RawSpan, _ view: borrowing WorkerView) -> ICMPErrorHeader? {
        let at = layout.payload
        let (type, code) = (memory.octet(at: at), memory.octet(at: at &+ 1))
        if type == ICMPv6Type.packetTooBig {
            let mtu = PathMTU.toIPv4(
                announced: Int(clamping: memory.uint32(at: at &+ 4)),
                hasFragmentHeader: quote.layout.fragmentHeader != 0,
                ipv6MTU: view.ipv6MTU,
                ipv4MTU: view.ipv4MTU
            )
            return ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 4, word: UInt32(truncatingIfNeeded: mtu))
        }
        return .fromICMPv6(type: type, code: code, pointer: memory.uint32(at: at &+ 4))
    }

    /// The header of an ICMPv6 error that stays one; a Packet Too Big says 1280 at least.
    func unchanged(_ memory: borrowing RawSpan) -> ICMPErrorHeader {
        let at = layout.payload
        let type = memory.octet(at: at)
        let mayExtend = type == ICMPv6Type.unreachable || type == ICMPv6Type.timeExceeded
        var word = mayExtend ? 0 : memory.uint32(at: at &+ 4)
        // As of those that come from the IPv4 side no client hears of less, which led hosts to atomic fragments
        // (RFC 8021).
        if type == ICMPv6Type.packetTooBig { word = max(word, 1280) }
        return ICMPErrorHeader(type: type, code: memory.octet(at: at &+ 1), word: word, mayExtend: mayExtend)
    }
}

/// The packet an ICMP error is about; mostly cut short.
struct QuotedPacket {
    var layout: PacketLayout
    var tuple: IncomingTuple

    /// Reads a quote; IPv4 options and IPv6 extension headers are skipped (RFC 5508 requirements 3 c).
    init(reading memory: borrowing RawSpan, from start: Int, to end: Int) throws(DropReason) {
        guard end &- start >= IPv4Field.length else { throw .quoteTooShort }
        do throws(PacketRefusal) {
            layout = try PacketLayout(reading: memory, at: start, count: end &- start, quoted: true)
        } catch {
            throw error.reason == .truncated ? .quoteTooShort : .quoteUntranslatable
        }
        guard layout.fragmentOffset == 0 else { throw .quoteUntranslatable }
        // Ports, and the identifier of a query, lie in the first eight octets, and every router quotes as many.
        guard layout.payloadCount >= 8 else { throw .quoteTooShort }
        let at = layout.payload
        let (source, destination) = (Port(memory.uint16(at: at)), Port(memory.uint16(at: at &+ 2)))
        switch layout.proto {
        case IPProtocol.tcp:
            tuple = IncomingTuple(transport: .tcp, source: source, destination: destination, headerLength: 20)
        case IPProtocol.udp:
            tuple = IncomingTuple(transport: .udp, source: source, destination: destination, headerLength: 8)
        case IPProtocol.icmp where !layout.isIPv6, IPProtocol.icmp6 where layout.isIPv6:
            let type = memory.octet(at: at)
            let isQuery =
                layout.isIPv6
                ? type == ICMPv6Type.echoRequest || type == ICMPv6Type.echoReply
                : type == ICMPv4Type.echoRequest || type == ICMPv4Type.echoReply
            guard isQuery else {
                let isError = layout.isIPv6 ? ICMPv6Type.isError(type) : ICMPv4Type.isError(type)
                throw isError ? .quoteNested : .quoteUntranslatable
            }
            let identifier = Port(memory.uint16(at: at &+ ICMPField.identifier))
            tuple = IncomingTuple(
                transport: .icmpQuery,
                source: identifier,
                destination: identifier,
                type: type,
                headerLength: 8
            )
        default: throw .quoteUntranslatable
        }
    }

    func addresses4(_ memory: borrowing RawSpan) -> (source: IPv4Address, destination: IPv4Address) {
        (
            ipv4Address(memory, at: layout.start &+ IPv4Field.source),
            ipv4Address(memory, at: layout.start &+ IPv4Field.destination)
        )
    }

    func addresses6(_ memory: borrowing RawSpan) -> (source: IPv6Address, destination: IPv6Address) {
        (
            ipv6Address(memory, at: layout.start &+ IPv6Field.source),
            ipv6Address(memory, at: layout.start &+ IPv6Field.destination)
        )
    }
}
