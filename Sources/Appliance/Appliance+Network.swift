internal import Configuration
internal import Dataplane
private import Glibc
internal import IPAddressing
internal import Linux
internal import Logging
internal import NAT64
internal import Netlink
internal import Policy
internal import Resolver
internal import Timing

/// The data plane and what stands in the kernel on its behalf: they come and go together.
extension Appliance {
    /// Makes the device, puts routes and pool in place, and starts the threads. Without a pool it says why, and leaves
    /// nothing behind in the kernel.
    ///
    /// - Parameter atStart: Whether a failure keeps the appliance from starting; later it is only told, and tried again.
    func startDataplane(atStart: Bool) throws(StartFailure) {
        plan = configuration.networkPlan(pool, facts, policy)
        let told = dataplaneProblem
        dataplaneProblem = nil
        guard let plan else {
            dataplaneProblem = pool.complaints.joined(separator: " ")
            log.warning("NAT64 waits for a pool: \(dataplaneProblem ?? "")")
            clearLeftovers()
            return
        }
        do throws(StartFailure) {
            let device = try makeDevice()
            try install(plan, to: "clear up")
            let translator = Translator(
                settings: configuration.translatorSettings(pool),
                policy: policy,
                secret: secret,
                environment: facts.environment(sharing: pool, behind: plan)
            )
            self.translator = translator
            adoptStaticBindings()
            lookAtHostSockets()
            do throws(SystemError) {
                let dataplane = try Dataplane(
                    device: device,
                    translator: translator,
                    steering: steering,
                    poll: configuration.pollBeforeSleep,
                    keepCPUsAwake: configuration.keepCPUsAwake,
                    onRecords: { [alarm] in alarm.ring() },
                    onLoss: { [alarm] in alarm.ring() }
                )
                try dataplane.start()
                self.dataplane = dataplane
            } catch {
                throw .failed("\(error)")
            }
        } catch {
            translator = nil
            clearLeftovers()
            dataplaneProblem = error.report
            if atStart { throw error }
            // Tried every second; told once.
            if told != error.report { log.error("NAT64 is down: \(error.report)") }
        }
    }

    /// Whether packets can come and go: the data plane runs and is not held for want of an address.
    var isTranslating: Bool { dataplane != nil && plan != nil }

    /// Stops the threads, takes everything out of the kernel, and lets the device go.
    func stopDataplane() {
        dataplane?.stop()
        clearLeftovers()
        recordPortsAtEnd()
        dataplane = nil
        translator = nil
        plan = nil
    }

    func clearLeftovers() {
        do throws(NetworkProblem) {
            _ = try installation.withdraw(device: configuration.device)
        } catch {
            log.warning("not everything could be taken out of the kernel's tables: \(error)")
        }
    }

    private func makeDevice() throws(StartFailure) -> TunDevice {
        do throws(SystemError) {
            return try TunDevice(
                name: configuration.device,
                queues: configuration.nat64.workers ?? PlainThread.allowedCPUs
            )
        } catch {
            throw switch error.code {
            case ENOENT, ENODEV:
                .failed(
                    "/dev/net/tun is missing: load the module with `modprobe tun`; in a container, pass the device "
                        + "/dev/net/tun in"
                )
            case EPERM, EACCES:
                .notAllowed("\(error): the appliance needs CAP_NET_ADMIN and access to /dev/net/tun")
            case EBUSY, EINVAL:
                .failed(
                    "\(error): a device \(configuration.device) exists already; stop the program that has it, or set "
                        + "nat64.device to another name"
                )
            default: .failed("\(error)")
            }
        }
    }

    /// Changes which prefixes lead to the translator.
    ///
    /// - Returns: What is in the way; nothing has changed then.
    func install(prefixes: [TranslationPrefix]) -> String? {
        guard dataplane != nil, var wanted = plan else { return nil }
        wanted.prefixes = prefixes.map(\.block)
        guard wanted != plan else { return nil }
        do throws(StartFailure) {
            try install(wanted, to: "change prefixes")
            plan = wanted
            return nil
        } catch {
            return error.report
        }
    }

    /// Puts a plan in place.
    ///
    /// - Parameter purpose: Why something may have to be removed, for the log.
    func install(_ plan: NetworkPlan, to purpose: String) throws(StartFailure) {
        do throws(NetworkProblem) {
            let report = try installation.install(plan)
            let removed = report.removed.filter { !$0.isByproduct }
            if !removed.isEmpty { log.notice("removed \(removed.inWords), to \(purpose)") }
            networkNotices = report.notices
            for notice in report.notices { log.warning("\(notice)") }
            networkProblems = []
        } catch {
            throw .failed("\(error)")
        }
        let device = try? installation.link(named: plan.device)
        watch.device = device?.index
        watch.destinations = Set(plan.destinations)
    }

