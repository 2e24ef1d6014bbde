import IPAddressing
import PacketMemory
import PacketWire

// RFC 7915 section 5: nothing in this file refuses a packet; all that was decided before.
extension TranslatorWorker {
    /// Writes the packet as the route wants it.
    @inline(__always)
    mutating func sendOutward(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        _ tuple: IncomingTuple,
        _ route: OutwardRoute
    ) -> Verdict {
        switch route {
        case .outside(let external):
            return sendToIPv4(&memory, &frame, way, tuple, external)
        case .hairpin(let source, let destination):
            return sendToClient(&memory, &frame, way, tuple, source, destination)
        }
    }

    @inline(__always)
    mutating func sendToIPv4(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        _ tuple: IncomingTuple,
        _ external: TransportAddress4
    ) -> Verdict {
        var way = way
        let size = way.size(frame.offload, tuple)
        if size > OutwardWay.fragmentable, frame.offload.segmentation != .none {
            keepTail(&memory, &frame, &way, tuple)
        }
        let layout = way.layout
        let mustSplit = size > view.ipv4MTU && frame.offload.segmentation == .none
        if mustSplit, frame.offload.needsChecksum { completeChecksum(&memory, &frame, to: layout.end) }
        rewriteOutward(&memory, way, tuple, external, offload: frame.offload)

        let header = ipv4Header(memory, way, external.address, size: size, tuple, frame.offload)
        if mustSplit { return splitIPv4(&memory, &frame, header, from: layout.payload, to: layout.end) }
        frame.offload.move(from: layout.payload &- layout.start, to: IPv4Field.length, tcp: .tcp4)
        frame.start = layout.payload &- IPv4Field.length
        frame.count = layout.end &- frame.start
        header.write(&memory, at: frame.start)
        return .send
    }

    /// Ports and checksum of a packet that goes to the IPv4 side.
    @inline(__always)
    mutating func rewriteOutward(
        _ memory: inout MutableRawSpan,
        _ way: OutwardWay,
        _ tuple: IncomingTuple,
        _ external: TransportAddress4,
        offload: Offload,
        wholeLength: Int? = nil
    ) {
        var change = OnesComplementSum()
        var old = OnesComplementSum()
        old.add(way.client)
        old.add(way.destination)
        if tuple.transport == .icmpQuery {
            // RFC 7915 section 5.2: the ICMPv6 checksum covers a pseudo-header, that of ICMPv4 does not.
            old.add(UInt32(truncatingIfNeeded: wholeLength ?? way.layout.payloadCount))
            old.add(UInt16(IPProtocol.icmp6))
            change.subtract(old)
            let type = tuple.type == ICMPv6Type.echoRequest ? ICMPv4Type.echoRequest : ICMPv4Type.echoReply
            rewriteQuery(&memory, at: way.layout.payload, type: type, identifier: external.port, pseudo: change)
            return
        }
        change.add(external.address)
        change.add(way.peer)
        change.subtract(old)
        rewriteTransport(
            &memory,
            at: way.layout.payload,
            tuple,
            OutgoingPorts(source: external.port, destination: tuple.destination),
            addresses: change,
            isPartial: offload.needsChecksum,
            segmentLimit: view.settings.clampsSegmentSize ? view.segmentLimit : 0
        )
    }

    /// The header of RFC 7915 section 5.1, and of 5.1.1 when there was a fragment header.
    @inline(__always)
    mutating func ipv4Header(
        _ memory: borrowing MutableRawSpan,
        _ way: OutwardWay,
        _ source: IPv4Address,
        size: Int,
        _ tuple: IncomingTuple?,
        _ offload: Offload
    ) -> OutgoingIPv4 {
        let layout = way.layout
        let proto = layout.proto == IPProtocol.icmp6 ? IPProtocol.icmp : layout.proto
        var fragment: UInt16 = 0
        var identification: UInt16 = 0
        if layout.fragmentHeader != 0 {
            fragment =
                UInt16(truncatingIfNeeded: layout.fragmentOffset &>> 3)
                | (layout.moreFragments ? IPv4Field.moreFragments : 0)
            identification = UInt16(truncatingIfNeeded: layout.identification)
        } else {
            if size > OutwardWay.fragmentable { fragment = IPv4Field.dontFragment }
            var pieces = 1
            if offload.segmentation != .none, let tuple {
                let payload = layout.payloadCount &- tuple.headerLength
                pieces = payload / Int(max(offload.segmentSize, 1)) &+ 1
            }
            if fragment == 0 {
                identification = nextIdentification(source, way.peer, proto, count: pieces)
            } else {
                // RFC 6864 section 4.1: nobody may look at the identification of a packet that is not fragmented.
                identification = counters.nextUnfragmented(pieces)
            }
        }
        return OutgoingIPv4(
            typeOfService: view.settings.fixedTrafficClass
                ?? UInt8(truncatingIfNeeded: memory.uint16(at: layout.start) >> 4),
            totalLength: IPv4Field.length &+ layout.payloadCount,
            identification: identification,
            fragment: fragment,
            timeToLive: memory.octet(at: layout.start &+ IPv6Field.hopLimit) &- 1,
            proto: proto,
            source: source,
            destination: way.peer
        )
    }
}

extension Offload {
    /// Follows a packet whose headers in front of the transport header have changed their length.
    @inline(__always)
    mutating func move(from old: Int, to new: Int, tcp: Segmentation) {
        guard needsChecksum || segmentation != .none else { return }
        checksumStart = UInt16(truncatingIfNeeded: new)
        if segmentation == .tcp4 || segmentation == .tcp6 { segmentation = tcp }
        // Zero says that the kernel did not tell; it must stay zero or the write fails.
        guard headerLength != 0 else { return }
        headerLength = UInt16(clamping: Int(headerLength) &- old &+ new)
    }
}
