public import IPAddressing
import PacketMemory
public import PacketWire

/// A packet in the words of one line, as tests write it.
///
/// `udp [2001:db8::5]:40000 > [64:ff9b::192.0.2.1]:53  hops 64  "who?"`
///
/// A field that is nothing was not said: writing the packet gives it the usual value, comparing leaves it out.
public struct PacketDescription: Hashable, Sendable {
    /// What the packet carries.
    public enum Kind: Hashable, Sendable {
        /// A UDP datagram.
        case udp
        /// A TCP segment.
        case tcp
        /// An ICMP echo request.
        case ping
        /// An ICMP echo reply.
        case pong
        /// Another ICMP message.
        case icmp(type: UInt8, code: UInt8)
        /// Something else, by its protocol number.
        case other(UInt8)
    }

    /// What the packet carries.
    public var kind: Kind
    /// Where it comes from.
    public var source: IPAddress
    /// Where it goes.
    public var destination: IPAddress
    /// The ports; nothing in a later fragment, and where there are none.
    public var ports: [UInt16] = []
    /// Hop limit or time to live.
    public var hops: UInt8?
    /// Traffic class or type of service.
    public var trafficClass: UInt8?
    /// Whether IPv4 may not fragment it.
    public var dontFragment: Bool?
    /// What fragments have in common.
    public var identification: UInt32?
    /// Where in the datagram a fragment starts, in octets.
    public var offset: Int?
    /// Whether another fragment follows.
    public var more: Bool?
    /// Said to be no fragment, and to have no fragment header.
    public var isWhole: Bool?
    /// The control bits of a TCP segment.
    public var flags: TCPFlags?
    /// The maximum segment size a SYN announces.
    public var segmentSize: UInt16?
    /// Identifier of an echo message.
    public var identifier: UInt16?
    /// Sequence number of an echo message.
    public var sequence: UInt16?
    /// The word of an ICMP error that holds MTU or pointer.
    public var word: UInt32?
    /// What comes after the transport header, or all of it in a later fragment.
    public var payload: [UInt8]?
    /// The packet an ICMP error quotes: one or none.
    public var quote: [PacketDescription] = []

    /// Describes a packet of which only the ends are known.
    public init(_ kind: Kind, from source: IPAddress, to destination: IPAddress) {
        self.kind = kind
        self.source = source
        self.destination = destination
    }

    /// Whether the packet is IPv6.
    public var isIPv6: Bool {
        switch destination {
        case .v4: false
        case .v6: true
        }
    }

    /// Octets of a payload of which only the size matters: they count up.
    public static func filler(_ count: Int) -> [UInt8] { (0..<max(count, 0)).map { UInt8(truncatingIfNeeded: $0) } }

    /// Whether everything this description says is true of the other.
    public func holds(for other: PacketDescription) -> Bool {
        func agrees<Value: Equatable>(_ mine: Value?, _ theirs: Value?) -> Bool { mine == nil || mine == theirs }
        return kind == other.kind && source == other.source && destination == other.destination
            && (ports.isEmpty || ports == other.ports) && agrees(hops, other.hops)
            && agrees(trafficClass, other.trafficClass) && agrees(dontFragment, other.dontFragment)
            && agrees(identification, other.identification) && agrees(offset, other.offset) && agrees(more, other.more)
            && agrees(isWhole, other.isWhole) && agrees(flags, other.flags) && agrees(segmentSize, other.segmentSize)
            && agrees(identifier, other.identifier) && agrees(sequence, other.sequence) && agrees(word, other.word)
            && agrees(payload, other.payload)
            && (quote.isEmpty || (quote.count == other.quote.count && quote[0].holds(for: other.quote[0])))
    }
}

// MARK: From octets

