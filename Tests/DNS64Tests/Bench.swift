import DNS64
import IPAddressing
import PacketMemory
import Policy
import Timing

/// A small generator with a seed, so that what a test found is found again.
struct SeededWords: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// An engine driven by hand, octets in and octets out, without scripts.
final class Bench {
    var engine: ResolverEngine
    let cache: AnswerCache
    let counters: ResolverCounters
    private let standings: UpstreamStandings
    var policy: Policy
    var now = Moment(nanoseconds: 1_000_000_000_000)
    private var random = RandomWords(secret: KeyedHash(key0: 5, key1: 6))
    private var memory: OctetBuffer? = OctetBuffer(count: 65_535)
    private var waiter: UInt64 = 0
    /// What other workers are to be told.
    var news: [AnswerNews] = []

    static let client = Client(address: .v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 5)), transport: .udp)

    init(
        upstreams: Int = 1,
        cacheSize: Int = 1 << 20,
        sharing other: Bench? = nil,
        worker: Int = 0,
        change: (inout DNS64Settings) -> Void = { _ in }
    ) {
        var settings = DNS64Settings()
        settings.cacheSize = cacheSize
        settings.upstreams = (0..<upstreams).map {
            UpstreamAddress(TransportAddress(.v4(IPv4Address(192, 0, 2, UInt8(200 + $0))), Port(53)))
        }
        change(&settings)
        let secret = KeyedHash(key0: 1, key1: 2)
        cache = other?.cache ?? AnswerCache(size: settings.cacheSize, secret: secret)
        let rules = NameRules(settings)
        counters = ResolverCounters(upstreams: rules.upstreams.count)
        standings = other?.standings ?? UpstreamStandings(rules)
        engine = ResolverEngine(
            settings: settings,
            cache: cache,
            counters: counters,
            worker: worker,
            rules: rules,
            standings: standings
        )
        policy = Policy(
            generation: 1,
            prefixes: [.wellKnown],
            clients: ClientAccess(networks: [IPPrefix("2001:db8::/32"), IPPrefix("192.0.2.0/24")].compactMap { $0 }),
            destinations: DestinationRules(),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
    }

    /// A question with an OPT record.
    static func question(_ name: String, _ type: UInt16, identifier: UInt16 = 7) -> [UInt8] {
        PlainMessage.two(identifier) + [1, 0, 0, 1, 0, 0, 0, 0, 0, 1] + PlainMessage.wire(name) + PlainMessage.two(type)
            + [0, 1]
            + [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
    }

    /// Asks; the reply, if there is one at once.
    func ask(_ message: [UInt8], from client: Client = Bench.client) -> (outcome: QueryOutcome, reply: [UInt8]) {
        waiter += 1
        guard var memory = memory.take() else { fatalError("in use") }
        var reply = memory.mutableOctets
        let outcome = engine.receive(
            query: message.span.bytes,
            from: client,
            waiter: WaiterID(waiter),
            policy: policy,
            at: now,
            reply: &reply
        )
        var octets: [UInt8] = []
        if case .reply(let count) = outcome { octets = Self.copy(memory.octets, count) }
        self.memory = consume memory
        return (outcome, octets)
    }

    /// Asks many times without looking at the reply.
    func askAgain(_ message: [UInt8], times: Int) -> Int {
        guard var memory = memory.take() else { fatalError("in use") }
        var replies = 0
        var reply = memory.mutableOctets
        for _ in 0..<times {
            let outcome = engine.receive(
                query: message.span.bytes,
                from: Self.client,
                waiter: WaiterID(0),
                policy: policy,
                at: now,
                reply: &reply
            )
            if case .reply = outcome { replies += 1 }
        }
        self.memory = consume memory
        return replies
    }

    /// What is to be done next, with the message.
    func next() -> (action: ResolverAction, message: [UInt8])? {
        guard var memory = memory.take() else { fatalError("in use") }
        var message = memory.mutableOctets
        let action = engine.nextAction(policy: policy, at: now, random: &random, message: &message)
        var octets: [UInt8] = []
        switch action {
        case .ask(_, _, _, let count), .answer(_, let count): octets = Self.copy(memory.octets, count)
        default: break
        }
        self.memory = consume memory
        return action.map { ($0, octets) }
    }

    func reply(_ message: [UInt8], for exchange: ExchangeID) -> ReplyOutcome {
        engine.receive(reply: message.span.bytes, for: exchange, at: now)
    }

    func fail(_ exchange: ExchangeID, _ failure: ExchangeFailure) {
        engine.failed(exchange, failure, at: now)
    }

    func wait(_ span: Moment.Span) {
        now = now + span
        engine.advance(to: now)
    }

    /// A well-formed reply to a message of ours: two A records, a denial with SOA, or NXDOMAIN.
    static func honestReply(_ query: [UInt8], nameError: Bool = false) -> [UInt8] {
        var end = 12
        while query[end] != 0 { end += 1 + Int(query[end]) }
        let type = query[end + 2]
        end += 5
        var reply = Array(query[..<end])
        reply[2] = 0x81
        reply[3] = nameError ? 0x83 : 0x80
        reply[11] = 0
        if type == 28 || nameError {
            reply[9] = 1
            return reply + [0, 0, 6, 0, 1, 0, 0, 2, 88, 0, 22, 0, 0] + [
                0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 2, 88, 0, 1, 81, 128, 0, 0, 2, 88,
            ]
        }
        reply[7] = 2
        for octet: UInt8 in [8, 9] { reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 5, 6, 7, octet] }
        return reply
    }

    /// Answers every question to upstreams honestly; the answers that came of it.
    ///
    /// - Parameters:
    ///   - type: Questions for which are not answered.
    ///   - deaf: The upstream that does not answer them, if others do.
    func serve(dropping type: UInt8 = 0, of deaf: Int? = nil) -> [WaiterID: [UInt8]] {
        var answers: [WaiterID: [UInt8]] = [:]
        while let (action, message) = next() {
            switch action {
            case .ask(let exchange, let upstream, _, _):
                var end = 12
                while message[end] != 0 { end += 1 + Int(message[end]) }
                guard message[end + 2] != type || deaf ?? upstream.index != upstream.index else { continue }
                _ = reply(Self.honestReply(message), for: exchange)
            case .answer(let waiter, _): answers[waiter] = message
            case .cancel: break
            case .tell(_, let told): news.append(told)
            }
        }
        return answers
    }

    private static func copy(_ octets: borrowing RawSpan, _ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(octets.octet(at: index)) }
        return result
    }
}
