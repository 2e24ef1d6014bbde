import DNS64
import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("Questions and answers over sockets")
struct AnsweringTests {
    @Test("a name with an IPv4 address alone has a synthetic AAAA record over UDP, one upstream question of each type")
    func syntheticOverUDP() async throws {
        try await withBench { (bench: Bench) throws in
            let answer = try ask("four.test", at: Bench.at)
            #expect(answer?.answers == [synthetic])
            #expect(answer?.id == 4711)
            #expect(bench.upstream.log("four.test").map(\.type).sorted() == [Message.a, Message.aaaa])
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
            #expect(bench.upstream.log("four.test").count == 2)
        }
    }

    @Test("a native AAAA record is handed out as it is")
    func native() async throws {
        try await withBench { (_: Bench) throws in
            #expect(try answers("six.test", at: Bench.at) == ["AAAA 2606:64::6"])
        }
    }

    @Test(
        "DNS-25 a question over TCP is answered without one over UDP before, over IPv4 and IPv6",
        arguments: ["127.0.0.1:53", "[::1]:53"]
    )
    func overTCP(address: String) async throws {
        try await withBench(settings(listen: [address], workers: 2)) { (_: Bench) throws in
            let stream = try Stream(to: endpoint(address))
            stream.send(Message.question("four.test", Message.aaaa, id: 7))
            let answer = stream.receive()
            #expect(answer?.answers == [synthetic])
            #expect(answer?.id == 7)
        }
    }

    @Test("DNS-09 every address of a set answers for itself, and so does a wildcard")
    func askedAddress() async throws {
        try await withBench(settings(listen: ["127.0.0.1:53", "127.0.0.2:53", "[::]:53"], workers: 2)) {
            (_: Bench) throws in
            addAddress("fd00::5/128")
            addAddress("fd00::6/128")
            for text in ["127.0.0.1:53", "127.0.0.2:53", "[fd00::5]:53", "[fd00::6]:53", "[::1]:53"] {
                // Twice: the first answer comes late, by the waiting list, the second at once out of the cache.
                for _ in 0..<2 { #expect(try answers("four.test", at: endpoint(text)) == [synthetic], "\(text)") }
            }
        }
    }

    @Test("DNS-08 a client that is not served is refused over UDP and TCP")
    func refused() async throws {
        try await withBench(policy: policy(clients: ["127.0.0.1/32"])) { (_: Bench) throws in
            #expect(try answers("four.test", at: Bench.at, from: "127.0.0.1") == [synthetic])
            #expect(try answers("four.test", at: Bench.at, from: "127.0.0.7") == ["CODE 5"])
            let stream = try Stream(to: Bench.at, from: IPAddress("127.0.0.7"))
            stream.send(Message.question("four.test", Message.aaaa))
            #expect(stream.receive()?.code == 5)
        }
    }

    @Test("10,000 clients that wait for the same name are all answered, and cost one upstream question of each type")
    func merged() async throws {
        try await withBench(settings(workers: 2)) { (bench: Bench) throws in
            let sockets = try (0..<50).map { _ in try Asker(to: Bench.at) }
            for round in 0..<200 {
                for asker in sockets {
                    try asker.send(Message.question("held.test", Message.aaaa, id: UInt16(round)))
                }
            }
            #expect(eventually { bench.resolver.status.datagramsReceived == 10_000 })
            bench.upstream.release()
            var answered = 0
            var wrong = 0
            for asker in sockets {
                var seen: Set<UInt16> = []
                while seen.count < 200, let answer = try asker.hear() {
                    if answer.answers != [synthetic] { wrong += 1 }
                    seen.insert(answer.id)
                }
                answered += seen.count
            }
            #expect(answered == 10_000)
            #expect(wrong == 0)
            #expect(bench.upstream.log("held.test").map(\.type).sorted() == [Message.a, Message.aaaa])
        }
    }

    @Test("datagrams that are no questions get no answer, and the next question gets one")
    func garbage() async throws {
        try await withBench { (_: Bench) throws in
            let socket = try UDPSocket(connectedTo: Bench.at)
            for length in 0..<12 { try send([UInt8](repeating: 0x55, count: length), on: socket) }
            var reply = Message.question("four.test", Message.aaaa)
            reply[2] |= 0x80
            try send(reply, on: socket)
            try send(Message.question("four.test", Message.aaaa, id: 9), on: socket)
            let answer = try hear(socket).flatMap { Message($0) }
            #expect(answer?.id == 9)
        }
    }
}

/// A socket that is kept.
private final class Asker {
    private let socket: UDPSocket
    init(to endpoint: TransportAddress) throws { socket = try UDPSocket(connectedTo: endpoint) }
    func send(_ octets: [UInt8]) throws { try socket.send(octets.span.bytes) }
    func hear() throws -> Message? { try ResolverTests.hear(socket).flatMap { Message($0) } }
}
