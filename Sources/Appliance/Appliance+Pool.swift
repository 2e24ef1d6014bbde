internal import Configuration
internal import IPAddressing
internal import Logging
internal import NAT64
internal import Netlink

/// A pool that changes while packets pass.
extension Appliance {
    /// What is to stand in the kernel's tables for the pool as it is, and for addresses that drain.
    var wantedPlan: NetworkPlan? {
        guard var wanted = configuration.networkPlan(pool, facts, policy) else { return nil }
        let draining = translator?.tables.poolUse().filter { $0.isDraining && !$0.sharedWithHost } ?? []
        wanted.pool += draining.flatMap(\.addresses.prefixes)
        return wanted
    }

    /// Leads the addresses of another pool to the translator, beside those of the pool there is, before the first client
    /// is given one.
    ///
    /// - Returns: What is in the way; nothing has changed then.
    func makeRoom(for fresh: ResolvedPool) -> String? {
        guard dataplane != nil, var wanted = plan else { return nil }
        let known = wanted.pool
        wanted.pool += fresh.ownPrefixes.filter { !known.contains($0) }
        guard wanted != plan else { return nil }
        do throws(StartFailure) {
            try install(wanted, to: "make room for the new pool")
            plan = wanted
            return nil
        } catch {
            return error.report
        }
    }

    /// Takes the addresses out of the kernel's tables that were taken out of the pool and that nothing uses any more.
    func dropDrainedAddresses() {
        guard let translator, translator.dropDrainedAddresses() else { return }
        let left = translator.tables.poolUse().filter(\.isDraining)
        log.notice(
            left.isEmpty
                ? "the addresses taken out of the pool have drained"
                : "still draining: \(left.map { "\(PoolSource.addresses($0.addresses))" }.joined(separator: ", "))"
        )
        if isTranslating { followLinks() }
    }
}
