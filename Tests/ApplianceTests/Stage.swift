import Configuration
import ControlAPI
import ControlClient
import Glibc
import IPAddressing
import Linux
import Logging
import PacketMemory
import Synchronization
import TestNamespace
import Testing
import Timing

@testable import Appliance

/// A whole appliance in a network namespace, as its operator and its clients see it.
///
///     clients fd06::1, fd06:2::1 on lo ─▶ resolver [fd06::53]:5300 ─▶ upstream 127.0.0.101:5300, every name has A 5.6.7.8
///                                       └▶ nat64 (64:ff9b::/96) ─▶ pool 198.18.7.0/29
struct Stage: Sendable {
    let folder: Folder
    let log: LogBook
    fileprivate let supervisor: pthread_t

    static let resolver = known(TransportAddress("[fd06::53]:5300"))
    static let synthetic = "64:ff9b::506:708"

    /// The configuration of most tests, with other tables and keys at its end.
    static func configuration(_ folder: Folder, pool: String = "pool = [\"198.18.7.0/29\"]", _ more: String = "")
        -> String
    {
        """
        [nat64]
        \(pool)
        workers = 1
        [nat64.limits]
        bindings = 4096
        further-sessions = 4096
        [clients]
        allow = ["fd06::/16"]
        [control]
        socket = "\(folder.path)/control.sock"
        [state]
        directory = "\(folder.path)/state"
        [dns64]
        listen = ["[fd06::53]:5300"]
        upstreams = ["127.0.0.101:5300"]
        workers = 1
        cache-size = "1MiB"
        \(more)
        """
    }

    // MARK: What an operator does

    var control: ControlSocket { ControlSocket(path: folder.path + "/control.sock") }

    func status() throws -> StatusReport { try control.get(StatusReport.self, "/v1/status") }

    /// How many packets were dropped for a reason.
    func drops(_ reason: String) throws -> UInt64? { try status().dataplane.drops.first { $0.name == reason }?.count }

    func views() throws -> [ViewEntry] { try control.get(ViewList.self, "/v1/views").views }

    func reload() throws -> ReloadReport {
        try control.decode(ReloadReport.self, from: control.send("POST", "/v1/reload"))
    }

    /// The problems of a configuration that is not taken over.
    func refusedReload() throws -> [String] {
        let failure = try #require(throws: ControlFailure.self) { try reload() }
        guard case .refused(let problem) = failure else { throw failure }
        #expect(problem.status == 422)
        return problem.problems ?? []
    }

    func switchView(_ network: String, synthesize: Bool) throws {
        let body = "{\"network\":\"\(network)\",\"synthesize\":\(synthesize)}"
        _ = try control.send("PUT", "/v1/views", body: Array(body.utf8))
    }

    func forgetView(_ network: String) throws {
        _ = try control.send("DELETE", "/v1/views/" + network.split(separator: "/").joined(separator: "%2F"))
    }

    func configure(pool: String = "pool = [\"198.18.7.0/29\"]", _ more: String = "") throws {
        try folder.write(Self.configuration(folder, pool: pool, more), to: "appliance.toml")
    }

    func signal(_ number: Int32) { pthread_kill(supervisor, number) }

    // MARK: What a client does

    /// Sends a datagram from a port that has sent nothing yet.
    func sendDatagram(to address: String, from source: String = "fd06::1") throws {
        let peer = TransportAddress(known(IPAddress(address)), Port(4242))
        let socket = try UDPSocket(connectedTo: peer, from: known(IPAddress(source)))
        try socket.send([UInt8(1)].span.bytes)
    }

    /// The addresses in the answer; nothing if there is none.
    func ask(_ name: String, from source: String = "fd06::1") throws -> [String]? {
        let socket = try UDPSocket(connectedTo: Self.resolver, from: known(IPAddress(source)))
        let label = [UInt8(name.utf8.count)] + Array(name.utf8)
        let question =
            [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + label + [4] + Array("test".utf8) + [0, 0, 28, 0, 1]
        // As every client of DNS does: a device drops what it has in hand when a queueing discipline is put there.
        var tries = 0
        repeat {
            guard tries < 300 else { return nil }
            tries += 1
            try socket.send(question.span.bytes)
        } while !DescriptorIO.waitReadable(socket.number, atMost: .seconds(1))
        var memory = OctetBuffer(count: 1500)
        var room = memory.mutableOctets
        guard let count = try socket.receive(into: &room), count >= question.count else { return nil }
        let octets = (0..<count).map { room.octet(at: $0) }
        guard octets[3] & 15 == 0 else { return ["CODE \(octets[3] & 15)"] }
        // Each record is a pointer, ten octets, and the address.
        var addresses: [String] = []
        for record in 0..<Int(octets[7]) {
            let at = question.count + record * 28 + 12
            guard at + 16 <= count, octets[at - 9] == 28 else { return ["no AAAA record"] }
            let words = [octets[at..<(at + 8)], octets[(at + 8)..<(at + 16)]].map {
                $0.reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
            }
            addresses.append(IPv6Address(high: words[0], low: words[1]).description)
        }
        return addresses
    }
}

/// What was logged.
final class LogBook: Sendable {
    private let entries = Mutex<[String]>([])
    func add(_ line: String) { entries.withLock { $0.append(line) } }
    func lines(containing text: String) -> [String] { entries.withLock { $0.filter { $0.contains(text) } } }
    var lines: [String] { entries.withLock { $0 } }

    var logger: Logger { Logger(label: "test") { _ in Pen(book: self) } }

