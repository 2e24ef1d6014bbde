public import IPAddressing
import Synchronization
public import Timing

/// Why a static binding cannot be put in force.
public enum StaticBindingRefusal: Error, Hashable, Sendable {
    /// The external address is none of the pool.
    case outsidePool
    /// The external address is the host's as well, and the port is not among those that are ours.
    case portOfHost(ours: ClosedRange<Port>)
    /// Another client has the external transport address.
    case externalTaken(TransportAddress4, by: TransportAddress6, isStatic: Bool)
    /// Another external transport address stands for the client.
    case clientTaken(TransportAddress6, as: TransportAddress4, isStatic: Bool)
    /// Several clients share the external transport address, or it is just changing hands.
    case externalBusy(TransportAddress4)
    /// A socket of the host has the external transport address.
    case externalOfHost(TransportAddress4)
    /// The table of bindings is at its limit.
    case tableFull
}

// Bindings that the operator wrote down: RFC 6146 section 3.1. They lie in the tables like any other, so that packets
// find them the same way, and stay when they have no sessions. None of this is for the packet path.
extension Tables {
    /// Puts the operator's static bindings in force, all of them and no others. What stands in their way ends: bindings
    /// made by traffic, and ports kept from others for a while.
    ///
    /// - Parameter wanted: None overlaps another; at most ``StaticBinding/most`` bindings, each port counted.
    /// - Returns: The runs of which at least one binding is not in force, with the first reason.
    public func adopt(
        _ wanted: [StaticBinding],
        at moment: Moment
    ) -> [(binding: StaticBinding, refusal: StaticBindingRefusal)] {
        let now = Tick(moment)
        endStatic(except: wanted, now)
        // Everything in the way is found first, so that its sessions are looked for once.
        for binding in wanted {
            for index in 0..<binding.count { _ = makeWay(for: Place(binding, index), now) }
        }
        endDetached(now)
        let refused: [(StaticBinding, StaticBindingRefusal)] = wanted.compactMap { binding in
            for index in 0..<binding.count {
                if let refusal = put(Place(binding, index), now) { return (binding, refusal) }
            }
            return nil
        }
        // Nobody shares a port that is used, so that those who do now are the last.
        if settings.overloadsPorts, !wanted.isEmpty { endSharing(of: wanted, now) }
        countOutside()
        return refused.map { (binding: $0.0, refusal: $0.1) }
    }

    /// What stands in the way of a static binding that is to end nothing; nothing if it could be put in force.
    public func obstacle(to binding: StaticBinding) -> StaticBindingRefusal? {
        for index in 0..<binding.count {
            if let refusal = obstacle(to: Place(binding, index)) { return refusal }
        }
        return nil
    }

    /// One static binding of a run.
    private struct Place: Hashable {
        let transport: TransportProtocol
        let external: TransportAddress4
        let client: TransportAddress6

        init(_ binding: StaticBinding, _ index: Int) {
            transport = binding.transport
            external = binding.external(index)
            client = binding.client(index)
        }

        init(_ binding: Binding) {
            transport = binding.transport
            external = binding.externalAddress
            client = binding.clientAddress
        }
    }

    /// The number of the external address, if it may be the external address of a static binding.
    private func number(of place: Place) throws(StaticBindingRefusal) -> Int {
        guard let found = pool.find(place.external.address), !found.isDraining else { throw .outsidePool }
        guard pool.membership(of: place.external) != .host else {
            let ours = poolUse().first { $0.addresses.contains(place.external.address) }?.ports
            throw .portOfHost(ours: ours ?? PoolEntry.sharedPorts)
        }
        guard !isWithheld(place.external, place.transport) else { throw .externalOfHost(place.external) }
        return found.number
    }

