import IPAddressing
import PacketWire
import Synchronization
import Timing

// RFC 6146 section 3.5.2: what is particular to TCP. The state machine itself is in TCPStep.swift.
extension Tables {
    /// The first step of the session a segment from the IPv6 side begins; nothing if it is not a SYN.
    func firstStepTCP(outward flow: OutwardFlow) -> TCPStep? {
        TCPEvent(fromIPv6: flow.tcp) == .v6Syn ? TCPState.closed.step(on: .v6Syn) : nil
    }

    /// Makes a session that the client's SYN has begun complete if a SYN of the peer has waited for it since before
    /// the port had a binding.
    func completeTCP(_ binding: BindingID, _ peer: TransportAddress4, in shard: Shard, _ now: Tick) {
        guard takeUnbound(at: shard[binding].externalAddress, from: peer, holding: shard),
            let session = findSession(binding, peer, in: shard)
        else { return }
        apply(TCPState.v4Init.step(on: .v6Syn), to: session, in: shard, now)
    }

    /// A segment from the IPv4 side to a binding that has no session with its peer.
    ///
    /// - Parameter admitted: Whether filtering lets the peer send to the binding.
    /// - Returns: Nothing if it is a SYN and filtering does not.
    func inwardFirstTCP(
        _ flow: InwardFlow,
        _ binding: BindingID,
        under prefix: UInt8,
        _ admitted: Bool,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> InwardResult? {
        guard TCPEvent(fromIPv4: flow.tcp) == .v4Syn else {
            // "Any other packet": translated if a binding exists and the policy allows, without a session.
            guard admitted else { throw .filtered }
            return .client(shard[binding].clientAddress, prefix: prefix)
        }
        guard settings.filtering.admitsConnectionsFromOutside || shard[binding].standing == .fixed else {
            throw .inboundRefused
        }
        guard admitted else { return nil }
        try addSession(
            binding,
            flow.peer,
            under: prefix,
            TCPState.closed.step(on: .v4Syn),
            isFromOutside: true,
            in: shard,
            at: moment
        )
        _ = takeUnbound(at: flow.external, from: flow.peer, holding: shard)
        return .client(shard[binding].clientAddress, prefix: prefix)
    }

    /// Lets a SYN wait that filtering refuses. It is no session of the binding, which has its clients' sessions alone, so
    /// that no stranger keeps a binding alive, or takes a client's share of sessions (RFC 7857 section 7).
    @inline(never)
    func hold(_ flow: InwardFlow, _ place: PoolPlace, _ now: Tick) throws(DropReason) {
        if place.isShared, isForHost(flow, place.number) { throw .filtered }
        let shard = homeShard(of: flow.external.port)
        shard.lock()
        defer { shard.unlock() }
        if findUnbound(flow.external, flow.peer, in: shard) == nil { try addUnbound(flow, in: shard, now) }
    }

    /// Whether a SYN that filtering refuses at a client's port of a shared address is the host's after all: where one of
    /// its programs has the port by now, and if it has ACK. For the host may masquerade for others by the same numbers,
    /// and its connection tracking must see the answers to those, as it sees every other packet of no session. A SYN alone
    /// answers nobody, and the host's reset would end the connection that the client is just opening itself (RFC 5382
    /// requirement 4).
    private func isForHost(_ flow: InwardFlow, _ number: Int) -> Bool {
        if flow.tcp.contains(.ack) { return true }
        return isAwaited(flow.external, .tcp, number)
    }

    /// A segment from the IPv4 side to a port that no binding has, whether clients are given it or not: RFC 6146 section
    /// 3.5.2.2 and RFC 5382 (requirement 4) know only ports with and without a binding.
    ///
    /// - Returns: Whether a SYN is to be kept; if not, the port has been bound since the caller looked.
    @inline(never)
    func holdUnbound(_ flow: InwardFlow, _ place: PoolPlace, _ now: Tick) throws(DropReason) -> Bool {
        guard flow.transport == .tcp, TCPEvent(fromIPv4: flow.tcp) == .v4Syn, !place.isShared else {
            throw .noSession
        }
        guard settings.filtering.admitsConnectionsFromOutside else { throw .inboundRefused }
        let shard = homeShard(of: flow.external.port)
        shard.lock()
        defer { shard.unlock() }
        guard pool.owner(place.number, .tcp, flow.external.port) == 0 else { return false }
        if findUnbound(flow.external, flow.peer, in: shard) == nil { try addUnbound(flow, in: shard, now) }
        return true
    }

    /// What a segment does to the session it has found.
    @inline(__always)
    func updateTCP(_ session: SessionID, _ event: TCPEvent, in shard: Shard, _ now: Tick) {
        let known = shard[session]
        let step = known.state.step(on: event, shortAfterReset: settings.lifetimes.shortAfterReset)
        if step.state == known.state, step.lifetime == known.lifetime {
            if now.since(known.refreshed) > 0 { shard[session].refreshed = now }
        } else if step != TCPStep(known.state) {
            apply(step, to: session, in: shard, now)
        }
    }

    /// Applies a step that changes state or lifetime.
    @inline(never)
    func apply(_ step: TCPStep, to session: SessionID, in shard: Shard, _ now: Tick) {
        shard[session].state = step.state
        guard let lifetime = step.lifetime else { return }
        shard[session].lifetime = lifetime
        shard[session].refreshed = now
        shard.rehangIfSooner(session, endingAt: end(of: shard[session]), now: now)
    }
}