    /// Reacts to what changed in the kernel's tables.
    func networkChanged() {
        let changes: [NetworkChange]
        do throws(NetlinkError) {
            changes = try watch.process()
        } catch {
            log.warning("the kernel's network events cannot be read: \(error)")
            changes = [.resync]
        }
        // The facts first: what they change is not to be mended by a plan that is out of date.
        if changes.contains(where: \.asksForFacts) { readFacts() }
        if changes.contains(where: \.asksForRepair) { repair() }
    }

    /// Puts back what is missing in the kernel's tables.
    func repair() {
        // While an address is awaited, the plan is not to be had, and nothing is to be taken away for it.
        guard let plan, dataplane != nil, awaitedUntil == nil else { return }
        do throws(NetworkProblem) {
            let report = try installation.repair(plan)
            if report.problems.contains(where: \.isOfLostAddress) {
                // It went after links and addresses were looked at.
                readFacts()
                guard awaitedUntil == nil, self.plan == plan else { return }
            }
            // One line, however much had to be mended: a device that was down takes its routes and addresses along.
            // An entrance has a dozen filters of few names.
            var said: Set<String> = []
            let mended = (report.made.map { "put back \($0)" } + report.removed.map { "removed \($0)" })
                .filter { said.insert($0).inserted }
            if !mended.isEmpty {
                repairs += 1
                log.warning("the kernel's tables were changed by somebody else: \(mended.joined(separator: ", "))")
            }
            tell(report.problems)
        } catch {
            tell([error])
        }
        coupleHalves()
    }

    /// Logs each problem once, when it comes.
    func tell(_ problems: [NetworkProblem]) {
        for problem in problems where !networkProblems.contains(problem) { log.error("\(problem)") }
        if problems.isEmpty, !networkProblems.isEmpty { log.notice("routes and addresses are in place again") }
        networkProblems = problems
    }

    /// Makes the data plane anew, for another pool or after the device was taken away. Sessions end, because what
    /// stood for them has gone.
    func restartDataplane() {
        stopDataplane()
        awaitedUntil = nil
        pool = configuration.pool.resolve(by: facts, keeping: pool.shares)
        do throws(StartFailure) {
            try startDataplane(atStart: false)
        } catch {
            log.error("NAT64 is down: \(error.report)")
        }
        coupleHalves()
    }

    /// Makes a Policy of the configuration, the links and the switches as they stand, and puts it in force in both
    /// halves. Until NAT64 has changed, DNS64 hands out only what both Policies let through, so that nothing it says
    /// is ever dropped.
    func adoptPolicy() {
        let old = policy
        policy = configuration.policy(
            generation: old.generation + 1,
            linkNetworks: clientLinks.networks,
            runtimeViews: runtimeViews
        )
        // With no prefix in common there is nothing between them, and an empty answer would be remembered.
        if policy.prefixes.contains(where: old.prefixes.contains) { resolver.apply(policy: policy.narrowed(to: old)) }
        translator?.adopt(policy: policy)
        resolver.apply(policy: policy)
        looksAgainAtSessions = true
    }

    /// A packet that was underway while the Policy changed may have made a session by the old one.
    func lookAgainAtSessions() {
        guard looksAgainAtSessions else { return }
        looksAgainAtSessions = false
        translator?.adopt(policy: policy)
    }

    /// DNS64 hands out synthetic addresses only while somebody translates what is sent to them.
    func coupleHalves() {
        let translates = isTranslating && dataplane?.loss == nil && networkProblems.isEmpty
        guard resolver.status.suspendsSynthesis == translates else { return }
        resolver.suspendSynthesis(!translates)
        if translates {
            log.notice("DNS64 makes AAAA records again")
        } else {
            log.warning("DNS64 makes no AAAA records while NAT64 cannot translate")
        }
    }

    /// Has the resolver listen by itself on each own address that can be bound, as far as the configuration wants that.
    func listenOnOwnAddresses() {
        func own(_ port: UInt16, _ listeners: ValidatedConfiguration.Listeners) -> [ListenAddress] {
            guard listeners.automatic else { return [] }
            return facts.ownAddresses.filter(\.isUsable).map { own in
                ListenAddress(TransportAddress(own.address, Port(port)), scope: own.link.number)
            }
        }
        resolver.listen(
            on: own(53, configuration.listen),
            tls: own(853, configuration.listenTLS),
            https: own(443, configuration.listenHTTPS)
        )
    }
}

extension [NetworkItem] {
    /// What they are, each once: the filters of one address have few names. Of very many, the first.
    fileprivate var inWords: String {
        var words: [String] = []
        for item in self where !words.contains(item.description) {
            guard words.count < 16 else { return words.joined(separator: ", ") + " and more" }
            words.append(item.description)
        }
        return words.joined(separator: ", ")
    }
}
