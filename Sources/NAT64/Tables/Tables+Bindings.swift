import IPAddressing
import PacketMemory
import Policy
import Timing

// Making and ending bindings. All of it happens under the lock of the shard.
extension Tables {
    /// Makes a binding with its first session, or gives a held one back to its client (RFC 6146 section 3.5.1.1).
    @inline(never)
    func bind(
        _ flow: OutwardFlow,
        _ hash: UInt64,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> BindingID {
        let now = Tick(moment)
        let network = networkHash(flow.client.address)
        let second = UInt32(truncatingIfNeeded: moment.seconds)
        try networks.take(network, sessions: 1, ports: 1, second: second)
        let tag = UInt32(truncatingIfNeeded: hash >> 32)
        if let held = shard.findBinding(tag, flow.client, flow.transport) {
            revive(held, for: flow, in: shard, now)
            return held
        }
        guard let place = takePort(for: flow, network, hash) else {
            networks.give(back: network, sessions: 1, ports: 1)
            throw .poolExhausted
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
            networks.give(back: network, sessions: 1, ports: 1)
            throw .tableFull
        }
        let owner = (id.index &+ 1) << 6 | UInt32(truncatingIfNeeded: hash & 63)
        pool.setOwner(place.number, flow.transport, place.port, owner)
        begin(id, for: flow, in: shard, now)
        return id
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
            guard shard.counts.unbound > 0 else { return TCPState.closed.step(on: .v6Syn) }
            guard let waiting = findUnbound(shard[id].externalAddress, flow.peer, in: shard) else {
                return TCPState.closed.step(on: .v6Syn)
            }
            endUnbound(waiting, in: shard)
            return TCPState.v4Init.step(on: .v6Syn)
        }
    }

    /// Finds a free port: at the pool address of the client's network, or wherever there is one if that is allowed.
    private func takePort(for flow: OutwardFlow, _ network: UInt64, _ hash: UInt64) -> FreePort? {
        guard !pool.isExhausted(flow.transport), let paired = pool.address(for: network) else { return nil }
        if let found = takePort(at: paired, for: flow, hash) { return found }
        guard settings.limits.spillsToOtherAddresses, pool.addressCount > 1 else { return nil }
        // Each host of a network that has outgrown its address has a second one of its own, so that the crowd spreads
        // and few are asked in vain; after that, whatever is left.
        let host = secret(flow.client.address.high, flow.client.address.low, 2 << 32)
        guard var place = pool.address(for: host) else { return nil }
        for _ in 0..<pool.addressCount {
            if let found = takePort(at: place, for: flow, hash) { return found }
            place = pool.address(after: place.number)
        }
        return nil
    }

    /// A transport address of the pool, with the number of its address.
    private typealias FreePort = (number: Int, address: IPv4Address, port: Port)

    private func takePort(
        at place: (range: Int, number: Int, address: IPv4Address),
        for flow: OutwardFlow,
        _ hash: UInt64
    ) -> FreePort? {
        let space = pool.space(place.number, flow.transport)
        let port = pool.withRange(at: place.range) { range in
            space.take(
                from: range.ports,
                for: Int(hash & 63),
                flow.transport,
                like: flow.client.port,
                choice: hash
            )
        }
        guard let port else { return nil }
        pool.countTaken(flow.transport)
        return (place.number, place.address, port)
    }

    /// What becomes of a binding that has lost its last session: RFC 6146 section 3.1 wants it gone; its port is kept
    /// from others for a while where nobody follows whether the peers have done (RFC 6888, requirement 8).
    func bereave(_ id: BindingID, in shard: Shard, _ now: Tick) {
        let transport = shard[id].transport
        shard.counts.bindings[Int(transport.rawValue)] &-= 1
        giveBack(of: id, sessions: 0, ports: 1, in: shard)
        guard transport != .tcp, settings.portHoldDown > .zero else { return unbind(id, in: shard) }
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
        pool.setOwner(number, transport, port, 0)
        pool.give(back: port, number, transport)
        shard.remove(id)
    }

    /// Takes sessions and ports of a binding off the account of its client's network.
    func giveBack(of id: BindingID, sessions: UInt64, ports: UInt64, in shard: Shard) {
        guard networks.isCounting else { return }
        networks.give(back: networkHash(shard[id].client), sessions: sessions, ports: ports)
    }
}
