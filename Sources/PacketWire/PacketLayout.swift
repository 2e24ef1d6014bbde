public import PacketMemory

/// Why a packet cannot be read, and where in it the trouble lies.
@frozen
public struct PacketRefusal: Error, Hashable, Sendable {
    /// What is wrong.
    @frozen
    public enum Reason: UInt8, Sendable, CaseIterable {
        /// Shorter than its headers, or the lengths contradict each other.
        case truncated
        /// Neither IPv4 nor IPv6.
        case wrongVersion
        /// The checksum of the IPv4 header is wrong.
        case badHeaderChecksum
        /// Extension headers out of place, or more than ``PacketLayout/mostExtensionHeaders``.
        case extensionChain
        /// The payload length of a jumbogram: RFC 2675.
        case jumbogram
        /// A routing header with segments left.
        case routingHeader
        /// An IPv4 source route that is not finished.
        case sourceRoute
        /// A fragment whose length is no multiple of eight, or that ends past 65,535 octets.
        case badFragment
    }

    /// What is wrong.
    public var reason: Reason
    /// The octet of the packet that is wrong, for a parameter problem; 0 where no octet is meant.
    public var pointer: UInt16

    /// Names a reason and a place.
    @inlinable @inline(__always)
    public init(_ reason: Reason, at pointer: UInt16 = 0) {
        self.reason = reason
        self.pointer = pointer
    }
}

/// Where each layer of a packet begins: found in one pass, read by every later step.
@frozen
public struct PacketLayout: Hashable, Sendable {
    /// Most IPv6 extension headers that are walked; longer chains are refused (RFC 9098 tells why).
    public static var mostExtensionHeaders: Int { 8 }

    /// Whether the packet is IPv6.
    public var isIPv6: Bool
    /// The protocol of the payload: in a fragment that of the datagram's payload.
    public var proto: UInt8
    /// Where the IP header starts.
    public var start: Int
    /// Where the payload of the IP layer starts, after options, extension headers and a fragment header.
    public var payload: Int
    /// Where the packet ends; what comes behind is no part of it.
    public var end: Int
    /// Octets of the whole packet by its own header; more than are there in a truncated quote.
    public var declaredLength: Int
    /// Where the IPv6 fragment header starts, or 0 when there is none.
    public var fragmentHeader: Int
    /// Where in the datagram's payload this fragment starts, in octets.
    public var fragmentOffset: Int
    /// Whether another fragment follows.
    public var moreFragments: Bool
    /// What fragments of one datagram have in common; 16 bits in IPv4.
    public var identification: UInt32

    /// Whether the packet is a piece of a datagram; an atomic fragment (RFC 6946) is not.
    @inlinable @inline(__always)
    public var isFragment: Bool { moreFragments || fragmentOffset != 0 }

    /// Octets of the IP payload that are there.
    @inlinable @inline(__always)
    public var payloadCount: Int { end &- payload }

    /// Octets of the IP payload by the packet's own header.
    @inlinable @inline(__always)
    public var declaredPayload: Int { declaredLength &- (payload &- start) }

    /// Reads the layout of a packet of either family.
    ///
    /// - Parameters:
    ///   - memory: Where the packet lies.
    ///   - start: Where it starts.
    ///   - count: How many octets are there; start and count must lie in the memory.
    ///   - quoted: The packet is the quote of an ICMP error and may have been cut short.
    /// - Throws: Why it cannot be read.
    @inlinable @inline(__always)
    public init(
        reading memory: borrowing RawSpan,
        at start: Int,
        count: Int,
        quoted: Bool = false
    ) throws(PacketRefusal) {
        guard start >= 0, count >= 20, start &+ count <= memory.byteCount else { throw PacketRefusal(.truncated) }
        switch memory.octet(at: start) >> 4 {
        case 4: self = try Self.ipv4(memory, start, count, quoted)
        case 6: self = try Self.ipv6(memory, start, count, quoted)
        default: throw PacketRefusal(.wrongVersion)
        }
    }

