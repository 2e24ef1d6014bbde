import IPAddressing
import Policy
import Timing

// RFC 6146 section 3.5: filtering and updating of bindings and sessions. What all protocols share is here; what each
// does with a packet that finds its session, and with one that does not, is in the files beside this one.

// MARK: From the IPv6 side

extension Tables {
    /// The external transport address (T,t) for a packet from the IPv6 side. Makes binding and session where the RFC
    /// says so, and starts their lifetimes again.
    ///
    /// - Parameters:
    ///   - hash: What ``hash(_:_:)`` says of the client.
    ///   - network: What ``networkHash(_:)`` says of it if that is known, else zero.
    /// - Throws: ``DropReason/clientRefused``, ``DropReason/destinationRefused``, ``DropReason/noSession`` (a segment of
    ///   an unknown connection), ``DropReason/poolExhausted``, ``DropReason/clientLimit``,
    ///   ``DropReason/newBindingRate``, ``DropReason/tableFull``, ``DropReason/sessionLimit``,
    ///   ``DropReason/portsReserved``.
    #if PACKET_PATH_CHECKS
    @_noAllocation
    #endif
    func outward(
        _ flow: OutwardFlow,
        _ hash: UInt64,
        _ ahead: BindingAhead = BindingAhead(),
        at moment: Moment,
        policy: Policy
    ) throws(DropReason) -> TransportAddress4 {
        let shard = shard(Int(hash & 63))
        let now = Tick(moment)
        shard.lock()
        defer { shard.unlock() }
        let found = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), flow.client, flow.transport)
        if let binding = found, let session = findSession(binding, flow.peer, in: shard),
            shard[session].prefix == flow.prefix,
            !isOver(shard[session], now)
        {
            updateOutward(session, flow, in: shard, now)
            return shard[binding].externalAddress
        }
        return try outwardFirst(flow, hash, ahead, found, in: shard, at: moment, policy)
    }

    /// The external transport address of a packet that has a session; nothing is made or started again.
    #if PACKET_PATH_CHECKS
    @_noAllocation
    #endif
    func findOutward(_ flow: OutwardFlow) -> TransportAddress4? {
        let hash = hash(flow.client, flow.transport)
        let shard = shard(Int(hash & 63))
        shard.lock()
        defer { shard.unlock() }
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        guard let binding = shard.findBinding(tag, flow.client, flow.transport),
            findSession(binding, flow.peer, in: shard) != nil
        else { return nil }
        return shard[binding].externalAddress
    }

    /// A packet from the IPv6 side whose session does not exist, or is over, or was opened under another prefix.
    @inline(never)
    private func outwardFirst(
        _ flow: OutwardFlow,
        _ hash: UInt64,
        _ ahead: BindingAhead,
        _ found: BindingID?,
        in shard: Shard,
        at moment: Moment,
        _ policy: Policy
    ) throws(DropReason) -> TransportAddress4 {
        guard admits(policy, flow.client.address) else { throw .clientRefused }
        guard allows(policy, flow.peer, under: flow.prefix) else { throw .destinationRefused }
        let now = Tick(moment)
        if let binding = found, shard[binding].isLive {
            if let session = findSession(binding, flow.peer, in: shard), isAlive(session, in: shard, now) {
                shard[session].prefix = flow.prefix
                updateOutward(session, flow, in: shard, now)
                return shard[binding].externalAddress
            }
            if shard[binding].isLive {
                if let step = firstStepOutward(flow) {
                    try addSession(
                        binding,
                        flow.peer,
                        under: flow.prefix,
                        step,
                        isFromOutside: false,
                        in: shard,
                        at: moment
                    )
                    if flow.transport == .tcp { completeTCP(binding, flow.peer, in: shard, now) }
                } else if shard[binding].sharesPort {
                    // It would go out as a segment of whichever client talks to this peer through the same port.
                    throw .noSession
                }
                return shard[binding].externalAddress
            }
        }
        guard firstStepOutward(flow) != nil else { throw .noSession }
        // One that was found may have ended with its session above, and its slot be free.
        let held =
            found != nil ? shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), flow.client, flow.transport) : nil
        let binding = try bind(flow, hash, ahead, held: held, in: shard, at: moment)
        return shard[binding].externalAddress
    }

    /// What a packet from the IPv6 side does to the session it has found.
    @inline(__always)
    private func updateOutward(_ session: SessionID, _ flow: OutwardFlow, in shard: Shard, _ now: Tick) {
        if flow.transport == .tcp {
            updateTCP(session, TCPEvent(fromIPv6: flow.tcp), in: shard, now)
        } else {
            refresh(session, in: shard, now)
        }
    }

    /// The first step of the session a packet from the IPv6 side may begin; nothing if it may begin none.
    private func firstStepOutward(_ flow: OutwardFlow) -> TCPStep? {
        switch flow.transport {
        case .udp: TCPStep.firstOfUDP
        case .icmpQuery: TCPStep.firstOfICMPQuery
        case .tcp: firstStepTCP(outward: flow)
        }
    }
}

