import DNS64
import DNSWire
import Glibc
import IPAddressing
import Linux
import Policy
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("Changes while the resolver runs")
struct ChangesTests {
    @Test(
        "a changed Policy has its effect on the next question, on every worker, over UDP and TCP, also where workers poll",
        arguments: [PollBeforeSleep.automatic, .always(.zero), .always(.seconds(1))]
    )
    func policyChange(poll: PollBeforeSleep) async throws {
        var wanted = settings(workers: 2)
        wanted.pollBeforeSleep = poll
        try await withBench(wanted) { (bench: Bench) throws in
            let stream = try Stream(to: Bench.at)
            for generation in UInt64(2)...11 {
                let served = generation % 2 == 0
                #expect(
                    bench.resolver.apply(policy: policy(generation: generation, clients: served ? ["127.0.0.0/8"] : []))
                )
                for _ in 0..<8 {
                    #expect(try answers("four.test", Message.a, at: Bench.at) == (served ? ["A 5.6.7.8"] : ["CODE 5"]))
                }
                stream.send(Message.question("four.test", Message.a))
                #expect(stream.receive()?.code == (served ? 0 : 5))
            }
        }
    }

    @Test("while synthesis is suspended nothing is made of A records, and native AAAA records still come")
    func suspended() async throws {
        try await withBench { (bench: Bench) throws in
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
            #expect(bench.resolver.suspendSynthesis(true))
            #expect(bench.resolver.status.suspendsSynthesis)
            #expect(try answers("four.test", at: Bench.at) == [])
            #expect(try answers("six.test", at: Bench.at) == ["AAAA 2606:64::6"])
            #expect(bench.resolver.suspendSynthesis(false))
            #expect(try answers("four.test", at: Bench.at) == [synthetic])
        }
    }

    @Test("new upstreams are asked from now on, the cache stays, and clients that waited get their answer")
    func newUpstreams() async throws {
        try await withBench { (bench: Bench) throws in
            let silent = try ScriptedUpstream(at: "127.0.0.102", isMute: true)
            defer { silent.stop() }
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.resolver.apply(settings: settings(upstreams: ["127.0.0.102:53"])).isEmpty)
            let udp = try UDPSocket(connectedTo: Bench.at)
            try send(Message.question("wait.test", Message.a), on: udp)
            let stream = try Stream(to: Bench.at)
            stream.send(Message.question("wait.test", Message.a))
            #expect(eventually { bench.resolver.status.workers[0].waitingClients == 2 })
            #expect(eventually { !silent.log("wait.test").isEmpty })

            #expect(bench.resolver.apply(settings: settings()).isEmpty)
            #expect(bench.resolver.status.upstreams.map(\.endpoint) == [endpoint("127.0.0.101:53")])
            let late = try hear(udp).flatMap { Message($0) }
            #expect(late?.answers == ["A 5.6.7.8"])
            #expect(stream.receive()?.answers == ["A 5.6.7.8"])
            #expect(bench.upstream.log("wait.test").count == 1)
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.upstream.log("four.test").count == 1)
        }
    }

    @Test("DNS-46 clients of two views ask two upstreams, and a reload leads one of them elsewhere alone")
    func viewRules() async throws {
        @Sendable func settings(_ upstream: String) -> ResolverSettings {
            var result = ResolverTests.settings(workers: 2)
            let rule = ForwardingRule(
                domain: known(Name("test")),
                action: .ask([UpstreamAddress(endpoint(upstream))])
            )
            result.dns64.views = [ViewNames(networks: [known(IPPrefix("127.0.0.5/32"))], rules: [rule])]
            return result
        }
        try await withBench(settings("127.0.0.102:53")) { (bench: Bench) throws in
            let second = try ScriptedUpstream(at: "127.0.0.102")
            let third = try ScriptedUpstream(at: "127.0.0.103")
            defer {
                second.stop()
                third.stop()
            }
            func ask(from client: String) throws {
                #expect(try answers("four.test", Message.a, at: Bench.at, from: client) == ["A 5.6.7.8"])
            }
            func asked() -> [Int] { [bench.upstream, second, third].map { $0.log("four.test").count } }
            for _ in 0..<2 {
                try ask(from: "127.0.0.5")
                #expect(asked() == [0, 1, 0])
            }
            for _ in 0..<2 {
                try ask(from: "127.0.0.6")
                #expect(asked() == [1, 1, 0])
            }
            #expect(bench.resolver.apply(settings: settings("127.0.0.103:53")).isEmpty)
            // Until a worker has read that, it answers out of the old part of the cache.
            #expect(
                try eventually {
                    try ask(from: "127.0.0.5")
                    return asked() == [1, 1, 1]
                }
            )
            try ask(from: "127.0.0.6")
            #expect(asked() == [1, 1, 1])
        }
    }

    @Test("the resolvers of the system are followed as their file changes, without the stub and without ourselves")
    func systemUpstreams() async throws {
        var template = [UInt8]("/tmp/resolv.XXXXXX".utf8CString.map { UInt8(truncatingIfNeeded: $0) })
        let folder = template.withUnsafeMutableBytes {
            String(cString: mkdtemp($0.baseAddress!.assumingMemoryBound(to: CChar.self)))
        }
        defer { system("rm -r \(folder)") }
        var settings = settings(upstreams: [])
        settings.usesSystemUpstreams = true
        settings.systemResolvers.resolvConf = folder + "/resolv.conf"
        settings.systemResolvers.behindStub = folder + "/behind.conf"
        try write("nameserver 127.0.0.53\n", to: folder + "/resolv.conf")
        try write("nameserver 127.0.0.1\nnameserver 127.0.0.101\n", to: folder + "/behind.conf")
        try await withBench(settings) { (bench: Bench) throws in
            #expect(bench.resolver.status.upstreams.map(\.endpoint) == [endpoint("127.0.0.101:53")])
            #expect(bench.resolver.status.leftOutOurselves == [endpoint("127.0.0.1:53")])
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            try write("nameserver 127.0.0.102\n", to: folder + "/resolv.conf")
            let other = try ScriptedUpstream(at: "127.0.0.102")
            defer { other.stop() }
            #expect(eventually { bench.resolver.status.upstreams.map(\.endpoint) == [endpoint("127.0.0.102:53")] })
            #expect(try answers("new.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(!other.log("new.test").isEmpty)
        }
    }

    @Test("every worker's heart beats while it has nothing to do")
    func heartbeat() async throws {
        try await withBench(settings(workers: 2)) { (bench: Bench) throws in
            let connections = bench.resolver.status.connectionsHeartbeat
            #expect(eventually { bench.resolver.status.connectionsHeartbeat > connections })
            let before = bench.resolver.status.workers.map(\.heartbeat)
            #expect(before.count == 2)
            #expect(eventually { zip(bench.resolver.status.workers, before).allSatisfy { $0.heartbeat > $1 } })
        }
    }

    @Test("a resolver can be stopped and started again on the same addresses, and stops while clients wait")
    func restarts() async throws {
        try await inNamespace {
            let upstream = try ScriptedUpstream(at: "127.0.0.101")
            defer { upstream.stop() }
            let resolver = makeResolver(settings(workers: 2))
            for _ in 0..<3 {
                // Children of other tests hold copies of all sockets for the moment that they take to start.
                #expect(eventually { (try? resolver.start()) != nil })
                #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
                let udp = try UDPSocket(connectedTo: Bench.at)
                try send(Message.question("mute.test", Message.a), on: udp)
                let stream = try Stream(to: Bench.at)
                stream.send(Message.question("mute.test", Message.a))
                resolver.stop()
                #expect(stream.isClosedByPeer())
            }
        }
    }

    @Test("threads that read what strangers send have given up their privileges, and everything works without them")
    func withoutPrivileges() async throws {
        var settings = settings()
        settings.dropsPrivileges = true
        try await withBench(settings) { (bench: Bench) throws in
            #expect(try answers("tc.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            bench.resolver.listen(on: [ListenAddress(endpoint("127.0.0.2:53"))])
            let stream = try Stream(to: endpoint("127.0.0.2:53"))
            stream.send(Message.question("four.test", Message.a))
            #expect(stream.receive()?.answers == ["A 5.6.7.8"])
            #expect(Capabilities.has(.netBindService))
        }
    }
}

private func write(_ text: String, to path: String) throws { try WholeFile.replace(path, with: Array(text.utf8)) }