    private func obstacle(to place: Place) -> StaticBindingRefusal? {
        let number: Int
        do throws(StaticBindingRefusal) {
            number = try self.number(of: place)
        } catch {
            return error
        }
        let hash = hash(place.client, place.transport)
        let shard = shard(Int(hash & 63))
        shard.lock()
        if let own = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), place.client, place.transport),
            shard[own].isLive, shard[own].externalAddress != place.external
        {
            defer { shard.unlock() }
            return .clientTaken(place.client, as: shard[own].externalAddress, isStatic: shard[own].standing == .fixed)
        }
        shard.unlock()
        guard let (home, holder) = lockOwner(number, place.transport, place.external.port) else {
            return isShared(place) ? .externalBusy(place.external) : nil
        }
        defer { home.unlock() }
        let binding = home[holder]
        guard binding.isLive, binding.clientAddress != place.client else { return nil }
        return .externalTaken(place.external, by: binding.clientAddress, isStatic: binding.standing == .fixed)
    }

    /// Puts a static binding in force; what stood in its way was ended, but may have come back.
    private func put(_ place: Place, _ now: Tick) -> StaticBindingRefusal? {
        let number: Int
        do throws(StaticBindingRefusal) {
            number = try self.number(of: place)
        } catch {
            return error
        }
        for _ in 0..<100 {
            let hash = hash(place.client, place.transport)
            let shard = shard(Int(hash & 63))
            shard.lock()
            let own = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), place.client, place.transport)
            if own == nil, pool.reserve(place.external.port, number, place.transport) {
                defer { shard.unlock() }
                guard let id = add(place, number, hash, in: shard) else {
                    pool.give(back: place.external.port, number, place.transport)
                    return .tableFull
                }
                pool.setOwner(number, place.transport, place.external.port, (id.index &+ 1) << 6 | UInt32(hash & 63))
                return nil
            }
            let isThere = own.map { shard[$0].standing == .fixed && shard[$0].externalAddress == place.external }
            shard.unlock()
            if isThere == true { return nil }
            if let refusal = makeWay(for: place, now) { return refusal }
            endDetached(now)
        }
        return .externalBusy(place.external)
    }

    /// Stores a static binding whose port is reserved.
    private func add(_ place: Place, _ number: Int, _ hash: UInt64, in shard: Shard) -> BindingID? {
        guard bindingCount.take(upTo: settings.maximumBindings) else { return nil }
        let new = Binding(
            client: place.client.address,
            clientPort: place.client.port,
            transport: place.transport,
            standing: .fixed,
            external: place.external.address,
            externalPort: place.external.port,
            poolAddress: UInt16(truncatingIfNeeded: number),
            hash: UInt32(truncatingIfNeeded: hash >> 32),
            session: .empty
        )
        guard let id = shard.add(new) else {
            bindingCount.wrappingSubtract(1, ordering: .relaxed)
            return nil
        }
        shard.counts.bindings[Int(place.transport.rawValue)] &+= 1
        shard.counts.bindingsMade &+= 1
        staticCount.wrappingAdd(1, ordering: .relaxed)
        return id
    }
}

// MARK: What has drained for long enough

extension Tables {
    /// Ends the bindings of addresses that have drained for a time, ports that rest too. Their clients do not find them any
    /// more before the first session ends, so that nobody can prolong them by going on to send. The shards are locked in
    /// slices.
    ///
    /// - Returns: The addresses that had any, and how many sessions were ended.
    func endDraining(after span: Moment.Span, at moment: Moment) -> (addresses: Set<IPv4Address>, sessions: Int) {
        let addresses = pool.drained(for: span, at: moment, besides: sharingAddresses)
        guard !addresses.isEmpty else { return ([], 0) }
        let now = Tick(moment)
        var sessions = 0
        var cursor: TableCursor? = .start
        while let place = cursor, !place.isFurther {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther else { return true }
                let id = BindingID(id.index)
                let binding = shard[id]
                guard binding.standing != .free, addresses.contains(binding.external) else { return true }
                if binding.isLive { sessions += binding.sessionCount }
                detach(id, in: shard, now)
                return true
            }
        }
        endDetached(now)
        return (addresses, sessions)
    }
}

// MARK: What stands in the way

extension Tables {
    /// Ends bindings that hold a static binding's external address or its client and are not static.
    ///
    /// - Returns: The static binding that stands in the way, or what is wrong with the place.
    private func makeWay(for place: Place, _ now: Tick) -> StaticBindingRefusal? {
        let number: Int
        do throws(StaticBindingRefusal) {
            number = try self.number(of: place)
        } catch {
            return error
        }
        let hash = hash(place.client, place.transport)
        let shard = shard(Int(hash & 63))
        shard.lock()
        if let own = shard.findBinding(UInt32(truncatingIfNeeded: hash >> 32), place.client, place.transport) {
            if shard[own].standing == .fixed {
                defer { shard.unlock() }
                if shard[own].externalAddress == place.external { return nil }
                return .clientTaken(place.client, as: shard[own].externalAddress, isStatic: true)
            }
            detach(own, in: shard, now)
        }
        shard.unlock()
        guard let (home, holder) = lockOwner(number, place.transport, place.external.port) else { return nil }
        defer { home.unlock() }
        if home[holder].standing == .fixed {
            return .externalTaken(place.external, by: home[holder].clientAddress, isStatic: true)
        }
        detach(holder, in: home, now)
        return nil
    }

