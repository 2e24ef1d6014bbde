import IPAddressing
import PacketMemory
import PacketWire
import Timing

// RFC 6146 section 3.8: a packet to a transport address of the pool goes through both translations, here in one pass.
extension TranslatorWorker {
    /// Asks the tables as if the packet had come from the IPv4 side, with filtering and sessions like any other.
    @inline(never)
    mutating func hairpin(
        _ flow: OutwardFlow,
        from external: TransportAddress4,
        at now: Moment
    ) throws(DropReason) -> OutwardRoute {
        let isQuery = flow.transport == .icmpQuery
        // The identifier of a query is one field: after the first translation it is that of the sender's binding.
        let inward = InwardFlow(
            transport: flow.transport,
            external: TransportAddress4(flow.peer.address, isQuery ? external.port : flow.peer.port),
            peer: TransportAddress4(external.address, isQuery ? Port(0) : external.port),
            tcp: flow.tcp
        )
        switch try tables.inward(inward, at: now, policy: view.policy) {
        case .client(let client, let prefix):
            arrival.isHairpin = true
            let source = view.embed(external.address, under: prefix)
            return .hairpin(source: TransportAddress6(source, external.port), destination: client)
        case .hold:
            // Both are clients of ours: nobody is served by a SYN that waits.
            throw .filtered
        }
    }

    /// Writes a packet from one client to another.
    @inline(never)
    mutating func sendToClient(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        _ tuple: IncomingTuple,
        _ source: TransportAddress6,
        _ destination: TransportAddress6
    ) -> Verdict {
        let layout = way.layout
        var change = OnesComplementSum()
        var old = OnesComplementSum()
        old.add(way.client)
        old.add(way.destination)
        change.add(source.address)
        change.add(destination.address)
        change.subtract(old)
        if tuple.transport == .icmpQuery {
            rewriteQuery(
                &memory,
                at: layout.payload,
                type: tuple.type,
                identifier: destination.port,
                pseudo: change
            )
        } else {
            rewriteTransport(
                &memory,
                at: layout.payload,
                tuple,
                OutgoingPorts(source: source.port, destination: destination.port),
                addresses: change,
                isPartial: frame.offload.needsChecksum,
                segmentLimit: view.settings.clampsSegmentSize ? view.segmentLimit : 0
            )
        }
        return writeToClient(&memory, &frame, way, source.address, destination.address)
    }

    /// Writes the header of a packet from one client to another; the rest is done.
    @inline(never)
    mutating func writeToClient(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        _ source: IPv6Address,
        _ destination: IPv6Address
    ) -> Verdict {
        let layout = way.layout
        let header = OutgoingIPv6(
            trafficClass: view.settings.fixedTrafficClass
                ?? UInt8(truncatingIfNeeded: memory.uint16(at: layout.start) >> 4),
            payloadLength: layout.payloadCount,
            proto: layout.proto,
            hopLimit: memory.octet(at: layout.start &+ IPv6Field.hopLimit) &- 1,
            source: source,
            destination: destination,
            isFragment: layout.isFragment,
            fragmentOffset: layout.fragmentOffset,
            moreFragments: layout.moreFragments,
            identification: layout.identification
        )
        frame.offload.move(from: layout.payload &- layout.start, to: header.length, tcp: .tcp6)
        frame.start = layout.payload &- header.length
        frame.count = layout.end &- frame.start
        header.write(&memory, at: frame.start)
        return .send
    }
}