    private struct Pen: LogHandler {
        let book: LogBook
        var metadata: Logger.Metadata = [:]
        var logLevel = Logger.Level.notice
        subscript(metadataKey key: String) -> Logger.Metadata.Value? {
            get { metadata[key] }
            set { metadata[key] = newValue }
        }
        func log(event: LogEvent) { book.add("\(event.level): \(event.message)") }
    }
}

/// Puts clients and upstream in place; the upstream answers until it is stopped.
func setTheStage() throws -> Upstream {
    try run(
        """
        for c in all default; do echo 0 > /proc/sys/net/ipv4/conf/$c/rp_filter; done; \
        for a in 1 53; do ip addr add fd06::$a/128 dev lo nodad; done; \
        ip addr add fd06:2::1/128 dev lo nodad; ip addr add fd07::1/128 dev lo nodad; ip addr add 5.6.7.8/32 dev lo; \
        until ip -6 route show table local | grep -q 'fd07::1 '; do sleep 0.01; done
        """
    )
    return try Upstream()
}

/// Starts an appliance in this thread and supervises it while `body` runs in another.
func withAppliance<Result: Sendable>(
    _ folder: Folder,
    _ body: @escaping @Sendable (Stage) throws -> Result
) throws -> Result {
    let signals = try Signals()
    let stage = Stage(folder: folder, log: LogBook(), supervisor: pthread_self())
    let file = folder.path + "/appliance.toml"
    let appliance = try Appliance(
        configuration: try Configuration.load(path: file),
        file: file,
        log: stage.log.logger,
        logThreshold: LogThreshold()
    )
    let outcome = Mutex<Swift.Result<Result, any Error>?>(nil)
    let actor = try PlainThread(name: "operator") {
        let result = Swift.Result { try body(stage) }
        outcome.withLock { $0 = result }
        stage.signal(SIGTERM)
    }
    appliance.supervise(signals)
    actor.join()
    // Children that other tests start hold copies of all descriptors for a moment, and with them the device.
    #expect(try eventually { try !run("ip -o link").contains("nat64") })
    guard let result = outcome.withLock({ $0 }) else { throw CommandFailed(command: "body", output: "never ran") }
    return try result.get()
}

/// Runs a test on a stage with an appliance of the usual configuration.
func onStage<Result: Sendable>(
    pool: String = "pool = [\"198.18.7.0/29\"]",
    _ more: String = "",
    _ body: @escaping @Sendable (Stage) throws -> Result
) async throws -> Result {
    try await inNamespace {
        let upstream = try setTheStage()
        defer { upstream.stop() }
        let folder = Folder()
        try folder.write(Stage.configuration(folder, pool: pool, more), to: "appliance.toml")
        return try withAppliance(folder, body)
    }
}

/// Everything an appliance could leave in this namespace.
func everything() throws -> String {
    try run(
        """
        ip -4 route show table all; ip -6 route show table all | grep -v 'fe80\\|ff00'; ip rule; ip -6 rule; \
        ip -o addr | sed 's/ \\(valid_lft\\|scope\\).*//'; ip -o link | sed 's/ state .*//'; ip neigh show proxy; \
        ip -6 neigh show proxy; true
        """
    )
}

/// Waits until something is so; half a minute is enough for a machine that is busy with much else.
func eventually(patience: Moment.Span = .seconds(300), _ isSo: () throws -> Bool) rethrows -> Bool {
    let end = MonotonicClock.now() + patience
    while MonotonicClock.now() < end {
        if try isSo() { return true }
        usleep(5000)
    }
    return false
}

/// A resolver that says of every name that it has the A record 5.6.7.8, and nothing else.
final class Upstream: Sendable {
    private let bell: Bell
    private let socket: UDPSocket
    private let thread = Mutex<PlainThread?>(nil)

    init() throws {
        bell = try Bell()
        socket = try UDPSocket(listeningOn: known(TransportAddress("127.0.0.101:5300")))
        let started = try PlainThread(name: "upstream") { [self] in serve() }
        thread.withLock { $0 = started }
    }

    func stop() {
        bell.ring()
        thread.withLock { $0 }?.join()
    }

    private func serve() {
        guard let poll = try? EventPoll() else { return }
        try? poll.add(bell.number, for: .readable, token: 0)
        try? poll.add(socket.number, for: .readable, token: 1)
        var inbox = UDPInbox()
        var outbox = UDPOutbox()
        var isOver = false
        while !isOver {
            try? poll.wait(atMost: nil) { token, _ in if token == 0 { isOver = true } }
            try? inbox.fill(from: socket)
            for index in 0..<inbox.count {
                let datagram = inbox.datagram(index)
                let query = (0..<datagram.byteCount).map { datagram.octet(at: $0) }
                let reply = Self.reply(to: query)
                var room = outbox.next
                for (place, octet) in reply.enumerated() { room.store(octet, at: place) }
                outbox.seal(reply.count, to: inbox.ends(index))
            }
            if outbox.count > 0 { _ = outbox.send(on: socket) }
        }
    }

    private static func reply(to query: [UInt8]) -> [UInt8] {
        var end = 12
        while end < query.count, query[end] != 0 { end += Int(query[end]) + 1 }
        guard end + 5 <= query.count else { return query }
        var reply = Array(query[..<(end + 5)])
        reply.replaceSubrange(2..<4, with: [0x81, 0x80])
        reply.replaceSubrange(6..<12, with: [0, 0, 0, 0, 0, 0])
        if query[end + 2] == 1 {
            reply[7] = 1
            return reply + [0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 5, 6, 7, 8]
        }
        reply[9] = 1
        return reply + [0xC0, 12, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0] + [UInt8](repeating: 0, count: 16) + [
            0, 0, 14, 16,
        ]
    }
}
