import IPAddressing
import PacketMemory
import PacketWire

// The writing half of RFC 7915 sections 4.2, 4.3, 5.2 and 5.3. The quoted payload stays where it is; three headers are
// written in front of it, the extensions move behind it.
extension TranslatorWorker {
    /// Writes an ICMPv6 error.
    mutating func writeError6(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ message: ICMPErrorMessage,
        _ header: ICMPErrorHeader,
        _ ends: RewrittenQuote,
        _ outer: OutgoingIPv6
    ) {
        let quote = message.quote.layout
        let tuple = message.quote.tuple
        let inner = OutgoingIPv6(
            trafficClass: view.settings.fixedTrafficClass ?? quote.trafficClass(memory.bytes),
            payloadLength: quote.declaredPayload,
            proto: quote.proto == IPProtocol.icmp ? IPProtocol.icmp6 : quote.proto,
            hopLimit: quote.hopLimit(memory.bytes),
            source: ends.source.address,
            destination: ends.destination.address,
            isFragment: quote.isFragment,
            fragmentOffset: quote.fragmentOffset,
            moreFragments: quote.moreFragments,
            identification: quote.identification
        )
        var change = OnesComplementSum()
        change.add(ends.source.address)
        change.add(ends.destination.address)
        if tuple.transport == .icmpQuery, !quote.isIPv6 {
            change.add(UInt32(truncatingIfNeeded: quote.declaredPayload))
            change.add(UInt16(IPProtocol.icmp6))
        } else {
            change.subtract(quote.addressSum(memory.bytes))
        }
        var type = tuple.type
        if !quote.isIPv6 {
            type = type == ICMPv4Type.echoRequest ? ICMPv6Type.echoRequest : ICMPv6Type.echoReply
        }
        rewriteQuote(
            &memory,
            message.quote,
            type: type,
            identifier: ends.source.port,
            OutgoingPorts(source: ends.source.port, destination: ends.destination.port),
            change
        )

        let quoteStart = quote.payload &- inner.length
        let room = Self.largestError &- IPv6Field.length &- ICMPField.length
        let extent = arrange(&memory, message, header, from: quoteStart, unit: 8, room: room)
        var header = header
        if header.mayExtend { header.word = UInt32(truncatingIfNeeded: extent.attribute) << 24 }
        var outer = outer
        outer.payloadLength = ICMPField.length &+ extent.count
        inner.write(&memory, at: quoteStart)
        frame = outer.write(header, &memory, before: quoteStart)
    }

    /// Writes an ICMPv4 error.
    mutating func writeError4(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ message: ICMPErrorMessage,
        _ header: ICMPErrorHeader,
        _ ends: RewrittenQuote4,
        _ outer: OutgoingIPv4
    ) {
        let quote = message.quote.layout
        let tuple = message.quote.tuple
        let length = min(IPv4Field.length &+ quote.declaredPayload, 65_535)
        var fragment: UInt16 = length > OutwardWay.fragmentable ? IPv4Field.dontFragment : 0
        if quote.fragmentHeader != 0 { fragment = quote.moreFragments ? IPv4Field.moreFragments : 0 }
        let inner = OutgoingIPv4(
            typeOfService: view.settings.fixedTrafficClass ?? quote.trafficClass(memory.bytes),
            totalLength: length,
            identification: UInt16(truncatingIfNeeded: quote.identification),
            fragment: fragment,
            timeToLive: quote.hopLimit(memory.bytes),
            proto: quote.proto == IPProtocol.icmp6 ? IPProtocol.icmp : quote.proto,
            source: ends.source.address,
            destination: ends.destination.address
        )
        var change = OnesComplementSum()
        var old = quote.addressSum(memory.bytes)
        if tuple.transport == .icmpQuery {
            old.add(UInt32(truncatingIfNeeded: quote.declaredPayload))
            old.add(UInt16(IPProtocol.icmp6))
        } else {
            change.add(ends.source.address)
            change.add(ends.destination.address)
        }
        change.subtract(old)
        rewriteQuote(
            &memory,
            message.quote,
            type: tuple.type == ICMPv6Type.echoRequest ? ICMPv4Type.echoRequest : ICMPv4Type.echoReply,
            identifier: ends.destination.port,
            OutgoingPorts(source: ends.source.port, destination: ends.destination.port),
            change
        )

        let quoteStart = quote.payload &- IPv4Field.length
        // Holds whatever an error of 1280 octets becomes, and goes out with DF clear: RFC 7915 section 5.1.
        let room = max(min(OutwardWay.fragmentable, view.ipv4MTU), 576) &- IPv4Field.length &- ICMPField.length
        let extent = arrange(&memory, message, header, from: quoteStart, unit: 4, room: room)
        var header = header
        if header.mayExtend { header.word |= UInt32(truncatingIfNeeded: extent.attribute) << 16 }
        var outer = outer
        outer.totalLength = IPv4Field.length &+ ICMPField.length &+ extent.count
        inner.write(&memory, at: quoteStart)
        frame = outer.write(header, &memory, before: quoteStart)
    }

