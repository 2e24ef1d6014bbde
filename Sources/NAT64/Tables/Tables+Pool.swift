public import IPAddressing

// Changing the pool while packets pass. One thread at a time.
extension Tables {
    /// Makes the pool consist of these entries; see ``Pool/change(to:waitForShards:)``.
    func change(pool entries: [PoolEntry]) -> Bool {
        pool.change(to: entries) {
            for index in 0..<Self.shardCount {
                shard(index).lock()
                shard(index).unlock()
            }
        }
    }

    /// Ends the bindings of addresses that are this machine's no more, with their sessions: nobody is reached by them.
    /// Static bindings are left to whoever put them there. The shards are locked in slices.
    func endBindings(of addresses: Set<IPv4Address>) {
        var cursor: TableCursor? = .start
        while let place = cursor {
            cursor = walk(from: place) { shard, id in
                guard !id.isFurther || shard[id].kind == .session else { return true }
                let binding = shard.binding(of: id)
                guard addresses.contains(shard[binding].external) else { return true }
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

    /// How much of each range of the pool is in use, lowest address first.
    public func poolUse() -> [PoolUse] { pool.use() }
}

extension Translator {
    /// Makes the pool consist of these entries, and ends the bindings of addresses that this machine has lost.
    ///
    /// - Returns: As ``change(pool:)``.
    public func change(pool entries: [PoolEntry], losing addresses: Set<IPv4Address>) -> Bool {
        guard change(pool: entries) else { return false }
        if !addresses.isEmpty {
            tables.endBindings(of: addresses)
            _ = dropDrainedAddresses()
        }
        return true
    }

    /// Makes the pool consist of these entries. New addresses and ports are used at once. Addresses that are not listed
    /// any more drain: no new binding gets one, and those that have one keep it until their last session ends, and a
    /// port kept from others its time; then ``dropDrainedAddresses()`` takes the address out of the pool. One call at a
    /// time.
    ///
    /// - Returns: Whether the pool has room for them beside those that drain; nothing has changed if not.
    public func change(pool entries: [PoolEntry]) -> Bool {
        let fits = tables.change(pool: entries)
        retirePool()
        return fits
    }

    /// Takes the draining addresses that nothing uses any more out of the pool.
    ///
    /// - Returns: Whether there were any.
    public func dropDrainedAddresses() -> Bool {
        let dropped = tables.pool.dropDrained()
        if dropped { retirePool() }
        tables.pool.reclaim(seen: oldestView)
        return dropped
    }

    private func retirePool() {
        tables.pool.stampRetired(nextGeneration())
        tables.pool.reclaim(seen: oldestView)
    }
}