    @inlinable @inline(__always)
    init(isIPv6: Bool, proto: UInt8, start: Int, payload: Int, end: Int, declaredLength: Int) {
        self.isIPv6 = isIPv6
        self.proto = proto
        self.start = start
        self.payload = payload
        self.end = end
        self.declaredLength = declaredLength
        fragmentHeader = 0
        fragmentOffset = 0
        moreFragments = false
        identification = 0
    }
}

extension PacketLayout {
    /// Reads an IPv4 header: RFC 791 section 3.1, checked as RFC 1812 section 5.2.2 demands.
    @inlinable @inline(__always)
    static func ipv4(
        _ memory: borrowing RawSpan,
        _ start: Int,
        _ count: Int,
        _ quoted: Bool
    ) throws(PacketRefusal) -> PacketLayout {
        let headerLength = Int(memory.octet(at: start) & 0x0F) &* 4
        let total = Int(memory.uint16(at: start &+ IPv4Field.totalLength))
        guard headerLength >= 20, headerLength <= count, total >= headerLength else {
            throw PacketRefusal(.truncated)
        }
        guard quoted || total <= count else { throw PacketRefusal(.truncated) }
        var sum = OnesComplementSum()
        sum.add(memory.uint64(at: start))
        sum.add(memory.uint64(at: start &+ 8))
        sum.add(memory.uint32(at: start &+ 16))
        if headerLength > 20 { sum.add(memory, from: start &+ 20, count: headerLength &- 20) }
        guard sum.folded == 0xFFFF else { throw PacketRefusal(.badHeaderChecksum) }
        if headerLength > 20, !quoted { try refuseSourceRoute(memory, from: start &+ 20, to: start &+ headerLength) }

        var layout = PacketLayout(
            isIPv6: false,
            proto: memory.octet(at: start &+ IPv4Field.proto),
            start: start,
            payload: start &+ headerLength,
            end: start &+ min(total, count),
            declaredLength: total
        )
        let fragment = memory.uint16(at: start &+ IPv4Field.fragment)
        layout.identification = UInt32(memory.uint16(at: start &+ IPv4Field.identification))
        if fragment & (IPv4Field.moreFragments | IPv4Field.offsetMask) != 0 {
            layout.moreFragments = fragment & IPv4Field.moreFragments != 0
            layout.fragmentOffset = Int(fragment & IPv4Field.offsetMask) &* 8
            try layout.checkFragment(lengthField: 2, offsetField: 6)
        }
        return layout
    }

    /// Looks for a loose or strict source route that is not finished: RFC 7915 section 4.1.
    @inlinable @inline(never)
    static func refuseSourceRoute(
        _ memory: borrowing RawSpan,
        from start: Int,
        to end: Int
    ) throws(PacketRefusal) {
        var offset = start
        while offset < end {
            let kind = memory.octet(at: offset)
            if kind == 0 { return }
            if kind == 1 {
                offset &+= 1
                continue
            }
            guard offset &+ 2 <= end else { throw PacketRefusal(.truncated) }
            let length = Int(memory.octet(at: offset &+ 1))
            guard length >= 2, offset &+ length <= end else { throw PacketRefusal(.truncated) }
            if kind == 131 || kind == 137 {
                guard length >= 3 else { throw PacketRefusal(.truncated) }
                guard Int(memory.octet(at: offset &+ 2)) > length else { throw PacketRefusal(.sourceRoute) }
            }
            offset &+= length
        }
    }

