internal import DNSWire
internal import Linux
internal import PacketMemory
internal import Policy
internal import Synchronization
internal import Timing

/// The query log: a thread of its own that takes what workers have put down and writes it, line by line.
///
/// Workers never wait for it. While the destination takes nothing, lines wait in the workers' pages; when those are full,
/// workers count what they leave out.
final class QueryLog: Sendable {
    private struct Orders {
        var settings: QueryLogSettings?
        var mustReopen = false
        var isStopping = false
        /// Why nothing can be written, as far as was seen with these settings.
        var problem: SystemError?
    }

    private let pages: [QueryPage]
    private let policies: PolicyInForce
    private let report: @Sendable (ResolverEvent) -> Void
    private let bell: Bell
    private let orders = Mutex(Orders())
    private let thread = Mutex<PlainThread?>(nil)
    private let dropsPrivileges: Bool

    init(
        pages: [QueryPage],
        policies: PolicyInForce,
        dropsPrivileges: Bool,
        report: @escaping @Sendable (ResolverEvent) -> Void
    ) throws(SystemError) {
        self.pages = pages
        self.policies = policies
        self.report = report
        self.dropsPrivileges = dropsPrivileges
        bell = try Bell()
    }

    /// Goes on by other settings, or by the same; a file is opened anew in either case, as whoever rotates files wants.
    /// To be called before the workers begin to log.
    func apply(_ settings: QueryLogSettings?) throws(SystemError) {
        if let settings {
            for page in pages { page.open(octets: settings.buffer) }
        }
        orders.withLock { orders in
            orders.settings = settings
            orders.mustReopen = true
            orders.problem = nil
        }
        bell.ring()
        guard settings != nil else { return }
        try thread.withLock { thread throws(SystemError) in
            guard thread == nil else { return }
            thread = try PlainThread(name: "dns-query-log") { [self] in
                if dropsPrivileges { Capabilities.dropAll() }
                run()
            }
        }
    }

    /// Why the log cannot be written now; nothing if it can, or none is wanted.
    var problem: SystemError? { orders.withLock { $0.settings == nil ? nil : $0.problem } }

    /// Tells the writer that a page fills.
    func ring() { bell.ring() }

    /// Writes what there is, as far as it is taken at once, and ends.
    func stop() {
        orders.withLock { $0.isStopping = true }
        bell.ring()
        thread.withLock { $0.take() }?.join()
    }

    // MARK: The writer's thread

    /// How often pages are looked at that are not full.
    private static let interval = Moment.Span.milliseconds(100)
    /// How long the destination is left alone after it failed.
    private static let pause = Moment.Span.seconds(1)

    private func run() {
        let node = Self.node()
        var memory = OctetBuffer(count: 1)
        var lines = QueryLines()
        var current: QueryLogSettings?
        var output: LineFile?
        var lastProblem: SystemError?
        while true {
            let now = orders.withLock { orders in
                defer { orders.mustReopen = false }
                return orders
            }
            if now.mustReopen {
                output = nil
                current = now.settings ?? current
                lines.beginAgain()
            }
            guard let settings = current else { return }
            if lines.isEmpty {
                let line = QueryLine(node: node, settings: settings, policy: policies.current().policy)
                for page in pages {
                    if memory.count != settings.buffer { memory = OctetBuffer(count: settings.buffer) }
                    lines.take(page.take(into: &memory), of: memory, by: line)
                }
            }
            if lines.isEmpty {
                if now.isStopping { return }
                rest(now.settings == nil ? Self.pause : Self.interval)
                continue
            }
            do throws(SystemError) {
                if output == nil { output = try Self.open(settings.destination) }
                guard let file = output else { continue }
                let isWhole = try lines.write(to: file)
                if lastProblem != nil {
                    orders.withLock { $0.problem = nil }
                    report(.queryLogWritten)
                }
                lastProblem = nil
                guard !isWhole else { continue }
                if now.isStopping { return }
                file.waitForRoom(atMost: Self.interval)
            } catch {
                if now.isStopping { return }
                output = nil
                orders.withLock { $0.problem = error }
                if lastProblem?.code != error.code { report(.cannotWriteQueryLog(error)) }
                lastProblem = error
                rest(Self.pause)
            }
        }
    }

    private func rest(_ span: Moment.Span) {
        if DescriptorIO.waitReadable(bell.number, atMost: span) { bell.hush() }
    }

    private static func open(_ destination: QueryLogSettings.Destination) throws(SystemError) -> LineFile {
        switch destination {
        case .file(let path): try LineFile(path: path)
        case .standardOutput: LineFile()
        }
    }

    /// The name of this machine.
    private static func node() -> String {
        let octets = (try? WholeFile.read("/proc/sys/kernel/hostname", limit: 256)) ?? []
        return String(decoding: octets.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
    }
}

/// Lines on their way to a file.
struct QueryLines {
    private var octets: [UInt8] = []
    private var written = 0

    var isEmpty: Bool { octets.isEmpty }

    /// Makes lines of what lies in a worker's page.
    mutating func take(_ count: Int, of page: borrowing OctetBuffer, by line: QueryLine) {
        var start = 0
        while start < count { start = line.append(page.octets, at: start, to: &octets) }
    }

    /// Writes as much as there is room for. Whether that was all.
    mutating func write(to file: LineFile) throws(SystemError) -> Bool {
        while written < octets.count {
            let done = file.write(octets[written...])
            if LineFile.isForNow(done) { return false }
            guard done > 0 else { throw SystemError(call: "write to the query log", code: Int32(clamping: -done)) }
            written += done
        }
        octets.removeAll(keepingCapacity: octets.capacity <= 16 << 20)
        written = 0
        return true
    }

    /// Goes back to the begin of a line that was written in part: it goes whole into another file.
    mutating func beginAgain() {
        let newline = octets[..<written].lastIndex(of: UInt8(ascii: "\n"))
        octets.removeFirst(newline.map { $0 + 1 } ?? 0)
        written = 0
    }
}
