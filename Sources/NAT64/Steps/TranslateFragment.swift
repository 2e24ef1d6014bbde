import IPAddressing
import PacketMemory
import PacketWire
import Policy
import Timing

// RFC 6146 section 3.4: fragments go where their first fragment goes; those that come before it wait.
extension TranslatorWorker {
    /// A fragment from the IPv6 side.
    @inline(never)
    mutating func outwardFragment(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let layout = way.layout
        guard frame.offload.segmentation == .none, !frame.offload.needsChecksum else { throw .badOffload }
        guard memory.octet(at: layout.start &+ IPv6Field.hopLimit) > 1 else { throw .hopLimitExceeded }
        // Fragments take memory before the tables are asked, so strangers are turned away here.
        guard view.policy.clients.admits(.v6(way.client)) else { throw .clientRefused }
        let key = FragmentKey(
            source: way.client,
            destination: way.destination,
            identification: layout.identification,
            proto: layout.proto,
            isIPv6: true
        )
        switch try standing(key, memory, layout, at: now) {
        case .kept: return .kept
        case .complete(let fragments): return release(fragments)
        case .known(let route):
            if case .outward(let external, _) = route { try checkHostHop(memory, way, from: external) }
            return try sendFragment(&memory, &frame, way, route)
        case .first(let total):
            do throws(DropReason) {
                guard let tuple = try IncomingTuple(reading: memory.bytes, layout) else { throw .unsupportedMessage }
                try checkOutward(memory, frame, way, tuple)
                switch try self.route(way, tuple, at: now) {
                case .outside(let external):
                    try checkHostHop(memory, way, from: external.address)
                    let number = identification(key, from: external.address, to: way.peer, at: now)
                    let route = FragmentRoute.outward(external.address, identification: number)
                    settle(key, route)
                    rewriteOutward(&memory, way, tuple, external, offload: .none, wholeLength: total)
                    return try sendFragment(&memory, &frame, way, route)
                case .hairpin(let source, let destination):
                    var way = way
                    way.layout.identification = identification(
                        key,
                        from: source.address,
                        to: destination.address,
                        at: now
                    )
                    let number = way.layout.identification
                    settle(key, .hairpin(destination.address, source: source.address, identification: number))
                    return sendToClient(&memory, &frame, way, tuple, source, destination)
                }
            } catch {
                settle(key, .refused)
                throw error
            }
        }
    }

    /// A fragment from the IPv4 side.
    @inline(never)
    mutating func inwardFragment(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: InwardWay,
        at now: Moment
    ) throws(DropReason) -> Verdict {
        let layout = way.layout
        try checkSource(way.peer)
        guard frame.offload.segmentation == .none, !frame.offload.needsChecksum else { throw .badOffload }
        let key = FragmentKey(
            source: IPv6Address(high: 0, low: UInt64(way.peer.bits)),
            destination: IPv6Address(high: 0, low: UInt64(way.external.bits)),
            identification: layout.identification,
            proto: layout.proto,
            isIPv6: false
        )
        switch try standing(key, memory, layout, at: now) {
        case .kept: return .kept
        case .complete(let fragments): return release(fragments)
        case .known(.host): return .handBack
        case .known(let route):
            arrival.belongsToHost = false
            return try sendFragment(&memory, &frame, way, route)
        case .first(let total):
            do throws(DropReason) {
                guard let tuple = try IncomingTuple(reading: memory.bytes, layout) else { throw .unsupportedMessage }
                try checkZeroChecksum(memory, frame, way, tuple)
                guard let (client, prefix) = try self.route(way, tuple, memory, at: now) else { throw .noSession }
                arrival.belongsToHost = false
                try checkFragment(memory, way)
                try checkInward(memory, frame, way, tuple)
                let source = view.embed(way.peer, under: prefix)
                settle(key, .client(client.address, source: source))
                rewriteInward(&memory, way, tuple, client, source, offload: .none, wholeLength: total)
                return try sendFragment(&memory, &frame, way, .client(client.address, source: source))
            } catch {
                settle(key, arrival.belongsToHost ? .host : .refused)
                throw error
            }
        }
    }

    /// Shows the store a fragment.
    private mutating func standing(
        _ key: FragmentKey,
        _ memory: borrowing MutableRawSpan,
        _ layout: PacketLayout,
        at now: Moment
    ) throws(DropReason) -> FragmentStanding {
        let isFirst = layout.fragmentOffset == 0
        switch layout.proto {
        case IPProtocol.tcp, IPProtocol.udp: break
        case IPProtocol.icmp6 where layout.isIPv6, IPProtocol.icmp where !layout.isIPv6: break
        case IPProtocol.igmp where !layout.isIPv6: throw .unsupportedMessage
        default: throw .unsupportedProtocol
        }
        // RFC 3128: a TCP fragment at octet 8 rewrites the flags that the first one was judged by.
        if layout.proto == IPProtocol.tcp, layout.fragmentOffset == 8 { throw .tinyFragment }
        let isICMP = layout.proto == IPProtocol.icmp || layout.proto == IPProtocol.icmp6
        var needsChecksum = false
        if isFirst, !isReplaying, layout.proto == IPProtocol.udp, !layout.isIPv6,
            layout.payloadCount >= UDPField.headerLength
        {
            needsChecksum =
                view.settings.udpZeroChecksum == .compute
                && memory.uint16(at: layout.payload &+ UDPField.checksum) == 0
        }
        let piece = FragmentPiece(
            offset: layout.fragmentOffset,
            count: layout.payloadCount,
            more: layout.moreFragments,
            start: layout.start,
            payload: layout.payload,
            end: layout.end,
            mustCollect: isICMP || needsChecksum,
            needsChecksum: needsChecksum,
            isReplay: isReplaying
        )
        return try translator.fragments.arrive(key, piece, memory.bytes, at: now)
    }

