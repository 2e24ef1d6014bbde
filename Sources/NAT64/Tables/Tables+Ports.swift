import IPAddressing
import PacketMemory
import Timing

// The choice of a port for a client: the one place that knows how clients are spread over the pool.
extension Tables {
    /// A transport address of the pool that a new binding has now.
    struct FreePort {
        /// The number of the address, ``Binding/noPoolAddress`` if the port is overloaded.
        let number: Int
        let address: IPv4Address
        let port: Port
    }

    /// Finds a free port: at the pool address of the client's network, or wherever there is one if that is allowed.
    ///
    /// - Throws: ``DropReason/poolExhausted``, ``DropReason/portsReserved``, ``DropReason/clientLimit``,
    ///   ``DropReason/blocksExhausted``.
    func takePort(
        for flow: OutwardFlow,
        _ network: UInt64,
        _ hash: UInt64,
        _ ahead: PortAhead,
        in shard: Shard,
        at moment: Moment
    ) throws(DropReason) -> FreePort {
        let layout = pool.layout
        if ahead.serial == layout.serial, let found = takePort(ahead, of: layout, for: flow, hash) { return found }
        if computed.count > 0, let found = try takeComputedPort(for: flow, network, hash, in: shard, at: moment) {
            return found
        }
        if settings.portBlockSize > 0 { return try takePortOfBlock(for: flow, network, hash, in: shard, at: moment) }
        guard let paired = layout.place(for: network) else { throw .poolExhausted }
        try checkReserve(paired, of: layout, flow.transport, network)
        var looks = 0
        defer { shard.counts.portLooks &+= UInt64(truncatingIfNeeded: looks) }
        if let found = takePort(at: paired, of: layout, for: flow, hash, &looks) { return found }
        guard settings.limits.spillsToOtherAddresses, layout.addressCount > 1 else { throw .poolExhausted }
        guard let second = layout.place(for: secondHash(network, flow.client.address)) else { throw .poolExhausted }
        if let found = takePort(at: second, of: layout, for: flow, hash, &looks) { return found }
        guard let third = layout.place(for: hostHash(flow.client.address)) else { throw .poolExhausted }
        if let found = takePort(at: third, of: layout, for: flow, hash, &looks) { return found }
        var search = RoomSearch(from: third, pool.open(flow.transport))
        while let place = search.next(of: layout, looks: &looks) {
            if let found = takePort(at: place, of: layout, for: flow, hash, &looks) { return found }
        }
        throw .poolExhausted
    }

    /// Chooses the second address of a host whose network has outgrown its first: one of eight that the network's hosts
    /// share, so that the network is seen from few addresses, and memory is touched for few. One that has outgrown those
    /// too spreads over the pool, each host to an address of its own, so that few are asked in vain; and after that goes to
    /// whichever has a port left.
    func secondHash(_ network: UInt64, _ client: IPv6Address) -> UInt64 {
        // 2^64 by the golden ratio, which spreads small differences over all bits of a product.
        let golden: UInt64 = 0x9E37_79B9_7F4A_7C15
        let which = ((client.high ^ client.low) &* golden) >> 61
        return network ^ (which &+ 1) &* golden
    }

    /// Takes the port that was asked for ahead.
    private func takePort(
        _ ahead: PortAhead,
        of layout: PoolLayout,
        for flow: OutwardFlow,
        _ hash: UInt64
    ) -> FreePort? {
        let port = pool.take(ahead, of: layout, flow.transport, like: flow.client.port, choice: hash)
        guard let port else { return nil }
        let number = Int(ahead.number)
        let address = layout.withRange(at: Int(ahead.range)) { range in
            range.addresses.lowerBound.bits &+ UInt32(truncatingIfNeeded: number &- range.firstNumber)
        }
        return FreePort(number: number, address: IPv4Address(bits: address), port: port)
    }

    /// Asks for the memory of the port that a new binding of a client gets if it is free.
    ///
    /// - Returns: Which port that is; nothing where it takes more than a hash to say so.
    func prefetchPort(
        for client: TransportAddress6,
        _ network: UInt64,
        _ transport: TransportProtocol,
        _ hash: UInt64
    ) -> PortAhead {
        guard !usesBlocks, computed.count == 0, settings.limits.portsForNewClients <= 0 else { return PortAhead() }
        let layout = pool.layout
        let open = pool.open(transport)
        guard var place = layout.place(for: network) else { return PortAhead() }
        if !open.contains(place.number), settings.limits.spillsToOtherAddresses {
            place = layout.place(for: secondHash(network, client.address)) ?? place
            if !open.contains(place.number) { place = layout.place(for: hostHash(client.address)) ?? place }
        }
        return pool.prefetchFirst(
            at: place,
            of: layout,
            for: Int(hash & 63),
            transport,
            like: client.port,
            choice: hash
        )
    }

