import IPAddressing
import PacketMemory
import PacketWire
import Timing

extension TranslatorWorker {
    /// A packet from the IPv4 side, from its tuple to what is to be sent: RFC 6146 sections 3.4 to 3.7.
    ///
    /// While ``Arrival/belongsToHost`` is set, a refusal gives the packet back to the host.
    mutating func inward(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let destination = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.destination)
        switch tables.standing(of: destination) {
        case .own: break
        case .shared: arrival.belongsToHost = try !isFromHost(memory, frame)
        case .outside: throw destination.bits >> 28 == 14 ? .illegalDestination : .destinationOutsidePool
        }
        let layout = try read(memory, frame)
        let source = ipv4Address(memory.bytes, at: layout.start &+ IPv4Field.source)
        let way = InwardWay(layout: layout, peer: source, external: destination)
        if layout.isFragment { return try inwardFragment(&memory, &frame, way, at: now) }
        guard let tuple = try IncomingTuple(reading: memory.bytes, layout) else {
            return try inwardError(&memory, &frame, way, at: now)
        }
        try checkSource(source)
        finishInner(&memory, &frame, layout, tuple)
        try checkOffload(frame.offload, layout, tuple)
        try checkZeroChecksum(memory, frame, way, tuple)
        guard let (client, prefix) = try route(way, tuple, memory, at: now) else { return .kept }
        arrival.belongsToHost = false
        try checkInward(memory, frame, way, tuple)
        finishQuery(&memory, &frame, layout, tuple)
        return sendToIPv6(&memory, &frame, way, tuple, client, view.embed(source, under: prefix))
    }

    /// Whether the host itself has sent a packet to an address it shares. Anybody else who bears an address of the host
    /// is refused, because the kernel no longer asks where the packets come from that are handed back to it. But its own
    /// errors about packets of clients bear it, and who forges one gains no more than by any router's address.
    @inline(__always)
    private func isFromHost(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) throws(DropReason) -> Bool {
        let source = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.source)
        guard view.hostSide.mayOwn(source), view.hostSide.owns(source) else { return arrival.isFromHost }
        if arrival.isFromHost || isReplaying { return true }
        guard isUnreachable(memory, frame) else { throw .illegalSource }
        return false
    }

    /// Whether a packet is an ICMP error of type 3, as the kernel writes it.
    @inline(never)
    private func isUnreachable(_ memory: borrowing MutableRawSpan, _ frame: PacketFrame) -> Bool {
        let start = frame.start
        return frame.count > IPv4Field.length && memory.octet(at: start) == 0x45
            && memory.octet(at: start &+ IPv4Field.proto) == IPProtocol.icmp
            && memory.uint16(at: start &+ IPv4Field.fragment) & 0x3FFF == 0
            && memory.octet(at: start &+ IPv4Field.length) == ICMPv4Type.unreachable
    }

    /// Refuses sources that belong to no host outside. What one client sends to another comes from the IPv6 side, so
    /// whoever bears an address of the pool out here is not the client it stands for (RFC 2827).
    @inline(__always)
    func checkSource(_ source: IPv4Address) throws(DropReason) {
        guard source.mayBeHost, !isOwn(source) else { throw .illegalSource }
    }

    /// Whether an address is one of the pool that is not the host's as well.
    @inline(__always)
    func isOwn(_ address: IPv4Address) -> Bool { view.own.mayHold(address) && tables.isOwn(address) }

    /// Asks the tables: RFC 6146 sections 3.5 and 3.6.
    ///
    /// - Returns: Nothing when a copy of the packet, a SYN, was kept.
    @inline(__always)
    mutating func route(
        _ way: InwardWay,
        _ tuple: IncomingTuple,
        _ memory: borrowing MutableRawSpan,
        at now: Moment
    ) throws(DropReason) -> (client: TransportAddress6, prefix: UInt8)? {
        let isQuery = tuple.transport == .icmpQuery
        let flow = InwardFlow(
            transport: tuple.transport,
            external: TransportAddress4(way.external, tuple.destination),
            peer: TransportAddress4(way.peer, isQuery ? Port(0) : tuple.source),
            tcp: tuple.flags
        )
        switch try tables.inward(flow, at: now, policy: view.policy) {
        case .client(let client, let prefix): return (client, prefix)
        case .hold:
            try keepSYN(flow, way, memory, at: now)
            return nil
        }
    }

    /// Keeps a copy of a SYN that waits for its client.
    @inline(never)
    private mutating func keepSYN(
        _ flow: InwardFlow,
        _ way: InwardWay,
        _ memory: borrowing MutableRawSpan,
        at now: Moment
    ) throws(DropReason) {
        arrival.belongsToHost = false
        let (start, end) = (way.layout.start, way.layout.end)
        guard translator.heldSYNs.keep(flow, memory.bytes, from: start, to: end, at: now) else {
            throw .heldSYNLimit
        }
    }

    /// Refuses a datagram without a checksum where the operator wants that, before it begins a session or starts the
    /// lifetime of one again (RFC 7857 section 7).
    @inline(__always)
    mutating func checkZeroChecksum(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame,
        _ way: InwardWay,
        _ tuple: IncomingTuple
    ) throws(DropReason) {
        guard tuple.transport == .udp, view.settings.udpZeroChecksum == .drop, !frame.offload.needsChecksum,
            memory.uint16(at: way.layout.payload &+ UDPField.checksum) == 0
        else { return }
        try refuseZeroChecksum(
            InwardFlow(
                transport: .udp,
                external: TransportAddress4(way.external, tuple.destination),
                peer: TransportAddress4(way.peer, tuple.source)
            )
        )
    }

    @inline(never)
    private mutating func refuseZeroChecksum(_ flow: InwardFlow) throws(DropReason) {
        guard !arrival.belongsToHost || tables.findInward(flow) != nil else { throw .noSession }
        arrival.belongsToHost = false
        throw .zeroChecksum
    }

    /// What the packet's way forbids, once it is known to be a client's.
    @inline(__always)
    mutating func checkInward(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame,
        _ way: InwardWay,
        _ tuple: IncomingTuple
    ) throws(DropReason) {
        guard memory.octet(at: way.layout.start &+ IPv4Field.timeToLive) > 1 else { throw .hopLimitExceeded }
        guard memory.uint16(at: way.layout.start &+ IPv4Field.fragment) & IPv4Field.dontFragment != 0 else { return }
        // RFC 7915 section 4.1: a packet that may not be fragmented must fit as it is.
        let size = way.size(frame.offload, tuple)
        guard size > view.ipv6MTU else { return }
        arrival.detail = UInt32(truncatingIfNeeded: view.ipv6MTU &- 20)
        arrival.quotable = way.layout.payload &- way.layout.start &+ size &- IPv6Field.length
        throw .tooBig
    }
}

extension IPv4Address {
    /// Whether a host can have the address: RFC 7915 section 4.1, RFC 1812 section 5.3.7.
    @inline(__always)
    var mayBeHost: Bool {
        // Neither 0/8, nor 224/3, nor 127/8.
        bits &- 1 << 24 < 223 << 24 && bits >> 24 != 127
    }
}

/// A packet from the IPv4 side and where it wants to go.
struct InwardWay {
    var layout: PacketLayout
    /// The source: Z.
    var peer: IPv4Address
    /// The destination: T.
    var external: IPv4Address

    /// The IPv6 packet's size without a fragment header; of a super-packet that of its full segments.
    @inline(__always)
    func size(_ offload: Offload, _ tuple: IncomingTuple) -> Int {
        let payload =
            offload.segmentation == .none
            ? layout.payloadCount
            : min(layout.payloadCount, tuple.headerLength &+ Int(offload.segmentSize))
        return IPv6Field.length &+ payload
    }
}
