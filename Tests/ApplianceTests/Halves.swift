import DNS64
import IPAddressing
import NAT64
import PacketMemory
import PacketWire
import Policy
import TestPackets
import Timing

/// Both engines side by side, each asked in its own words: a question for AAAA records over an upstream that knows only
/// A records, and a datagram to an address.
struct Halves: ~Copyable {
    /// What DNS64 says to the question for AAAA records.
    enum Answer: Equatable {
        case addresses([IPv6Address])
        case refused
        case other(UInt16)
    }

    /// What NAT64 does with a datagram.
    enum Passage: Equatable {
        case translated(to: IPv4Address)
        case refused(DropReason)
        case other
    }

    private static let upstream = TransportAddress4(IPv4Address(192, 0, 2, 53), Port(53))
    static let pool = IPv4Address(198, 18, 7, 1)

    private var engine: ResolverEngine
    private var random = RandomWords(secret: KeyedHash(key0: 5, key1: 6))
    private let translator: Translator
    private var worker: TranslatorWorker
    private var now = Moment(nanoseconds: 1_000_000_000_000)
    private var ports: UInt16 = 1024

    /// - Parameter policy: In force in NAT64; DNS64 is told with every question.
    init(_ policy: Policy) {
        var settings = DNS64Settings()
        settings.upstreams = [UpstreamAddress(.v4(Self.upstream))]
        engine = ResolverEngine(
            settings: settings,
            cache: AnswerCache(size: 1 << 20, secret: KeyedHash(key0: 1, key1: 2)),
            counters: ResolverCounters(upstreams: 1),
            worker: 0
        )
        var translation = NAT64Settings()
        translation.pool = [PoolEntry(addresses: Self.pool...Self.pool)]
        translation.maximumBindings = 65_536
        translation.maximumFurtherSessions = 65_536
        translation.translation.icmpErrorsPerSecond = 0
        translator = Translator(settings: translation, policy: policy, secret: KeyedHash(key0: 3, key1: 4))
        worker = translator.makeWorker()
    }

    /// Puts another Policy in force in NAT64.
    mutating func adopt(_ policy: Policy) { translator.adopt(policy: policy) }

    /// What NAT64 does with a datagram to an address, from a port that has sent nothing yet.
    mutating func send(from client: IPv6Address, to destination: IPv6Address) -> Passage {
        ports = ports == .max ? 1024 : ports + 1
        var packet = PacketDescription(.udp, from: .v6(client), to: .v6(destination))
        packet.ports = [ports, 53]
        let octets = packet.octets
        var slot = OctetBuffer(count: 2 * PacketFrame.margin + 256)
        var memory = slot.mutableOctets
        for (index, octet) in octets.enumerated() { memory.store(octet, at: PacketFrame.margin + index) }
        var frame = PacketFrame(start: PacketFrame.margin, count: octets.count)
        switch worker.translate(&memory, &frame, at: now) {
        case .send:
            guard memory.octet(at: frame.start) == 0x45 else { return .other }
            return .translated(to: IPv4Address(bits: memory.uint32(at: frame.start + 16)))
        case .answer(let reason), .drop(let reason): return .refused(reason)
        case .kept, .handBack: return .other
        }
    }

    /// What DNS64 says to a client that asks for the AAAA records of a name, when its A records are these.
    ///
    /// - Parameter name: A single label; the same name must have the same records every time.
    mutating func ask(_ name: String, with records: [IPv4Address], from client: IPAddress, _ policy: Policy) -> Answer {
        now = now + .milliseconds(1)
        let question = Self.question(name)
        let query = [0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0] + question
        var message = OctetBuffer(count: 4096)
        var room = message.mutableOctets
        let outcome = engine.receive(
            query: query.span.bytes,
            from: Client(address: client, transport: .tcp),
            waiter: WaiterID(1),
            policy: policy,
            at: now,
            reply: &room
        )
        if case .reply(let count) = outcome { return Self.read(room.bytes, count) }
        var answer = Answer.other(.max)
        while let action = engine.nextAction(policy: policy, at: now, random: &random, message: &room) {
            switch action {
            case .ask(let exchange, _, _, let count):
                let asked = (0..<count).map { room.octet(at: $0) }
                let reply = Self.reply(to: asked, records)
                _ = engine.receive(reply: reply.span.bytes, for: exchange, at: now)
            case .answer(_, let count): answer = Self.read(room.bytes, count)
            case .cancel, .tell: break
            }
        }
        return answer
    }

    // MARK: Messages

    private static func question(_ name: String) -> [UInt8] {
        [UInt8(name.utf8.count)] + Array(name.utf8) + [4] + Array("test".utf8) + [0, 0, 28, 0, 1]
    }

    /// What the upstream says: the A records, or that there is nothing of another type.
    private static func reply(to query: [UInt8], _ records: [IPv4Address]) -> [UInt8] {
        var end = 12
        while query[end] != 0 { end += Int(query[end]) + 1 }
        var reply = Array(query[..<(end + 5)])
        reply.replaceSubrange(2..<4, with: [0x81, 0x80])
        reply.replaceSubrange(6..<12, with: [0, 0, 0, 0, 0, 0])
        if query[end + 2] == 1 {
            reply[7] = UInt8(records.count)
            for record in records {
                let address = (0..<4).map { UInt8(truncatingIfNeeded: record.bits >> (24 - 8 * $0)) }
                reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 14, 16, 0, 4] + address
            }
        } else {
            reply[9] = 1
            let numbers = [UInt8](repeating: 0, count: 16) + [0, 0, 14, 16]
            reply += [0xC0, 12, 0, 6, 0, 1, 0, 0, 14, 16, 0, 22, 0, 0] + numbers
        }
        return reply
    }

    private static func read(_ message: borrowing RawSpan, _ count: Int) -> Answer {
        let code = message.uint16(at: 2) & 15
        guard code == 0 else { return code == 5 ? .refused : .other(code) }
        var at = 12
        func skipName() {
            while message.octet(at: at) != 0 {
                guard message.octet(at: at) < 0xC0 else {
                    at += 2
                    return
                }
                at += Int(message.octet(at: at)) + 1
            }
            at += 1
        }
        skipName()
        at += 4
        var addresses: [IPv6Address] = []
        for _ in 0..<message.uint16(at: 6) {
            skipName()
            let (type, length) = (message.uint16(at: at), Int(message.uint16(at: at + 8)))
            at += 10
            if type == 28, length == 16 {
                addresses.append(IPv6Address(high: message.uint64(at: at), low: message.uint64(at: at + 8)))
            }
            at += length
        }
        return .addresses(addresses)
    }
}
