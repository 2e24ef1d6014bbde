import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Lifetimes and the TCP sessions, RFC 6146 sections 3.5.2.2 and 4")
struct LifetimeTests {
    @Test("NAT-15 NAT-16 NAT-20 TCP-19 the defaults are those of RFC 6146 section 4, and so are the least values")
    func defaults() {
        let usual = Lifetimes()
        #expect(usual.udp == .seconds(300))
        #expect(usual.icmp == .seconds(60))
        #expect(usual.tcpEstablished == .seconds(7200))
        #expect(usual.tcpTransitory == .seconds(240))
        #expect(usual.tcpIncomingSyn == .seconds(6))
        #expect(Lifetimes.least.udp == .seconds(120))
        #expect(Lifetimes.least.icmp == .seconds(60))
        #expect(Lifetimes.least.tcpEstablished == .seconds(7200))
    }

    @Test(
        "NAT-15 NAT-20 TCP-14 a session lives its whole lifetime and ends within half a second after it",
        arguments: [(TransportProtocol.udp, 300), (.icmpQuery, 60), (.tcp, 240)] as [(TransportProtocol, UInt64)]
    )
    func ends(transport: TransportProtocol, seconds: UInt64) {
        for offset in 0..<40 as Range<UInt64> {
            let world = TablesFixture()
            world.pass(.milliseconds(offset * 37))
            world.send(transport, world.client(1, 5000), world.peer(1), .syn)
            world.pass(.seconds(seconds))
            world.sweep()
            #expect(world.sessions().count == 1)
            world.pass(.milliseconds(500))
            world.sweep()
            #expect(world.sessions().count == 0)
            #expect(world.events == [])
        }
    }

    @Test("a packet that comes after the end finds no session even before the end was noticed")
    func notYetCollected() {
        let world = TablesFixture()
        let udp = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        let tcp = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        world.pass(.seconds(301))
        #expect(world.receive(.udp, udp, world.peer(1)).failure == .noSession)
        #expect(world.receive(.tcp, tcp, world.peer(1), [.syn, .ack]).failure == .noSession)
        #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), .ack).failure == .noSession)
        #expect(world.tables.brokenInvariants() == [])
        // So it is where the client's segment comes first.
        world.send(.tcp, world.client(1, 5000), world.peer(1), .syn)
        world.pass(.seconds(301))
        #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), .ack).failure == .noSession)
        #expect(world.sessions().isEmpty && world.tables.brokenInvariants() == [])
    }

    @Test("TCP-18 a segment saves an idle connection whose end was not noticed yet", arguments: [true, false])
    func savedInTime(fromIPv6: Bool) {
        let world = TablesFixture()
        let external = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        world.receive(.tcp, external, world.peer(1), [.syn, .ack])
        world.pass(.seconds(7230))
        if fromIPv6 {
            #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), .ack).value == external)
        } else {
            #expect(world.receive(.tcp, external, world.peer(1), .ack).value != nil)
        }
        #expect(world.state == .established && world.sessions().first?.remaining.seconds == 7200)
    }

