import IPAddressing
import PacketMemory
import PacketWire
import Timing

extension TranslatorWorker {
    /// The short way of a packet from the IPv6 side that nearly all packets go: read, checked, looked up and rewritten in
    /// one piece. It does what ``outward(_:_:at:)`` does to the same packet, which knows all others as well.
    ///
    /// All of the following must hold. Where something does not, nothing has changed, and the long way says what is to
    /// become of the packet:
    /// - UDP, TCP or echo comes right behind the IPv6 header, whole and with lengths that agree (``KnownTransport``);
    /// - it fits the IPv4 side in one piece; a super-packet does if its segments do, which must all have the same DF;
    /// - the source is one that a client can have, the destination lies under a prefix, and the peer is neither an
    ///   address of the pool nor the host's own;
    /// - the packet has hops enough to leave the host as well;
    /// - it belongs to a session as ``Tables/passOutward(_:_:_:_:_:under:at:)`` wants it.
    ///
    /// - Precondition: ``PacketFrame/margin`` octets are free in front of the packet and behind it.
    /// - Returns: Whether the packet was translated.
    @inline(__always)
    func passKnownOutward(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ ahead: LookAhead,
        at now: Moment
    ) -> Bool {
        // The headers, or margin where there is less: one check for all that is read and written at fixed places.
        var headers = memory._mutatingExtracting(frame.start..<frame.start &+ (IPv6Field.length + TCPField.longest))
        // Says nothing new, but says it so that the compiler leaves out the checks of all that follows.
        precondition(headers.byteCount == IPv6Field.length + TCPField.longest)
        let lengths = headers.uint32(at: IPv6Field.payloadLength)
        let payload = Int(lengths >> 16)
        let hopLimit = UInt8(truncatingIfNeeded: lengths)
        guard IPv6Field.length &+ payload <= frame.count, payload <= OutwardWay.largestPayload, hopLimit > 2,
            let transport = KnownTransport(
                UInt8(truncatingIfNeeded: lengths >> 8),
                headers.bytes,
                at: IPv6Field.length,
                payload,
                frame.offload,
                behind: IPv6Field.length
            ),
            !transport.isQuery || view.settings.translatesEcho
        else { return false }
        let isLarge = IPv4Field.length &+ transport.largest > OutwardWay.fragmentable
        guard IPv4Field.length &+ transport.largest <= view.ipv4MTU,
            isLarge == (IPv4Field.length &+ transport.last > OutwardWay.fragmentable)
        else { return false }
        let source = ipv6Address(headers.bytes, at: IPv6Field.source)
        let destination = ipv6Address(headers.bytes, at: IPv6Field.destination)
        guard source.mayBeClient, view.extract(source) == nil, let (prefix, peer) = view.extract(destination),
            tables.standing(of: peer) == .outside, view.hostSide.count == 0 || !view.hostSide.mayOwn(peer)
        else { return false }
        let client = TransportAddress6(source, transport.source)
        let external = tables.passOutward(
            client,
            transport.kind,
            hash(of: client, transport.kind, ahead),
            TransportAddress4(peer, transport.destination),
            transport.flags,
            under: prefix,
            at: now
        )
        guard let external else { return false }

        var change = OnesComplementSum()
        var old = OnesComplementSum()
        old.add(source)
        old.add(destination)
        let proto: UInt8
        if transport.isQuery {
            // RFC 7915 section 5.2: the ICMPv6 checksum covers a pseudo-header, that of ICMPv4 does not.
            old.add(UInt32(truncatingIfNeeded: payload))
            old.add(UInt16(IPProtocol.icmp6))
            change.subtract(old)
            let isRequest = headers.octet(at: IPv6Field.length) == ICMPv6Type.echoRequest
            let type = isRequest ? ICMPv4Type.echoRequest : ICMPv4Type.echoReply
            rewriteQuery(&headers, at: IPv6Field.length, type: type, identifier: external.port, pseudo: change)
            proto = IPProtocol.icmp
        } else {
            change.add(external.address)
            change.add(peer)
            change.subtract(old)
            transport.rewrite(
                &headers,
                at: IPv6Field.length,
                OutgoingPorts(source: external.port, destination: transport.destination),
                addresses: change,
                frame.offload,
                segmentLimit: view.settings.clampsSegmentSize ? view.segmentLimit : 0
            )
            proto = UInt8(truncatingIfNeeded: lengths >> 8)
        }
        let size = IPv4Field.length &+ payload
        let header = OutgoingIPv4(
            typeOfService: view.settings.fixedTrafficClass ?? UInt8(truncatingIfNeeded: headers.uint16(at: 0) >> 4),
            totalLength: size,
            identification: isLarge
                ? counters.nextUnfragmented(transport.pieces)
                : nextIdentification(external.address, peer, proto, count: transport.pieces),
            fragment: isLarge ? IPv4Field.dontFragment : 0,
            timeToLive: hopLimit &- 1,
            proto: proto,
            source: external.address,
            destination: peer
        )
        let shift = IPv6Field.length - IPv4Field.length
        header.write(&headers, at: shift)
        if frame.offload.segmentation != .none { counters.superPackets.count() }
        counters.packets6to4.count()
        counters.octets6to4.count(UInt64(truncatingIfNeeded: frame.count))
        if frame.offload.needsChecksum {
            frame.offload.move(from: IPv6Field.length, to: IPv4Field.length, tcp: .tcp4)
        }
        frame.start &+= shift
        frame.count = size
        return true
    }
}
