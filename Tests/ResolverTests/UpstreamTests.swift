import DNS64
import Glibc
import IPAddressing
import Linux
import PacketMemory
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("Upstreams over sockets")
struct UpstreamTests {
    @Test("DNS-11 a truncated reply is asked for again over TCP, and the client gets the whole answer")
    func truncated() async throws {
        try await withBench { (bench: Bench) throws in
            #expect(try answers("tc.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.upstream.log("tc.test").filter { $0.type == Message.a }.map(\.isTCP) == [false, true])
        }
    }

    @Test("a message of 60,000 octets passes from an upstream's connection to a client's")
    func large() async throws {
        try await withBench { (_: Bench) throws in
            let stream = try Stream(to: Bench.at)
            stream.send(Message.question("big.test", Message.txt))
            #expect(stream.receive()?.answers == [String](repeating: "TYPE16 of 1000", count: 60))
        }
    }

    @Test("an upstream that closes the connection before its reply is whole does not answer in vain for ever")
    func closesEarly() async throws {
        try await withBench { (bench: Bench) throws in
            let answer = try ask("gone.test", Message.a, at: Bench.at)
            #expect(answer?.code == 2)
            #expect(bench.upstream.log("gone.test").contains { $0.isTCP })
        }
    }

    @Test("a resolver that is its own upstream finds out and answers SERVFAIL, long before patience is at its end")
    func ownUpstream() async throws {
        var settings = settings(upstreams: ["127.0.0.1:53"], workers: 2)
        settings.dns64.shortestRetry = .seconds(20)
        settings.dns64.longestRetry = .seconds(20)
        settings.dns64.patience = .seconds(40)
        try await withBench(settings) { (_: Bench) throws in
            #expect(try ask("four.test", Message.a, at: Bench.at)?.code == 2)
        }
    }

    @Test("the second upstream is asked when the first is silent")
    func silentFirst() async throws {
        var settings = settings(upstreams: ["127.0.0.102:53", "127.0.0.101:53"])
        settings.dns64.shortestRetry = .milliseconds(50)
        settings.dns64.longestRetry = .milliseconds(100)
        try await withBench(settings) { (_: Bench) throws in
            let silent = try ScriptedUpstream(at: "127.0.0.102", isMute: true)
            defer { silent.stop() }
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
            #expect(!silent.log("four.test").isEmpty)
        }
    }

    @Test("the second upstream is asked at once when the port of the first is closed, or no route leads to it")
    func refusingFirst() async throws {
        for first in ["127.0.0.109:53", "192.0.2.1:53", "[2001:db8::1]:53"] {
            var settings = settings(upstreams: [first, "127.0.0.101:53"])
            // Whoever waited for the time-out would be too late.
            settings.dns64.shortestRetry = .seconds(900)
            settings.dns64.longestRetry = .seconds(900)
            settings.dns64.patience = .seconds(1800)
            settings.dns64.patienceForAAAA = .seconds(1800)
            try await withBench(settings) { (_: Bench) throws in
                #expect(try answers("four.test", at: Bench.at) == [synthetic], "\(first)")
            }
        }
    }

    @Test("an IPv6 upstream is asked like any other")
    func overIPv6() async throws {
        try await withBench(settings(upstreams: ["[::1]:53"])) { (bench: Bench) throws in
            let upstream = try ScriptedUpstream(at: "::1")
            defer { upstream.stop() }
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
            #expect(try answers("tc.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.upstream.log().isEmpty)
        }
    }

    @Test("DNS-18 forged replies are ignored: another identifier, another question, another port")
    func forged() async throws {
        try await withBench { (bench: Bench) throws in
            #expect(try answers("spoof.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.upstream.log("spoof.test").filter { $0.type == Message.a }.count == 1)
        }
    }

    @Test("DNS-19 every question of ours comes from a port of its own")
    func ports() async throws {
        try await withBench { (bench: Bench) throws in
            for number in 0..<40 { _ = try ask("n\(number).test", Message.a, at: Bench.at) }
            let sources = bench.upstream.log().compactMap(\.source)
            #expect(sources.count >= 40)
            // A few of 28,232 ports may be the same by chance (three of eighty in one of 5,000 runs), many may not.
            #expect(Set(sources).count >= sources.count - 5)
        }
    }

    @Test("DNS-19 a flood of questions is spread over many ports, none is used for long, and all are answered")
    func sharedPorts() async throws {
        try await withBench { (bench: Bench) throws in
            let socket = try UDPSocket(connectedTo: Bench.at)
            for burst in 0..<50 {
                for number in 0..<40 { try send(Message.question("n\(burst).\(number).test", Message.a), on: socket) }
                for _ in 0..<40 { #expect(try hear(socket).flatMap { Message($0) }?.code == 0) }
            }
            let sources = bench.upstream.log().compactMap(\.source)
            #expect(sources.count >= 2000)
            let uses = Dictionary(grouping: sources) { $0 }.mapValues(\.count)
            #expect(uses.count >= 500)
            // Two sockets may have had the same port one after the other.
            #expect(uses.values.allSatisfy { $0 <= 256 })
        }
    }

    @Test("no socket stays open when a question is over, and names that hang do not stop others")
    func boundedSockets() async throws {
        var settings = settings()
        settings.dns64.patience = .milliseconds(1500)
        try await withBench(settings) { (bench: Bench) throws in
            let socket = try UDPSocket(connectedTo: Bench.at)
            for number in 0..<500 { try send(Message.question("mute\(number).test", Message.a), on: socket) }
            #expect(try eventually { try answers("four.test", at: Bench.at) == [synthetic] })
            #expect(eventually { bench.upstream.log().count { $0.name.hasPrefix("mute") } > 100 })
            #expect(eventually { bench.resolver.status.workers.allSatisfy { $0.upstreamQuestions == 0 } })
            #expect(bench.resolver.status.workers.allSatisfy { $0.waitingClients == 0 })
        }
    }
}