    /// Ends every static binding that is not wanted, or whose address has left the pool.
    private func endStatic(except wanted: [StaticBinding], _ now: Tick) {
        guard staticCount.load(ordering: .relaxed) > 0 else { return }
        var places: Set<Place> = []
        places.reserveCapacity(wanted.reduce(0) { $0 + $1.count })
        for binding in wanted {
            for index in 0..<binding.count { places.insert(Place(binding, index)) }
        }
        var cursor: TableCursor? = .start
        while let place = cursor {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther, shard[BindingID(id.index)].standing == .fixed else { return true }
                let place = Place(shard[BindingID(id.index)])
                let stays = places.contains(place) && isPossible(place)
                if !stays { detach(BindingID(id.index), in: shard, now) }
                return true
            }
        }
        endDetached(now)
    }

    private func isPossible(_ place: Place) -> Bool {
        do throws(StaticBindingRefusal) {
            _ = try number(of: place)
            return true
        } catch {
            return false
        }
    }

    /// Whether clients share the external address of a place, which nobody has for itself.
    private func isShared(_ place: Place) -> Bool {
        guard settings.overloadsPorts else { return false }
        var isShared = false
        var cursor: TableCursor? = .start
        while let start = cursor, !isShared {
            cursor = walk(from: start) { shard, id in
                guard !id.isFurther else { return true }
                let binding = shard[BindingID(id.index)]
                isShared =
                    binding.isLive && binding.sharesPort && binding.clientAddress != place.client
                    && binding.transport == place.transport && binding.externalAddress == place.external
                return !isShared
            }
        }
        return isShared
    }

    /// Ends the bindings that share the external address of a static binding with it.
    private func endSharing(of wanted: [StaticBinding], _ now: Tick) {
        let ports = Set(
            wanted.flatMap { binding in
                (0..<binding.count).map { PoolPort(transport: binding.transport, external: binding.external($0)) }
            }
        )
        endSharing(now) { ports.contains($0) }
    }

    /// Ends the bindings with overloaded ports that are somebody's own from now on. The shards are locked in slices.
    func endSharing(_ now: Tick, where isOwned: (PoolPort) -> Bool) {
        var cursor: TableCursor? = .start
        while let start = cursor {
            cursor = walk(from: start) { shard, id in
                guard !id.isFurther else { return true }
                let binding = shard[BindingID(id.index)]
                guard binding.isLive, binding.sharesPort else { return true }
                if isOwned(PoolPort(transport: binding.transport, external: binding.externalAddress)) {
                    detach(BindingID(id.index), in: shard, now)
                }
                return true
            }
        }
        endDetached(now)
    }

    /// Takes a binding out of the ways by which packets find it, and ends it with its first session. Further sessions
    /// are left to ``endDetached(_:)``, because nothing leads from a binding to them; until then its port is not free.
    private func detach(_ id: BindingID, in shard: Shard, _ now: Tick) {
        let binding = shard[id]
        switch binding.standing {
        case .free, .ending, .endingFixed: return
        case .held:
            shard.unhang(SessionID(firstOf: id))
            shard.counts.held &-= 1
            return unbind(id, in: shard)
        case .fixed: staticCount.wrappingSubtract(1, ordering: .relaxed)
        default: giveBack(of: id, sessions: 0, ports: 1, in: shard)
        }
        shard[id].standing = binding.standing == .fixed ? .endingFixed : .ending
        shard.forget(id)
        if !binding.sharesPort { pool.setOwner(Int(binding.poolAddress), binding.transport, binding.externalPort, 0) }
        if binding.session.owner > 0 { detachedCount.wrappingAdd(1, ordering: .relaxed) }
        if binding.session.kind == .session {
            shard.unhang(SessionID(firstOf: id))
            endSession(SessionID(firstOf: id), in: shard, now)
        } else if binding.session.owner == 0 {
            bereave(id, in: shard, now)
        }
    }

    /// Ends the sessions of detached bindings, and with the last of them the binding.
    private func endDetached(_ now: Tick) {
        guard detachedCount.exchange(0, ordering: .relaxed) > 0 else { return }
        var cursor: TableCursor? = .start
        while let place = cursor {
            cursor = walk(from: place) { shard, id in
                if id.isFurther, shard[id].kind == .session, shard[shard.binding(of: id)].isEnding {
                    shard.unhang(id)
                    endSession(id, in: shard, now)
                }
                return true
            }
        }
    }
}

extension Shard {
    /// Takes a binding out of the index, so that its client does not find it.
    fileprivate func forget(_ id: BindingID) { unsafe state.pointee.clients.remove(self[id].hash, id.index) }
}
