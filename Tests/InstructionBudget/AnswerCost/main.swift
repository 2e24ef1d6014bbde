// What the instruction budget counts of the resolver: AAAA questions that are answered out of the cache with records made from
// A records, for some names in turn.
//
//   AnswerCost ANSWERS NAMES RULES FILTERS    RULES forwarding rules, FILTERS filters on names and as many on addresses;
//                                             says how many nanoseconds one answer took

import DNS64
import DNSWire
import Glibc
import IPAddressing
import PacketMemory
import Policy
import Timing

/// An engine whose cache knows the names.
struct Run: ~Copyable {
    var engine: ResolverEngine
    let policy: Policy
    let start = Moment(nanoseconds: 1_000_000_000_000)
    let client = Client(address: .v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 5)), transport: .udp)
    var questions: OctetBuffer
    let names: Int
    /// Octets of every question.
    private static let size = 12 + 1 + 8 + 1 + 4 + 1 + 3 + 1 + 4 + 11

    init(names: Int, rules: Int, filters: Int) {
        self.names = names
        var settings = DNS64Settings()
        settings.cacheSize = 256 << 20
        let upstream = UpstreamAddress(TransportAddress(.v4(IPv4Address(192, 0, 2, 200)), Port(53)))
        settings.upstreams = [upstream]
        for number in 0..<rules {
            guard let domain = Name("r\(number).corp.test") else { fatalError("a name") }
            settings.rules.append(ForwardingRule(domain: domain, action: .ask([upstream])))
        }
        for number in 0..<filters {
            guard let name = Name("f\(number).ads.test"),
                let network = IPPrefix("198.\(number % 200).\(number / 200).0/24")
            else { fatalError("a filter") }
            settings.nameFilters.append(NameFilter(name: name, action: .noData))
            settings.addressFilters.append(AddressFilter(prefix: network, action: .noData))
        }
        let prepared = NameRules(settings)
        engine = ResolverEngine(
            settings: settings,
            cache: AnswerCache(size: settings.cacheSize, secret: KeyedHash(key0: 1, key1: 2)),
            counters: ResolverCounters(upstreams: prepared.upstreams.count),
            worker: 0,
            rules: prepared
        )
        policy = Policy(
            generation: 1,
            prefixes: [.wellKnown],
            clients: ClientAccess(networks: [IPPrefix("2001:db8::/32")].compactMap(\.self)),
            destinations: DestinationRules(),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
        questions = OctetBuffer(count: names * Self.size)
        for number in 0..<names { write(number) }
        var random = RandomWords(secret: KeyedHash(key0: 5, key1: 6))
        for number in 0..<names { learn(number, &random) }
    }

    /// Writes a question in its place.
    private mutating func write(_ number: Int) {
        var digits = String(number)
        while digits.count < 7 { digits = "0" + digits }
        var octets: [UInt8] = [0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1, 8]
        octets += Array("n\(digits)".utf8) + [4] + Array("site".utf8) + [3] + Array("com".utf8) + [0, 0, 28, 0, 1]
        octets += [0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0]
        var place = questions.mutableOctets
        for (index, octet) in octets.enumerated() { place.store(octet, at: number * Self.size + index) }
    }

    /// Asks once and answers as an upstream would: no AAAA record, two A records.
    private mutating func learn(_ number: Int, _ random: inout RandomWords) {
        var room = OctetBuffer(count: 65_535)
        _ = ask(number, into: &room)
        var message = room.mutableOctets
        var asked: [(ExchangeID, [UInt8])] = []
        while let action = engine.nextAction(policy: policy, at: start, random: &random, message: &message) {
            guard case .ask(let exchange, _, _, let count) = action else { continue }
            asked.append((exchange, (0..<count).map { message.octet(at: $0) }))
        }
        for (exchange, query) in asked {
            let end = 12 + 1 + 8 + 1 + 4 + 1 + 3 + 1 + 4
            var reply = Array(query[..<end])
            reply[2] = 0x81
            reply[3] = 0x80
            reply[11] = 0
            if query[end - 3] == 1 {
                reply[7] = 2
                for last in [UInt8(1), 2] {
                    reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4, 93, 184, 114, last]
                }
            } else {
                reply[9] = 1
                reply += [0xC0, 21, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0]
                reply += [0, 0, 0, 1, 0, 0, 14, 16, 0, 0, 3, 132, 0, 9, 58, 128, 0, 0, 14, 16]
            }
            _ = engine.receive(reply: reply.span.bytes, for: exchange, at: start)
        }
        while engine.nextAction(policy: policy, at: start, random: &random, message: &message) != nil {}
    }

    /// Asks; true if there was an answer at once.
    mutating func ask(_ number: Int, into memory: inout OctetBuffer) -> Bool {
        let place = number * Self.size
        let outcome = engine.answer(place..<place + Self.size, of: questions, client, policy, start, &memory)
        guard case .reply = outcome else { return false }
        return true
    }
}

extension ResolverEngine {
    /// Answers a question that lies in some memory.
    mutating func answer(
        _ place: Range<Int>,
        of questions: borrowing OctetBuffer,
        _ client: Client,
        _ policy: Policy,
        _ now: Moment,
        _ memory: inout OctetBuffer
    ) -> QueryOutcome {
        var reply = memory.mutableOctets
        let question = questions.octets.extracting(place)
        return receive(query: question, from: client, waiter: WaiterID(0), policy: policy, at: now, reply: &reply)
    }
}

let words = CommandLine.arguments.dropFirst().compactMap { Int($0) }
guard words.count == 4, words[1] > 0 else { fatalError("usage: AnswerCost ANSWERS NAMES RULES FILTERS") }
var run = Run(names: words[1], rules: words[2], filters: words[3])
var memory = OctetBuffer(count: 65_535)
let before = MonotonicClock()
var answered = 0
var number = 0
for _ in 0..<words[0] {
    if run.ask(number, into: &memory) { answered += 1 }
    // In no order that a processor foresees.
    number = (number + 40_503) % words[1]
}
guard answered == words[0] else { fatalError("\(answered) answers") }
print(before.nanoseconds() / max(1, words[0]), "ns")

/// Nanoseconds since it was made.
struct MonotonicClock {
    private let start = Self.now()

    func nanoseconds() -> Int { Self.now() - start }

    private static func now() -> Int {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return time.tv_sec * 1_000_000_000 + time.tv_nsec
    }
}