    /// Translates ports or identifier of a quote, and its checksum as far as that was quoted; nobody checks it.
    private mutating func rewriteQuote(
        _ memory: inout MutableRawSpan,
        _ quote: QuotedPacket,
        type: UInt8,
        identifier: Port,
        _ ports: OutgoingPorts,
        _ change: OnesComplementSum
    ) {
        let at = quote.layout.payload
        switch quote.tuple.transport {
        case .icmpQuery:
            rewriteQuery(&memory, at: at, type: type, identifier: identifier, pseudo: change)
        case .udp where memory.uint16(at: at &+ UDPField.checksum) != 0,
            .tcp where quote.layout.payloadCount >= TCPField.checksum &+ 2:
            rewriteTransport(
                &memory,
                at: at,
                quote.tuple,
                ports,
                addresses: change,
                isPartial: false,
                segmentLimit: 0
            )
        case .udp, .tcp:
            memory.store(UInt32(ports.source.number) << 16 | UInt32(ports.destination.number), at: at)
        }
    }

    /// Puts extensions behind a quote that has changed its length, or cuts the quote: RFC 4884 section 4.
    ///
    /// - Returns: Octets of quote and extensions, and the length attribute in units of the family.
    private func arrange(
        _ memory: inout MutableRawSpan,
        _ message: ICMPErrorMessage,
        _ header: ICMPErrorHeader,
        from start: Int,
        unit: Int,
        room: Int
    ) -> (count: Int, attribute: Int) {
        let length = message.quote.layout.end &- start
        let extensions = message.layout.end &- message.extensions
        guard header.mayExtend, extensions > 0, 128 &+ extensions <= room else { return (min(length, room), 0) }
        // The length attribute is one octet.
        let most = min((room &- extensions) / unit, 255) &* unit
        let padded = min(max(128, (length &+ unit &- 1) / unit &* unit), most)
        memory.move(from: message.extensions, to: start &+ padded, count: extensions)
        var offset = start &+ length
        while offset < start &+ padded {
            memory.store(UInt8(0), at: offset)
            offset &+= 1
        }
        return (padded &+ extensions, padded / unit)
    }
}

extension OutgoingIPv6 {
    /// Writes both headers of an ICMPv6 error in front of what it says, checksum included.
    ///
    /// - Parameter body: Where that starts; its length follows from ``payloadLength``.
    /// - Returns: Where the packet lies.
    func write(_ error: ICMPErrorHeader, _ memory: inout MutableRawSpan, before body: Int) -> PacketFrame {
        let icmp = body &- ICMPField.length
        let start = icmp &- IPv6Field.length
        error.write(&memory, at: icmp)
        write(&memory, at: start)
        var sum = Checksum.pseudoHeader(source, destination, length: payloadLength, proto: IPProtocol.icmp6)
        sum.add(memory.bytes, from: icmp, count: payloadLength)
        memory.store(sum.checksum, at: icmp &+ ICMPField.checksum)
        return PacketFrame(start: start, count: IPv6Field.length &+ payloadLength)
    }
}

extension OutgoingIPv4 {
    /// Writes both headers of an ICMPv4 error in front of what it says, checksum included.
    ///
    /// - Parameter body: Where that starts; its length follows from ``totalLength``.
    /// - Returns: Where the packet lies.
    func write(_ error: ICMPErrorHeader, _ memory: inout MutableRawSpan, before body: Int) -> PacketFrame {
        let icmp = body &- ICMPField.length
        let start = icmp &- IPv4Field.length
        error.write(&memory, at: icmp)
        write(&memory, at: start)
        var sum = OnesComplementSum()
        sum.add(memory.bytes, from: icmp, count: totalLength &- IPv4Field.length)
        memory.store(sum.checksum, at: icmp &+ ICMPField.checksum)
        return PacketFrame(start: start, count: totalLength)
    }
}

extension ICMPErrorHeader {
    /// Writes the header, its checksum zero.
    fileprivate func write(_ memory: inout MutableRawSpan, at icmp: Int) {
        memory.store(UInt16(type) << 8 | UInt16(code), at: icmp)
        memory.store(UInt16(0), at: icmp &+ ICMPField.checksum)
        memory.store(word, at: icmp &+ ICMPField.word)
    }
}

extension PacketLayout {
    /// DSCP and ECN.
    func trafficClass(_ memory: borrowing RawSpan) -> UInt8 {
        isIPv6
            ? UInt8(truncatingIfNeeded: memory.uint16(at: start) >> 4)
            : memory.octet(at: start &+ IPv4Field.typeOfService)
    }

    /// Hop limit or time to live.
    func hopLimit(_ memory: borrowing RawSpan) -> UInt8 {
        memory.octet(at: start &+ (isIPv6 ? IPv6Field.hopLimit : IPv4Field.timeToLive))
    }

    /// The sum of both addresses.
    func addressSum(_ memory: borrowing RawSpan) -> OnesComplementSum {
        var sum = OnesComplementSum()
        if isIPv6 {
            sum.add(memory, from: start &+ IPv6Field.source, count: 32)
        } else {
            sum.add(memory, from: start &+ IPv4Field.source, count: 8)
        }
        return sum
    }
}
