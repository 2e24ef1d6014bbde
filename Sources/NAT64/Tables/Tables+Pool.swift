public import IPAddressing
public import Timing

// Changing the pool while packets pass. One thread at a time.
extension Tables {
    /// Makes the pool consist of these entries; see ``Pool/change(to:at:pairings:waitForShards:)``.
    func change(pool entries: [PoolEntry], at moment: Moment) -> Bool {
        let fits = pool.change(to: entries, at: moment, pairings: { pairings(under: $0, insteadOf: $1) }) {
            for index in 0..<Self.shardCount {
                shard(index).lock()
                shard(index).unlock()
            }
        }
        // The ports that are set aside move with their range, and those left behind are given to one client each.
        if fits, settings.overloadsPorts { endSharing(Tick(moment)) { pool.givesToOne($0.external) } }
        countOutside()
        return fits
    }

    /// Lets client networks go where their hash leads that have no binding any more at the address they kept when the
    /// pool was changed.
    ///
    /// - Returns: Whether there were any.
    func renewPairings() -> Bool { pool.renewPairings { pairings(under: $0, insteadOf: $1) } }

    /// Client networks with bindings at the address that one layout pairs them with, live or with the port held, where
    /// another layout has that address too and would pair them with a different one: ``Pairings/most`` of them at most.
    /// Static bindings do not count. The shards are locked in slices.
    private func pairings(under layout: PoolLayout, insteadOf other: PoolLayout) -> [UInt64: Int] {
        var pairings: [UInt64: Int] = [:]
        var cursor: TableCursor? = .start
        while let place = cursor, !place.isFurther, pairings.count < Pairings.most {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther, pairings.count < Pairings.most else { return true }
                let binding = shard[BindingID(id.index)]
                guard binding.standing == .live || binding.standing == .held else { return true }
                let network = networkHash(binding.client)
                guard let here = layout.place(for: network), here.address == binding.external,
                    other.place(ofNumber: here.number) != nil, other.place(for: network)?.number != here.number
                else { return true }
                pairings[network] = here.number
                return true
            }
        }
        return pairings
    }

    /// Ends the bindings of addresses that are this machine's no more, and those at ports that an address has left to the
    /// host, with their sessions: nobody is reached by them. Static bindings are left to whoever put them there. The
    /// shards are locked in slices.
    func endBindings(of addresses: Set<IPv4Address>) {
        var cursor: TableCursor? = .start
        while let place = cursor {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther || shard[id].kind == .session else { return true }
                let binding = shard.binding(of: id)
                let external = shard[binding].externalAddress
                guard addresses.contains(external.address) || membership(of: external) == .host else { return true }
                if shard[id].kind == .session, shard[binding].standing == .live {
                    shard.unhang(id)
                    endSession(id, in: shard, shard[id].refreshed)
                }
                if shard[binding].standing == .held {
                    shard.unhang(SessionID(firstOf: binding))
                    shard.counts.held &-= 1
                    unbind(binding, in: shard)
                }
                return true
            }
        }
    }

    /// Takes those draining addresses out of the pool that no binding has; see ``Pool/dropDrained(besides:)``.
    func dropDrained() -> Bool {
        defer { countOutside() }
        return pool.dropDrained(besides: sharingAddresses)
    }

    /// See ``Pool/countOutside(blockSize:)``; nobody asks without a reserve or blocks.
    func countOutside() {
        guard settings.limits.portsForNewClients > 0 || usesBlocks else { return }
        pool.countOutside(blockSize: settings.portBlockSize)
    }

    /// The addresses of which clients have overloaded ports. The shards are locked in slices.
    func sharingAddresses() -> Set<IPv4Address> {
        var addresses: Set<IPv4Address> = []
        guard sharedPorts.count > 0 else { return addresses }
        var cursor: TableCursor? = .start
        while let place = cursor, !place.isFurther {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther else { return true }
                let binding = shard[BindingID(id.index)]
                if binding.standing != .free, binding.sharesPort { addresses.insert(binding.external) }
                return true
            }
        }
        return addresses
    }

    /// How much of each range of the pool is in use, lowest address first.
    public func poolUse() -> [PoolUse] { pool.use() }
}

extension Translator {
    /// Makes the pool consist of these entries, and ends the bindings of addresses that this machine has lost, and of
    /// ports that are the host's now.
    ///
    /// - Returns: As ``change(pool:at:)``.
    public func change(pool entries: [PoolEntry], losing addresses: Set<IPv4Address>, at moment: Moment) -> Bool {
        guard change(pool: entries, at: moment) else { return false }
        if !addresses.isEmpty || entries.contains(where: \.sharedWithHost) {
            tables.endBindings(of: addresses)
            _ = dropDrainedAddresses()
        }
        return true
    }

    /// Makes the pool consist of these entries. New addresses and ports are used at once, by client networks that have no
    /// bindings at an address that stays. Addresses that are not listed any more drain: no new binding gets one, and those
    /// that have one keep it until their last session ends, and a port kept from others its time; then
    /// ``dropDrainedAddresses()`` takes the address out of the pool. Who does not want to wait for them calls
    /// ``endDraining(after:at:)``. One call at a time.
    ///
    /// - Returns: Whether the pool has room for them beside those that drain; nothing has changed if not.
    public func change(pool entries: [PoolEntry], at moment: Moment) -> Bool {
        let fits = tables.change(pool: entries, at: moment)
        retirePool()
        return fits
    }

    /// Whether the pool has room for these entries beside the addresses it has, so that ``change(pool:at:)`` succeeds.
    public func hasRoom(forPool entries: [PoolEntry]) -> Bool {
        tables.pool.reclaim(seen: oldestView)
        return tables.pool.hasRoom(for: entries)
    }

    /// Ends what is left on addresses that have drained for long enough; ``dropDrainedAddresses()`` finds them unused then,
    /// but for blocks of ports that rest. One call at a time with changes of the pool and of static bindings.
    ///
    /// - Returns: The addresses that had anything left, and how many sessions were ended.
    public func endDraining(after span: Moment.Span, at moment: Moment) -> (addresses: Set<IPv4Address>, sessions: Int)
    {
        tables.endDraining(after: span, at: moment)
    }

    /// Takes the draining addresses that nothing uses any more out of the pool.
    ///
    /// - Returns: Whether there were any.
    public func dropDrainedAddresses() -> Bool {
        let dropped = tables.dropDrained()
        if dropped { retirePool() }
        tables.pool.reclaim(seen: oldestView)
        return dropped
    }

    /// Lets client networks that have kept their address over a change of the pool take the one that they would have
    /// otherwise, if they have no binding left there. To be called every now and then.
    public func renewPairings() {
        if tables.renewPairings() { retirePool() }
    }

    private func retirePool() {
        tables.pool.stampRetired(nextGeneration())
        tables.pool.reclaim(seen: oldestView)
    }
}