    @Test("TCP-01 TCP-11 TCP-17 TCP-30 a connection opens, lives for two hours from each segment")
    func established() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        #expect(world.state == .v6Init)
        #expect(world.sessions()[0].remaining.seconds == 240)
        #expect(world.receive(.tcp, external, world.peer(1), [.syn, .ack]).value == .client(client, prefix: 0))
        #expect(world.state == .established)
        #expect(world.sessions()[0].remaining.seconds == 7200)
        for _ in 0..<3 {
            world.pass(.seconds(7199))
            world.sweep()
            #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
            #expect(world.state == .established)
        }
        #expect(world.events == [])
    }

    @Test("TCP-12 TCP-13 a repeated SYN starts the opening anew, a reset does not")
    func opening() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.pass(.seconds(200))
        world.send(.tcp, client, world.peer(1), .syn)
        #expect(world.sessions()[0].remaining.seconds == 240)
        world.pass(.seconds(200))
        #expect(world.receive(.tcp, external, world.peer(1), .rst).value == .client(client, prefix: 0))
        #expect(world.state == .v6Init)
        #expect(world.sessions()[0].remaining.seconds == 40)
    }

    @Test("TCP-18 TCP-19 an idle connection is probed after two hours and ends four minutes later, or lives again")
    func probe() {
        for answers in [false, true] {
            let world = TablesFixture()
            let client = world.client(1, 5000)
            guard let external = world.send(.tcp, client, world.peer(1), .syn).value else { return }
            world.receive(.tcp, external, world.peer(1), [.syn, .ack])
            world.pass(.seconds(7200))
            world.sweep()
            #expect(world.events == [])
            world.pass(.seconds(1))
            world.sweep()
            #expect(world.events == [.probe(client: client, prefix: 0, peer: world.peer(1), external: external)])
            #expect(world.state == .trans)
            world.pass(.seconds(239))
            world.sweep()
            #expect(world.state == .trans)
            if answers {
                #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
                #expect(world.state == .established)
                #expect(world.sessions()[0].remaining.seconds == 7200)
            } else {
                world.pass(.seconds(2))
                world.sweep()
                #expect(world.sessions() == [])
                #expect(world.tables.totals().bindings.all == 0)
            }
        }
    }

    @Test("TCP-15 TCP-20 TCP-21 TCP-22 TCP-23 TCP-24 TCP-30 a connection closes from either side and ends after 240 s")
    func closing() {
        for clientFirst in [false, true] {
            let world = TablesFixture()
            let client = world.client(1, 5000)
            let external = world.send(.tcp, client, world.peer(1), .syn).value
            world.receive(.tcp, external, world.peer(1), [.syn, .ack])
            if clientFirst {
                world.send(.tcp, client, world.peer(1), [.fin, .ack])
                #expect(world.state == .v6FinReceived)
            } else {
                world.receive(.tcp, external, world.peer(1), [.fin, .ack])
                #expect(world.state == .v4FinReceived)
            }
            world.pass(.seconds(600))
            world.sweep()
            #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
            #expect(world.sessions()[0].remaining.seconds == 7200)
            world.send(.tcp, client, world.peer(1), [.fin, .ack])
            world.receive(.tcp, external, world.peer(1), [.fin, .ack])
            #expect(world.state == .v4FinV6FinReceived)
            world.pass(.seconds(120))
            #expect(world.receive(.tcp, external, world.peer(1), .ack).value == .client(client, prefix: 0))
            #expect(world.sessions()[0].remaining.seconds == 120)
            world.pass(.seconds(121))
            world.sweep()
            #expect(world.sessions() == [])
        }
    }

    @Test("TCP-15 TCP-19 TCP-21 TCP-23 a FIN that comes after a long silence leaves the other side its time")
    func finAfterSilence() {
        for clientFirst in [false, true] {
            let world = TablesFixture()
            let client = world.client(1, 5000)
            let external = world.send(.tcp, client, world.peer(1), .syn).value
            world.receive(.tcp, external, world.peer(1), [.syn, .ack])
            world.pass(.seconds(7199))
            if clientFirst {
                world.send(.tcp, client, world.peer(1), [.fin, .ack])
            } else {
                world.receive(.tcp, external, world.peer(1), [.fin, .ack])
            }
            #expect(world.sessions()[0].remaining.seconds == 7200)
            world.pass(.seconds(600))
            world.sweep()
            if clientFirst {
                #expect(world.receive(.tcp, external, world.peer(1), .ack).value == .client(client, prefix: 0))
            } else {
                #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
            }
        }
    }

    @Test("TCP-21 TCP-23 a half-closed connection ends after two hours of silence without a probe")
    func halfClosed() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.receive(.tcp, external, world.peer(1), [.syn, .ack])
        world.send(.tcp, client, world.peer(1), .fin)
        world.pass(.seconds(7201))
        world.sweep()
        #expect(world.sessions() == [])
        #expect(world.events == [])
    }

    @Test("TCP-16 TCP-26 TCP-27 a reset does not close a session but puts it in doubt")
    func reset() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.receive(.tcp, external, world.peer(1), [.syn, .ack])
        world.receive(.tcp, external, world.peer(1), .rst)
        #expect(world.state == .trans)
        #expect(world.sessions()[0].remaining.seconds == 240)
        world.send(.tcp, client, world.peer(1), .ack)
        #expect(world.state == .established)
        world.send(.tcp, client, world.peer(1), .rst)
        world.pass(.seconds(100))
        #expect(world.receive(.tcp, external, world.peer(1), .rst).value == .client(client, prefix: 0))
        #expect(world.sessions()[0].remaining.seconds == 140)
        world.pass(.seconds(141))
        world.sweep()
        #expect(world.sessions() == [])
    }

    @Test("TCP-25 a new connection between the ends of one that has just closed or was reset is not cut off")
    func reopening() {
        for closes in [false, true] {
            let world = TablesFixture()
            let client = world.client(1, 5000)
            let external = world.send(.tcp, client, world.peer(1), .syn).value
            world.receive(.tcp, external, world.peer(1), [.syn, .ack])
            if closes {
                world.send(.tcp, client, world.peer(1), .fin)
                world.receive(.tcp, external, world.peer(1), .fin)
            } else {
                world.send(.tcp, client, world.peer(1), .rst)
            }
            world.pass(.seconds(5))
            #expect(world.send(.tcp, client, world.peer(1), .syn).value == external)
            world.receive(.tcp, external, world.peer(1), [.syn, .ack])
            #expect(world.state == .established)
            world.pass(.seconds(300))
            world.sweep()
            #expect(world.send(.tcp, client, world.peer(1), .ack).value == external)
        }
    }

    @Test("TCP-08 a segment of an unknown connection is refused")
    func unknownConnection() {
        let world = TablesFixture()
        for flags in [.ack, .fin, .rst, [.fin, .ack], []] as [TCPFlags] {
            #expect(world.send(.tcp, world.client(1, 5000), world.peer(1), flags).failure == .noSession)
        }
        #expect(world.tables.totals().bindingsMade == 0)
    }

    @Test("a long silence of the clock's keeper loses nobody: what is over ends, what lives stays")
    func longGap() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.receive(.tcp, external, world.peer(1), [.syn, .ack])
        world.send(.udp, client, world.peer(1))
        world.pass(.seconds(5000))
        world.sweep()
        #expect(world.sessions().count == 1)
        #expect(world.state == .established)
        world.pass(.seconds(100_000))
        world.sweep()
        world.sweep()
        #expect(world.events.count == 1)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("expiry does no more at once than it is allowed, and ends all in the end")
    func budget() {
        let world = TablesFixture()
        for host in 0..<1000 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        world.pass(.seconds(301))
        var slices = 0
        var before = 1000
        while world.tables.totals().sessions.all > 0, slices < 1000 {
            var budget = 64
            #expect(world.tables.expire(at: world.now, budget: &budget) == nil)
            let after = world.tables.totals().sessions.all
            #expect(before - after <= 64)
            before = after
            slices += 1
        }
        #expect(slices == 16)
    }

    @Test("whoever ticks is told that more is due than one call does, and when no more is")
    func moreIsDue() throws {
        var bench = try boundBench()
        for port in 1..<2500 {
            let outcome = bench.send(try bench.octets("udp [2001:db8:6::c1]:\(port) > [2001:db8:64::198.51.100.10]:53"))
            guard case .sent = outcome else { throw Unexpected(outcome: outcome) }
        }
        bench.now = bench.now + .seconds(310)
        let isMoreDue = bench.worker.tick(at: bench.now)
        #expect(isMoreDue && bench.translator.tables.totals().sessions.all == 2500 - 2048)
        let isStillMoreDue = bench.worker.tick(at: bench.now)
        #expect(!isStillMoreDue && bench.translator.tables.totals().sessions.all == 0)
    }
}
