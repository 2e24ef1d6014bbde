import DNS64
import Glibc
import IPAddressing
import Linux
import PacketMemory
import Policy
import Resolver
import Synchronization
import TestNamespace
import Testing
import Timing

/// What a test runs in its namespace: a resolver at 127.0.0.1 that asks 127.0.0.101, and whatever else it adds.
struct Bench {
    let resolver: Resolver
    let upstream: ScriptedUpstream
    let events: Events

    static let at = endpoint("127.0.0.1:53")
}

/// What a resolver reported.
final class Events: Sendable {
    private let all = Mutex<[ResolverEvent]>([])
    func note(_ event: ResolverEvent) { all.withLock { $0.append(event) } }
    var list: [ResolverEvent] { all.withLock { $0 } }
}

func endpoint(_ text: String) -> TransportAddress { known(TransportAddress(text)) }

/// A value that the test has written itself and that cannot be missing.
func known<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("the test does not say what it means") }
    return value
}

/// The settings of most tests. No question to an upstream is repeated or given up and no connection closed for being idle,
/// however slow the machine is: tests of that set times of their own.
func settings(
    listen: [String] = ["127.0.0.1:53"],
    upstreams: [String] = ["127.0.0.101:53"],
    workers: Int = 1
) -> ResolverSettings {
    var settings = ResolverSettings()
    settings.listen = listen.map(endpoint)
    settings.usesSystemUpstreams = false
    settings.dns64.upstreams = upstreams.map { UpstreamAddress(endpoint($0)) }
    settings.dns64.cacheSize = 1 << 20
    settings.dns64.patience = .seconds(600)
    settings.dns64.patienceForAAAA = .seconds(600)
    settings.dns64.shortestRetry = .seconds(300)
    settings.dns64.longestRetry = .seconds(300)
    settings.tcp.idle = .seconds(600)
    settings.tcp.handshake = .seconds(600)
    settings.workers = workers
    return settings
}

/// 64:ff9b::/96, and clients in the test's namespace.
func policy(
    generation: UInt64 = 1,
    clients: [String] = ["127.0.0.0/8", "::1/128", "fd00::/8", "fe80::/10"],
    synthesize: Bool = true
) -> Policy {
    Policy(
        generation: generation,
        prefixes: [.wellKnown],
        clients: ClientAccess(networks: clients.map { known(IPPrefix($0)) }),
        destinations: DestinationRules(),
        views: Views(synthesizeByDefault: synthesize, synthesizeOverIPv4: true, views: [])
    )
}

func makeResolver(_ settings: ResolverSettings, policy inForce: Policy = policy(), events: Events = Events())
    -> Resolver
{
    let secret = SystemRandom.secret()
    return Resolver(
        settings: settings,
        cache: AnswerCache(size: settings.dns64.cacheSize, secret: secret),
        policy: inForce,
        secret: secret,
        report: { events.note($0) }
    )
}

/// Runs a test body beside a running resolver and its upstream, in a namespace of its own.
func withBench<Result: Sendable>(
    _ settings: ResolverSettings = settings(),
    policy inForce: Policy = policy(),
    _ body: @escaping @Sendable (Bench) throws -> Result
) async throws -> Result {
    try await inNamespace {
        let upstream = try ScriptedUpstream(at: "127.0.0.101")
        defer { upstream.stop() }
        let events = Events()
        let resolver = makeResolver(settings, policy: inForce, events: events)
        try resolver.start()
        defer { resolver.stop() }
        return try body(Bench(resolver: resolver, upstream: upstream, events: events))
    }
}

func shell(_ command: String) { #expect(system(command) == 0, "\(command)") }

/// Adds an address and waits until it works: the kernel makes the route of an IPv6 address a little later.
func addAddress(_ text: String, device: String = "lo") {
    shell("ip addr add \(text) dev \(device)" + (text.contains(":") ? " nodad" : ""))
    guard text.contains(":") else { return }
    let address = text.prefix { $0 != "/" }
    shell("until ip -6 route show table local | grep -q ' \(address) '; do sleep 0.01; done")
}

/// The synthetic address of 5.6.7.8.
let synthetic = "AAAA 64:ff9b::506:708"
