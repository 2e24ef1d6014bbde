import IPAddressing
import PacketMemory
import Policy
import Synchronization
import Timing

// Making and ending bindings. All of it happens under the lock of the shard.
extension Tables {
    /// Makes a binding with its first session, or gives a held one back to its client (RFC 6146 section 3.5.1.1).
    ///
    /// - Parameters:
    ///   - ahead: What is known of the client already.
    ///   - held: The client's binding whose port is held, if it has one.
    @inline(never)
    func bind(
        _ flow: OutwardFlow,
        _ hash: UInt64,
        _ ahead: BindingAhead,
        held: BindingID?,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> BindingID {
        let now = Tick(moment)
        let network = ahead.network != 0 ? ahead.network : networkHash(flow.client.address)
        let second = UInt32(truncatingIfNeeded: moment.seconds)
        try networks.take(network, sessions: 1, ports: 1, second: second)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        if let held {
            if mayBeRevived(held, in: shard) {
                revive(held, for: flow, in: shard, now)
                return held
            }
            shard.unhang(SessionID(firstOf: held))
            shard.counts.held &-= 1
            unbind(held, in: shard)
        }
        guard bindingCount.take(upTo: settings.maximumBindings) else {
            networks.give(back: network, sessions: 1, ports: 1)
            throw .tableFull
        }
        let place: FreePort
        do throws(DropReason) {
            place = try takePort(for: flow, network, hash, ahead.port, in: shard, at: moment)
        } catch {
            // The last ports, which are kept for new clients, are none for this one.
            let isNoneLeft = error == .poolExhausted || error == .portsReserved
            if isNoneLeft, let id = bindSharing(flow, network, hash, in: shard, now) { return id }
            bindingCount.wrappingSubtract(1, ordering: .relaxed)
            networks.give(back: network, sessions: 1, ports: 1)
            throw error
        }
        let new = Binding(
            client: flow.client.address,
            clientPort: flow.client.port,
            transport: flow.transport,
            standing: .live,
            external: place.address,
            externalPort: place.port,
            poolAddress: UInt16(truncatingIfNeeded: place.number),
            hash: tag,
            session: .empty
        )
        guard let id = shard.add(new) else {
            pool.give(back: place.port, place.number, flow.transport)
            if usesBlocks { gaveBack(place.port, place.number, flow.transport, of: flow.client.address) }
            bindingCount.wrappingSubtract(1, ordering: .relaxed)
            networks.give(back: network, sessions: 1, ports: 1)
            throw .tableFull
        }
        let owner = (id.index &+ 1) << 6 | UInt32(truncatingIfNeeded: hash & 63)
        pool.setOwner(place.number, flow.transport, place.port, owner)
        begin(id, for: flow, in: shard, now)
        return id
    }

    /// Makes a binding with an overloaded port, which must be allowed; nothing if none has room for the peer.
    private func bindSharing(
        _ flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        in shard: Shard,
        _ now: Tick
    ) -> BindingID? {
        guard settings.overloadsPorts else { return nil }
        if computed.count > 0, hasComputedPorts(flow.client.address) { return nil }
        let new = Binding(
            client: flow.client.address,
            clientPort: flow.client.port,
            transport: flow.transport,
            standing: .live,
            external: IPv4Address(bits: 0),
            externalPort: Port(0),
            poolAddress: UInt16(Binding.noPoolAddress),
            hash: UInt32(truncatingIfNeeded: hash >> 32),
            session: .empty
        )
        guard let id = shard.add(new) else { return nil }
        let owner = (id.index &+ 1) << 6 | UInt32(truncatingIfNeeded: hash & 63)
        guard let place = claimPort(for: flow, network, hash, owner: owner) else {
            shard.remove(id)
            return nil
        }
        shard[id].external = place.address
        shard[id].externalPort = place.port
        shard.counts.sharing &+= 1
        begin(id, for: flow, in: shard, now)
        return id
    }

    /// Whether the external address of a held binding may go on being used: it was not taken out of the pool, its ports
    /// are still those of its range, and no socket of the host has the port by now, which would hear nothing any more.
    private func mayBeRevived(_ id: BindingID, in shard: Shard) -> Bool {
        let layout = pool.layout
        guard let place = layout.place(ofNumber: Int(shard[id].poolAddress)) else { return false }
        guard !isAwaited(shard[id].externalAddress, shard[id].transport, place.number) else { return false }
        let port = shard[id].externalPort.number
        return layout.withRange(at: place.range) { port >= $0.ports.first && port <= $0.ports.last }
    }

    /// Gives a binding whose port is held back to its client, with a first session.
    private func revive(_ id: BindingID, for flow: OutwardFlow, in shard: Shard, _ now: Tick) {
        shard.unhang(SessionID(firstOf: id))
        shard.counts.held &-= 1
        shard[id].standing = .live
        begin(id, for: flow, in: shard, now)
    }

    /// Counts a new binding and puts its first session in place.
    private func begin(_ id: BindingID, for flow: OutwardFlow, in shard: Shard, _ now: Tick) {
        shard.counts.bindings[Int(flow.transport.rawValue)] &+= 1
        shard.counts.bindingsMade &+= 1
        let first = firstStep(of: flow, id, in: shard)
        shard[id].session = session(with: flow.peer, under: flow.prefix, first, now)
        started(SessionID(firstOf: id), flow.transport, in: shard, now)
    }

    /// The first step of a binding's first session. A SYN that has been waiting for it makes a TCP session complete.
    private func firstStep(of flow: OutwardFlow, _ id: BindingID, in shard: Shard) -> TCPStep {
        switch flow.transport {
        case .udp: return .firstOfUDP
        case .icmpQuery: return .firstOfICMPQuery
        case .tcp:
            let isAwaited = takeUnbound(at: shard[id].externalAddress, from: flow.peer, holding: shard)
            return (isAwaited ? TCPState.v4Init : .closed).step(on: .v6Syn)
        }
    }

    /// What becomes of a binding that has lost its last session: RFC 6146 section 3.1 wants it gone; its port is kept
    /// from others for a while where nobody follows whether the peers have done (RFC 6888, requirement 8).
    func bereave(_ id: BindingID, in shard: Shard, _ now: Tick) {
        if shard[id].standing == .fixed { return }
        let transport = shard[id].transport
        shard.counts.bindings[Int(transport.rawValue)] &-= 1
        // The port of one that is taken away is off the account already, and nobody is to wait for it.
        if shard[id].isEnding { return unbind(id, in: shard) }
        giveBack(of: id, sessions: 0, ports: 1, in: shard)
        guard transport != .tcp, settings.portHoldDown > .zero, !shard[id].sharesPort,
            shard.counts.held < mostHeldInShard
        else { return unbind(id, in: shard) }
        shard[id].standing = .held
        shard[id].session.lifetime = .holdDown
        shard[id].session.refreshed = now
        shard.counts.held &+= 1
        hang(SessionID(firstOf: id), in: shard, now)
    }

    /// Frees the port and the slot of a binding whose record hangs in no bucket.
    func unbind(_ id: BindingID, in shard: Shard) {
        let number = Int(shard[id].poolAddress)
        let port = shard[id].externalPort
        let transport = shard[id].transport
        if shard[id].sharesPort {
            shard.counts.sharing &-= 1
        } else {
            pool.setOwner(number, transport, port, 0)
            release(port, number, transport, of: shard[id].external)
            // Static bindings take ports wherever the operator wants.
            if usesBlocks, shard[id].standing != .endingFixed {
                gaveBack(port, number, transport, of: shard[id].client)
            }
        }
        bindingCount.wrappingSubtract(1, ordering: .relaxed)
        shard.remove(id)
    }

    /// Takes sessions and ports of a binding off the account of its client's network.
    func giveBack(of id: BindingID, sessions: UInt64, ports: UInt64, in shard: Shard) {
        guard networks.isCounting else { return }
        networks.give(back: networkHash(shard[id].client), sessions: sessions, ports: ports)
    }
}