// MARK: From the IPv4 side

extension Tables {
    /// The client (X',x) for a packet from the IPv4 side, and the prefix under which it knows the peer.
    ///
    /// - Throws: ``DropReason/destinationOutsidePool``, ``DropReason/noSession``, ``DropReason/filtered``,
    ///   ``DropReason/inboundRefused``, ``DropReason/destinationRefused`` (of the peer's address),
    ///   ``DropReason/sessionLimit``, ``DropReason/clientLimit``, ``DropReason/bindingLimit``,
    ///   ``DropReason/heldSYNLimit``.
    #if PACKET_PATH_CHECKS
    @_noAllocation
    #endif
    func inward(_ flow: InwardFlow, at moment: Moment, policy: Policy) throws(DropReason) -> InwardResult {
        guard let place = pool.find(flow.external.address) else { throw .destinationOutsidePool }
        let now = Tick(moment)
        while true {
            guard let (shard, binding) = lockBinding(flow, place.number) else {
                if try holdUnbound(flow, place, now) { return .hold }
                continue
            }
            if let result = try inward(flow, binding, in: shard, at: moment, policy) { return result }
            try hold(flow, place, now)
            return .hold
        }
    }

    /// The same, where the binding is known; nothing if it is a SYN that filtering refuses.
    ///
    /// - Parameter shard: The binding's, whose lock the caller has; it is given back here.
    @inline(__always)
    private func inward(
        _ flow: InwardFlow,
        _ binding: BindingID,
        in shard: Shard,
        at moment: Moment,
        _ policy: Policy
    ) throws(DropReason) -> InwardResult? {
        let now = Tick(moment)
        defer { shard.unlock() }
        if let session = findSession(binding, flow.peer, in: shard), !isOver(shard[session], now) {
            return updateInward(session, binding, flow, in: shard, now)
        }
        return try inwardFirst(flow, binding, in: shard, at: moment, policy)
    }

    /// The client of a packet that has a session, and the prefix; nothing is made or started again.
    #if PACKET_PATH_CHECKS
    @_noAllocation
    #endif
    func findInward(_ flow: InwardFlow) -> (client: TransportAddress6, prefix: UInt8)? {
        guard let place = pool.find(flow.external.address),
            let (shard, binding) = lockBinding(flow, place.number)
        else { return nil }
        defer { shard.unlock() }
        guard let session = findSession(binding, flow.peer, in: shard) else { return nil }
        return (shard[binding].clientAddress, shard[session].prefix)
    }

    /// The binding that a packet from the IPv4 side is for, and its shard, whose lock the caller has then.
    @inline(__always)
    private func lockBinding(_ flow: InwardFlow, _ number: Int) -> (Shard, BindingID)? {
        if let found = lockOwner(number, flow.transport, flow.external.port) { return found }
        return lockClaimant(flow)
    }

    /// The binding that has a port, and its shard, whose lock the caller has then; nothing if the port is free.
    @inline(__always)
    func lockOwner(_ number: Int, _ transport: TransportProtocol, _ port: Port) -> (Shard, BindingID)? {
        while true {
            let owner = pool.owner(number, transport, port)
            guard owner != 0 else { return nil }
            let shard = shard(Int(owner & 63))
            shard.lock()
            // Only whoever has this lock may write a word that names this shard, so it holds still now.
            if pool.owner(number, transport, port) == owner { return (shard, BindingID(owner >> 6 &- 1)) }
            shard.unlock()
        }
    }

    /// A packet from the IPv4 side to a binding that has no session with its peer, or one that is over.
    ///
    /// - Returns: Nothing if it is a SYN that filtering refuses.
    @inline(never)
    private func inwardFirst(
        _ flow: InwardFlow,
        _ binding: BindingID,
        in shard: Shard,
        at moment: Moment,
        _ policy: Policy
    ) throws(DropReason) -> InwardResult? {
        let now = Tick(moment)
        if let session = findSession(binding, flow.peer, in: shard), isAlive(session, in: shard, now) {
            return updateInward(session, binding, flow, in: shard, now)
        }
        guard shard[binding].isLive else { throw .noSession }
        let isStatic = shard[binding].standing == .fixed
        if isStatic, !admits(policy, shard[binding].client) { throw .clientRefused }
        let known = prefixUsed(binding, towards: flow.peer.address, in: shard)
        let isNew = isStatic && shard[binding].session.kind == .free
        let usual = isNew ? nil : shard[binding].session.prefix
        let prefix: UInt8
        // The peer may be known under a prefix that has gone since, with another session than the one it is known by now.
        if let known, isInForce(known, policy) {
            prefix = known
        } else {
            prefix = self.prefix(for: flow.peer.address, policy, usual: usual)
        }
        guard allows(policy, flow.peer, under: prefix) else { throw .destinationRefused }
        let admitted =
            switch rule(for: flow.transport) {
            case .endpointIndependent: true
            case .addressDependent: known != nil || isStatic
            case .addressAndPortDependent: isStatic
            }
        if flow.transport == .tcp {
            return try inwardFirstTCP(flow, binding, under: prefix, admitted, in: shard, at: moment)
        }
        guard admitted else { throw .filtered }
        let step = flow.transport == .udp ? TCPStep.firstOfUDP : TCPStep.firstOfICMPQuery
        try addSession(binding, flow.peer, under: prefix, step, isFromOutside: true, in: shard, at: moment)
        return .client(shard[binding].clientAddress, prefix: prefix)
    }

