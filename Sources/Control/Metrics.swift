package import ControlAPI

/// The report as Prometheus reads it: text format 0.0.4, each metric with its help and its type.
package enum Metrics {
    /// The media type of the format.
    static let contentType = "text/plain; version=0.0.4; charset=utf-8"

    /// Writes the report.
    package static func text(_ report: StatusReport) -> String {
        var page = MetricsPage()
        appliance(report, &page)
        dataplane(report.dataplane, &page)
        pool(report.dataplane.pool, &page)
        network(report.network, &page)
        resolver(report.resolver, &page)
        views(report.views, &page)
        upstreams(report.resolver.upstreams, &page)
        return page.text
    }

    private static func appliance(_ report: StatusReport, _ page: inout MetricsPage) {
        page.gauge("appliance_build", "The running version; always 1.", [(["version": report.version], 1)])
        page.gauge("appliance_uptime_seconds", "Seconds since the daemon was ready.", Double(report.uptimeSeconds))
        page.gauge(
            "appliance_verdict",
            "1 for the verdict that holds, 0 for the others.",
            Verdict.allCases.map { (["verdict": $0.rawValue], $0 == report.verdict ? 1 : 0) }
        )
        page.gauge(
            "appliance_findings",
            "How many things are wrong or worth knowing, by severity.",
            Finding.Severity.allCases.map { severity in
                (["severity": severity.rawValue], Double(report.findings.count { $0.severity == severity }))
            }
        )
        page.gauge(
            "appliance_policy_generation",
            "Counts up with every change of policy since the start.",
            Double(report.configuration.policyGeneration)
        )
        if let reload = report.configuration.lastReload {
            page.gauge(
                "appliance_reload_applied",
                "1 if the settings of the last reload are in force, 0 if it was refused.",
                reload.applied ? 1 : 0
            )
        }
    }

    private static func dataplane(_ dataplane: DataplaneStatus, _ page: inout MetricsPage) {
        page.state("nat64_state", "What the data plane is doing: 1 for the state that holds.", dataplane.state)
        let directions = [("6to4", dataplane.traffic6to4), ("4to6", dataplane.traffic4to6)]
        page.counter(
            "nat64_packets_total",
            "Packets translated; a super-packet counts as one.",
            directions.map { (["direction": $0.0], $0.1.packets) }
        )
        page.counter(
            "nat64_bytes_total",
            "Octets translated, as IP counts them on the side they came from.",
            directions.map { (["direction": $0.0], $0.1.octets) }
        )
        page.counter("nat64_hairpinned_total", "Packets from one client to another.", dataplane.hairpinned)
        page.counter("nat64_handed_back_total", "Packets given back to the host.", dataplane.handedBack)
        page.counter("nat64_answered_total", "Packets answered with an ICMP error.", dataplane.answered)
        page.counter(
            "nat64_merged_segments_total",
            "TCP segments that came one by one and left together in a super-packet.",
            dataplane.mergedSegments
        )
        page.counter(
            "nat64_awake_milliseconds_total",
            "For how long workers kept the machine's CPUs awake, added up.",
            dataplane.awakeMilliseconds
        )
        page.counter(
            "nat64_drops_total",
            "Packets dropped, by reason.",
            dataplane.drops.map { (["reason": $0.name], $0.count) }
        )
        table("nat64_sessions", "Sessions", dataplane.sessions, &page)
        table("nat64_bindings", "Bindings", dataplane.bindings, &page)
        if let overloaded = dataplane.overloadedBindings {
            page.gauge("nat64_overloaded_bindings", "Bindings whose port other clients have too.", Double(overloaded))
        }
        if let blocks = dataplane.portBlocks, let all = dataplane.portBlocksTotal {
            page.gauge("nat64_port_blocks", "Blocks of ports that client networks have.", Double(blocks))
            page.gauge("nat64_port_blocks_limit", "Blocks of ports there are.", Double(all))
        }
        page.gauge(
            "nat64_withheld_ports",
            "Ports kept from clients because programs of the host have them.",
            Double(dataplane.withheldPorts ?? 0)
        )
        page.gauge("nat64_static_bindings", "Bindings that the operator wrote down.", Double(dataplane.staticBindings))
        page.counter(
            "nat64_uncounted_clients_total",
            "Times that a client network could not be held to its limits, because too many others were active.",
            dataplane.uncountedClients
        )
        if let steering = dataplane.steering {
            page.gauge(
                "nat64_steering_loaded",
                "1 if a steering program leads packets to their shard's worker.",
                steering.programLoaded ? 1 : 0
            )
            if let waits = steering.lockWaits {
                page.counter("nat64_lock_waits_total", "Packets that waited for the lock of a shard.", waits)
            }
            workers(steering.workers ?? [], &page)
        }
    }

    private static func workers(_ workers: [WorkerSteering], _ page: inout MetricsPage) {
        guard !workers.isEmpty else { return }
        func samples(_ count: (WorkerSteering) -> UInt64) -> [([String: String], UInt64)] {
            workers.enumerated().map { (["worker": "\($0.offset)"], count($0.element)) }
        }
        page.counter(
            "nat64_steering_hits_total",
            "Packets that came to a worker and are of its own shards.",
            samples(\.hits)
        )
        page.counter(
            "nat64_steering_misses_total",
            "Packets that came to a worker and are of another's shards.",
            samples(\.misses)
        )
        page.counter(
            "nat64_worker_lock_waits_total",
            "Packets that waited for the lock of a shard, by the worker whose shard it is.",
            samples(\.lockWaits)
        )
    }

    private static func table(_ name: String, _ noun: String, _ use: TableUse, _ page: inout MetricsPage) {
        let protocols = [("tcp", use.tcp), ("udp", use.udp), ("icmp", use.icmp)]
        page.gauge(name, "\(noun) alive, by protocol.", protocols.map { (["protocol": $0.0], Double($0.1)) })
        if let limit = use.limit { page.gauge("\(name)_limit", "\(noun) there is room for.", Double(limit)) }
        if let made = use.made { page.counter("\(name)_made_total", "\(noun) made.", made) }
    }

    private static func pool(_ pool: [PoolEntry], _ page: inout MetricsPage) {
        page.gauge(
            "nat64_pool_ports",
            "Ports there are, over all addresses and protocols.",
            pool.map { (["addresses": $0.addresses, "ports": $0.ports], Double($0.portsTotal)) }
        )
        page.gauge(
            "nat64_pool_ports_in_use",
            "Ports in use, over all addresses and protocols.",
            pool.map { (["addresses": $0.addresses, "ports": $0.ports], Double($0.portsInUse)) }
        )
    }

    private static func network(_ network: NetworkStatus, _ page: inout MetricsPage) {
        page.gauge(
            "nat64_route_in_place",
            "1 if the route of a translation prefix stands in the kernel.",
            network.routes.map { (["prefix": $0.name, "device": $0.device], $0.inPlace ? 1 : 0) }
        )
        page.gauge(
            "nat64_pool_address_in_place",
            "1 if a part of the pool stands in the kernel.",
            network.poolAddresses.map { (["addresses": $0.name, "device": $0.device], $0.inPlace ? 1 : 0) }
        )
        page.counter("nat64_repairs_total", "How often something of ours was missing and put back.", network.repairs)
        page.counter(
            "nat64_followed_total",
            "How often the data plane followed links and addresses that changed.",
            network.followed
        )
        page.gauge("nat64_uplink", "1 if there is a way to the IPv4 internet.", network.uplink == nil ? 0 : 1)
    }

    private static func resolver(_ resolver: ResolverStatus, _ page: inout MetricsPage) {
        page.state("dns64_state", "What the resolver is doing: 1 for the state that holds.", resolver.state)
        page.gauge("dns64_sockets", "Addresses listened on.", Double(resolver.sockets.count))
        page.gauge("dns64_listen_problems", "Addresses not listened on.", Double(resolver.listenProblems.count))
        page.counter("dns64_queries_total", "Queries received.", resolver.queries)
        page.counter("dns64_from_cache_total", "Queries answered from the cache.", resolver.fromCache)
        page.counter("dns64_synthesized_total", "Answers with AAAA records made from A records.", resolver.synthesized)
        page.counter("dns64_native_total", "Answers with AAAA records of the name itself.", resolver.native)
        page.counter("dns64_failed_total", "Queries that no upstream had an answer for.", resolver.failed)
        page.counter(
            "dns64_refused_total",
            "Queries refused or left without an answer, by reason.",
            resolver.refused.map { (["reason": $0.name], $0.count) }
        )
        page.counter(
            "dns64_events_total",
            "What else is counted, by name.",
            resolver.counts.map { (["event": $0.name], $0.count) }
        )
        page.gauge("dns64_cache_entries", "Answers kept.", Double(resolver.cache.entries))
        page.gauge("dns64_cache_bytes", "Octets the cache takes.", Double(resolver.cache.octets))
        page.gauge("dns64_cache_limit_bytes", "Octets the cache may take.", Double(resolver.cache.limitOctets))
        page.gauge("dns64_tcp_connections", "Connections of clients open now.", Double(resolver.tcpConnections))
        page.counter(
            "dns64_connections_refused_total",
            "Connections closed or refused because of a limit.",
            resolver.connectionsRefused
        )
        page.counter(
            "dns64_questions_total",
            "Questions that came, by transport.",
            resolver.transports.map { (["transport": $0.transport], $0.questions) }
        )
        page.gauge(
            "dns64_connections",
            "Connections of clients open now, by transport.",
            resolver.transports.compactMap { use in
                use.connections.map { (["transport": use.transport], Double($0)) }
            }
        )
        if let encryption = resolver.encryption { self.encryption(encryption, &page) }
        if let recursor = resolver.recursor { self.recursor(recursor, &page) }
    }

    private static func views(_ views: ViewList, _ page: inout MetricsPage) {
        // Of a network with two views the first decides.
        var networks: Set<String> = []
        let first = views.views.filter { networks.insert($0.network).inserted }
        page.counter(
            "dns64_view_questions_total",
            "Questions of clients, by the network whose view decides for them.",
            first.map { (["view": $0.network], $0.questions) } + [(["view": "default"], views.otherQuestions)]
        )
    }

    private static func encryption(_ encryption: EncryptionStatus, _ page: inout MetricsPage) {
        page.counter(
            "dns64_failed_handshakes_total",
            "Encrypted connections that ended before their handshake did.",
            encryption.failedHandshakes
        )
        page.counter(
            "dns64_refused_requests_total",
            "Requests of HTTP answered with a status other than 200.",
            encryption.refusedRequests
        )
        page.counter(
            "dns64_ended_floods_total",
            "Connections of HTTP/2 ended because of what they sent.",
            encryption.endedFloods
        )
        guard let certificate = encryption.certificate else { return }
        if let expires = certificate.expires {
            page.gauge(
                "dns64_certificate_expiry_timestamp_seconds",
                "When the certificate expires, in seconds since 1970.",
                Double(expires)
            )
        }
        page.counter("dns64_certificate_renewals_total", "Other certificates read.", certificate.renewals)
        page.gauge(
            "dns64_certificate_files_usable",
            "1 if the files of the certificate as they are now can be used.",
            certificate.problem == nil ? 1 : 0
        )
    }

    private static func recursor(_ recursor: RecursorStatus, _ page: inout MetricsPage) {
        page.gauge(
            "dns64_recursor_up",
            "1 if the child process that resolves and validates is at work.",
            recursor.process == nil ? 0 : 1
        )
        page.counter("dns64_recursor_restarts_total", "How often the recursor ended.", recursor.restarts)
        page.counter(
            "dns64_recursor_hangs_total",
            "How often the recursor was ended because it did not answer.",
            recursor.hangs
        )
        page.counter(
            "dns64_recursor_refused_total",
            "Questions that the recursor refused because it had as many under way as it may.",
            recursor.refused
        )
        if let landlock = recursor.landlock {
            page.gauge(
                "dns64_recursor_landlock",
                "1 if Landlock keeps the recursor from files, 0 if this kernel has none and seccomp does so alone.",
                landlock ? 1 : 0
            )
        }
    }

    private static func upstreams(_ upstreams: [UpstreamStatus], _ page: inout MetricsPage) {
        page.gauge(
            "dns64_upstream_well",
            "1 if an upstream answers or was not asked yet, 0 if it fails.",
            upstreams.map { (["upstream": $0.address], $0.health == .failing ? 0 : 1) }
        )
        page.gauge(
            "dns64_upstream_round_trip_seconds",
            "Smoothed time from question to answer.",
            upstreams.compactMap { upstream in
                upstream.roundTripMilliseconds.map { (["upstream": upstream.address], $0 / 1_000) }
            }
        )
        page.counter(
            "dns64_upstream_asked_total",
            "Questions put to an upstream.",
            upstreams.map { (["upstream": $0.address], $0.asked) }
        )
        page.counter(
            "dns64_upstream_failures_total",
            "Questions an upstream left unanswered or failed.",
            upstreams.map { (["upstream": $0.address], $0.failures) }
        )
    }
}
