internal import Configuration
internal import ControlAPI
internal import DNS64
internal import Dataplane
internal import IPAddressing
internal import Linux
internal import NAT64
internal import Netlink
internal import Policy
internal import Resolver
internal import Timing

/// The report that `appliance-ctl status`, the JSON and the metrics show.
extension Appliance {
    /// What everybody is told at one moment.
    func report() -> StatusReport {
        let now = MonotonicClock.now()
        sampleRates(at: now)
        let (dataplane, network, resolver) = (dataplaneStatus(), networkStatus(), resolverStatus())
        let configuration = configurationStatus(at: now)
        let findings = Diagnosis.findings(
            dataplane: dataplane,
            network: network,
            resolver: resolver,
            configuration: configuration
        )
        return StatusReport(
            version: applianceVersion,
            uptimeSeconds: (now - started).seconds,
            findings: ownFindings() + findings,
            dataplane: dataplane,
            network: network,
            resolver: resolver,
            views: viewList(),
            configuration: configuration
        )
    }

    private func configurationStatus(at now: Moment) -> ConfigurationStatus {
        ConfigurationStatus(
            file: configuration.files.first ?? file,
            dropIns: Array(configuration.files.dropFirst()),
            policyGeneration: policy.generation,
            clients: policy.clients.networks.map(\.description),
            lastReload: lastReload.map { last in
                ConfigurationStatus.LastReload(
                    secondsAgo: (now - last.at).seconds,
                    applied: last.applied,
                    problems: last.problems
                )
            }
        )
    }

    /// One line for `systemctl status` and the log.
    var summary: String {
        let prefixes = policy.prefixes.map(\.description).joined(separator: ", ")
        let pool = pool.entries.isEmpty ? "no pool yet" : "pool \(poolText.joined(separator: ", "))"
        return "prefix \(prefixes), \(pool), DNS64 on \(resolver.status.listening.count) addresses"
    }

    /// What was counted up to now, in the order of ``Rates``.
    func sampleRates(at now: Moment) {
        let counters = translator?.counters ?? TranslationCounters()
        rates.sample(
            [
                counters.packets6to4, counters.octets6to4, counters.packets4to6, counters.octets4to6,
                resolver.status.counts[.queries] ?? 0,
            ],
            at: now
        )
        silence.look(sent: counters.packets6to4, heard: counters.packets4to6, at: now)
    }

    // MARK: The data plane

    private func dataplaneStatus() -> DataplaneStatus {
        let counters = translator?.counters ?? TranslationCounters()
        let totals = translator?.tables.totals()
        let offloads = dataplane?.offloads.names ?? []
        return DataplaneStatus(
            state: plan == nil ? .stopped : dataplane == nil ? .failed : .running,
            device: configuration.device,
            mtu: Int(plan?.mtu ?? 0),
            workers: dataplane?.workerCount ?? 0,
            offloads: offloads,
            refusedOffloads: dataplane == nil ? [] : TunDevice.Offloads.all.names.filter { !offloads.contains($0) },
            prefixes: policy.prefixes.map(\.description),
            pool: poolStatus(),
            sessions: sessionUse(totals),
            bindings: bindingUse(totals),
            staticBindings: UInt64(totals?.staticBindings ?? 0),
            overloadedBindings: totals.flatMap { $0.sharingBindings > 0 ? UInt64($0.sharingBindings) : nil },
            portBlocks: totals.flatMap { $0.portBlocksInAll > 0 ? UInt64($0.portBlocks) : nil },
            portBlocksTotal: totals.flatMap { $0.portBlocksInAll > 0 ? UInt64($0.portBlocksInAll) : nil },
            withheldPorts: hostPorts.withheld.isEmpty ? nil : UInt64(hostPorts.withheld.count),
            traffic6to4: Traffic(
                packets: counters.packets6to4,
                octets: counters.octets6to4,
                packetsPerSecond: rates[0],
                octetsPerSecond: rates[1]
            ),
            traffic4to6: Traffic(
                packets: counters.packets4to6,
                octets: counters.octets4to6,
                packetsPerSecond: rates[2],
                octetsPerSecond: rates[3]
            ),
            hairpinned: counters.hairpinned,
            handedBack: counters.handedBack,
            answered: counters.errorsSent4 + counters.errorsSent6,
            mergedSegments: dataplane?.mergedSegments ?? 0,
            awakeMilliseconds: dataplane?.awakeMilliseconds ?? 0,
            drops: drops(counters),
            uncountedClients: totals?.uncountedClients ?? 0,
            steering: steeringStatus(totals)
        )
    }

    private func steeringStatus(_ totals: TableTotals?) -> SteeringStatus {
        let waits = totals?.lockWaits ?? []
        var workers = (dataplane?.steering ?? []).map { hits, misses in
            WorkerSteering(hits: hits, misses: misses, lockWaits: 0)
        }
        if let dataplane, !workers.isEmpty {
            for (shard, count) in waits.enumerated() { workers[dataplane.worker(ofShard: shard)].lockWaits += count }
        }
        return SteeringStatus(
            programLoaded: dataplane?.isSteered ?? false,
            reason: dataplane?.steeringProblem.map { "\($0)" } ?? (dataplane?.isSteered == false ? "one queue" : nil),
            lockWaits: totals == nil ? nil : waits.reduce(0, &+),
            workers: workers.isEmpty ? nil : workers
        )
    }

