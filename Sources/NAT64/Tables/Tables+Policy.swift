import IPAddressing
public import Policy
import Timing

extension Tables {
    /// Puts another Policy in force: ends the sessions it refuses, and finds the prefixes of the others in its list.
    /// The shards are locked in slices, so that packets go on meanwhile.
    ///
    /// Packets of new sessions must be judged by the new Policy already. One call at a time.
    public func adopt(policy: Policy) {
        let places = prefixes.exchange(policy.prefixes)
        if let places { move(prefixes: places) }
        var cursor: TableCursor? = .start
        while let place = cursor {
            cursor = walk(from: place) { shard, id in
                if shard[id].kind == .session, !allows(policy, id, in: shard) {
                    shard.unhang(id)
                    // Lifetimes do not matter here, save that of a port kept from others, which begins when the
                    // session was last used.
                    endSession(id, in: shard, shard[id].refreshed)
                }
                return true
            }
        }
    }

    private func allows(_ policy: Policy, _ id: SessionID, in shard: Shard) -> Bool {
        let session = shard[id]
        guard Int(session.prefix) < policy.prefixes.count,
            admits(policy, shard[shard.binding(of: id)].client)
        else { return false }
        return allows(policy, session.peerAddress, under: session.prefix)
    }

    /// Writes the new places of the prefixes into all sessions; a prefix that is gone becomes one that no list has.
    private func move(prefixes places: [UInt8]) {
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            shard.lock()
            defer { shard.unlock() }
            for further in [false, true] {
                for slot in 0..<shard.highWater(further: further) {
                    let id = further ? SessionID(further: slot) : SessionID(firstOf: BindingID(slot))
                    let old = Int(shard[id].prefix)
                    shard[id].prefix = old < places.count ? places[old] : .max
                }
            }
        }
    }
}
