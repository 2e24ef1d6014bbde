package import ControlAPI

/// The report as people read it: first whether it works and what to do if not, then every part in a fixed order.
package struct StatusText: Sendable {
    private let screen: Screen
    private let explain: Bool

    /// Describes how to write.
    ///
    /// - Parameter explain: Whether to say of every reason that was met what it means.
    package init(screen: Screen, explain: Bool = false) {
        self.screen = screen
        self.explain = explain
    }

    /// Writes the report.
    package func text(of report: StatusReport) -> String {
        var page = Page()
        verdict(report, &page)
        dataplane(report.dataplane, &page)
        network(report.network, &page)
        resolver(report.resolver, &page)
        views(report.views, &page)
        settings(report.configuration, &page)
        if explain { explanations(report, &page) }
        return page.text
    }

    private func verdict(_ report: StatusReport, _ page: inout Page) {
        var findings = report.findings[...]
        let gravest = findings.first.flatMap { $0.severity == .note ? nil : $0 }
        if gravest != nil { findings = findings.dropFirst() }
        let told = gravest.map { "\($0.problem) \($0.remedy)" }
        switch report.verdict {
        case .working: page.line("\(screen.paint("WORKING", .green)): names resolve and packets pass.")
        case .degraded: page.line("\(screen.paint("DEGRADED", .yellow)): \(told ?? "something is wrong.")")
        case .down: page.line("\(screen.paint("DOWN", .red)): \(told ?? "the main job does not run.")")
        }
        for finding in findings {
            page.line("  \(mark(finding.severity)): \(finding.problem) \(finding.remedy)")
        }
        page.line("nat64-appliance \(report.version), up \(Words.duration(report.uptimeSeconds))")
    }

    private func mark(_ severity: Finding.Severity) -> String {
        switch severity {
        case .failure: screen.paint("failure", .red)
        case .warning: screen.paint("warning", .yellow)
        case .note: "note"
        }
    }

    private func dataplane(_ dataplane: DataplaneStatus, _ page: inout Page) {
        let kinds = dataplane.offloads.isEmpty ? "no offloads" : "offloads \(dataplane.offloads.joined(separator: " "))"
        page.part(
            "dataplane",
            "\(state(dataplane.state)) on \(dataplane.device), mtu \(dataplane.mtu), "
                + "\(Words.count(dataplane.workers, "worker")), \(kinds)"
        )
        if !dataplane.refusedOffloads.isEmpty { page.line("this kernel has no \(list(dataplane.refusedOffloads))") }
        page.line("prefix \(list(dataplane.prefixes))")
        for entry in dataplane.pool { page.line(pool(entry)) }
        page.line("sessions \(use(dataplane.sessions))")
        let fixed = dataplane.staticBindings > 0 ? ", \(Words.number(dataplane.staticBindings)) of them static" : ""
        page.line("bindings \(use(dataplane.bindings))\(fixed)")
        if let blocks = dataplane.portBlocks, let all = dataplane.portBlocksTotal {
            page.line("port blocks \(Words.number(blocks)) of \(Words.number(all))")
        }
        page.line("6to4 \(traffic(dataplane.traffic6to4))")
        page.line("4to6 \(traffic(dataplane.traffic4to6))")
        page.line(
            "hairpinned \(Words.number(dataplane.hairpinned))   handed back \(Words.number(dataplane.handedBack))   "
                + "answered \(Words.number(dataplane.answered))"
        )
        page.wrapped("dropped ", dataplane.drops.map { "\($0.name) \(Words.number($0.count))" })
        if let steering = dataplane.steering {
            let waits = steering.lockWaits.map { "   lock waits \(Words.number($0))" } ?? ""
            let reason = steering.reason.map { " (\($0))" } ?? ""
            page.line("steering \(steering.programLoaded ? "by program" : "by the device's hash\(reason)")\(waits)")
            for (number, worker) in (steering.workers ?? []).enumerated() {
                page.line(
                    "worker \(number): \(Words.number(worker.hits)) packets of its own shards, "
                        + "\(Words.number(worker.misses)) of others   lock waits \(Words.number(worker.lockWaits))"
                )
            }
        }
        if dataplane.uncountedClients > 0 {
            page.line(
                "limits of clients passed over \(Words.number(dataplane.uncountedClients)) times: too many are active"
            )
        }
    }

    private func pool(_ entry: PoolEntry) -> String {
        let owner = entry.sharedInterface.map { " shared with \($0)" } ?? ""
        return "pool \(entry.addresses)\(owner), ports \(entry.ports), "
            + "\(Words.percent(entry.portsInUse, of: entry.portsTotal)) in use "
            + "(\(Words.number(entry.portsInUse)) of \(Words.number(entry.portsTotal)))"
            + (entry.isDraining == true ? ", draining" : "")
            + (entry.drainSecondsLeft.map { ", \(Words.duration($0)) left" } ?? "")
    }

    private func use(_ use: TableUse) -> String {
        let limit = use.limit.map { " of \(Words.number($0))" } ?? ""
        return "\(Words.number(use.total))\(limit)   tcp \(Words.number(use.tcp))   udp \(Words.number(use.udp))   "
            + "icmp \(Words.number(use.icmp))"
    }

    private func traffic(_ traffic: Traffic) -> String {
        var text = "\(Words.number(traffic.packets)) packets, \(Words.octets(traffic.octets))"
        if let packets = traffic.packetsPerSecond, let octets = traffic.octetsPerSecond {
            text += "   now \(Words.rate(packets)) packets/s, \(Words.bitRate(octetsPerSecond: octets))"
        }
        return text
    }

    private func network(_ network: NetworkStatus, _ page: inout Page) {
        page.part(
            "network",
            "\(state(network.state)), routes \(inPlace(network.routes)) in place, "
                + "pool addresses \(inPlace(network.poolAddresses)) in place, "
                + "\(Words.number(network.repairs)) repaired"
        )
        for entry in (network.routes + network.poolAddresses).filter({ !$0.inPlace }) {
            page.line("\(entry.name) on \(entry.device) \(screen.paint("missing", .red)): \(entry.problem ?? "")")
        }
        if let uplink = network.uplink {
            let mtu = uplink.mtu.map { ", mtu \($0)" } ?? ""
            page.line("uplink \(uplink.interface) \(list(uplink.addresses))\(mtu)")
        } else {
            page.line("uplink \(screen.paint("none", .red))")
        }
        page.line(
            network.forwarding.isEmpty
                ? "forwarding on" : "forwarding not in order: \(list(network.forwarding.map { Self.fact($0.problem) }))"
        )
    }

    /// A problem without what follows from it, which stands in the first lines: `net.ipv4.ip_forward is 0`.
    private static func fact(_ problem: String) -> String { String(problem.prefix { $0 != ":" }) }

    private func resolver(_ resolver: ResolverStatus, _ page: inout Page) {
        let well = resolver.upstreams.count { $0.health != .failing }
        page.part(
            "resolver",
            "\(state(resolver.state)) on \(Words.count(resolver.sockets.count, "socket")), "
                + "\(Words.count(resolver.workers, "worker")), upstreams \(well) of \(resolver.upstreams.count) well"
        )
        page.wrapped("listening on ", listening(resolver.sockets))
        for trouble in resolver.listenProblems {
            page.line(
                "\(screen.paint("not listening", .red)) on \(trouble.address) \(trouble.transport): \(trouble.problem)"
            )
        }
        for upstream in resolver.upstreams { page.line(self.upstream(upstream)) }
        let rate = resolver.queriesPerSecond.map { " (now \(Words.rate($0))/s)" } ?? ""
        page.line(
            "queries \(Words.number(resolver.queries))\(rate)   "
                + "from cache \(Words.percent(resolver.fromCache, of: resolver.queries))   "
                + "failed \(Words.number(resolver.failed))"
        )
        page.line(
            "answers synthesized \(Words.percent(resolver.synthesized, of: resolver.queries))   "
                + "native \(Words.percent(resolver.native, of: resolver.queries))"
        )
        page.wrapped("refused ", resolver.refused.map { "\($0.name) \(Words.number($0.count))" })
        let met = resolver.counts.filter { $0.count > 0 }
        if !met.isEmpty { page.wrapped("counted ", met.map { "\($0.name) \(Words.number($0.count))" }) }
        if !resolver.transports.isEmpty { page.wrapped("asked by ", resolver.transports.map(transport)) }
        page.line(
            "cache \(Words.number(resolver.cache.entries)) answers, \(Words.octets(resolver.cache.octets)) of "
                + "\(Words.octets(resolver.cache.limitOctets))   connections \(Words.number(resolver.tcpConnections))"
                + (resolver.connectionsRefused > 0 ? ", refused \(Words.number(resolver.connectionsRefused))" : "")
        )
        if let encryption = resolver.encryption { self.encryption(encryption, &page) }
        guard let recursor = resolver.recursor else { return }
        page.line(self.recursor(recursor))
        if recursor.landlock == false {
            page.line("recursor kept from files by seccomp alone: this kernel has no Landlock")
        }
        if recursor.refused > 0 { page.line("recursor refused too-many-at-once \(Words.number(recursor.refused))") }
    }

    private func transport(_ use: TransportUse) -> String {
        let open = use.connections.map { " (\(Words.number($0)) open)" } ?? ""
        return "\(use.transport) \(Words.number(use.questions))\(open)"
    }

    private func encryption(_ encryption: EncryptionStatus, _ page: inout Page) {
        page.line(
            "encrypted: handshakes failed \(Words.number(encryption.failedHandshakes))   "
                + "requests refused \(Words.number(encryption.refusedRequests))   "
                + "floods ended \(Words.number(encryption.endedFloods))"
        )
        guard let certificate = encryption.certificate else { return }
        var text = "certificate \(certificate.file)"
        if let left = certificate.secondsLeft {
            text += left <= 0 ? " \(screen.paint("expired", .red))" : ", good for \(Words.duration(UInt64(left)))"
        } else {
            text += " \(screen.paint("not read", .red))"
        }
        page.line("\(text), renewed \(times(certificate.renewals))")
        if let problem = certificate.problem { page.line("\(screen.paint("not usable now", .red)): \(problem)") }
    }

    private func recursor(_ recursor: RecursorStatus) -> String {
        let state = recursor.process.map { "process \($0)" } ?? screen.paint("not running", .red)
        return "recursor \(state), restarted \(times(recursor.restarts)), "
            + "\(times(recursor.hangs)) because it did not answer"
    }

    private func times(_ count: UInt64) -> String { "\(Words.number(count)) \(count == 1 ? "time" : "times")" }

    /// Each address once; the transport only where the other is missing.
    private func listening(_ sockets: [ListeningSocket]) -> [String] {
        var addresses: [String] = []
        for socket in sockets where !addresses.contains(socket.address) { addresses.append(socket.address) }
        return addresses.map { address in
            let transports = Set(sockets.filter { $0.address == address }.map(\.transport))
            let encrypted = transports.subtracting(["udp", "tcp"])
            guard encrypted.isEmpty else { return "\(address) \(encrypted.sorted().joined(separator: " "))" }
            return transports.isSuperset(of: ["udp", "tcp"])
                ? address : "\(address) \(transports.sorted().joined(separator: " ")) only"
        }
    }

    private func upstream(_ upstream: UpstreamStatus) -> String {
        let health = upstream.health == .failing ? screen.paint("failing", .red) : upstream.health.rawValue
        let time = upstream.roundTripMilliseconds.map { ", \(Words.milliseconds($0)) ms" } ?? ""
        let trouble = upstream.lastProblem.map { ", last problem: \($0)" } ?? ""
        return "upstream \(upstream.address) \(health)\(time), asked \(Words.number(upstream.asked)), "
            + "failed \(Words.number(upstream.failures))\(trouble)"
    }

    private func views(_ views: ViewList, _ page: inout Page) {
        let others = views.synthesizeByDefault ? "on" : "off"
        page.part(
            "dns64",
            views.views.isEmpty ? "\(others) for all clients" : "\(others) but where a view says otherwise"
        )
        for view in views.views {
            page.line(
                "\(view.network) \(view.synthesize ? "on" : "off") (\(view.origin.rawValue)), "
                    + "\(Words.count(view.rules, "rule")), \(Words.count(view.filters, "filter")), "
                    + "asked \(Words.number(view.questions))"
            )
        }
        if !views.synthesizeOverIPv4 { page.line("off for clients that ask over IPv4") }
    }

    private func settings(_ settings: ConfigurationStatus, _ page: inout Page) {
        let dropIns = settings.dropIns.isEmpty ? "" : " and \(Words.count(settings.dropIns.count, "drop-in"))"
        page.part(
            "settings",
            "\(settings.file ?? "as built in")\(dropIns), policy generation \(settings.policyGeneration)"
        )
        page.line("clients \(list(settings.clients))")
        if let reload = settings.lastReload {
            let when = "\(Words.duration(reload.secondsAgo)) ago"
            page.line(
                reload.applied
                    ? "last reload \(when), in force"
                    : "last reload \(when) \(screen.paint("refused", .red)), the settings before it are in force:"
            )
            if !reload.applied { for line in reload.problems { page.line("  \(line)") } }
        }
    }

    private func explanations(_ report: StatusReport, _ page: inout Page) {
        let met = (report.dataplane.drops + report.resolver.refused + report.resolver.counts).filter { $0.count > 0 }
        page.part(
            "explained",
            met.isEmpty ? "nothing was dropped or refused" : "what was dropped, refused or counted, and why"
        )
        for reason in met { page.line("\(reason.name) \(Words.number(reason.count)): \(reason.explanation)") }
    }

    private func state(_ state: PartState) -> String {
        switch state {
        case .running: "running"
        case .starting: screen.paint("starting", .yellow)
        case .stopped: screen.paint("stopped", .yellow)
        case .failed: screen.paint("failed", .red)
        }
    }

    private func inPlace(_ entries: [InstalledEntry]) -> String {
        "\(entries.count { $0.inPlace }) of \(entries.count)"
    }

    private func list(_ items: [String]) -> String { items.isEmpty ? "none" : items.joined(separator: ", ") }
}
