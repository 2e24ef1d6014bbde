internal import Configuration
internal import Linux
internal import Logging
internal import NAT64
internal import Timing

/// What must be on record so that it can be told who had a port: RFC 6888 section 4, RFC 7422 sections 2.3 and 3.
extension Appliance {
    /// How long until everything is written again, so that it survives the rotation of logs.
    private static let day = Moment.Span.seconds(86_400)

    /// Writes down how ports are given out from now on, and that no block is taken.
    func recordPortsAtStart() {
        let mappings = configuration.nat64.deterministic
        let time = WallClock.seconds(at: MonotonicClock.now())
        if mappings.isEmpty, !state.deterministicMappings().isEmpty {
            log.notice("deterministic mapping: none from time=\(time) on", source: JournalLog.record)
        }
        recordMappings(at: time)
        recordNoBlock(at: time)
        nextPortRecord = MonotonicClock.now() + Self.day
        let text = mappings.map { "\($0)\n" }.joined()
        guard text != state.deterministicMappings() else { return }
        do throws(SystemError) {
            try state.keep(deterministicMappings: text)
        } catch {
            log.warning("the parameters of the deterministic mapping cannot be kept: \(error)")
        }
    }

    /// Writes down what became of blocks until the translator ended, and that none is taken any more.
    func recordPortsAtEnd() {
        guard translator != nil else { return }
        let now = MonotonicClock.now()
        recordPortBlocks(at: now)
        recordNoBlock(at: WallClock.seconds(at: now))
    }

    /// Writes down the blocks that were taken and given back, and once a day everything that is in force.
    func recordPortBlocks(at now: Moment) {
        guard let translator else { return }
        for event in translator.tables.collectPortBlockEvents(at: now) {
            record(event.isTaken ? "taken" : "given back", event.block, at: WallClock.seconds(at: event.moment))
        }
        guard now >= nextPortRecord else { return }
        nextPortRecord = now + Self.day
        let time = WallClock.seconds(at: now)
        recordMappings(at: time)
        var place: TableCursor? = .start
        while let here = place {
            let (blocks, next) = translator.tables.portBlocks(from: here, limit: 1_000)
            for (block, _) in blocks { record("held", block, at: time) }
            place = next
        }
    }

    private func recordNoBlock(at time: UInt64) {
        guard configuration.nat64.portBlockSize > 0 || !configuration.nat64.deterministic.isEmpty else { return }
        log.notice("port blocks: none is taken at time=\(time)", source: JournalLog.record)
    }

    private func recordMappings(at time: UInt64) {
        for mapping in configuration.nat64.deterministic {
            log.notice("deterministic mapping at time=\(time): \(mapping)", source: JournalLog.record)
        }
    }

    private func record(_ what: String, _ block: PortBlock, at time: UInt64) {
        let ports = "\(block.ports.lowerBound)-\(block.ports.upperBound)"
        log.notice(
            "port block \(what) time=\(time) client=\(block.client) address=\(block.address) ports=\(ports)",
            source: JournalLog.record
        )
    }
}
