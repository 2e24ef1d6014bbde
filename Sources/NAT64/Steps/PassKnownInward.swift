import IPAddressing
import PacketMemory
import PacketWire
import Timing

extension TranslatorWorker {
    /// The short way of a packet from the IPv4 side that nearly all packets go, as
    /// ``passKnownOutward(_:_:_:at:)`` is of those from the IPv6 side; the long way is ``inward(_:_:at:)``.
    ///
    /// All of the following must hold. Where something does not, nothing has changed:
    /// - an IPv4 header without options, right in its checksum; no fragment;
    /// - UDP, TCP or echo behind it, whole and with lengths that agree (``KnownTransport``), and a checksum;
    /// - it fits the IPv6 side in one piece; a super-packet does if its segments do;
    /// - the source is one that a host can have, not the host's own and not of the pool, the destination an address of
    ///   the pool and not what stands in for one;
    /// - the packet has a hop left;
    /// - it belongs to a session as ``Tables/passInward(_:_:_:_:_:at:)`` wants it.
    ///
    /// - Precondition: ``PacketFrame/margin`` octets are free in front of the packet and behind it.
    /// - Returns: Whether the packet was translated.
    // Mutating, though nothing of the worker changes: else it would be copied for the call.
    @inline(__always)
    mutating func passKnownInward(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Bool {
        // The headers and the room that the longer one takes in front: one check for all that is read and written.
        let grown = IPv6Field.length - IPv4Field.length
        var headers = memory._mutatingExtracting(
            frame.start &- grown..<frame.start &+ (IPv4Field.length + TCPField.longest)
        )
        // Says nothing new, but says it so that the compiler leaves out the checks of all that follows.
        precondition(headers.byteCount == IPv6Field.length + TCPField.longest)
        let first = headers.uint64(at: grown)
        let second = headers.uint64(at: grown + 8)
        let external = ipv4Address(headers.bytes, at: grown + IPv4Field.destination)
        var sum = OnesComplementSum()
        sum.add(first)
        sum.add(second)
        sum.add(external)
        let total = Int(first >> 32 & 0xFFFF)
        let payload = total &- IPv4Field.length
        let fragment = UInt16(truncatingIfNeeded: first)
        let hops = UInt8(truncatingIfNeeded: second >> 56)
        let mayFragment = fragment & IPv4Field.dontFragment == 0
        guard first >> 56 == 0x45, sum.folded == 0xFFFF, total <= frame.count,
            fragment & (IPv4Field.moreFragments | IPv4Field.offsetMask) == 0, hops > 1,
            let transport = KnownTransport(
                UInt8(truncatingIfNeeded: second >> 48),
                headers.bytes,
                at: IPv6Field.length,
                payload,
                frame.offload,
                behind: IPv4Field.length
            ),
            IPv6Field.length &+ transport.largest <= (mayFragment ? view.lowestIPv6MTU : view.ipv6MTU)
        else { return false }
        let peer = IPv4Address(bits: UInt32(truncatingIfNeeded: second))
        guard !isOwn(peer), peer.mayBeHost, view.hostSide.count == 0 || !view.hostSide.mayStandIn(external),
            let place = tables.pool.find(external), !place.isShared || !view.hostSide.mayOwn(peer)
        else { return false }
        let known = tables.passInward(
            place.number,
            transport.kind,
            transport.destination,
            TransportAddress4(peer, transport.source),
            transport.flags,
            at: now
        )
        guard let (client, prefix) = known else { return false }

        let source = view.embed(peer, under: prefix)
        var change = OnesComplementSum()
        var old = OnesComplementSum()
        change.add(source)
        change.add(client.address)
        let proto: UInt8
        if transport.isQuery {
            // RFC 7915 section 4.2: the ICMPv6 checksum covers a pseudo-header, that of ICMPv4 does not.
            change.add(UInt32(truncatingIfNeeded: payload))
            change.add(UInt16(IPProtocol.icmp6))
            let isRequest = headers.octet(at: IPv6Field.length) == ICMPv4Type.echoRequest
            let type = isRequest ? ICMPv6Type.echoRequest : ICMPv6Type.echoReply
            rewriteQuery(&headers, at: IPv6Field.length, type: type, identifier: client.port, pseudo: change)
            proto = IPProtocol.icmp6
        } else {
            old.add(peer)
            old.add(external)
            change.subtract(old)
            transport.rewrite(
                &headers,
                at: IPv6Field.length,
                OutgoingPorts(source: transport.source, destination: client.port),
                addresses: change,
                frame.offload,
                segmentLimit: view.settings.clampsSegmentSize ? view.segmentLimit : 0
            )
            proto = UInt8(truncatingIfNeeded: second >> 48)
        }
        let header = OutgoingIPv6(
            trafficClass: view.settings.fixedTrafficClass ?? UInt8(truncatingIfNeeded: first >> 48),
            payloadLength: payload,
            proto: proto,
            hopLimit: hops &- 1,
            source: source,
            destination: client.address
        )
        header.write(&headers, at: 0)
        if frame.offload.segmentation != .none { counters.superPackets.count() }
        counters.packets4to6.count()
        counters.octets4to6.count(UInt64(truncatingIfNeeded: frame.count))
        if frame.offload.needsChecksum {
            frame.offload.move(from: IPv4Field.length, to: IPv6Field.length, tcp: .tcp6)
        }
        frame.start &-= grown
        frame.count = IPv6Field.length &+ payload
        return true
    }
}
