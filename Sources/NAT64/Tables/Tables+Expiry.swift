import IPAddressing
import Synchronization
import Timing

/// What the end of a lifetime asks the translator to send.
enum ExpiryEvent: Hashable {
    /// An established session was idle for TCP_EST: ask the client whether it is still there, by a segment without
    /// data, with ACK alone, sequence and acknowledgment number 0, from the peer (RFC 6146 section 3.5.2.2,
    /// ESTABLISHED).
    case probe(client: TransportAddress6, prefix: UInt8, peer: TransportAddress4, external: TransportAddress4)
    /// A SYN waited in vain for its client: refuse it by ICMPv4 3/3 (RFC 6146 section 3.5.2.2, V4 INIT).
    case heldSyn(external: TransportAddress4, peer: TransportAddress4)
}

extension Tables {
    /// A slice of expiry: ends what has lived its time. Call it several times a second, and again while it returns an
    /// event; when nothing is due it costs one read.
    ///
    /// - Parameter budget: How many sessions may be looked at; what was done is taken off. Sessions that are left wait
    ///   for the next slice. Each is looked at in about 30 ns, under its shard's lock.
    /// - Returns: Something to send; nothing when the slice is done.
    func expire(at moment: Moment, budget: inout Int) -> ExpiryEvent? {
        let now = Tick(moment)
        let bucket = ExpiryWheel.bucket(of: now)
        guard sweptThrough.load(ordering: .relaxed) != bucket else { return nil }
        let start = Int(nextToSweep.load(ordering: .relaxed) & 63)
        for step in 0..<Self.shardCount {
            let index = (start + step) & 63
            var slice = Slice.unfinished
            while case .unfinished = slice, budget > 0 {
                slice = sweep(shard(index), through: bucket, now, &budget)
                // A SYN may have come again when its client had sent to its host, and passed.
                if case .event(.heldSyn(let external, let peer)) = slice, isOpen(external, peer) { slice = .unfinished }
            }
            if case .finished = slice { continue }
            nextToSweep.store(UInt32(index), ordering: .relaxed)
            guard case .event(let event) = slice else { return nil }
            return event
        }
        sweptThrough.store(bucket, ordering: .relaxed)
        return nil
    }

    /// Whether a peer has a TCP session with the client behind an external address.
    private func isOpen(_ external: TransportAddress4, _ peer: TransportAddress4) -> Bool {
        findInward(InwardFlow(transport: .tcp, external: external, peer: peer)) != nil
    }

    private enum Slice {
        /// Nothing is due any more, or somebody else has the shard; the next sweep comes by again.
        case finished
        case unfinished
        case event(ExpiryEvent)
    }

    /// Looks at a few sessions of a shard, so that its packets never wait long for the lock.
    private func sweep(_ shard: Shard, through bucket: UInt32, _ now: Tick, _ budget: inout Int) -> Slice {
        guard shard.tryLock() else { return .finished }
        defer { shard.unlock() }
        for _ in 0..<min(64, budget) {
            guard let id = shard.nextDue(through: bucket) else { return .finished }
            budget &-= 1
            if let event = expire(id, in: shard, now) { return .event(event) }
        }
        return .unfinished
    }

    /// Looks at a session that has been taken out of its bucket.
    private func expire(_ id: SessionID, in shard: Shard, _ now: Tick) -> ExpiryEvent? {
        guard isOver(shard[id], now) else {
            hang(id, in: shard, now)
            return nil
        }
        switch shard[id].kind {
        case .session: return expireSession(id, in: shard, now)
        case .unbound:
            let external = TransportAddress4(
                IPv4Address(bits: shard[id].owner),
                Port(UInt16(truncatingIfNeeded: shard[id].extra))
            )
            let peer = shard[id].peerAddress
            endUnbound(id, hanging: false, in: shard)
            return .heldSyn(external: external, peer: peer)
        case .free:
            // The record of a binding whose port was held long enough.
            shard.counts.held &-= 1
            unbind(BindingID(id.index), in: shard)
            return nil
        case .peerAddress: return nil
        }
    }

    private func expireSession(_ id: SessionID, in shard: Shard, _ now: Tick) -> ExpiryEvent? {
        let binding = shard.binding(of: id)
        let ends = shard[binding]
        let peer = shard[id].peerAddress
        let prefix = shard[id].prefix
        let step = shard[id].state.step(on: .lifetimeExpired)
        if step.state != .closed, let lifetime = step.lifetime {
            shard[id].state = step.state
            shard[id].lifetime = lifetime
            shard[id].refreshed = now
            hang(id, in: shard, now)
            let external = ends.externalAddress
            return step.probes
                ? .probe(client: ends.clientAddress, prefix: prefix, peer: peer, external: external) : nil
        }
        endSession(id, in: shard, now)
        return nil
    }
}

extension Shard {
    /// Takes the next session that is due out of its bucket and goes on to later buckets as far as `bucket`.
    @inline(__always)
    fileprivate func nextDue(through bucket: UInt32) -> SessionID? {
        while true {
            let wheel = unsafe state.pointee.wheel
            if wheel.count == 0 {
                unsafe state.pointee.wheel.advance(to: bucket)
                return nil
            }
            guard wheel.isBehind(bucket) else { return nil }
            let head = wheel.head(of: wheel.position &+ 1)
            if head != .none {
                unhang(head)
                return head
            }
            unsafe state.pointee.wheel.advance(to: wheel.position &+ 1)
        }
    }
}
