import DNS64
import Glibc
import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("DNS over TCP, RFC 7766")
struct TCPTests {
    @Test("DNS-26 of twenty questions in one write, nineteen are answered before the first one, which must wait")
    func outOfOrder() async throws {
        try await withBench(settings(workers: 2)) { (bench: Bench) throws in
            let stream = try Stream(to: Bench.at)
            var frames: [UInt8] = []
            for number in 0..<20 {
                let name = number == 0 ? "held.test" : "n\(number).test"
                let question = Message.question(name, Message.a, id: UInt16(number))
                frames += [0, UInt8(question.count)] + question
            }
            stream.sendRaw(frames)
            let first = (0..<19).compactMap { _ in stream.receive() }
            #expect(Set(first.map(\.id)) == Set(1..<20))
            #expect(first.allSatisfy { $0.answers == ["A 5.6.7.8"] })
            bench.upstream.release()
            #expect(stream.receive()?.id == 0)
        }
    }

    @Test("DNS-27 a length and a message that come octet by octet are answered")
    func octetByOctet() async throws {
        try await withBench { (_: Bench) throws in
            let stream = try Stream(to: Bench.at)
            let question = Message.question("four.test", Message.a)
            for octet in [0, UInt8(question.count)] + question {
                stream.sendRaw([octet])
                usleep(500)
            }
            #expect(stream.receive()?.answers == ["A 5.6.7.8"])
        }
    }

    @Test(
        "what is no question ends its connection and no other",
        arguments: [
            [0, 0], [0, 5, 1, 2, 3, 4, 5], Array("GET / HTTP/1.1\r\nHost: x\r\n\r\n".utf8),
            [0, 12, 1, 2, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        ] as [[UInt8]]
    )
    func garbage(octets: [UInt8]) async throws {
        try await withBench { (_: Bench) throws in
            let other = try Stream(to: Bench.at)
            let stream = try Stream(to: Bench.at)
            stream.sendRaw(octets)
            // "GE" is the length of a long message, which never comes: that one waits for the idle time-out.
            if octets.first == 0 { #expect(stream.isClosedByPeer()) }
            other.send(Message.question("four.test", Message.a))
            #expect(other.receive()?.answers == ["A 5.6.7.8"])
        }
    }

    @Test("a peer that has ended its side still gets the answers to what it asked, and then the end")
    func halfClosed() async throws {
        try await withBench { (bench: Bench) throws in
            let stream = try Stream(to: Bench.at)
            stream.send(Message.question("held.test", Message.a), Message.question("four.test", Message.a))
            stream.endSending()
            #expect(stream.receive()?.name == "four.test")
            bench.upstream.release()
            #expect(stream.receive()?.name == "held.test")
            #expect(stream.isClosedByPeer())
        }
    }

    @Test("a peer that is gone before its answer harms nobody")
    func gone() async throws {
        try await withBench { (bench: Bench) throws in
            for number in 0..<50 {
                let stream = try Stream(to: Bench.at)
                stream.send(Message.question("held\(number).test", Message.a))
            }
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            let stream = try Stream(to: Bench.at)
            stream.send(Message.question("four.test", Message.a))
            #expect(stream.receive()?.answers == ["A 5.6.7.8"])
            bench.upstream.release()
            #expect(eventually { bench.resolver.status.connections <= 1 })
        }
    }

    @Test("a peer that asks for much and reads nothing does not hold up others, and is cut off")
    func readsNothing() async throws {
        var settings = settings()
        settings.tcp.idle = .milliseconds(300)
        try await withBench(settings) { (bench: Bench) throws in
            let greedy = try Stream(to: Bench.at)
            var window: Int32 = 4096
            setsockopt(greedy.number, SOL_SOCKET, SO_RCVBUF, &window, 4)
            for number in 0..<60 { greedy.send(Message.question("big.test", Message.txt, id: UInt16(number))) }
            // On a busy machine the connection may be closed as silent before its question is read: then once more.
            #expect(
                try eventually {
                    let stream = try Stream(to: Bench.at)
                    stream.send(Message.question("four.test", Message.a))
                    return stream.receive()?.answers == ["A 5.6.7.8"]
                }
            )
            #expect(eventually { bench.resolver.status.connections == 0 })
        }
    }

    @Test("DNS-29 a silent connection is closed when its time is over, one that waits for an upstream is not")
    func idle() async throws {
        var settings = settings()
        settings.tcp.idle = .milliseconds(300)
        // However slow the machine, the question is not given up while the test runs.
        settings.dns64.patience = .seconds(600)
        try await withBench(settings) { (bench: Bench) throws in
            // On a busy machine a connection may be closed as silent before its question is read: then once more.
            var waiting = try Stream(to: Bench.at)
            waiting.send(Message.question("mute.test", Message.a))
            while !eventually(patience: .seconds(30), { bench.resolver.status.workers[0].waitingClients > 0 }) {
                waiting = try Stream(to: Bench.at)
                waiting.send(Message.question("mute.test", Message.a))
            }
            // Silent for a shorter time than the other, so that this one would be closed before it.
            let silent = try Stream(to: Bench.at)
            #expect(silent.isClosedByPeer())
            #expect(!waiting.isClosedByPeer(within: .milliseconds(50)))
        }
    }

    @Test("DNS-29 one connection too many of a client closes the one that is silent longest, of no other client")
    func perClient() async throws {
        var settings = settings()
        settings.tcp.connectionsPerClient = 3
        try await withBench(settings) { (bench: Bench) throws in
            let other = try Stream(to: Bench.at, from: IPAddress("127.0.0.9"))
            let mine = try (0..<4).map { _ in try Stream(to: Bench.at, from: IPAddress("127.0.0.8")) }
            #expect(mine[0].isClosedByPeer())
            for stream in mine[1...] + [other] {
                stream.send(Message.question("four.test", Message.a))
                #expect(stream.receive()?.answers == ["A 5.6.7.8"])
            }
            #expect(eventually { bench.resolver.status.connectionsRefused == 1 })
        }
    }

    @Test("when all connections are taken the one that is silent longest makes room")
    func inAll() async throws {
        var settings = settings()
        settings.tcp.connections = 20
        try await withBench(settings) { (_: Bench) throws in
            let streams = try (0..<25).map { try Stream(to: Bench.at, from: IPAddress("127.0.1.\($0)")) }
            #expect(streams[..<5].allSatisfy { $0.isClosedByPeer() })
            streams[24].send(Message.question("four.test", Message.a))
            #expect(streams[24].receive()?.answers == ["A 5.6.7.8"])
        }
    }

    @Test("a connection with as many questions under way as it may have is read on when they are answered")
    func manyQuestions() async throws {
        var settings = settings(workers: 2)
        settings.tcp.questionsPerConnection = 5
        try await withBench(settings) { (_: Bench) throws in
            let stream = try Stream(to: Bench.at)
            for number in 0..<200 {
                stream.send(Message.question("n\(number % 7).test", Message.a, id: UInt16(number)))
            }
            stream.endSending()
            let ids = (0..<200).compactMap { _ in stream.receive()?.id }
            #expect(Set(ids) == Set(0..<200))
            #expect(stream.isClosedByPeer())
        }
    }
}
