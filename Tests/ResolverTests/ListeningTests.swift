import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("Addresses to listen on")
struct ListeningTests {
    @Test("listening follows the addresses of this machine; what stays is not touched")
    func follows() async throws {
        try await withBench(settings(listen: [], workers: 2)) { (bench: Bench) throws in
            let one = endpoint("127.0.0.1:53")
            let two = endpoint("[fd00::5]:53")
            #expect(bench.resolver.listen(on: [ListenAddress(one)]).isEmpty)
            #expect(try answers("four.test", Message.a, at: one) == ["A 5.6.7.8"])
            let kept = try Stream(to: one)

            addAddress("fd00::5/128")
            #expect(bench.resolver.listen(on: [ListenAddress(one), ListenAddress(two)]).isEmpty)
            #expect(bench.resolver.status.sockets == 4)
            #expect(try answers("four.test", Message.a, at: two) == ["A 5.6.7.8"])
            kept.send(Message.question("four.test", Message.a))
            #expect(kept.receive()?.answers == ["A 5.6.7.8"])

            #expect(bench.resolver.listen(on: [ListenAddress(two)]).isEmpty)
            #expect(try answers("four.test", Message.a, at: two) == ["A 5.6.7.8"])
            // The connections' own thread closes the socket a moment later.
            #expect(eventually { (try? Stream(to: one)) == nil })
            #expect(eventually { (try? ask("four.test", Message.a, at: one, patience: .seconds(10))) == nil })

            // And back again: the port must be free, although it was ours a moment ago.
            bench.resolver.listen(on: [ListenAddress(one), ListenAddress(two)])
            #expect(
                try eventually {
                    try answers("four.test", Message.a, at: one, patience: .seconds(5)) == ["A 5.6.7.8"]
                }
            )
        }
    }

    @Test("an automatic address that is taken is reported with its holder, the others work, and it is taken up later")
    func takenAutomatic() async throws {
        try await withBench(settings(listen: [])) { (bench: Bench) throws in
            let taken = endpoint("127.0.0.2:53")
            var stranger: Stranger? = try Stranger(on: taken)
            let problems = bench.resolver.listen(on: [ListenAddress(Bench.at), ListenAddress(taken)])
            #expect(problems.map(\.address) == [ListenAddress(taken)])
            #expect(problems.first?.transport == .udp)
            // This process, or a child that another test has forked and that has a copy of the socket for a moment.
            #expect(problems.first?.holder?.contains("(process ") ?? false)
            #expect(bench.resolver.status.problems == problems)
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.events.list.contains(.cannotListen(problems[0])))
            #expect(stranger != nil)
            stranger = nil
            #expect(eventually { bench.resolver.status.problems.isEmpty })
            #expect(try answers("four.test", Message.a, at: taken) == ["A 5.6.7.8"])
        }
    }

    @Test(
        "an address that the operator wrote down and somebody has is an error at the start that says who and what to do"
    )
    func takenDemanded() async throws {
        let text = try await inNamespace { () throws -> String in
            let stranger = try Stranger(on: Bench.at)
            let resolver = makeResolver(settings(listen: ["127.0.0.5:53", "127.0.0.1:53"]))
            do {
                try resolver.start()
                resolver.stop()
                return "started"
            } catch {
                #expect(stranger.number > 0)
                // Nothing is left of the attempt, but for the moment that a child of another test takes to start.
                #expect(eventually { (try? Stranger(on: endpoint("127.0.0.5:53"))) != nil })
                return "\(error)"
            }
        }
        #expect(text.hasPrefix("the resolver cannot listen on UDP 127.0.0.1:53: already in use by "))
        #expect(text.contains("(process ") && text.hasSuffix("); stop it, or set dns64.listen to other addresses"))
    }

    @Test("an address that the operator wrote down may come to this machine later")
    func laterAddress() async throws {
        try await withBench(settings(listen: ["192.0.2.7:53", "[2001:db8::7]:53"])) { (_: Bench) throws in
            addAddress("192.0.2.7/32")
            addAddress("2001:db8::7/128")
            for text in ["192.0.2.7:53", "[2001:db8::7]:53"] {
                let stream = try Stream(to: endpoint(text), from: IPAddress(text.hasPrefix("1") ? "127.0.0.1" : "::1"))
                stream.send(Message.question("four.test", Message.a))
                #expect(stream.receive()?.answers == ["A 5.6.7.8"])
            }
        }
    }

    @Test("a link-local address is listened on with its interface, and answers for itself")
    func linkLocal() async throws {
        try await withBench(settings(listen: [])) { (bench: Bench) throws in
            shell("ip link add d0 type veth peer d1 && ip link set d1 up && ip link set d0 up")
            addAddress("fe80::5/64", device: "d0")
            let scope = UDPSocket.scope(of: "d0")
            let own = endpoint("[fe80::5]:53")
            #expect(bench.resolver.listen(on: [ListenAddress(own, scope: scope)]).isEmpty)
            for _ in 0..<2 {
                let answer = try ask("four.test", Message.a, at: own, scope: scope)
                #expect(answer?.answers == ["A 5.6.7.8"])
            }
        }
    }

    @Test("beside the stub of systemd-resolved at 127.0.0.53 neither is in the other's way")
    func besideStub() async throws {
        try await withBench(settings(listen: [])) { (bench: Bench) throws in
            let stub = try Stranger(on: endpoint("127.0.0.53:53"))
            #expect(bench.resolver.listen(on: [ListenAddress(Bench.at), ListenAddress(endpoint("[::1]:53"))]).isEmpty)
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(stub.number > 0)
        }
    }
}

/// Another program's socket.
private final class Stranger {
    private let socket: UDPSocket
    init(on endpoint: TransportAddress) throws { socket = try UDPSocket(listeningOn: endpoint) }
    var number: Int32 { socket.number }
}
