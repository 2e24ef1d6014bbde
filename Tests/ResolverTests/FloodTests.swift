import DNS64
import DNSWire
import Glibc
import IPAddressing
import Linux
import PacketMemory
import Resolver
import Synchronization
import Testing
import Timing

/// How many messages of each flood. Tests/Flood has a million of each for the real process, and looks at its memory.
private let floodMessages: Int = {
    #if DEBUG
    return 10_000
    #else
    return 100_000
    #endif
}()

/// Numbers that are the same every time.
private struct Words: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }

    /// A message with some octets changed, added or cut off behind the first `kept`.
    mutating func spoil(_ message: [UInt8], keeping kept: Int) -> [UInt8] {
        var message = message
        for _ in 0..<Int.random(in: 1...3, using: &self) where message.count > kept {
            let place = Int.random(in: kept..<message.count, using: &self)
            switch Int.random(in: 0...4, using: &self) {
            case 0: message[place] ^= 1 << UInt8.random(in: 0...7, using: &self)
            case 1: message.removeSubrange(place...)
            case 2: message[place] = [0, 0x3F, 0x40, 0x80, 0xC0, 0xFF].randomElement(using: &self) ?? 0
            case 3: message.insert(contentsOf: [0xC0, UInt8.random(in: 0...255, using: &self)], at: place)
            default: message += (0..<Int.random(in: 1...40, using: &self)).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            }
        }
        return message
    }
}

/// An upstream that answers each question with some replies that are not as they should be, and then with one that is.
private final class HostileUpstream: Sendable {
    private let bell: Bell
    private let socket: UDPSocket
    private let thread = Mutex<PlainThread?>(nil)
    private let count = Atomic<Int>(0)
    /// How many bad replies it sent.
    var sent: Int { count.load(ordering: .relaxed) }

    init(at address: String) throws {
        bell = try Bell()
        socket = try UDPSocket(listeningOn: endpoint(address))
        try thread.withLock { $0 = try PlainThread(name: "up-hostile") { [self] in serve() } }
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
        var words = Words(7)
        var isOver = false
        while !isOver {
            try? poll.wait(atMost: nil) { token, _ in if token == 0 { isOver = true } }
            try? inbox.fill(from: socket)
            for index in 0..<inbox.count {
                let octets = bytes(inbox.datagram(index))
                guard let question = Message(octets) else { continue }
                var reply = Array(octets[..<(12 + Message.encode(question.name).count + 4)])
                reply[2...3] = [0x81, 0x80]
                reply[6...11] = [0, 1, 0, 0, 0, 0]
                reply += [0xC0, 12] + Message.words([Message.a, 1, 0, 300, 4]) + [5, 6, 7, 8]
                for round in 0..<16 { send(words.spoil(reply, keeping: round % 4 == 0 ? 0 : 2), inbox.ends(index)) }
                send(reply, inbox.ends(index))
                count.add(16, ordering: .relaxed)
            }
        }
    }

    private func send(_ octets: [UInt8], _ ends: UDPEnds) {
        var outbox = UDPOutbox()
        var memory = outbox.next
        for (index, octet) in octets.enumerated() { memory.store(octet, at: index) }
        outbox.seal(octets.count, to: ends)
        _ = outbox.send(on: socket)
    }
}

@Suite("Floods of what is malformed, over sockets", .serialized)
struct FloodTests {
    @Test("malformed queries over UDP and TCP: others are answered all the while")
    func queries() async throws {
        try await withBench { (_: Bench) throws in
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
            let flood = try UDPSocket(connectedTo: Bench.at)
            let words = Mutex(Words(3))
            let seeds = [
                Message.question("four.test", Message.aaaa), Message.question("ipv4only.arpa", Message.aaaa),
                Message.question("8.0.7.0.6.0.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa", 12),
            ]
            for number in 0..<floodMessages {
                // Names of their own go upstream; most stay with names that are known.
                let bad = words.withLock { $0.spoil(seeds[number % 3], keeping: number % 7 == 0 ? 0 : 2) }
                // A full buffer of a socket is no failure of the resolver's.
                try? send(bad, on: flood)
                if number % 64 == 0 { while let _ = try hear(flood, .zero) {} }
                if number % (floodMessages / 20) == 0 {
                    // The flood may have filled the socket's buffer: a stub asks again as well.
                    var answer = ["no answer"]
                    for _ in 0..<30 where answer == ["no answer"] {
                        answer = try answers("four.test", at: Bench.at, patience: .seconds(1))
                    }
                    #expect(answer == [synthetic])
                    let stream = try Stream(to: Bench.at)
                    stream.send(bad, bad)
                    stream.sendRaw([0xFF, 0xFF] + bad)
                }
            }
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
        }
    }

    @Test("DNS-18 malformed replies: every client is answered, the names of others as well")
    func replies() async throws {
        var settings = settings()
        settings.dns64.shortestRetry = .milliseconds(400)
        settings.dns64.longestRetry = .milliseconds(800)
        settings.dns64.patience = .seconds(20)
        settings.dns64.rules = [
            ForwardingRule(
                domain: known(Name("bad.test")),
                action: .ask([UpstreamAddress(endpoint("127.0.0.102:53"))])
            )
        ]
        try await withBench(settings) { (_: Bench) throws in
            let hostile = try HostileUpstream(at: "127.0.0.102:53")
            defer { hostile.stop() }
            let socket = try UDPSocket(connectedTo: Bench.at)
            var (number, unanswered) = (0, 0)
            while hostile.sent < floodMessages {
                for _ in 0..<8 {
                    number += 1
                    try send(
                        Message.question("n\(number).bad.test", Message.a, id: UInt16(number & 0xFFFF)),
                        on: socket
                    )
                }
                for _ in 0..<8 where try hear(socket) == nil { unanswered += 1 }
                if number % 800 == 0 {
                    #expect(try answers("n\(number).test", at: Bench.at) == [synthetic])
                }
            }
            #expect(unanswered == 0)
        }
    }
}