    /// Takes over fragments that are to be translated next.
    private mutating func release(_ fragments: ReleasedFragments) -> Verdict {
        _ = translator.fragments.discard(&released)
        released = fragments
        return .kept
    }

    /// The identification of a datagram's fragments on the IPv4 side: the low half of what it has, as RFC 7915
    /// section 5.1.1 says, unless another client's datagram to the same peer has the same (RFC 6864 section 5.3.1).
    mutating func identification(
        _ key: FragmentKey,
        from source: IPv4Address,
        to destination: IPv4Address,
        at now: Moment
    ) -> UInt16 {
        let proto = key.proto == IPProtocol.icmp6 ? IPProtocol.icmp : key.proto
        let ends = UInt64(source.bits) << 32 | UInt64(destination.bits)
        var number = UInt16(truncatingIfNeeded: key.identification)
        for _ in 0..<8 {
            let flow = translator.identification.secret(ends, UInt64(proto) << 16 | UInt64(number), 1)
            if translator.fragments.claim(flow, for: key, at: now) { break }
            number = nextIdentification(source, destination, proto, count: 1)
        }
        return number
    }

    /// The identification of a datagram's fragments from one client to another: the one it has, unless another client's
    /// datagram, which bears the same address there, has the same (RFC 8200 section 4.5).
    private mutating func identification(
        _ key: FragmentKey,
        from source: IPv6Address,
        to destination: IPv6Address,
        at now: Moment
    ) -> UInt32 {
        let secret = translator.identification.secret
        let ends = secret(source.high, source.low, 1)
        var number = key.identification
        for attempt in 1...8 as ClosedRange<UInt64> {
            let flow = secret(destination.high ^ ends, destination.low, UInt64(number))
            if translator.fragments.claim(flow, for: key, at: now) { break }
            let hash = secret(key.source.high, key.source.low, UInt64(number) << 8 | attempt)
            number = UInt32(truncatingIfNeeded: hash >> 32)
        }
        return number
    }

    private mutating func settle(_ key: FragmentKey, _ route: FragmentRoute) {
        let waiting = translator.fragments.settle(key, route)
        if waiting.head >= 0 { _ = release(waiting) }
    }

    /// Writes a fragment from the IPv6 side whose transport header, if it has one, is done.
    private mutating func sendFragment(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: OutwardWay,
        _ route: FragmentRoute
    ) throws(DropReason) -> Verdict {
        let layout = way.layout
        switch route {
        case .outward(let external, let identification):
            // Put together again the datagram would be longer than IPv4 can say.
            guard layout.fragmentOffset &+ layout.payloadCount <= OutwardWay.largestPayload else { throw .malformed }
            let size = IPv4Field.length &+ layout.payloadCount
            var header = ipv4Header(memory, way, external, size: size, nil, .none)
            header.identification = identification
            if size > view.ipv4MTU { return splitIPv4(&memory, &frame, header, from: layout.payload, to: layout.end) }
            frame.start = layout.payload &- IPv4Field.length
            frame.count = layout.end &- frame.start
            frame.offload = .none
            header.write(&memory, at: frame.start)
            return .send
        case .hairpin(let client, let source, let identification):
            arrival.isHairpin = true
            var way = way
            way.layout.identification = identification
            return writeToClient(&memory, &frame, way, source, client)
        case .unknown, .client, .host, .refused:
            throw .fragmentOfRefused
        }
    }

    /// Writes a fragment from the IPv4 side whose transport header, if it has one, is done.
    private mutating func sendFragment(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ way: InwardWay,
        _ route: FragmentRoute
    ) throws(DropReason) -> Verdict {
        guard case .client(let client, let source) = route else { throw .fragmentOfRefused }
        let layout = way.layout
        try checkFragment(memory, way)
        let header = ipv6Header(memory, way, source, client)
        let mayFragment = memory.uint16(at: layout.start &+ IPv4Field.fragment) & IPv4Field.dontFragment == 0
        if mayFragment, header.length &+ layout.payloadCount > view.lowestIPv6MTU {
            return splitIPv6(&memory, &frame, header, from: layout.payload, to: layout.end)
        }
        frame.start = layout.payload &- header.length
        frame.count = layout.end &- frame.start
        frame.offload = .none
        header.write(&memory, at: frame.start)
        return .send
    }

    /// What the way of a fragment from the IPv4 side forbids.
    private mutating func checkFragment(
        _ memory: borrowing MutableRawSpan,
        _ way: InwardWay
    ) throws(DropReason) {
        guard memory.octet(at: way.layout.start &+ IPv4Field.timeToLive) > 1 else { throw .hopLimitExceeded }
        let forbids = memory.uint16(at: way.layout.start &+ IPv4Field.fragment) & IPv4Field.dontFragment != 0
        let length = IPv6Field.length &+ IPv6Field.fragmentLength
        guard forbids, length &+ way.layout.payloadCount > view.ipv6MTU else { return }
        // With the fragment header the packet grows by 28 octets.
        arrival.detail = UInt32(truncatingIfNeeded: view.ipv6MTU &- 28)
        throw .tooBig
    }
}
