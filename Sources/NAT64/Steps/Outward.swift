import IPAddressing
import PacketMemory
import PacketWire
import Timing

extension TranslatorWorker {
    /// A packet from the IPv6 side, from its tuple to what is to be sent: RFC 6146 sections 3.4 to 3.8.
    mutating func outward(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let layout = try read(memory, frame)
        let source = ipv6Address(memory.bytes, at: layout.start &+ IPv6Field.source)
        let destination = ipv6Address(memory.bytes, at: layout.start &+ IPv6Field.destination)
        guard let (prefix, peer) = view.extract(destination) else { throw refusal(of: destination) }
        try checkSource(source)
        var way = OutwardWay(layout: layout, client: source, destination: destination, prefix: prefix, peer: peer)
        if layout.isFragment { return try outwardFragment(&memory, &frame, way, at: now) }
        guard let tuple = try IncomingTuple(reading: memory.bytes, layout) else {
            return try outwardError(&memory, &frame, way, at: now)
        }
        finishInner(&memory, &frame, layout, tuple)
        try checkOffload(frame.offload, layout, tuple)
        try checkOutward(memory, frame, way, tuple)
        let route = try route(way, tuple, at: now)
        if case .outside(let external) = route {
            try checkHostHop(memory, way, from: external.address)
            if layout.fragmentHeader != 0 { numberAtomic(&way, from: external.address, at: now) }
        }
        finishQuery(&memory, &frame, layout, tuple)
        return sendOutward(&memory, &frame, way, tuple, route)
    }

    /// Why a destination under no prefix is refused. The kernel speaks of its own accord on every interface, to
    /// ff02::/16.
    @inline(never)
    private func refusal(of destination: IPv6Address) -> DropReason {
        if destination.isLinkLocal || destination.high >> 48 == 0xFF02 { return .linkLocal }
        return destination.isMulticast ? .illegalDestination : .destinationOutsidePrefix
    }

    /// Refuses a packet from an address that is shared with the host, and that the host's own forwarding would refuse
    /// next.
    @inline(__always)
    mutating func checkHostHop(
        _ memory: borrowing MutableRawSpan,
        _ way: OutwardWay,
        from external: IPv4Address
    ) throws(DropReason) {
        guard memory.octet(at: way.layout.start &+ IPv6Field.hopLimit) == 2 else { return }
        try checkLastHop(way, from: external)
    }

    @inline(never)
    private mutating func checkLastHop(_ way: OutwardWay, from external: IPv4Address) throws(DropReason) {
        guard tables.isShared(external), !view.hostSide.owns(way.peer) else { return }
        arrival.hostHop = view.embed(external, under: way.prefix)
        throw .hopLimitExceeded
    }

    /// An atomic fragment goes out with DF clear and the low half of its identification, like the fragments of a datagram
    /// (RFC 7915 section 5.1.1), and may be fragmented on its way.
    @inline(never)
    private mutating func numberAtomic(_ way: inout OutwardWay, from external: IPv4Address, at now: Moment) {
        let key = FragmentKey(
            source: way.client,
            destination: way.destination,
            identification: way.layout.identification,
            proto: way.layout.proto,
            isIPv6: true
        )
        way.layout.identification = UInt32(identification(key, from: external, to: way.peer, at: now))
    }

    /// Finds the layout and remembers the place of what is wrong.
    @inline(__always)
    mutating func read(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame
    ) throws(DropReason) -> PacketLayout {
        do throws(PacketRefusal) {
            return try PacketLayout(reading: memory.bytes, at: frame.start, count: frame.count)
        } catch {
            arrival.detail = UInt32(error.pointer)
            throw DropReason(error)
        }
    }

    /// Refuses sources that no client can have. Those under a translation prefix would loop: RFC 6146 section 3.5.
    @inline(__always)
    func checkSource(_ source: IPv6Address) throws(DropReason) {
        guard source.mayBeClient else { throw .illegalSource }
        guard view.extract(source) == nil else { throw .hairpinLoop }
    }

