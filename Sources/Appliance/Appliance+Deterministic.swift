internal import Configuration
internal import Linux
internal import Logging
internal import NAT64
internal import Timing

/// The records of clients whose ports are computed (RFC 7422).
extension Appliance {
    /// Writes down the parameters of the mappings if they are others than at the last start (RFC 7422 section 3), and
    /// that no block is taken any more.
    func recordDeterministicMappings() {
        let mappings = configuration.nat64.deterministic
        let text = mappings.map { "\($0)\n" }.joined()
        guard text != state.deterministicMappings() else { return }
        let time = WallClock.epoch() + MonotonicClock.now().seconds
        if mappings.isEmpty { log.notice("deterministic mapping: none from time=\(time) on") }
        for mapping in mappings { log.notice("deterministic mapping from time=\(time) on: \(mapping)") }
        do throws(SystemError) {
            try state.keep(deterministicMappings: text)
        } catch {
            log.warning("the parameters of the deterministic mapping cannot be kept: \(error)")
        }
    }

    /// Writes down the blocks that were taken and given back (RFC 7422 section 2.3).
    func recordPortBlocks() {
        guard let translator, !configuration.nat64.deterministic.isEmpty else { return }
        let epoch = WallClock.epoch()
        for event in translator.tables.collectPortBlockEvents() {
            let time = epoch + (event.moment ?? MonotonicClock.now()).seconds
            let what = event.isTaken ? "taken" : "given back"
            let ports = "\(event.ports.lowerBound)-\(event.ports.upperBound)"
            log.notice("port block \(what) time=\(time) client=\(event.client) address=\(event.address) ports=\(ports)")
        }
    }
}
