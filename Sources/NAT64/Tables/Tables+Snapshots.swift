import IPAddressing
import Synchronization
public import Timing

// What the control socket asks. None of it is for the packet path; a shard is locked for one chunk of 64 slots
// at a time, which is a microsecond.
extension Tables {
    /// Slots looked at in one slice.
    private static var sliceSlots: UInt32 { 1024 }

    /// The sessions from a place on.
    ///
    /// - Parameter limit: The most to return; fewer does not mean the end.
    /// - Returns: The sessions and the place to go on from; no place after the last.
    public func sessions(
        from cursor: TableCursor,
        limit: Int,
        at moment: Moment
    ) -> (records: [SessionRecord], next: TableCursor?) {
        var records: [SessionRecord] = []
        records.reserveCapacity(min(max(limit, 0), 4096))
        let next = walk(from: cursor) { shard, id in
            guard records.count < limit else { return false }
            if shard[id].kind == .session { records.append(record(of: id, in: shard, Tick(moment))) }
            return true
        }
        return (records, next)
    }

    /// The bindings from a place on, without those whose port is only kept.
    ///
    /// - Parameter limit: The most to return; fewer does not mean the end.
    /// - Returns: The bindings and the place to go on from; no place after the last.
    public func bindings(
        from cursor: TableCursor,
        limit: Int
    ) -> (records: [BindingRecord], next: TableCursor?) {
        var records: [BindingRecord] = []
        records.reserveCapacity(min(max(limit, 0), 4096))
        let next = walk(from: cursor) { shard, id in
            guard records.count < limit else { return false }
            guard !id.isFurther else { return true }
            let binding = shard[BindingID(id.index)]
            guard binding.isLive else { return true }
            records.append(
                BindingRecord(
                    transport: binding.transport,
                    client: binding.clientAddress,
                    external: binding.externalAddress,
                    sessions: binding.sessionCount,
                    isStatic: binding.standing == .fixed
                )
            )
            return true
        }
        return (records, next)
    }

    /// What the tables hold, and have held.
    public func totals() -> TableTotals {
        var totals = TableTotals()
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            shard.lock()
            let counts = shard.counts
            shard.unlock()
            totals.bindings.add(counts.bindings)
            totals.sessions.add(counts.sessions)
            totals.heldPorts += counts.held
            totals.sharingBindings += counts.sharing
            totals.portLooks &+= counts.portLooks
            totals.bindingsMade &+= counts.bindingsMade
            totals.sessionsMade &+= counts.sessionsMade
            totals.sessionsEnded &+= counts.sessionsEnded
            totals.lockWaits[index] = counts.lockWaits
        }
        totals.portsInUse = totals.bindings.all + totals.heldPorts - totals.sharingBindings
        if usesBlocks {
            totals.portBlocks = pool.blocks.count
            let size = settings.portBlockSize
            let ofPool = size > 0 ? pool.layout.blockCount(ofSize: size) : 0
            // Those of addresses that drain count for as long as they are taken.
            totals.portBlocksInAll = computed.blockCount + ofPool + pool.outside.blocks.load(ordering: .relaxed)
        }
        totals.heldSyns = heldSyns.total
        totals.uncountedClients = networks.uncounted.load(ordering: .relaxed)
        totals.staticBindings = staticCount.load(ordering: .relaxed)
        totals.maximumBindings = settings.maximumBindings
        return totals
    }

    private func record(of id: SessionID, in shard: Shard, _ now: Tick) -> SessionRecord {
        let session = shard[id]
        let binding = shard[shard.binding(of: id)]
        return SessionRecord(
            transport: binding.transport,
            client: binding.clientAddress,
            prefix: session.prefix,
            peer: session.peerAddress,
            external: binding.externalAddress,
            state: binding.transport == .tcp ? session.state : nil,
            remaining: Tick.span(of: end(of: session).since(now))
        )
    }

    /// Calls `body` with every slot from a place on, under the lock of its shard, until it says no; the slot it said no
    /// to is where the walk goes on. After a slice of slots the walk pauses by itself.
    func walk(from cursor: TableCursor, _ body: (Shard, SessionID) -> Bool) -> TableCursor? {
        var slot = cursor.slot
        var isFurther = cursor.isFurther
        var left = Self.sliceSlots
        while true {
            let slab = isFurther ? memory.sessions : memory.bindings
            let end = slab.end
            while slot < end {
                let chunkEnd = (slot >> Slab.chunkShift &+ 1) << Slab.chunkShift
                if let index = slab.shard(of: slot) {
                    let shard = shard(index)
                    shard.lock()
                    defer { shard.unlock() }
                    while slot < chunkEnd {
                        let id = isFurther ? SessionID(further: slot) : SessionID(firstOf: BindingID(slot))
                        guard left > 0, body(shard, id) else { return TableCursor(further: isFurther, slot: slot) }
                        left &-= 1
                        slot &+= 1
                    }
                }
                slot = chunkEnd
            }
            guard !isFurther else { return nil }
            isFurther = true
            slot = 0
        }
    }
}

extension TableTotals.ByTransport {
    fileprivate mutating func add(_ counts: [3 of Int]) {
        udp += counts[Int(TransportProtocol.udp.rawValue)]
        tcp += counts[Int(TransportProtocol.tcp.rawValue)]
        icmp += counts[Int(TransportProtocol.icmpQuery.rawValue)]
    }
}
