import ControlAPI

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
            steering: SteeringStatus(
                programLoaded: false,
                reason: "CAP_BPF is missing",
                lockWaits: 17,
                workers: [
                    WorkerSteering(hits: 80_001_204, misses: 1_117, lockWaits: 5),
                    WorkerSteering(hits: 81_000_000, misses: 0, lockWaits: 12),
                ]
            )
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
            recursor: RecursorStatus(
                process: 4_711,
                restarts: 2,
                restartsOfLate: 1,
                hangs: 1,
                refused: 7,
                landlock: true
            )
        ),
        views: ViewList(
            synthesizeByDefault: true,
            synthesizeOverIPv4: false,
            views: [
                ViewEntry(
                    network: "2001:db8:6:2::/64",
                    synthesize: false,
                    origin: .runtime,
                    rules: 1,
                    filters: 12,
                    questions: 4100
                )
            ],
            otherQuestions: 4_406_100
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
        report.dataplane.uncountedClients = 1_300
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
                code: "forwarding",
                severity: .failure,
                problem: "net.ipv6.conf.all.forwarding is 0: no packets of clients.",
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
