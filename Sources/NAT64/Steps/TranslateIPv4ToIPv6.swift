import IPAddressing
import PacketMemory
import PacketWire

// RFC 7915 section 4: nothing in this file refuses a packet; all that was decided before.
extension TranslatorWorker {
    /// Writes the packet for its client.
    @inline(__always)
    mutating func sendToIPv6(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: InwardWay,
        _ tuple: IncomingTuple,
        _ client: TransportAddress6,
        _ source: IPv6Address
    ) -> Verdict {
        let layout = way.layout
        let mayFragment = memory.uint16(at: layout.start &+ IPv4Field.fragment) & IPv4Field.dontFragment == 0
        let mustSplit = mayFragment && way.size(frame.offload, tuple) > view.lowestIPv6MTU
        if mustSplit {
            switch frame.offload.segmentation {
            case .none:
                if frame.offload.needsChecksum { completeChecksum(&memory, &frame, to: layout.end) }
            case .tcp4, .tcp6:
                // TCP is a stream of octets: smaller segments say the same, and nothing need be fragmented.
                let room = view.lowestIPv6MTU &- IPv6Field.length &- tuple.headerLength
                frame.offload.segmentSize = UInt16(clamping: room)
            case .udpL4:
                // Datagrams must keep their size, so each is taken out and fragmented by itself.
                return takeApart(&memory, &frame, way, tuple)
            }
        }
        rewriteInward(&memory, way, tuple, client, source, offload: frame.offload)
        var header = ipv6Header(memory, way, source, client.address)
        if mustSplit, frame.offload.segmentation == .none {
            header.isFragment = true
            header.identification = layout.identification
            return splitIPv6(&memory, &frame, header, from: layout.payload, to: layout.end)
        }
        frame.offload.move(from: layout.payload &- layout.start, to: header.length, tcp: .tcp6)
        frame.start = layout.payload &- header.length
        frame.count = layout.end &- frame.start
        header.write(&memory, at: frame.start)
        return .send
    }

    /// Ports and checksum of a packet that goes to the IPv6 side.
    @inline(__always)
    mutating func rewriteInward(
        _ memory: inout MutableRawSpan,
        _ way: InwardWay,
        _ tuple: IncomingTuple,
        _ client: TransportAddress6,
        _ source: IPv6Address,
        offload: Offload,
        wholeLength: Int? = nil
    ) {
        let layout = way.layout
        var change = OnesComplementSum()
        change.add(source)
        change.add(client.address)
        if tuple.transport == .icmpQuery {
            // RFC 7915 section 4.2: the ICMPv6 checksum covers a pseudo-header, that of ICMPv4 does not.
            change.add(UInt32(truncatingIfNeeded: wholeLength ?? layout.payloadCount))
            change.add(UInt16(IPProtocol.icmp6))
            let type = tuple.type == ICMPv4Type.echoRequest ? ICMPv6Type.echoRequest : ICMPv6Type.echoReply
            rewriteQuery(&memory, at: layout.payload, type: type, identifier: client.port, pseudo: change)
            return
        }
        if tuple.transport == .udp, !offload.needsChecksum,
            memory.uint16(at: layout.payload &+ UDPField.checksum) == 0
        {
            giveChecksum(&memory, way, client, source)
            return
        }
        var old = OnesComplementSum()
        old.add(way.peer)
        old.add(way.external)
        change.subtract(old)
        rewriteTransport(
            &memory,
            at: layout.payload,
            tuple,
            OutgoingPorts(source: tuple.source, destination: client.port),
            addresses: change,
            isPartial: offload.needsChecksum,
            segmentLimit: view.settings.clampsSegmentSize ? view.segmentLimit : 0
        )
    }

    /// Sums up a UDP datagram that came without a checksum: RFC 6146 section 3.4.
    @inline(never)
    func giveChecksum(
        _ memory: inout MutableRawSpan,
        _ way: InwardWay,
        _ client: TransportAddress6,
        _ source: IPv6Address
    ) {
        let at = way.layout.payload
        memory.store(client.port.number, at: at &+ UDPField.destinationPort)
        let length = Int(memory.uint16(at: at &+ UDPField.length))
        var sum = Checksum.pseudoHeader(source, client.address, length: length, proto: IPProtocol.udp)
        sum.add(memory.bytes, from: at, count: min(length, way.layout.payloadCount))
        memory.store(Checksum.udp(sum.checksum), at: at &+ UDPField.checksum)
    }

    /// The header of RFC 7915 section 4.1; a fragment keeps its place and identification.
    @inline(__always)
    func ipv6Header(
        _ memory: borrowing MutableRawSpan,
        _ way: InwardWay,
        _ source: IPv6Address,
        _ destination: IPv6Address
    ) -> OutgoingIPv6 {
        let layout = way.layout
        return OutgoingIPv6(
            trafficClass: view.settings.fixedTrafficClass
                ?? memory.octet(at: layout.start &+ IPv4Field.typeOfService),
            payloadLength: layout.payloadCount,
            proto: layout.proto == IPProtocol.icmp ? IPProtocol.icmp6 : layout.proto,
            hopLimit: memory.octet(at: layout.start &+ IPv4Field.timeToLive) &- 1,
            source: source,
            destination: destination,
            isFragment: layout.isFragment,
            fragmentOffset: layout.fragmentOffset,
            moreFragments: layout.moreFragments,
            identification: layout.identification
        )
    }
}
