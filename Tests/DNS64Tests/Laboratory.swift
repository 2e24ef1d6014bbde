import DNS64
import IPAddressing
import PacketMemory
import Policy
import Timing

/// An engine with clients before it, scripted upstreams behind it, and a clock that jumps from event to event.
struct Laboratory: ~Copyable {
    /// What an upstream says to a question.
    struct Script {
        var upstream: Int?
        var name: String
        var type: UInt16
        var reply = PlainMessage()
        /// Milliseconds.
        var delay: UInt64 = 10
        var drops = false
        var truncatesUDP = false
        var dropsEDNS = false
        var refusesEDNS = false
        /// What the upstream makes of cookies: answers with one; says BADCOOKIE to any but its own; to every one over
        /// UDP; says FORMERR to an OPT record with one; is silent then; answers with somebody else's.
        var cookies = ""
        /// Replies that come before the right one, each wrong in one way.
        var spoofs: [String] = []
        var closesTCP = false
        var isSilentOverTCP = false
        /// It does not repeat the question.
        var isBare = false
        var raw: [UInt8]?
        /// The extended error of the reply.
        var error: UInt16?
        /// The text that comes with it.
        var errorText: [UInt8] = []
    }

    struct Sent: Equatable, CustomStringConvertible {
        var name: String
        var type: UInt16
        var upstream: Int
        var transport: UpstreamTransport
        /// The numbers of its options.
        var options: [UInt16] = []
        var description: String {
            "\(name) \(PlainMessage.typeName(type))\(transport == .tcp ? " tcp" : "")\(upstream == 0 ? "" : " to \(upstream + 1)")"
        }
    }

    private enum Event {
        case reply(ExchangeID, [UInt8])
        case failure(ExchangeID, ExchangeFailure)
    }

    var engine: ResolverEngine
    var policy: Policy
    let counters: ResolverCounters
    let cache: AnswerCache
    var now = Moment(nanoseconds: 1_000_000_000_000)
    var scripts: [Script] = []
    var sent: [Sent] = []
    var answers: [UInt64: (message: [UInt8], at: Moment)] = [:]
    var ignored = 0
    /// Cookies with a server's part that upstreams were sent, in hexadecimal, and our own for each upstream.
    var cookiesHeard: Set<String> = []
    var clientCookies: [Int: Set<[UInt8]>] = [:]
    private var events: [(at: Moment, order: Int, event: Event)] = []
    private var order = 0
    private var random = RandomWords(secret: KeyedHash(key0: 7, key1: 9))
    private var buffer: OctetBuffer? = OctetBuffer(count: 65_535)
    private var nextWaiter: UInt64 = 0

    init(settings: DNS64Settings, policy: Policy) {
        let secret = KeyedHash(key0: 1, key1: 2)
        cache = AnswerCache(size: settings.cacheSize, secret: secret)
        counters = ResolverCounters(upstreams: NameRules(settings).upstreams.count)
        engine = ResolverEngine(settings: settings, cache: cache, counters: counters, worker: 0)
        self.policy = policy
    }

    /// Hands a client's message in; the number under which its answer will be found.
    mutating func send(_ message: [UInt8], from client: Client) -> (waiter: UInt64, outcome: QueryOutcome) {
        nextWaiter += 1
        guard var memory = buffer.take() else { fatalError("in use") }
        var reply = memory.mutableOctets
        let outcome = engine.receive(
            query: message.span.bytes,
            from: client,
            waiter: WaiterID(nextWaiter),
            policy: policy,
            at: now,
            reply: &reply
        )
        if case .reply(let count) = outcome { answers[nextWaiter] = (Self.copy(memory.octets, count), now) }
        buffer = consume memory
        act()
        return (nextWaiter, outcome)
    }

    /// Lets everything happen up to a moment, or until the answers are there.
    mutating func run(until end: Moment, waitingFor waiters: [UInt64] = []) {
        act()
        while true {
            if !waiters.isEmpty, waiters.allSatisfy({ answers[$0] != nil }) { return }
            let event = events.min { ($0.at, $0.order) < ($1.at, $1.order) }
            let next = [event?.at, engine.nextDeadline].compactMap { $0 }.min()
            guard let next, next <= end else { break }
            now = max(now, next)
            if let event, event.at <= now {
                events.removeAll { $0.order == event.order }
                switch event.event {
                case .reply(let exchange, let octets):
                    let outcome = engine.receive(reply: octets.span.bytes, for: exchange, at: now)
                    if case .ignored = outcome { ignored += 1 }
                case .failure(let exchange, let failure):
                    engine.failed(exchange, failure, at: now)
                }
            }
            engine.advance(to: now)
            act()
        }
        now = max(now, end)
    }

    private static func copy(_ octets: borrowing RawSpan, _ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        for index in 0..<count { result.append(octets.octet(at: index)) }
        return result
    }

    private mutating func act() {
        guard var memory = buffer.take() else { fatalError("in use") }
        while true {
            var message = memory.mutableOctets
            guard let action = engine.nextAction(policy: policy, at: now, random: &random, message: &message) else {
                break
            }
            switch action {
            case .tell: break
            case .ask(let exchange, let upstream, let transport, let count):
                ask(exchange, upstream, transport, Self.copy(memory.octets, count))
            case .answer(let waiter, let count): answers[waiter.number] = (Self.copy(memory.octets, count), now)
            case .cancel(let exchange):
                events.removeAll {
                    switch $0.event {
                    case .reply(let other, _), .failure(let other, _): other == exchange
                    }
                }
            }
        }
        buffer = consume memory
    }

