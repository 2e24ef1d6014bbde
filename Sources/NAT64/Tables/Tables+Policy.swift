import IPAddressing
public import Policy
import Synchronization
import Timing

extension Tables {
    /// Puts another Policy in force and ends the sessions it refuses. The shards are locked for a microsecond at a time,
    /// so that packets go on meanwhile.
    ///
    /// What a packet makes under a Policy that was replaced while the packet was under way is judged by the new one:
    /// see ``successor(of:)``. So no session that the new Policy refuses is left when this returns.
    public func adopt(policy: Policy) {
        _ = prefixes.admit(policy.prefixes, seen: 0)
        adopted.withLock { $0 = policy }
        adoptedGeneration.store(policy.generation, ordering: .sequentiallyConsistent)
        // Whoever makes a session after this in a shard sees the new Policy; what was made before, the walk sees.
        for index in 0..<Self.shardCount {
            let shard = shard(index)
            shard.lock()
            shard.unlock()
        }
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

    /// The Policy that has taken the place of the one a packet's worker knows, if one has since the worker looked: what
    /// is new is judged by that. To be asked under the lock of the shard.
    @inline(__always)
    func successor(of policy: Policy) -> Policy? {
        policy.generation < adoptedGeneration.load(ordering: .relaxed) ? adoptedLast() : nil
    }

    // Asked for packets that were under way while the Policy changed. The check for allocations cannot see into another
    // module and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    private func adoptedLast() -> Policy? { adopted.withLock { $0 } }

    /// The place of the prefix with a number in the list of a Policy; nothing if it is not there.
    // Asked once for a session. The check for allocations cannot see into another module and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    func index(of number: UInt8, in policy: Policy) -> Int? {
        guard number != PrefixList.none else { return nil }
        let prefix = prefixes[number]
        return policy.prefixes.firstIndex(of: prefix)
    }

    private func allows(_ policy: Policy, _ id: SessionID, in shard: Shard) -> Bool {
        admits(policy, shard[shard.binding(of: id)].client)
            && allows(policy, shard[id].peerAddress, under: shard[id].prefix)
    }
}