    /// What may be refused before the tables are asked, so that refused packets leave no state.
    @inline(__always)
    mutating func checkOutward(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame,
        _ way: OutwardWay,
        _ tuple: IncomingTuple
    ) throws(DropReason) {
        switch tuple.transport {
        case .tcp: break
        case .udp:
            // RFC 8200 section 8.1: every IPv6 datagram has a checksum. A partial one may well be zero.
            guard frame.offload.needsChecksum || memory.uint16(at: way.layout.payload &+ UDPField.checksum) != 0 else {
                throw .zeroChecksum
            }
        case .icmpQuery:
            guard view.settings.translatesEcho else { throw .echoRefused }
        }
        guard memory.octet(at: way.layout.start &+ IPv6Field.hopLimit) > 1 else { throw .hopLimitExceeded }
        let size = way.size(frame.offload, tuple)
        let usable = UInt32(truncatingIfNeeded: max(1280, view.ipv4MTU &+ 20))
        guard way.layout.payloadCount <= OutwardWay.largestPayload else {
            arrival.detail = usable
            throw .tooBig
        }
        guard size > view.ipv4MTU, size > OutwardWay.fragmentable else { return }
        // RFC 7915 section 5.1: above 1260 octets the IPv4 packet may not be fragmented, so the client must do it.
        arrival.detail = usable
        arrival.quotable = way.layout.payload &- way.layout.start &+ size &- 20
        guard way.layout.fragmentHeader != 0 else { throw .tooBig }
    }

    /// Asks the tables: RFC 6146 sections 3.5 and 3.6, and 3.8 where the peer is an address of the pool.
    @inline(__always)
    mutating func route(
        _ way: OutwardWay,
        _ tuple: IncomingTuple,
        at now: Moment
    ) throws(DropReason) -> OutwardRoute {
        let isQuery = tuple.transport == .icmpQuery
        let flow = OutwardFlow(
            transport: tuple.transport,
            client: TransportAddress6(way.client, tuple.source),
            prefix: way.prefix,
            peer: TransportAddress4(way.peer, isQuery ? Port(0) : tuple.destination),
            tcp: tuple.flags
        )
        let hash = hash(of: flow.client, flow.transport, ahead).hash
        let known = binding(of: flow.client, flow.transport, ahead)
        let external = try tables.outward(flow, hash, known, at: now, policy: view.policy)
        guard tables.standing(of: way.peer) != .outside, isHairpin(flow) else { return .outside(external) }
        return try hairpin(flow, from: external, at: now)
    }

    /// Whether the peer is a client of ours. An address shared with the host has transport addresses of the host too,
    /// and those are reached like any other.
    // Mutating, like all that is called from here: else the worker would be copied for the call.
    @inline(never)
    mutating func isHairpin(_ flow: OutwardFlow) -> Bool {
        guard tables.standing(of: flow.peer.address) == .shared else { return true }
        // A query bears one identifier, the sender's own: the only client it could be for is the sender.
        guard flow.transport != .icmpQuery else { return false }
        return tables.membership(of: flow.peer) == .pool
    }
}

/// A packet from the IPv6 side and where it wants to go.
struct OutwardWay {
    /// The size up to which an IPv4 packet may be fragmented: RFC 7915 section 5.1.
    @inline(__always) static var fragmentable: Int { 1260 }
    /// The most an IPv4 packet can carry; an IPv6 packet can carry 20 octets more.
    @inline(__always) static var largestPayload: Int { 65_515 }

    var layout: PacketLayout
    /// The source: X'.
    var client: IPv6Address
    /// The destination: Y'.
    var destination: IPv6Address
    /// The prefix the destination lies under.
    var prefix: UInt8
    /// What the destination stands for: Z.
    var peer: IPv4Address

    /// The IPv4 packet's size; of a super-packet that of its full segments.
    @inline(__always)
    func size(_ offload: Offload, _ tuple: IncomingTuple) -> Int {
        let payload =
            offload.segmentation == .none
            ? layout.payloadCount
            : min(layout.payloadCount, tuple.headerLength &+ Int(offload.segmentSize))
        return IPv4Field.length &+ payload
    }
}

/// Where the tables send a packet from the IPv6 side.
enum OutwardRoute {
    /// To the IPv4 side, from this transport address of the pool: (T,t).
    case outside(TransportAddress4)
    /// To another client of ours, from the embedded form of the sender's transport address of the pool.
    case hairpin(source: TransportAddress6, destination: TransportAddress6)
}
