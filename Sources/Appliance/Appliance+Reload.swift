internal import Configuration
internal import Control
internal import ControlAPI
internal import DNS64
internal import IPAddressing
internal import Linux
internal import Logging
internal import NAT64
internal import Resolver

extension Appliance {
    /// Reads the configuration again and puts it in force, whole or not at all.
    func reload() -> ReloadReport {
        let report = reloadFromFile()
        lastReload = (MonotonicClock.now(), report.applied, report.problems)
        if report.applied {
            let changed = report.changed.isEmpty ? "nothing changed" : report.changed.joined(separator: ", ")
            log.notice("configuration read again: \(changed)")
            if !report.needsRestart.isEmpty {
                log.warning("these keys take effect after a restart: \(report.needsRestart.joined(separator: ", "))")
            }
        } else {
            log.error(
                "the configuration was not taken over; the old one stays\n\(report.problems.joined(separator: "\n"))"
            )
        }
        return report
    }

    private func reloadFromFile() -> ReloadReport {
        var fresh: ValidatedConfiguration
        do throws(ConfigurationProblems) {
            fresh =
                try file.map { file throws(ConfigurationProblems) in try Configuration.load(path: file) }
                ?? ValidatedConfiguration()
        } catch {
            return ReloadReport(
                applied: false,
                changed: [],
                needsRestart: [],
                problems: error.problems.map(\.description)
            )
        }
        if let obstacle = fresh.obstacleUntilRestart(configuration) {
            return ReloadReport(applied: false, changed: [], needsRestart: [], problems: [obstacle])
        }
        let difference = fresh.difference(from: configuration)
        fresh = fresh.keepingUntilRestart(configuration)
        if let conflict = adopt(fresh) {
            return ReloadReport(applied: false, changed: [], needsRestart: [], problems: [conflict])
        }
        return ReloadReport(
            applied: true,
            changed: difference.changed,
            needsRestart: difference.needsRestart,
            problems: []
        )
    }

    /// Puts a configuration in force in every part.
    ///
    /// - Returns: What is in its way; nothing has changed then.
    private func adopt(_ fresh: ValidatedConfiguration) -> String? {
        if let translator, !translator.admit(prefixes: fresh.prefixes) {
            return "nat64.prefixes: too many prefixes were in force one after the other, and threads that carry "
                + "packets have not let go of them; reload again in a second, or restart the appliance"
        }
        let old = configuration
        configuration = fresh
        // The routes of new prefixes come before anybody is sent there, those of old ones go when nobody is any more.
        if let conflict = install(prefixes: fresh.prefixes + old.prefixes.filter { !fresh.prefixes.contains($0) }) {
            configuration = old
            return conflict
        }
        // A shared address that has just gone may be back in a moment, and a file that says the same of the pool changes
        // nothing about that.
        let waits = awaitedUntil != nil && fresh.pool == old.pool
        let freshPool = waits ? pool : fresh.pool.resolve(by: facts, keeping: pool.shares)
        if let conflict = makeRoom(for: freshPool) {
            configuration = old
            _ = install(prefixes: old.prefixes)
            return conflict
        }
        logThreshold.set(fresh.logLevel)
        adoptPolicy()
        if !waits { follow(freshPool) }
        adoptStaticBindings()
        if isTranslating { followLinks() }
        if let problem = install(prefixes: fresh.prefixes) { log.warning("\(problem)") }
        for problem in resolver.apply(settings: fresh.resolverSettings) {
            log.warning("resolver: cannot listen on \(problem)")
        }
        listenOnOwnAddresses()
        coupleHalves()
        return nil
    }

    /// Switches DNS64 for a network, or forgets what was switched. The file comes first: what cannot be kept is not
    /// done.
    ///
    /// - Parameter synthesize: Whether AAAA records are made; nothing lets the configuration decide again.
    func switchView(network text: String, synthesize: Bool?) -> Result<Void, ControlRefusal> {
        let network: IPPrefix
        do throws(PrefixProblem) {
            network = try IPPrefix(parsing: text)
        } catch {
            return .failure(ControlRefusal(.badRequest, Self.sentence(for: error, text)))
        }
        var views = runtimeViews
        if let synthesize {
            views.set(network, synthesize: synthesize)
        } else if !views.remove(network) {
            return .failure(ControlRefusal(.notFound, "Nothing was switched at runtime for \(network)."))
        }
        do throws(SystemError) {
            try state.keep(views)
            stateProblem = nil
        } catch {
            stateProblem = "runtime switches cannot be kept: \(error)"
            let remedy =
                "Nothing was changed; make room in \(configuration.stateDirectory), or let the appliance write there."
            return .failure(ControlRefusal(.failed, "The switch cannot be kept over a restart (\(error)). \(remedy)"))
        }
        runtimeViews = views
        adoptPolicy()
        let what = synthesize.map { $0 ? "on" : "off" } ?? "as the configuration says"
        log.notice("DNS64 for \(network) is \(what) from now on")
        return .success(())
    }

    private static func sentence(for problem: PrefixProblem, _ text: String) -> String {
        switch problem {
        case .unreadable: "\"\(text)\" is no network; write it as 2001:db8:6:2::/64."
        case .lengthOutOfRange: "The length of \"\(text)\" is more than the address has bits."
        case .bitsPastLength(let right): "\"\(text)\" has bits past its length; \(right) would be right."
        }
    }
}