    private func takePort(
        at place: PoolPlace,
        of layout: PoolLayout,
        for flow: OutwardFlow,
        _ hash: UInt64,
        _ looks: inout Int
    ) -> FreePort? {
        let port = pool.take(
            at: place,
            of: layout,
            for: Int(hash & 63),
            flow.transport,
            like: flow.client.port,
            choice: hash,
            looks: &looks
        )
        return port.map { FreePort(number: place.number, address: place.address, port: $0) }
    }

    /// Keeps the last ports, those of the pool or, where a network has one address only, those of that address, for
    /// networks that have none. The new binding's own port is on the network's account already.
    private func checkReserve(
        _ paired: PoolPlace,
        of layout: PoolLayout,
        _ transport: TransportProtocol,
        _ network: UInt64
    ) throws(DropReason) {
        let percent = UInt64(clamping: settings.limits.portsForNewClients)
        guard percent > 0 else { return }
        let isWide = settings.limits.spillsToOtherAddresses
        let used = isWide ? pool.inUseOfRanges(transport) : pool.inUseOfRange(paired, of: layout, transport)
        let count = isWide ? layout.portCount : layout.withRange(at: paired.range) { UInt64($0.ports.count) }
        let reserve = (count &* percent &+ 99) / 100
        guard used &+ reserve >= count, networks.taken(network).ports > 1 else { return }
        throw .portsReserved
    }
}

// MARK: Overloading

extension Tables {
    /// Finds an overloaded port on which nobody talks to the peer yet, and claims that pair for a binding (RFC 7857
    /// section 3); 64 are tried at most. UDP keeps its parity while a port of it is among those that are tried.
    ///
    /// - Parameter owner: Names the binding as in ``Pool/owner(_:_:_:)``.
    func claimPort(for flow: OutwardFlow, _ network: UInt64, _ hash: UInt64, owner: UInt32) -> FreePort? {
        guard settings.overloadsPorts else { return nil }
        let layout = pool.layout
        guard let place = layout.place(for: network) else { return nil }
        let (first, count) = layout.withRange(at: place.range) { (Int($0.ports.firstShared), $0.ports.sharedCount) }
        let space = pool.space(place.number, flow.transport)
        // Even steps from a port of the client's parity keep to that parity; the ports of the other come after them.
        let keepsParity = flow.transport == .udp && count > 1
        let step = keepsParity ? 2 : 1
        var left = 64
        for pass in 0..<step {
            let offset = keepsParity ? (Int(flow.client.port.number) ^ first ^ pass) & 1 : 0
            let choices = (count - offset + step - 1) / step
            var choice = (Int(truncatingIfNeeded: hash >> 6 & 0xFFFF) * choices) >> 16
            for _ in 0..<min(choices, left) {
                let port = Port(UInt16(truncatingIfNeeded: first + choice * step + offset))
                let external = TransportAddress4(place.address, port)
                // A port that is used in its own right belongs to a static binding.
                if !space.isUsed(port), sharedPorts.claim(flow.transport, external, flow.peer, owner, secret) {
                    return FreePort(number: Binding.noPoolAddress, address: place.address, port: port)
                }
                choice = choice + 1 < choices ? choice + 1 : 0
            }
            left -= min(choices, left)
        }
        return nil
    }

    /// Claims a further peer for a binding with an overloaded port, which must be its only one with that peer.
    func claimPeer(_ peer: TransportAddress4, for id: BindingID, in shard: Shard) throws(DropReason) {
        let (binding, index) = (shard[id], hash(shard[id].clientAddress, shard[id].transport) & 63)
        let owner = (id.index &+ 1) << 6 | UInt32(truncatingIfNeeded: index)
        guard sharedPorts.claim(binding.transport, binding.externalAddress, peer, owner, secret) else {
            throw .poolExhausted
        }
    }

    /// Gives up what a binding has claimed for a session.
    func giveUpPeer(_ peer: TransportAddress4, of id: BindingID, in shard: Shard) {
        let binding = shard[id]
        sharedPorts.giveUp(binding.transport, binding.externalAddress, peer, secret)
    }

    /// The binding with an overloaded port that talks to a peer, and its shard, whose lock the caller has then.
    @inline(never)
    func lockClaimant(_ flow: InwardFlow) -> (Shard, BindingID)? {
        guard settings.overloadsPorts else { return nil }
        while let owner = sharedPorts.find(flow.transport, flow.external, flow.peer, secret) {
            let shard = shard(Int(owner & 63))
            shard.lock()
            // Only whoever has this lock may make or give up a claim that names this shard, so it holds still now.
            let id = BindingID(owner >> 6 &- 1)
            if sharedPorts.find(flow.transport, flow.external, flow.peer, secret) == owner {
                if shard[id].isLive { return (shard, id) }
                shard.unlock()
                return nil
            }
            shard.unlock()
        }
        return nil
    }
}