extension PacketDescription {
    /// Describes a packet that lies in memory.
    ///
    /// - Parameter quoted: It is the quote of an ICMP error and may have been cut short.
    /// - Throws: Why it cannot be read.
    public init(
        describing memory: borrowing RawSpan,
        at start: Int,
        count: Int,
        quoted: Bool = false
    ) throws(PacketRefusal) {
        let layout = try PacketLayout(reading: memory, at: start, count: count, quoted: quoted)
        if layout.isIPv6 {
            func address(_ at: Int) -> IPv6Address {
                IPv6Address(high: memory.uint64(at: at), low: memory.uint64(at: at + 8))
            }
            self.init(
                .other(layout.proto),
                from: .v6(address(start + IPv6Field.source)),
                to: .v6(address(start + IPv6Field.destination))
            )
            hops = memory.octet(at: start + IPv6Field.hopLimit)
            trafficClass = UInt8(truncatingIfNeeded: memory.uint16(at: start) >> 4)
            isWhole = layout.fragmentHeader == 0
            if layout.fragmentHeader != 0 { identification = layout.identification }
        } else {
            self.init(
                .other(layout.proto),
                from: .v4(IPv4Address(bits: memory.uint32(at: start + IPv4Field.source))),
                to: .v4(IPv4Address(bits: memory.uint32(at: start + IPv4Field.destination)))
            )
            hops = memory.octet(at: start + IPv4Field.timeToLive)
            trafficClass = memory.octet(at: start + IPv4Field.typeOfService)
            dontFragment = memory.uint16(at: start + IPv4Field.fragment) & IPv4Field.dontFragment != 0
            isWhole = !layout.isFragment
            identification = layout.identification
        }
        if isWhole == false {
            offset = layout.fragmentOffset
            more = layout.moreFragments
        }
        readTransport(memory, layout, quoted: quoted)
    }

    private mutating func readTransport(_ memory: borrowing RawSpan, _ layout: PacketLayout, quoted: Bool) {
        let at = layout.payload
        var body = at
        let isFirst = layout.fragmentOffset == 0
        switch layout.proto {
        case IPProtocol.udp:
            kind = .udp
            guard isFirst, layout.payloadCount >= 8 else { break }
            ports = [memory.uint16(at: at), memory.uint16(at: at + 2)]
            body = at + 8
        case IPProtocol.tcp:
            kind = .tcp
            guard isFirst, layout.payloadCount >= 4 else { break }
            ports = [memory.uint16(at: at), memory.uint16(at: at + 2)]
            guard layout.payloadCount >= 20 else { break }
            flags = TCPFlags(rawValue: memory.octet(at: at + TCPField.flags))
            body = min(at + 4 * Int(memory.octet(at: at + TCPField.dataOffset) >> 4), layout.end)
            var option = at + 20
            while option + 4 <= body, memory.octet(at: option) == 1 { option += 1 }
            if option + 4 <= body, memory.uint16(at: option) == 0x0204 { segmentSize = memory.uint16(at: option + 2) }
        case IPProtocol.icmp where !layout.isIPv6, IPProtocol.icmp6 where layout.isIPv6:
            guard isFirst, layout.payloadCount >= 8 else {
                kind = .ping
                break
            }
            readICMP(memory, layout, quoted: quoted)
            return
        default: kind = .other(layout.proto)
        }
        payload = (body..<max(body, layout.end)).map { memory.octet(at: $0) }
    }

    private mutating func readICMP(_ memory: borrowing RawSpan, _ layout: PacketLayout, quoted: Bool) {
        let at = layout.payload
        let (type, code) = (memory.octet(at: at), memory.octet(at: at + 1))
        switch (layout.isIPv6, type) {
        case (true, ICMPv6Type.echoRequest), (false, ICMPv4Type.echoRequest): kind = .ping
        case (true, ICMPv6Type.echoReply), (false, ICMPv4Type.echoReply): kind = .pong
        default:
            kind = .icmp(type: type, code: code)
            word = memory.uint32(at: at + 4)
            let start = at + 8
            // One level only: a stranger could nest errors thousands deep.
            if !quoted, layout.isIPv6 ? ICMPv6Type.isError(type) : ICMPv4Type.isError(type),
                let inner = try? PacketDescription(
                    describing: memory,
                    at: start,
                    count: layout.end - start,
                    quoted: true
                )
            {
                quote = [inner]
                return
            }
            payload = (start..<layout.end).map { memory.octet(at: $0) }
            return
        }
        identifier = memory.uint16(at: at + 4)
        sequence = memory.uint16(at: at + 6)
        payload = (at + 8..<layout.end).map { memory.octet(at: $0) }
    }
}
