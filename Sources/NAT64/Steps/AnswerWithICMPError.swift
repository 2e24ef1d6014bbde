import IPAddressing
import PacketMemory
import PacketWire
import Policy
import Timing

// ICMP errors of our own: RFC 4443 section 2.4, RFC 1812 section 4.3.2, RFC 7915 sections 4.4 and 5.4.
extension TranslatorWorker {
    /// Turns a refused packet into the error its sender gets; false when there is none to send.
    @inline(never)
    mutating func answer(
        _ reason: DropReason,
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Bool {
        if arrival.isIPv6 {
            guard let header = errorToClient(reason), mayAnswerClient(memory, frame, header) else { return false }
            let client = ipv6Address(memory.bytes, at: frame.start &+ IPv6Field.source)
            guard admitsError(.client(client), at: now) else { return false }
            answerClient(&memory, &frame, header)
            counters.errorsSent6.count()
            return true
        }
        guard let header = errorToPeer(reason), mayAnswerPeer(memory, frame, reason) else { return false }
        let peer = ipv4Address(memory.bytes, at: frame.start &+ IPv4Field.source)
        guard admitsError(.peer(peer), at: now) else { return false }
        answerPeer(&memory, &frame, header)
        counters.errorsSent4.count()
        return true
    }

    private func admitsError(_ receiver: ErrorLimit.Receiver, at now: Moment) -> Bool {
        guard translator.errorLimit.admits(receiver, at: now) else {
            counters.errorsSuppressed.count()
            return false
        }
        return true
    }

    /// The ICMPv6 error for a refusal; nothing for those that pass in silence.
    private func errorToClient(_ reason: DropReason) -> ICMPErrorHeader? {
        switch reason {
        case .hopLimitExceeded: ICMPErrorHeader(type: ICMPv6Type.timeExceeded, code: 0)
        // RFC 8200 section 4.5; only of datagrams that had to be put together here.
        case .fragmentTimeout: ICMPErrorHeader(type: ICMPv6Type.timeExceeded, code: 1)
        case .tooBig: ICMPErrorHeader(type: ICMPv6Type.packetTooBig, code: 0, word: arrival.detail)
        case .routingHeader, .badFragment:
            ICMPErrorHeader(type: ICMPv6Type.parameterProblem, code: 0, word: arrival.detail)
        case .unsupportedProtocol: ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 4)
        // RFC 7112 section 5.
        case .tinyFragment: ICMPErrorHeader(type: ICMPv6Type.parameterProblem, code: 3)
        case .clientRefused, .destinationRefused: ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 1)
        // RFC 7915 section 5.4, of an extension header in fragments; a chain that is wrong itself passes in silence.
        case .extensionChain:
            arrival.detail > 0 ? ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 1) : nil
        // RFC 6146 section 3.5.1.1.
        case .poolExhausted, .blocksExhausted, .portsReserved, .sessionLimit, .clientLimit, .bindingLimit,
            .newBindingRate, .tableFull:
            ICMPErrorHeader(type: ICMPv6Type.unreachable, code: 3)
        default: nil
        }
    }

    /// The ICMPv4 error for a refusal; nothing for those that pass in silence.
    private func errorToPeer(_ reason: DropReason) -> ICMPErrorHeader? {
        switch reason {
        case .hopLimitExceeded: ICMPErrorHeader(type: ICMPv4Type.timeExceeded, code: 0)
        case .tooBig: ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 4, word: arrival.detail)
        case .sourceRoute: ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 5)
        case .unsupportedProtocol: ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 2)
        case .filtered, .inboundRefused, .destinationRefused:
            view.settings.reportsRefusedInbound ? ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 13) : nil
        case .noSession:
            view.settings.reportsRefusedInbound ? ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 1) : nil
        // RFC 6146 section 3.5.2.2, V4 INIT.
        case .heldSYNExpired: ICMPErrorHeader(type: ICMPv4Type.unreachable, code: 3)
        default: nil
        }
    }

    /// RFC 4443 section 2.4 (e): never about an ICMPv6 error, a multicast packet or a source that is not one node. Nor
    /// to a source under a prefix (RFC 6146 section 3.5), which not every refusal has looked for.
    // Mutating, though nothing of the worker changes: else it would be copied for the call.
    private mutating func mayAnswerClient(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame,
        _ header: ICMPErrorHeader
    ) -> Bool {
        guard frame.count >= IPv6Field.length else { return false }
        let source = ipv6Address(memory.bytes, at: frame.start &+ IPv6Field.source)
        let destination = ipv6Address(memory.bytes, at: frame.start &+ IPv6Field.destination)
        guard source.mayBeClient, view.extract(source) == nil, !destination.isMulticast else { return false }
        // What comes after a routing header is looked for as well; a fragment header may be one more than the most.
        var next = memory.octet(at: frame.start &+ IPv6Field.nextHeader)
        var offset = frame.start &+ IPv6Field.length
        let end = frame.start &+ frame.count
        var walked = 0
        while walked <= PacketLayout.mostExtensionHeaders &+ 1, offset &+ 8 <= end {
            switch next {
            case IPProtocol.hopByHop, IPProtocol.destinationOptions, IPProtocol.routing:
                next = memory.octet(at: offset)
                offset &+= 8 &+ 8 &* Int(memory.octet(at: offset &+ 1))
            case IPProtocol.fragment:
                if memory.uint16(at: offset &+ 2) & 0xFFF8 != 0 {
                    // Which message a later fragment belongs to cannot be seen; 4/3 is about first fragments alone
                    // (RFC 7112 section 5), and of an unknown protocol once is enough.
                    let isAboutFirst =
                        header.type == ICMPv6Type.parameterProblem && header.code == 3
                        || header.type == ICMPv6Type.unreachable && header.code == 4
                    guard !mayHideICMPv6(memory.octet(at: offset)), !isAboutFirst else { return false }
                }
                next = memory.octet(at: offset)
                offset &+= 8
            case IPProtocol.icmp6:
                let type = memory.octet(at: offset)
                // RFC 7915 section 5.4: prohibitions are not told to any ICMPv6 message.
                let isProhibition = header.type == ICMPv6Type.unreachable && header.code == 1
                return !ICMPv6Type.isError(type) && type != ICMPv6Type.redirect && !isProhibition
            default:
                return true
            }
            walked &+= 1
        }
        return !mayHideICMPv6(next)
    }

    /// Whether what has this number is ICMPv6 or leads on to what may be that.
    private func mayHideICMPv6(_ next: UInt8) -> Bool {
        switch next {
        case IPProtocol.hopByHop, IPProtocol.destinationOptions, IPProtocol.routing, IPProtocol.fragment,
            IPProtocol.ah, IPProtocol.icmp6:
            true
        default: false
        }
    }

    /// RFC 1812 section 4.3.2.7: never about an ICMP error, a broadcast, a later fragment or a bad source, one of the
    /// pool's own among these. Nor about a segment of no connection (RFC 6146 section 3.5.2.2).
    private mutating func mayAnswerPeer(
        _ memory: borrowing MutableRawSpan,
        _ frame: PacketFrame,
        _ reason: DropReason
    ) -> Bool {
        let start = frame.start
        let source = ipv4Address(memory.bytes, at: start &+ IPv4Field.source)
        switch source.bits >> 24 {
        case 0, 127, 224...255: return false
        default: break
        }
        guard !isOwn(source) else { return false }
        guard memory.uint16(at: start &+ IPv4Field.fragment) & IPv4Field.offsetMask == 0 else { return false }
        let proto = memory.octet(at: start &+ IPv4Field.proto)
        guard proto == IPProtocol.icmp else { return reason != .noSession || proto != IPProtocol.tcp }
        let payload = start &+ 4 &* Int(memory.octet(at: start) & 0x0F)
        guard payload < start &+ frame.count else { return false }
        return !ICMPv4Type.isError(memory.octet(at: payload))
    }

    /// Puts an ICMPv6 error in front of the packet it is about.
    private mutating func answerClient(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ header: ICMPErrorHeader
    ) {
        let client = ipv6Address(memory.bytes, at: frame.start &+ IPv6Field.source)
        let declared = IPv6Field.length &+ Int(memory.uint16(at: frame.start &+ IPv6Field.payloadLength))
        var quoted = min(declared, frame.count)
        if arrival.quotable < quoted {
            // A super-packet: the quote looks like its first segment, which is what did not fit.
            quoted = arrival.quotable
            let payload = UInt16(truncatingIfNeeded: quoted &- IPv6Field.length)
            memory.store(payload, at: frame.start &+ IPv6Field.payloadLength)
        }
        quoted = min(quoted, Self.largestError &- IPv6Field.length &- ICMPField.length)
        let own = view.environment.ipv4Address ?? .dummy
        let outer = OutgoingIPv6(
            trafficClass: 0,
            payloadLength: ICMPField.length &+ quoted,
            proto: IPProtocol.icmp6,
            hopLimit: 64,
            source: arrival.hostHop != .unspecified
                ? arrival.hostHop : view.environment.ipv6Address ?? view.policy.prefixes[0].embed(own),
            destination: client
        )
        frame = outer.write(header, &memory, before: frame.start)
    }

    /// Puts an ICMPv4 error in front of the packet it is about: as much of that as fits in 576 octets (RFC 1812
    /// section 4.3.2.3).
    private mutating func answerPeer(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        _ header: ICMPErrorHeader
    ) {
        let at = frame.start
        let peer = ipv4Address(memory.bytes, at: at &+ IPv4Field.source)
        let addressed = ipv4Address(memory.bytes, at: at &+ IPv4Field.destination)
        var quoted = min(Int(memory.uint16(at: at &+ IPv4Field.totalLength)), frame.count)
        if arrival.quotable < quoted {
            // A super-packet: the quote looks like its first segment, which is what did not fit.
            quoted = arrival.quotable
            var change = OnesComplementSum()
            change.add(UInt16(truncatingIfNeeded: quoted))
            change.add(~memory.uint16(at: at &+ IPv4Field.totalLength))
            memory.store(UInt16(truncatingIfNeeded: quoted), at: at &+ IPv4Field.totalLength)
            let checksum = memory.uint16(at: at &+ IPv4Field.checksum)
            memory.store(Checksum.adjusted(checksum, by: change), at: at &+ IPv4Field.checksum)
        }
        quoted = min(quoted, 576 &- IPv4Field.length &- ICMPField.length)
        let source = view.environment.ipv4Address ?? addressed
        let outer = OutgoingIPv4(
            typeOfService: 0xC0,  // internetwork control: RFC 1812 section 4.3.2.5
            totalLength: IPv4Field.length &+ ICMPField.length &+ quoted,
            identification: nextIdentification(source, peer, IPProtocol.icmp, count: 1),
            fragment: 0,
            timeToLive: 64,
            proto: IPProtocol.icmp,
            source: source,
            destination: peer
        )
        frame = outer.write(header, &memory, before: at)
    }
}
