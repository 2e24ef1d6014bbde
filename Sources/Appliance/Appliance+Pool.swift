internal import Configuration
internal import IPAddressing
internal import Logging
internal import NAT64
internal import Netlink
internal import Timing

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
        if dataplane != nil, let translator, !translator.hasRoom(forPool: fresh.entries) {
            return "nat64.pool: with the addresses that would drain beside these there are more than "
                + "\(NAT64Settings.mostPoolAddresses); take addresses out with one reload, and put others in with another "
                + "when appliance-ctl status shows that they have drained, or restart the appliance, which ends sessions"
        }
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

    /// Ends what is left on addresses that have drained for ``ValidatedConfiguration/drainTime``. They are taken out of the
    /// kernel's tables with ``dropDrainedAddresses()``.
    func endDraining(at now: Moment) {
        let time = configuration.drainTime
        guard let translator, time > .zero else { return }
        let ended = translator.endDraining(after: time, at: now)
        guard !ended.addresses.isEmpty else { return }
        let sessions = ended.sessions == 1 ? "1 session was" : "\(ended.sessions) sessions were"
        log.notice(
            "\(sessions) ended on \(Self.text(ended.addresses)): the drain-time of \(time.seconds) s is over"
        )
    }

    /// A set of addresses as ranges, and not too many of them.
    private static func text(_ addresses: Set<IPv4Address>) -> String {
        var ranges: [ClosedRange<IPv4Address>] = []
        for address in addresses.sorted() {
            if let last = ranges.last, last.upperBound.bits + 1 == address.bits {
                ranges[ranges.count - 1] = last.lowerBound...address
            } else {
                ranges.append(address...address)
            }
        }
        let texts = ranges.prefix(8).map { "\(PoolSource.addresses($0))" }
        return (texts + (ranges.count > 8 ? ["\(ranges.count - 8) more ranges"] : [])).joined(separator: ", ")
    }

    /// How many seconds a range that drains has left; nothing if it does not drain, or may for as long as it likes.
    func drainSecondsLeft(_ use: PoolUse, at now: Moment) -> UInt64? {
        let time = configuration.drainTime
        guard let since = use.drainingSince, time > .zero else { return nil }
        // Rounded up: the last second is one too.
        return ((since + time - now).nanoseconds + 999_999_999) / 1_000_000_000
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
