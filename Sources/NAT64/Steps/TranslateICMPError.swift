import IPAddressing
import PacketMemory
import PacketWire
import Timing

// RFC 7915 sections 4.2, 4.3, 5.2, 5.3. An error is about a packet of a session: the quote says which. Errors neither
// make nor refresh anything (RFC 6146 section 3.5), and their source is not filtered (RFC 4787 requirement 12).
extension TranslatorWorker {
    /// The most octets of an error we write: what every IPv6 link carries (RFC 4443 section 2.4 (c)).
    static var largestError: Int { 1280 }

    /// An ICMPv4 error about a packet that a client of ours sent.
    @inline(never)
    mutating func inwardError(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: InwardWay,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let layout = way.layout
        let message = try ICMPErrorMessage(reading: memory.bytes, layout, view)
        let quote = message.quote
        guard !quote.layout.isIPv6 else { throw .quoteUntranslatable }
        let quoted = quote.addresses4(memory.bytes)
        // The quoted packet went from (T,t) to (Z,z), so the error must be for T.
        guard quoted.source == way.external else { throw .quoteUnknown }
        let isQuery = quote.tuple.transport == .icmpQuery
        let flow = InwardFlow(
            transport: quote.tuple.transport,
            external: TransportAddress4(quoted.source, quote.tuple.source),
            peer: TransportAddress4(quoted.destination, isQuery ? Port(0) : quote.tuple.destination)
        )
        guard let (client, prefix) = tables.findInward(flow) else { throw .quoteUnknown }
        arrival.belongsToHost = false
        try message.verify(memory.bytes, frame.offload)
        let timeToLive = memory.octet(at: layout.start &+ IPv4Field.timeToLive)
        guard timeToLive > 1 else { throw .hopLimitExceeded }
        guard let header = message.toICMPv6(memory.bytes, view) else { throw .unsupportedMessage }

        let rewritten = RewrittenQuote(
            source: client,
            destination: TransportAddress6(view.embed(quoted.destination, under: prefix), quote.tuple.destination)
        )
        let outer = OutgoingIPv6(
            trafficClass: view.settings.fixedTrafficClass
                ?? memory.octet(at: layout.start &+ IPv4Field.typeOfService),
            payloadLength: 0,
            proto: IPProtocol.icmp6,
            hopLimit: timeToLive &- 1,
            source: errorSource(way.peer, about: quoted.destination, under: prefix),
            destination: client.address
        )
        writeError6(&memory, &frame, message, header, rewritten, outer)
        counters.errorsTranslated.count()
        return .send
    }

    /// An ICMPv6 error about a packet that went to a client of ours.
    @inline(never)
    mutating func outwardError(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let layout = way.layout
        let message = try ICMPErrorMessage(reading: memory.bytes, layout, view)
        let quote = message.quote
        guard quote.layout.isIPv6 else { throw .quoteUntranslatable }
        let quoted = quote.addresses6(memory.bytes)
        // The quoted packet went from (Y',y) to (X',x), so the error must be for Y'.
        guard let (prefix, peer) = view.extract(quoted.source), peer == way.peer else { throw .quoteUnknown }
        let isQuery = quote.tuple.transport == .icmpQuery
        let flow = OutwardFlow(
            transport: quote.tuple.transport,
            client: TransportAddress6(quoted.destination, quote.tuple.destination),
            prefix: prefix,
            peer: TransportAddress4(peer, isQuery ? Port(0) : quote.tuple.source)
        )
        guard let external = tables.findOutward(flow) else { throw .quoteUnknown }
        try message.verify(memory.bytes, frame.offload)
        let hopLimit = memory.octet(at: layout.start &+ IPv6Field.hopLimit)
        guard hopLimit > 1 else { throw .hopLimitExceeded }
        let trafficClass =
            view.settings.fixedTrafficClass ?? UInt8(truncatingIfNeeded: memory.uint16(at: layout.start) >> 4)

        if tables.standing(of: peer) != .outside, isHairpin(flow) {
            return try hairpinError(&memory, &frame, message, flow, external, hopLimit: hopLimit, trafficClass)
        }
        guard let header = message.toICMPv4(memory.bytes, view) else { throw .unsupportedMessage }
        let rewritten = RewrittenQuote4(
            source: TransportAddress4(peer, quote.tuple.source),
            destination: external
        )
        let outer = OutgoingIPv4(
            typeOfService: trafficClass,
            totalLength: 0,
            identification: nextIdentification(external.address, peer, IPProtocol.icmp, count: 1),
            fragment: 0,
            timeToLive: hopLimit &- 1,
            proto: IPProtocol.icmp,
            // Whoever speaks lies on the IPv6 side and has no IPv4 address; the client's stands for it.
            source: external.address,
            destination: peer
        )
        writeError4(&memory, &frame, message, header, rewritten, outer)
        counters.errorsTranslated.count()
        return .send
    }

    /// An ICMPv6 error about a packet from one client to another: RFC 5508 requirement 7.
    private mutating func hairpinError(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ message: ICMPErrorMessage,
        _ flow: OutwardFlow,
        _ external: TransportAddress4,
        hopLimit: UInt8,
        _ trafficClass: UInt8
    ) throws(DropReason) -> Verdict {
        let isQuery = flow.transport == .icmpQuery
        // From outside the quoted packet looks as if it went from the sender's (T,t) to the receiver's.
        let inward = InwardFlow(
            transport: flow.transport,
            external: TransportAddress4(flow.peer.address, isQuery ? external.port : flow.peer.port),
            peer: TransportAddress4(external.address, isQuery ? Port(0) : external.port)
        )
        guard let (sender, senderPrefix) = tables.findInward(inward) else { throw .quoteUnknown }
        let header = message.unchanged(memory.bytes)
        let rewritten = RewrittenQuote(
            source: sender,
            destination: TransportAddress6(view.embed(external.address, under: senderPrefix), external.port)
        )
        let outer = OutgoingIPv6(
            trafficClass: trafficClass,
            payloadLength: 0,
            proto: IPProtocol.icmp6,
            hopLimit: hopLimit &- 1,
            source: view.embed(external.address, under: senderPrefix),
            destination: sender.address
        )
        writeError6(&memory, &frame, message, header, rewritten, outer)
        arrival.isHairpin = true
        counters.errorsTranslated.count()
        return .send
    }
}

/// The ends of a quoted packet as the IPv6 side knows them.
struct RewrittenQuote {
    var source: TransportAddress6
    var destination: TransportAddress6
}

/// The ends of a quoted packet as the IPv4 side knows them.
struct RewrittenQuote4 {
    var source: TransportAddress4
    var destination: TransportAddress4
}