    private mutating func schedule(_ event: Event, after milliseconds: UInt64) {
        order += 1
        events.append((now + .milliseconds(milliseconds), order, event))
    }

    private mutating func ask(
        _ exchange: ExchangeID,
        _ upstream: UpstreamID,
        _ transport: UpstreamTransport,
        _ octets: [UInt8]
    ) {
        guard let query = try? PlainMessage(octets), let question = query.questions.first else { return }
        sent.append(
            Sent(
                name: question.name,
                type: question.type,
                upstream: upstream.index,
                transport: transport,
                options: query.options
            )
        )
        let matching = scripts.filter {
            ($0.upstream ?? upstream.index) == upstream.index && ($0.type == question.type || $0.type == 0)
                && ($0.name == "*" || $0.name == question.name)
        }
        // An upstream's own script is stronger than one for all, the script of a name stronger than one for any.
        guard
            let script = matching.max(by: {
                ($0.name != "*" ? 2 : 0) + ($0.upstream != nil ? 1 : 0) < ($1.name != "*" ? 2 : 0)
                    + ($1.upstream != nil ? 1 : 0)
            })
        else {
            var refusal = PlainMessage()
            refusal.identifier = query.identifier
            refusal.flags = 0x8185
            refusal.questions = query.questions
            return schedule(.reply(exchange, refusal.octets), after: 10)
        }
        if script.drops || (script.dropsEDNS && query.opt != nil) { return }
        if transport == .tcp, script.isSilentOverTCP { return }
        if transport == .tcp, script.closesTCP { return schedule(.failure(exchange, .closed), after: script.delay) }
        var reply = script.reply
        reply.identifier = query.identifier
        reply.flags |= 0x8180 | query.flags & 0x10
        reply.questions = query.questions
        if query.opt != nil {
            let error: [UInt8] =
                script.error.map { code in
                    let text = script.errorText
                    let count = 2 + text.count
                    return [0, 15, UInt8(count >> 8), UInt8(count & 255), UInt8(code >> 8), UInt8(code & 255)] + text
                } ?? []
            reply.opt = (1232, query.opt?.flags ?? 0, error)
        }
        if script.refusesEDNS, query.opt != nil {
            reply.sections = [[], [], []]
            reply.opt = nil
            reply.flags = reply.flags & ~15 | 1
        }
        let cookie = query.cookie
        if !cookie.isEmpty {
            if cookie.count > 8 { cookiesHeard.insert(cookie.map { PlainMessage.hex($0) }.joined()) }
            clientCookies[upstream.index, default: []].insert(Array(cookie.prefix(8)))
            let server: [UInt8] = [1, 0, 0, 0, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]
            var answer = Array(cookie.prefix(8)) + server
            switch script.cookies {
            case "": answer = []
            case "strict" where Array(cookie.dropFirst(8)) != server, "never" where transport == .udp:
                reply.sections = [[], [], []]
                reply.flags = reply.flags & ~15 | 7
                reply.opt?.flags |= 1 << 24
            case "formerr":
                answer = []
                reply.sections = [[], [], []]
                reply.flags = reply.flags & ~15 | 1
            case "silent": return
            case "wrong":
                answer[3] ^= 1
            case "short": answer = Array(answer.prefix(12))
            default: break
            }
            if !answer.isEmpty { reply.opt?.data += [0, 10, 0, UInt8(answer.count)] + answer }
        }
        if script.truncatesUDP, transport == .udp {
            reply.flags |= 0x200
            reply.sections = [[], [], []]
        }
        if script.isBare { reply.questions = [] }
        // Into a connection nobody can put what he does not see.
        for (number, spoof) in script.spoofs.enumerated() where transport == .udp {
            var false1 = reply
            false1.sections[0] = [PlainMessage.Record(owner: question.name, type: 1, ttl: 300, data: "6.6.6.6")]
            switch spoof {
            case "identifier": false1.identifier ^= 0x5555
            case "name": false1.questions[0].name = "wrong." + question.name
            case "case": false1.questions[0].name = question.name.uppercased()
            case "type": false1.questions[0].type = 16
            case "cookieless": false1.opt?.data = []
            case "cookie":
                if let count = false1.opt?.data.count, count > 4 { false1.opt?.data[4] ^= 1 }
            case "class": false1.questions[0].recordClass = 3
            case "question": false1.questions = []
            case "refusal-answer", "refusal-authority", "refusal-name":
                false1.flags = false1.flags & ~15 | 1
                let record = false1.sections[0]
                false1.sections = [spoof == "refusal-answer" ? record : [], [], []]
                if spoof == "refusal-authority" { false1.sections[1] = record }
                false1.questions = spoof == "refusal-name" ? [("wrong.test.", question.type, 1)] : []
            case "query": false1.flags &= 0x7FFF
            default: false1.flags |= 0x2000
            }
            schedule(.reply(exchange, false1.octets), after: UInt64(number) + 1)
        }
        var octets = reply.octets
        if let raw = script.raw {
            let start = 12 + PlainMessage.wire(question.name).count + 4
            octets.replaceSubrange(start..<start + 11 * reply.sections[0].count, with: raw)
        }
        schedule(.reply(exchange, octets), after: script.delay)
    }
}