    private func sessionUse(_ totals: TableTotals?) -> TableUse {
        guard let totals else { return TableUse(tcp: 0, udp: 0, icmp: 0) }
        let settings = configuration.nat64
        return TableUse(
            tcp: UInt64(totals.sessions.tcp),
            udp: UInt64(totals.sessions.udp),
            icmp: UInt64(totals.sessions.icmp),
            limit: UInt64(settings.maximumBindings + settings.maximumFurtherSessions),
            made: totals.sessionsMade
        )
    }

    private func bindingUse(_ totals: TableTotals?) -> TableUse {
        guard let totals else { return TableUse(tcp: 0, udp: 0, icmp: 0) }
        return TableUse(
            tcp: UInt64(totals.bindings.tcp),
            udp: UInt64(totals.bindings.udp),
            icmp: UInt64(totals.bindings.icmp),
            limit: UInt64(totals.maximumBindings),
            made: totals.bindingsMade
        )
    }

    private func drops(_ counters: TranslationCounters) -> [ReasonCount] {
        let translation = DropReason.allCases.map { reason in
            ReasonCount(
                name: "\(reason.name)",
                count: counters[reason],
                explanation: "\(reason.explanation)"
            )
        }
        return translation + [
            ReasonCount(
                name: "unreadable",
                count: dataplane?.unreadable ?? 0,
                explanation: "The kernel handed over a packet whose offload header nobody can read."
            ),
            ReasonCount(
                name: "unwritten",
                count: dataplane?.unwritten ?? 0,
                explanation: "The kernel did not take a translated packet"
                    + (dataplane?.lastWriteError.map { "; it said last: \($0.reason)." } ?? ".")
            ),
        ]
    }

    private var poolText: [String] {
        pool.entries.map { Self.text($0.addresses) + ($0.sharedWithHost ? " (shared)" : "") }
    }

    private static func text(_ range: ClosedRange<IPv4Address>) -> String {
        "\(PoolSource.addresses(range))"
    }

    private func poolStatus() -> [ControlAPI.PoolEntry] {
        guard let translator else { return [] }
        let now = MonotonicClock.now()
        return translator.tables.poolUse().map { use in
            ControlAPI.PoolEntry(
                addresses: Self.text(use.addresses),
                sharedInterface: use.sharedWithHost
                    ? pool.shares.first { $0.address == use.addresses.lowerBound }?.interface : nil,
                ports: "\(use.ports.lowerBound)-\(use.ports.upperBound)",
                portsInUse: UInt64(use.portsInUse),
                portsTotal: use.portsInAll,
                isDraining: use.isDraining ? true : nil,
                drainSecondsLeft: drainSecondsLeft(use, at: now)
            )
        }
    }

    // MARK: The network

    private func networkStatus() -> NetworkStatus {
        NetworkStatus(
            state: plan == nil ? .stopped : networkProblems.isEmpty ? .running : .failed,
            routes: policy.prefixes.map { prefix in
                let problem = networkProblems.first { $0.concerns(.v6(prefix.block)) }?.description
                return InstalledEntry(
                    name: "\(prefix)",
                    device: configuration.device,
                    inPlace: isTranslating && problem == nil,
                    problem: isTranslating ? problem : dataplaneProblem
                )
            },
            poolAddresses: (plan?.pool ?? []).map { prefix in
                let problem = networkProblems.first { $0.concerns(.v4(prefix)) }?.description
                return InstalledEntry(
                    name: "\(prefix)",
                    device: configuration.device,
                    inPlace: dataplane != nil && problem == nil,
                    problem: problem
                )
            }
                + pool.shares.map { share in
                    let problem =
                        networkProblems.first { $0.concerns(share.address, sharedFrom: share.interface) }?.description
                    return InstalledEntry(
                        name: "\(share.address)",
                        device: share.interface,
                        inPlace: isTranslating && problem == nil,
                        problem: problem
                    )
                },
            repairs: repairs,
            followed: followed,
            forwarding: forwardingFindings(),
            uplink: facts.ipv4.map { uplink in
                ControlAPI.Uplink(
                    interface: uplink.link.name,
                    addresses: uplink.addresses.map(\.description),
                    mtu: Int(uplink.link.mtu)
                )
            }
        )
    }

    /// Where DNS64 is on and off.
    func viewList() -> ViewList {
        let views = policy.views.views
        let questions = resolver.questions(of: views.map(\.network))
        let dns64 = configuration.dns64
        return ViewList(
            synthesizeByDefault: policy.views.synthesizeByDefault,
            synthesizeOverIPv4: policy.views.synthesizeOverIPv4,
            views: views.indices.map { place in
                ViewEntry(
                    network: "\(views[place].network)",
                    synthesize: views[place].synthesize,
                    origin: ViewEntry.Origin(rawValue: views[place].origin.rawValue) ?? .default,
                    rules: dns64.ownRuleCount(of: views[place].network),
                    filters: policy.treatments[place].filters
                        ? dns64.nameFilters.count + dns64.addressFilters.count : 0,
                    questions: questions.byNetwork[place]
                )
            },
            otherQuestions: questions.ofNoView
        )
    }
}

extension TunDevice.Offloads {
    /// Every class there is.
    static let all: TunDevice.Offloads = [.checksum, .tcp4, .tcp6, .ecn, .udp]
}
