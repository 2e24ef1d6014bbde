import Control
import ControlAPI
import Synchronization

/// An appliance that does nothing but remember, with 2,345 sessions and as many bindings.
final class FakeAppliance: ControlledAppliance {
    let version = "1.4.0"
    private let report: Mutex<StatusReport>
    private let runtime = Mutex<[ViewEntry]>([])
    let filters = Mutex<[EntryFilter]>([])
    let reloads = Mutex<[ReloadReport]>([])
    /// Held while a status is made, so that a test decides how long the appliance takes.
    let busy = Mutex<Void>(())

    init(_ report: StatusReport = .working) { self.report = Mutex(report) }

    /// How many reports were asked for.
    let asked = Atomic(0)

    func status() -> StatusReport {
        asked.add(1, ordering: .relaxed)
        busy.withLock { _ in }
        return report.withLock { $0 }
    }

    static let sessionCount = 2_345

    static func session(_ index: Int) -> SessionEntry {
        SessionEntry(
            transport: index.isMultiple(of: 3) ? "udp" : "tcp",
            client: "[2001:db8:6:1::\(String(index, radix: 16))]:\(40_000 + index % 20_000)",
            peer: "192.0.2.\(index % 250 + 1):443",
            external: "203.0.113.1:\(1_024 + index)",
            state: index.isMultiple(of: 3) ? nil : "ESTABLISHED",
            secondsLeft: UInt64(index % 7_440)
        )
    }

    private func slice(_ filter: EntryFilter, _ cursor: String?, _ limit: Int) throws(ControlRefusal) -> Range<Int> {
        filters.withLock { $0.append(filter) }
        guard filter.client != "nonsense" else {
            throw ControlRefusal(.badRequest, "client: \"nonsense\" is no prefix.")
        }
        guard let start = cursor.map({ Int($0.dropFirst(2)) }) ?? 0 else {
            throw ControlRefusal(.badRequest, "cursor: not one of ours.")
        }
        let count = filter.state == "V4 FIN RCV" ? 0 : Self.sessionCount
        return min(start, count)..<min(start + limit, count)
    }

    /// Cursors hold characters that mean something in a query, so that a forgotten encoding is found.
    private func next(_ slice: Range<Int>) -> String? {
        slice.upperBound < Self.sessionCount && !slice.isEmpty ? "&=\(slice.upperBound)" : nil
    }

