import Dataplane
import Glibc
import IPAddressing
import Linux
import NAT64
import PacketMemory
import Policy
import Synchronization
import TestNamespace
import Testing
import Timing

/// A data plane in a namespace where this machine is client and peer at once: what a socket sends to an address under
/// the prefix leaves by the TUN, comes back out of it as IPv4 for an address of `lo`, and the answer goes the same way.
///
///     socket fd06::1 ─▶ nat64 (64:ff9b::/96) ─▶ translator, pool 198.18.7.1 ─▶ nat64 ─▶ socket 5.6.7.8
struct Bench {
    let dataplane: Dataplane
    let translator: Translator
    let losses: Losses
    /// How often a worker said that there is something to be put on record.
    let records: Losses

    static let client = known(IPAddress("fd06::1"))
    static let pool = known(IPv4Address("198.18.7.1"))
    static let peer = known(IPv4Address("5.6.7.8"))

    /// The peer as the client sees it.
    static func peerUnderPrefix(_ port: UInt16) -> TransportAddress {
        .v6(TransportAddress6(TranslationPrefix.wellKnown.embed(peer), Port(port)))
    }

    static func peer(_ port: UInt16) -> TransportAddress { .v4(TransportAddress4(peer, Port(port))) }

    static let policy = Policy(
        generation: 1,
        prefixes: [.wellKnown],
        clients: ClientAccess(networks: [known(IPPrefix("fd06::/64"))]),
        destinations: DestinationRules(),
        views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
    )

    /// Puts addresses and routes in place.
    static func routes() throws {
        try run(
            """
            ip link set nat64 addrgenmode none && ip link set nat64 up mtu 1500 && ip -6 route add 64:ff9b::/96 dev nat64 src fd06::1 \
            && ip route add 198.18.7.1 dev nat64 src 5.6.7.8
            """
        )
    }
}

/// How often a worker said something, for one that its queue is lost.
final class Losses: Sendable {
    private let number = Atomic<Int>(0)
    func note() { number.add(1, ordering: .relaxed) }
    var count: Int { number.load(ordering: .relaxed) }
}

/// A value that the test has written itself and that cannot be missing.
func known<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("the test does not say what it means") }
    return value
}

/// Runs a test body beside a running data plane, in a namespace of its own.
func withBench<Result: Sendable>(
    queues: Int = 1,
    settings change: @escaping @Sendable (inout NAT64Settings) -> Void = { _ in },
    _ body: @escaping @Sendable (Bench) throws -> Result
) async throws -> Result {
    try await inNamespace {
        try run(
            """
            for c in all default; do echo 0 > /proc/sys/net/ipv4/conf/$c/rp_filter; \
            echo 0 > /proc/sys/net/ipv6/conf/$c/accept_dad; done; \
            ip addr add fd06::1/128 dev lo nodad && ip addr add 5.6.7.8/32 dev lo
            """
        )
        var settings = NAT64Settings()
        settings.pool = [PoolEntry(addresses: Bench.pool...Bench.pool)]
        settings.maximumBindings = 4096
        settings.maximumFurtherSessions = 4096
        change(&settings)
        let translator = Translator(
            settings: settings,
            policy: Bench.policy,
            secret: KeyedHash(key0: 1, key1: 2)
        )
        let device = try TunDevice(name: "nat64", queues: queues)
        try Bench.routes()
        let (losses, records) = (Losses(), Losses())
        let dataplane = try Dataplane(
            device: device,
            translator: translator,
            onRecords: { records.note() },
            onLoss: { losses.note() }
        )
        try dataplane.start()
        defer { dataplane.stop() }
        return try body(Bench(dataplane: dataplane, translator: translator, losses: losses, records: records))
    }
}

/// Waits until something is so; half a minute is enough for a machine that is busy with much else.
func eventually(patience: Moment.Span = .seconds(300), _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = MonotonicClock.now() + patience
    while MonotonicClock.now() < end {
        if try isSo() { return true }
        usleep(2000)
    }
    return false
}

/// A command of the shell that ended otherwise than it should.
struct CommandFailed: Error, CustomStringConvertible {
    let command: String
    let output: String
    var description: String { "\(command): \(output)" }
}

/// Runs a command line of the shell in the calling thread's network namespace and returns what it wrote.
@discardableResult
func run(_ command: String) throws -> String {
    guard let pipe = popen("( \(command) ) 2>&1", "re") else { throw CommandFailed(command: command, output: "popen") }
    var octets: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 4096)
    while case let count = fread(&buffer, 1, buffer.count, pipe), count > 0 { octets += buffer[..<count] }
    let output = String(decoding: octets, as: UTF8.self)
    guard pclose(pipe) == 0 else { throw CommandFailed(command: command, output: output) }
    return output
}
