import IPAddressing
import Synchronization
import Timing

// Finding, making and ending sessions. All of it happens under the lock of the shard.
extension Tables {
    /// The session of a binding with a peer.
    @inline(__always)
    func findSession(_ binding: BindingID, _ peer: TransportAddress4, in shard: Shard) -> SessionID? {
        shard[binding].session.isWith(peer)
            ? SessionID(firstOf: binding) : findFurtherSession(binding, peer, in: shard)
    }

    /// The session of a binding with a peer that is not with its first.
    @inline(__always)
    func findFurtherSession(_ binding: BindingID, _ peer: TransportAddress4, in shard: Shard) -> SessionID? {
        if shard[binding].session.owner == 0 { return nil }
        return shard.findFurther(furtherHash(binding, peer, .session)) { $0.isWith(peer) && $0.owner == binding.index }
    }

    /// A session that takes its first step now.
    func session(with peer: TransportAddress4, under prefix: UInt8, _ step: TCPStep, _ now: Tick) -> Session {
        Session(
            peer: peer.address,
            peerPort: peer.port,
            prefix: prefix,
            state: step.state,
            refreshed: now,
            lifetime: step.lifetime ?? .transitory,
            kind: .session,
            bucket: 0,
            previous: .none,
            next: .none,
            owner: 0,
            extra: 0
        )
    }

    /// Gives a live binding a session with a peer it has none with.
    ///
    /// - Parameter isFromOutside: Whether the peer begins it, which leaves a part of what there is room for to clients.
    @inline(never)
    func addSession(
        _ binding: BindingID,
        _ peer: TransportAddress4,
        under prefix: UInt8,
        _ step: TCPStep,
        isFromOutside: Bool,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) {
        let now = Tick(moment)
        let transport = shard[binding].transport
        let limit = settings.limits.sessionsPerBinding
        if limit > 0, shard[binding].standing != .fixed {
            let most = isFromOutside ? Limits.outsidePart(of: limit) : limit
            guard shard[binding].sessionCount < most else { throw .bindingLimit }
        }
        let second = UInt32(truncatingIfNeeded: moment.seconds)
        if networks.isCounting {
            let network = networkHash(shard[binding].client)
            try networks.take(network, sessions: 1, ports: 0, second: second, isFromOutside: isFromOutside)
        }
        if shard[binding].sharesPort {
            do throws(DropReason) {
                try claimPeer(peer, for: binding, in: shard)
            } catch {
                giveBack(of: binding, sessions: 1, ports: 0, in: shard)
                throw error
            }
        }
        var new = session(with: peer, under: prefix, step, now)
        if shard[binding].session.kind == .free {
            new.owner = shard[binding].session.owner
            shard[binding].session = new
            started(SessionID(firstOf: binding), transport, in: shard, now)
            return
        }
        new.owner = binding.index
        let all = settings.maximumFurtherSessions
        guard furtherCount.take(upTo: isFromOutside ? Limits.outsidePart(of: all) : all) else {
            giveUpSession(with: peer, of: binding, in: shard)
            throw .sessionLimit
        }
        guard let id = shard.addFurther(furtherHash(binding, peer, .session), new) else {
            furtherCount.wrappingSubtract(1, ordering: .relaxed)
            giveUpSession(with: peer, of: binding, in: shard)
            throw .sessionLimit
        }
        shard[binding].session.owner &+= 1
        guard knowPeer(peer.address, under: prefix, of: binding, in: shard) else {
            shard.removeFurther(furtherHash(binding, peer, .session), id)
            shard[binding].session.owner &-= 1
            furtherCount.wrappingSubtract(1, ordering: .relaxed)
            giveUpSession(with: peer, of: binding, in: shard)
            throw .sessionLimit
        }
        started(id, transport, in: shard, now)
    }

    /// Gives back what was taken for a session that cannot be made after all.
    private func giveUpSession(with peer: TransportAddress4, of binding: BindingID, in shard: Shard) {
        if shard[binding].sharesPort { giveUpPeer(peer, of: binding, in: shard) }
        giveBack(of: binding, sessions: 1, ports: 0, in: shard)
    }

    /// Counts a session that stands in its slot and hangs it up.
    func started(_ id: SessionID, _ transport: TransportProtocol, in shard: Shard, _ now: Tick) {
        shard.counts.sessions[Int(transport.rawValue)] &+= 1
        shard.counts.sessionsMade &+= 1
        hang(id, in: shard, now)
    }

    /// Ends a session that hangs nowhere any more, and its binding if it was the last.
    func endSession(_ id: SessionID, in shard: Shard, _ now: Tick) {
        if shard[id].kind == .unbound { return endUnbound(id, hanging: false, in: shard) }
        let binding = shard.binding(of: id)
        let transport = shard[binding].transport
        shard.counts.sessions[Int(transport.rawValue)] &-= 1
        shard.counts.sessionsEnded &+= 1
        giveBack(of: binding, sessions: 1, ports: 0, in: shard)
        if shard[binding].sharesPort { giveUpPeer(shard[id].peerAddress, of: binding, in: shard) }
        if id.isFurther {
            let peer = shard[id].peerAddress
            shard.removeFurther(furtherHash(binding, peer, .session), id)
            shard[binding].session.owner &-= 1
            furtherCount.wrappingSubtract(1, ordering: .relaxed)
            forgetPeer(peer.address, of: binding, in: shard)
        } else {
            shard[id].kind = .free
            shard[id].lifetime = .none
        }
        if shard[binding].session.kind == .free, shard[binding].session.owner == 0 { bereave(binding, in: shard, now) }
    }

