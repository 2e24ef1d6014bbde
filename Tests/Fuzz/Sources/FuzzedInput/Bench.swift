public import DNS64
import DNSWire
import IPAddressing
import PacketMemory
public import Timing

/// A resolver engine, its clients, and a clock.
public struct Bench: ~Copyable {
    /// The engine.
    public var engine: ResolverEngine
    /// The time.
    public private(set) var now = Moment(nanoseconds: 1 << 40)
    private var random = RandomWords(secret: fuzzedSecret)
    private let settings: DNS64Settings
    /// The questions under way, as they were sent.
    public private(set) var asked: [(exchange: ExchangeID, message: [UInt8])] = []
    /// Clients that wait, with what they asked.
    private var waiting: [UInt64: [UInt8]] = [:]
    private var lastWaiter: UInt64 = 0
    private var inputs = 0

    /// Makes an engine with two upstreams.
    public init() {
        settings = Bench.settings
        engine = Bench.makeEngine()
    }

    private static let settings: DNS64Settings = {
        guard let first = IPv4Address("192.0.2.1"), let second = IPv4Address("192.0.2.2") else {
            fatalError("the literals are valid")
        }
        var settings = DNS64Settings()
        settings.upstreams = [first, second].map { UpstreamAddress(.v4(TransportAddress4($0, Port(53)))) }
        return settings
    }()

    private static func makeEngine() -> ResolverEngine {
        ResolverEngine(
            settings: settings,
            cache: AnswerCache(size: 1 << 20, secret: fuzzedSecret),
            counters: ResolverCounters(upstreams: settings.upstreams.count),
            worker: 0
        )
    }

    /// Starts the next input: what the cache holds has gone stale. Now and then all is made anew, which takes time.
    public mutating func begin() {
        inputs += 1
        now = now + .seconds(30 * 86_400)
        guard inputs % 64 == 0 else { return }
        engine = Self.makeEngine()
        asked = []
        waiting = [:]
    }

    /// Takes a client's message and looks at what it gets at once.
    public mutating func ask(_ query: [UInt8], from client: Client, room: inout MutableRawSpan) {
        lastWaiter += 1
        let outcome = engine.receive(
            query: query.span.bytes,
            from: client,
            waiter: WaiterID(lastWaiter),
            policy: fuzzedPolicy,
            at: now,
            reply: &room
        )
        switch outcome {
        case .reply(let count): Self.check(room, count, query, client.transport)
        case .waiting: waiting[lastWaiter] = query
        case .silence: require(query.count < 12 || query[2] & 0x80 != 0, "only what is no question gets no answer")
        }
        act(&room)
    }

    /// Takes an upstream's message for one of the questions under way.
    public mutating func reply(_ message: [UInt8], to exchange: ExchangeID, room: inout MutableRawSpan) {
        now = now + .milliseconds(3)
        if engine.receive(reply: message.span.bytes, for: exchange, at: now) == .taken {
            asked.removeAll { $0.exchange == exchange }
        }
        act(&room)
    }

    /// Hears that a question did not reach its upstream.
    public mutating func fail(_ exchange: ExchangeID, _ failure: ExchangeFailure, room: inout MutableRawSpan) {
        asked.removeAll { $0.exchange == exchange }
        engine.failed(exchange, failure, at: now)
        act(&room)
    }

    /// Lets time pass until the next thing is due, or until nothing is under way.
    public mutating func advance(toEnd: Bool = false, room: inout MutableRawSpan) {
        var steps = 0
        while let deadline = engine.nextDeadline {
            now = max(now, deadline)
            engine.advance(to: now)
            act(&room)
            steps += 1
            require(steps < 10_000, "deadlines come to an end")
            if !toEnd { return }
        }
        guard toEnd else { return }
        require(engine.underWay == (0, 0) && waiting.isEmpty && asked.isEmpty, "every client is answered in the end")
    }

    /// Does what the engine wants done.
    private mutating func act(_ room: inout MutableRawSpan) {
        var actions = 0
        while let action = engine.nextAction(policy: fuzzedPolicy, at: now, random: &random, message: &room) {
            actions += 1
            require(actions < 1000, "the actions come to an end")
            switch action {
            case .ask(let exchange, _, _, let count):
                asked.append((exchange, (0..<count).map { room.octet(at: $0) }))
                requireReadable(room.bytes.extracting(0..<count), "a question")
            case .tell: require(false, "there is nobody else to tell")
            case .cancel(let exchange): asked.removeAll { $0.exchange == exchange }
            case .answer(let waiter, let count):
                guard let query = waiting.removeValue(forKey: waiter.number) else {
                    return require(false, "who waits is answered once")
                }
                Self.check(room, count, query, nil)
            }
        }
    }

    private static func check(
        _ room: borrowing MutableRawSpan,
        _ count: Int,
        _ query: [UInt8],
        _ transport: Client.Transport?
    ) {
        require(count >= 12 && count <= (transport == .udp ? 1232 : 65_535), "a reply has a header and fits")
        require(room.octet(at: 0) == query[0] && room.octet(at: 1) == query[1], "the identifier is the question's")
        require(room.octet(at: 2) & 0x80 != 0, "a reply says that it is one")
        requireReadable(room.bytes.extracting(0..<count), "a reply")
    }
}