    /// Reads an IPv6 header and the extension headers that RFC 7915 section 5.1 lets a translator skip.
    @inlinable @inline(__always)
    static func ipv6(
        _ memory: borrowing RawSpan,
        _ start: Int,
        _ count: Int,
        _ quoted: Bool
    ) throws(PacketRefusal) -> PacketLayout {
        guard count >= IPv6Field.length else { throw PacketRefusal(.truncated) }
        let declared = IPv6Field.length &+ Int(memory.uint16(at: start &+ IPv6Field.payloadLength))
        guard quoted || declared <= count else { throw PacketRefusal(.truncated) }
        var layout = PacketLayout(
            isIPv6: true,
            proto: memory.octet(at: start &+ IPv6Field.nextHeader),
            start: start,
            payload: start &+ IPv6Field.length,
            end: start &+ min(declared, count),
            declaredLength: declared
        )
        switch layout.proto {
        case IPProtocol.tcp, IPProtocol.udp, IPProtocol.icmp6: break
        default: try layout.walkExtensionHeaders(memory)
        }
        return layout
    }

    @inlinable @inline(never)
    mutating func walkExtensionHeaders(_ memory: borrowing RawSpan) throws(PacketRefusal) {
        if proto == IPProtocol.hopByHop, declaredLength == IPv6Field.length { throw PacketRefusal(.jumbogram) }
        var walked = 0
        while true {
            switch proto {
            case IPProtocol.hopByHop, IPProtocol.destinationOptions, IPProtocol.routing:
                guard walked < Self.mostExtensionHeaders else { throw PacketRefusal(.extensionChain) }
                // RFC 8200 section 4.1: hop-by-hop options stand first or nowhere.
                guard proto != IPProtocol.hopByHop || walked == 0 else { throw PacketRefusal(.extensionChain) }
                guard end &- payload >= 8 else { throw PacketRefusal(.truncated) }
                let length = 8 &+ 8 &* Int(memory.octet(at: payload &+ 1))
                guard length <= end &- payload else { throw PacketRefusal(.truncated) }
                if proto == IPProtocol.routing, memory.octet(at: payload &+ 3) != 0 {
                    throw PacketRefusal(.routingHeader, at: UInt16(truncatingIfNeeded: payload &+ 3 &- start))
                }
                proto = memory.octet(at: payload)
                payload &+= length
                walked &+= 1
            case IPProtocol.fragment:
                try readFragmentHeader(memory)
                return
            default:
                return
            }
        }
    }

    /// Reads the fragment header: RFC 8200 section 4.5. What it carries must be a transport header, for RFC 7915
    /// section 5.1.1 wants fragments of extension headers dropped.
    @inlinable
    mutating func readFragmentHeader(_ memory: borrowing RawSpan) throws(PacketRefusal) {
        guard end &- payload >= IPv6Field.fragmentLength else { throw PacketRefusal(.truncated) }
        fragmentHeader = payload
        proto = memory.octet(at: payload)
        let word = memory.uint16(at: payload &+ 2)
        fragmentOffset = Int(word & 0xFFF8)
        moreFragments = word & 1 != 0
        identification = memory.uint32(at: payload &+ 4)
        payload &+= IPv6Field.fragmentLength
        switch proto {
        case IPProtocol.hopByHop, IPProtocol.destinationOptions, IPProtocol.routing, IPProtocol.fragment,
            IPProtocol.ah:
            throw PacketRefusal(.extensionChain, at: UInt16(truncatingIfNeeded: fragmentHeader &- start))
        default: break
        }
        try checkFragment(
            lengthField: UInt16(IPv6Field.payloadLength),
            offsetField: UInt16(truncatingIfNeeded: fragmentHeader &+ 2 &- start)
        )
    }

    /// RFC 8200 section 4.5: every fragment but the last holds a multiple of eight octets, none ends past 65,535.
    @inlinable @inline(__always)
    func checkFragment(lengthField: UInt16, offsetField: UInt16) throws(PacketRefusal) {
        guard !moreFragments || (declaredPayload & 7 == 0 && declaredPayload > 0) else {
            throw PacketRefusal(.badFragment, at: lengthField)
        }
        guard fragmentOffset &+ declaredPayload <= 65_535 else {
            throw PacketRefusal(.badFragment, at: offsetField)
        }
    }
}