    /// Hangs a session up for the end of its lifetime.
    @inline(__always)
    func hang(_ id: SessionID, in shard: Shard, _ now: Tick) {
        shard.hang(id, endingAt: end(of: shard[id]), now: now)
    }

    /// When the lifetime of a session ends.
    @inline(__always)
    func end(of session: Session) -> Tick { Tick(count: session.refreshed.count &+ lifetimes[session.lifetime]) }

    /// Whether a session has lived its time.
    @inline(__always)
    func isOver(_ session: Session, _ now: Tick) -> Bool {
        now.since(session.refreshed) >= Int32(bitPattern: lifetimes[session.lifetime])
    }
}

// MARK: Peers by address

extension Tables {
    /// The prefix under which the client has sent to this host, whichever its port; nothing if it has not (RFC 6146
    /// section 1.2.3). It looks at further sessions only where filtering is address-dependent.
    func prefixUsed(_ binding: BindingID, towards peer: IPv4Address, in shard: Shard) -> UInt8? {
        let first = shard[binding].session
        if first.kind == .session, first.peer == peer { return first.prefix }
        guard first.owner > 0, let known = findPeer(peer, of: binding, in: shard) else { return nil }
        return shard[known].prefix
    }

    private func findPeer(_ peer: IPv4Address, of binding: BindingID, in shard: Shard) -> SessionID? {
        let hash = furtherHash(binding, TransportAddress4(peer, Port(0)), .peerAddress)
        return shard.findFurther(hash) { $0.kind == .peerAddress && $0.peer == peer && $0.owner == binding.index }
    }

    /// Counts a further session with a peer's address, if filtering will ask; says whether there was room.
    func knowPeer(_ peer: IPv4Address, under prefix: UInt8, of binding: BindingID, in shard: Shard) -> Bool {
        guard rule(for: shard[binding].transport) == .addressDependent else { return true }
        if let known = findPeer(peer, of: binding, in: shard) {
            shard[known].extra &+= 1
            return true
        }
        var record = Session.empty
        record.kind = .peerAddress
        record.peer = peer
        record.prefix = prefix
        record.owner = binding.index
        record.extra = 1
        return shard.addFurther(furtherHash(binding, TransportAddress4(peer, Port(0)), .peerAddress), record) != nil
    }

    private func forgetPeer(_ peer: IPv4Address, of binding: BindingID, in shard: Shard) {
        guard let known = findPeer(peer, of: binding, in: shard) else { return }
        shard[known].extra &-= 1
        guard shard[known].extra == 0 else { return }
        shard.removeFurther(furtherHash(binding, TransportAddress4(peer, Port(0)), .peerAddress), known)
    }
}

// MARK: Sessions without a binding

extension Tables {
    /// The session of a SYN that waits for a client.
    func findUnbound(_ external: TransportAddress4, _ peer: TransportAddress4, in shard: Shard) -> SessionID? {
        shard.findFurther(unboundHash(external, peer)) { session in
            session.kind == .unbound && session.peerAddress == peer && session.owner == external.address.bits
                && session.extra == UInt32(external.port.number)
        }
    }

    /// Lets a SYN wait for a client, at a port that has no binding or one that filtering keeps it from: RFC 6146 section
    /// 3.5.2.2, CLOSED.
    func addUnbound(_ flow: InwardFlow, in shard: Shard, _ now: Tick) throws(DropReason) {
        try heldSyns.take(from: flow.peer.address)
        var new = session(with: flow.peer, under: 0, TCPState.closed.step(on: .v4Syn, held: true), now)
        new.kind = .unbound
        new.owner = flow.external.address.bits
        new.extra = UInt32(flow.external.port.number)
        guard let id = shard.addFurther(unboundHash(flow.external, flow.peer), new) else {
            heldSyns.giveBack(from: flow.peer.address)
            throw .sessionLimit
        }
        shard.counts.unbound &+= 1
        hang(id, in: shard, now)
    }

    /// Ends the session of a SYN that has waited for the one the client sends now, if there is one.
    ///
    /// - Parameter shard: The client's shard, whose lock the caller has.
    /// - Returns: Whether there was one.
    func takeUnbound(
        at external: TransportAddress4,
        from peer: TransportAddress4,
        holding shard: Shard
    ) -> Bool {
        guard heldSyns.total > 0 else { return false }
        // A client may have a port that is at home elsewhere. Nobody may wait for a second lock; if that is taken just
        // now, the SYN is forgotten when its time is over: see `expire(at:budget:)`.
        let home = homeShard(of: external.port)
        let isSame = home.isSame(as: shard)
        guard isSame || home.tryLock() else { return false }
        defer { if !isSame { home.unlock() } }
        guard home.counts.unbound > 0, let waiting = findUnbound(external, peer, in: home) else { return false }
        endUnbound(waiting, in: home)
        return true
    }

    /// Ends a session without a binding.
    func endUnbound(_ id: SessionID, hanging: Bool = true, in shard: Shard) {
        if hanging { shard.unhang(id) }
        let external = TransportAddress4(
            IPv4Address(bits: shard[id].owner),
            Port(UInt16(truncatingIfNeeded: shard[id].extra))
        )
        let peer = shard[id].peerAddress
        shard.removeFurther(unboundHash(external, peer), id)
        shard.counts.unbound &-= 1
        heldSyns.giveBack(from: peer.address)
    }
}

extension Atomic where Value == Int {
    /// Counts one more, unless there are as many as there may be.
    @inline(__always)
    borrowing func take(upTo most: Int) -> Bool {
        guard wrappingAdd(1, ordering: .relaxed).newValue > most else { return true }
        wrappingSubtract(1, ordering: .relaxed)
        return false
    }
}