    func sessions(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> SessionPage {
        let slice = try slice(filter, cursor, limit)
        return SessionPage(sessions: slice.map(Self.session), next: next(slice))
    }

    func bindings(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> BindingPage {
        let slice = try slice(filter, cursor, limit)
        let entries = slice.map(Self.session).map {
            BindingEntry(transport: $0.transport, client: $0.client, external: $0.external, sessions: 1)
        }
        return BindingPage(bindings: entries, next: next(slice))
    }

    private let added = Mutex<[StaticBindingEntry]>([])

    func staticBindings() -> StaticBindingList {
        let file = StaticBindingEntry(
            transport: "icmp",
            external: "203.0.113.1:7",
            client: "[2001:db8:6::7]:7",
            origin: .file,
            problem: "its address is none of the pool; write it in nat64.pool"
        )
        return StaticBindingList(bindings: [file] + added.withLock { $0 })
    }

    func addStaticBinding(_ change: StaticBindingChange) throws(ControlRefusal) {
        guard change.external != "203.0.113.1:80" || change.replace == true else {
            throw ControlRefusal(.conflict, "203.0.113.1:80 stands for [2001:db8:6::9]:5 already; --replace ends that.")
        }
        added.withLock {
            $0.append(
                StaticBindingEntry(
                    transport: change.transport,
                    external: change.external,
                    client: change.client,
                    origin: .runtime
                )
            )
        }
    }

    func removeStaticBinding(transport: String, external: String) throws(ControlRefusal) {
        let found = added.withLock { list in
            let before = list.count
            list.removeAll { $0.transport == transport && $0.external == external }
            return list.count < before
        }
        guard found else {
            throw ControlRefusal(.notFound, "No static binding was added for \(transport) \(external).")
        }
    }

    func views() -> ViewList {
        ViewList(
            synthesizeByDefault: true,
            synthesizeOverIPv4: true,
            views: runtime.withLock { $0 } + [ViewEntry(network: "2001:db8:6:9::/64", synthesize: false, origin: .file)]
        )
    }

    func setView(_ change: ViewChange) throws(ControlRefusal) {
        guard change.network.hasPrefix("2001:db8:") else {
            throw ControlRefusal(.badRequest, "network: \"\(change.network)\" is no prefix.")
        }
        guard change.network != "2001:db8:f::/48" else {
            throw ControlRefusal(.failed, "The state folder is full; make room and try again.")
        }
        runtime.withLock { views in
            views.removeAll { $0.network == change.network }
            views.append(ViewEntry(network: change.network, synthesize: change.synthesize, origin: .runtime))
        }
    }

    func removeView(network: String) throws(ControlRefusal) {
        let found = runtime.withLock { views in
            let before = views.count
            views.removeAll { $0.network == network }
            return views.count < before
        }
        guard found else { throw ControlRefusal(.notFound, "Nothing was switched at runtime for \(network).") }
    }

    func reload() -> ReloadReport {
        reloads.withLock { $0.popLast() }
            ?? ReloadReport(applied: true, changed: ["dns64.upstreams"], needsRestart: ["nat64.workers"], problems: [])
    }
}

extension StatusReport {
    /// A box in good order, with a number in every field.
    static let working = StatusReport(
        version: "1.4.0",
        uptimeSeconds: 3 * 86_400 + 4 * 3_600 + 5,
        findings: [],
        dataplane: DataplaneStatus(
            state: .running,
            device: "nat64",
            mtu: 1_500,
            workers: 2,
            offloads: ["checksum", "tso4", "tso6"],
            refusedOffloads: ["uso4", "uso6"],
            prefixes: ["64:ff9b::/96"],
            pool: [
                PoolEntry(
                    addresses: "203.0.113.0/28",
                    ports: "1024-65535",
                    portsInUse: 1_888_911,
                    portsTotal: 3_096_576
                ),
                PoolEntry(
                    addresses: "198.51.100.5",
                    sharedInterface: "eth0",
                    ports: "61440-65535",
                    portsInUse: 3,
                    portsTotal: 12_288
                ),
            ],
            sessions: TableUse(tcp: 12_000, udp: 800, icmp: 4, limit: 262_144, made: 1_234_567),
            bindings: TableUse(tcp: 9_000, udp: 770, icmp: 1, limit: 262_144, made: 1_000_001),
            traffic6to4: Traffic(
                packets: 81_204_113,
                octets: 9_771_234_567,
                packetsPerSecond: 1_204,
                octetsPerSecond: 1_537_500
            ),
            traffic4to6: Traffic(
                packets: 79_882_014,
                octets: 99_771_234_567,
                packetsPerSecond: 0.4,
                octetsPerSecond: 0
            ),
            hairpinned: 12,
            handedBack: 3_456,
            answered: 78,
            drops: [
                ReasonCount(name: "malformed", count: 87, explanation: "Too short or inconsistent to read."),
                ReasonCount(
                    name: "destination-outside-prefix",
                    count: 1_117,
                    explanation: "No prefix holds the destination."
                ),
                ReasonCount(name: "pool-exhausted", count: 0, explanation: "The pool has no free transport address."),
                ReasonCount(name: "no-session", count: 9_210, explanation: "Nobody here asked for this packet."),
            ],
            steering: SteeringStatus(programLoaded: false, reason: "CAP_BPF is missing", lockWaits: 17)
        ),
        network: NetworkStatus(
            state: .running,
            routes: [InstalledEntry(name: "64:ff9b::/96", device: "nat64", inPlace: true)],
            poolAddresses: [InstalledEntry(name: "203.0.113.0/28", device: "nat64", inPlace: true)],
            repairs: 2,
            forwarding: [],
            uplink: Uplink(interface: "eth0", addresses: ["198.51.100.5"], mtu: 1_500)
        ),
        resolver: ResolverStatus(
            state: .running,
            workers: 2,
            sockets: [
                ListeningSocket(address: "[2001:db8:6::1]:53", transport: "udp"),
                ListeningSocket(address: "[2001:db8:6::1]:53", transport: "tcp"),
                ListeningSocket(address: "192.0.2.1:53", transport: "udp"),
            ],
            upstreams: [
                UpstreamStatus(
                    address: "10.0.0.53:53",
                    health: .well,
                    roundTripMilliseconds: 12.34,
                    asked: 1_204,
                    failures: 3
                ),
                UpstreamStatus(address: "10.0.1.53:53", health: .untried, asked: 0, failures: 0),
            ],
            queries: 4_410_200,
            queriesPerSecond: 35.6,
            fromCache: 3_131_242,
            synthesized: 1_675_876,
            native: 882_040,
            failed: 12,
            refused: [ReasonCount(name: "not-a-client", count: 12, explanation: "The asker is not in clients.allow.")],
            counts: [
                ReasonCount(name: "stale", count: 0, explanation: "The answer was too old."),
                ReasonCount(name: "filtered", count: 31, explanation: "The answer was changed by the filter."),
                ReasonCount(name: "good-cookies", count: 1_204, explanation: "The question had a cookie of ours."),
            ],
            cache: CacheStatus(entries: 12_000, octets: 3_250_586, limitOctets: 67_108_864),
            tcpConnections: 6,
            connectionsRefused: 2,
            transports: [
                TransportUse(transport: "udp", questions: 4_401_100),
                TransportUse(transport: "tcp", questions: 7_000, connections: 3),
                TransportUse(transport: "tls", questions: 1_900, connections: 2),
                TransportUse(transport: "https", questions: 200, connections: 1),
            ],
            encryption: EncryptionStatus(
                failedHandshakes: 14,
                refusedRequests: 5,
                endedFloods: 1,
                certificate: CertificateStatus(
                    file: "/etc/dns.pem",
                    expires: 1_800_000_000,
                    secondsLeft: 62 * 86_400 + 3_600,
                    renewals: 1
                )
            ),
            recursor: RecursorStatus(process: 4_711, restarts: 2, restartsOfLate: 1, hangs: 1)
        ),
        views: ViewList(
            synthesizeByDefault: true,
            synthesizeOverIPv4: false,
            views: [ViewEntry(network: "2001:db8:6:2::/64", synthesize: false, origin: .runtime)]
        ),
        configuration: ConfigurationStatus(
            file: "/etc/nat64-appliance/appliance.toml",
            dropIns: ["/etc/nat64-appliance/appliance.d/site.toml"],
            policyGeneration: 3,
            clients: ["2001:db8:6::/48"],
            lastReload: ConfigurationStatus.LastReload(secondsAgo: 7_260, applied: true, problems: [])
        )
    )

    /// One upstream is silent and one address could not be listened on.
    static let degraded: StatusReport = {
        var report = StatusReport.working
        report = report.with(findings: [
            Finding(
                code: "ipv4-views",
                severity: .note,
                problem: "Clients that ask over IPv4 get no synthetic records.",
                remedy: "Set dns64.synthesize-over-ipv4 if they should."
            ),
            Finding(
                code: "upstream-silent",
                severity: .warning,
                problem: "The upstream 10.0.1.53:53 has not answered for 40 seconds.",
                remedy: "See whether it runs and whether a firewall stands between."
            ),
        ])
        report.resolver.upstreams[1].health = .failing
        report.resolver.upstreams[1].lastProblem = "no answer within 2 s"
        report.resolver.listenProblems = [
            ListenProblem(
                address: "127.0.0.1:53",
                transport: "udp",
                problem: "the address is in use by another program"
            )
        ]
        report.configuration.lastReload = ConfigurationStatus.LastReload(
            secondsAgo: 61,
            applied: false,
            problems: ["appliance.toml:23: prefx: no such key; did you mean \"prefix\"?"]
        )
        return report
    }()

    /// No way out, no route, nothing counted yet.
    static let down: StatusReport = {
        var report = StatusReport.working
        report = report.with(findings: [
            Finding(
                code: "forwarding-off",
                severity: .failure,
                problem: "IPv6 forwarding is off.",
                remedy: "Set net.ipv6.conf.all.forwarding=1."
            ),
            Finding(
                code: "no-uplink",
                severity: .failure,
                problem: "There is no IPv4 default route.",
                remedy: "Add one."
            ),
        ])
        report.dataplane.state = .failed
        report.dataplane.offloads = []
        report.dataplane.refusedOffloads = []
        report.dataplane.pool = []
        report.dataplane.sessions = TableUse(tcp: 0, udp: 0, icmp: 0)
        report.dataplane.bindings = TableUse(tcp: 0, udp: 0, icmp: 0)
        report.dataplane.traffic6to4 = Traffic(packets: 0, octets: 0)
        report.dataplane.traffic4to6 = Traffic(packets: 0, octets: 0)
        report.dataplane.steering = nil
        report.network.routes[0].inPlace = false
        report.network.routes[0].problem = "a foreign route stands in its place"
        report.network.poolAddresses = []
        report.network.forwarding = Array(report.findings.prefix(1))
        report.network.uplink = nil
        report.resolver.state = .stopped
        report.resolver.sockets = []
        report.resolver.upstreams = []
        report.resolver.queries = 0
        report.resolver.queriesPerSecond = nil
        report.resolver.fromCache = 0
        report.resolver.synthesized = 0
        report.resolver.native = 0
        report.resolver.refused = []
        report.resolver.counts = []
        report.resolver.transports = []
        report.resolver.encryption = nil
        report.resolver.recursor = nil
        report.views.views = []
        report.views.synthesizeOverIPv4 = true
        report.configuration = ConfigurationStatus(file: nil, policyGeneration: 1, clients: [])
        report.uptimeSeconds = 59
        return report
    }()

    func with(findings: [Finding]) -> StatusReport {
        StatusReport(
            version: version,
            uptimeSeconds: uptimeSeconds,
            findings: findings,
            dataplane: dataplane,
            network: network,
            resolver: resolver,
            views: views,
            configuration: configuration
        )
    }
}