    /// What a packet from the IPv4 side does to the session it has found.
    @inline(__always)
    private func updateInward(
        _ session: SessionID,
        _ binding: BindingID,
        _ flow: InwardFlow,
        in shard: Shard,
        _ now: Tick
    ) -> InwardResult {
        if flow.transport == .tcp {
            updateTCP(session, TCPEvent(fromIPv4: flow.tcp), in: shard, now)
        } else {
            refresh(session, in: shard, now)
        }
        return .client(shard[binding].clientAddress, prefix: shard[session].prefix)
    }
}

// MARK: Both

extension Tables {
    /// Whether the Policy serves a client.
    // Asked once for a session. The check for allocations cannot see into another module and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    func admits(_ policy: Policy, _ client: IPv6Address) -> Bool {
        if let successor = successor(of: policy) { return successor.clients.admits(.v6(client)) }
        return policy.clients.admits(.v6(client))
    }

    /// Whether the Policy lets a peer be reached. A client of ours may be reached by its external address whatever
    /// range that lies in (RFC 6146 section 3.8).
    @_semantics("no_performance_analysis")
    @inline(never)
    func allows(_ policy: Policy, _ peer: TransportAddress4, under prefix: UInt8) -> Bool {
        let isAllowed =
            if let successor = successor(of: policy) {
                mayReach(peer.address, under: prefix, by: successor)
            } else {
                mayReach(peer.address, under: prefix, by: policy)
            }
        return isAllowed || reachesClients(peer)
    }

    /// Whether the prefix with a number is one of the Policy's.
    @_semantics("no_performance_analysis")
    @inline(never)
    private func isInForce(_ prefix: UInt8, _ policy: Policy) -> Bool {
        index(of: prefix, in: successor(of: policy) ?? policy) != nil
    }

    /// Whether a Policy lets an address be reached under the prefix with a number.
    @_semantics("no_performance_analysis")
    private func mayReach(_ address: IPv4Address, under prefix: UInt8, by policy: Policy) -> Bool {
        guard let index = index(of: prefix, in: policy) else { return false }
        return policy.mayReach(address, under: index)
    }

    /// Whether a transport address leads to clients of ours and to nobody else: one of the pool, also outside of its
    /// ports where the address is ours alone, for a static binding may be there.
    private func reachesClients(_ peer: TransportAddress4) -> Bool {
        switch membership(of: peer) {
        case .pool, .unusedPort: true
        case .outside, .host: false
        }
    }

    /// Starts the lifetime of a session again.
    @inline(__always)
    func refresh(_ session: SessionID, in shard: Shard, _ now: Tick) {
        if now.since(shard[session].refreshed) > 0 { shard[session].refreshed = now }
    }

    /// Whether a session is there for a packet that finds it. One that has lived its time, but was not collected yet,
    /// is ended here, save for an established one, which a packet saves from TRANS (RFC 6146 section 3.5.2.2).
    private func isAlive(_ session: SessionID, in shard: Shard, _ now: Tick) -> Bool {
        guard isOver(shard[session], now), shard[session].state != .established else { return true }
        shard.unhang(session)
        endSession(session, in: shard, now)
        return false
    }

    /// How an IPv4 address stands to the pool.
    @inline(__always)
    func standing(of address: IPv4Address) -> PoolStanding {
        guard let place = pool.find(address) else { return .outside }
        return place.isShared ? .shared : .own
    }

    /// Whether an address is one of the pool that is not the host's as well. Seldom asked: see
    /// ``OwnAddresses/mayHold(_:)``.
    @inline(never)
    func isOwn(_ address: IPv4Address) -> Bool { standing(of: address) == .own }

    /// Whether an address is one of the pool and the host's as well.
    @inline(never)
    func isShared(_ address: IPv4Address) -> Bool { standing(of: address) == .shared }

    /// Whose a transport address is, as far as the pool is concerned.
    @inline(__always)
    func membership(of external: TransportAddress4) -> PoolMembership { pool.membership(of: external) }
}
