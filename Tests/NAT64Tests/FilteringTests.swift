import IPAddressing
import PacketWire
import Testing
import Timing

@testable import NAT64

@Suite("Filtering, RFC 6146 sections 1.2.3 and 3.5")
struct FilteringTests {
    @Test("NAT-13 CGN-08 with endpoint-independent filtering every host may send to a binding, and makes a session")
    func endpointIndependent() {
        let world = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        let client = world.client(1, 5000)
        for transport in [TransportProtocol.udp, .icmpQuery] {
            let external = world.send(transport, client, world.peer(1, 0)).value
            for number in 2..<50 as Range<UInt32> {
                #expect(world.receive(transport, external, world.peer(number, 0)).value == .client(client, prefix: 0))
            }
        }
        #expect(world.tables.totals().sessions.all == 98)
        #expect(world.tables.totals().bindings.all == 2)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("NAT-14 NAT-22 by default only hosts the client has sent to may send back, from any port")
    func addressDependent() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(1)).value
        world.send(.udp, client, world.peer(2))
        for known in [1, 2] as [UInt32] {
            #expect(world.receive(.udp, external, world.peer(known, 9)).value == .client(client, prefix: 0))
        }
        #expect(world.receive(.udp, external, world.peer(3)).failure == .filtered)
        let identifier = world.send(.icmpQuery, client, world.peer(1, 0)).value
        #expect(world.receive(.icmpQuery, identifier, world.peer(2, 0)).failure == .filtered)
        #expect(world.receive(.icmpQuery, identifier, world.peer(1, 0)).value == .client(client, prefix: 0))
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("a host is forgotten with the last session towards it, whichever of a binding's sessions that was")
    func forgetting() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(1)).value
        world.send(.udp, client, world.peer(2, 1))
        world.send(.udp, client, world.peer(2, 2))
        world.pass(.seconds(200))
        world.send(.udp, client, world.peer(2, 2))
        world.send(.udp, client, world.peer(3))
        world.pass(.seconds(150))
        world.sweep()
        #expect(world.sessions().count == 2)
        #expect(world.receive(.udp, external, world.peer(1, 9)).failure == .filtered)
        #expect(world.receive(.udp, external, world.peer(2, 9)).value != nil)
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(301))
        world.sweep()
        #expect(world.receive(.udp, external, world.peer(2, 9)).failure == .noSession)
    }

    @Test("NAT-14 a host stays known by its other sessions when the prefix goes that it was known under first")
    func knownUnderAnotherPrefix() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(2), prefix: 1).value
        world.send(.udp, client, world.peer(1, 1), prefix: 0)
        world.send(.udp, client, world.peer(1, 2), prefix: 1)
        world.policy = TablesFixture.policy(prefixes: ["2001:db8:65::/96"], generation: 2)
        world.tables.adopt(policy: world.policy)
        #expect(world.sessions().count == 2)
        #expect(world.receive(.udp, external, world.peer(1, 3)).value == .client(client, prefix: 1))
        #expect(world.receive(.udp, external, world.peer(3)).failure == .filtered)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("with address-and-port-dependent filtering only the port the client has sent to may send back")
    func addressAndPortDependent() {
        let world = TablesFixture { $0.filtering = Filtering(.addressAndPortDependent) }
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(1)).value
        #expect(world.receive(.udp, external, world.peer(1)).value == .client(client, prefix: 0))
        #expect(world.receive(.udp, external, world.peer(1, 9)).failure == .filtered)
    }

    @Test("NAT-18 packets that filtering refuses do not keep a binding alive")
    func refusedDoNotRefresh() {
        let world = TablesFixture()
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        for _ in 0..<5 {
            world.pass(.seconds(60))
            world.sweep()
            world.receive(.udp, external, world.peer(2))
        }
        world.pass(.seconds(1))
        world.sweep()
        #expect(world.sessions() == [])
    }

    @Test("NAT-18 SYNs that filtering refuses do not keep a binding alive, and are answered when it is gone")
    func refusedSYNsDoNotRefresh() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        for round in 0..<48 as Range<UInt32> {
            world.pass(.seconds(5))
            world.sweep()
            #expect(world.receive(.tcp, external, world.peer(2 + round), .syn).value == .hold)
        }
        world.pass(.seconds(1))
        world.sweep()
        #expect(world.sessions() == [])
        #expect(world.tables.totals().bindings.all == 0)
        world.pass(.seconds(7))
        world.sweep()
        #expect(world.events.count == 48)
        #expect(world.tables.totals().heldSyns == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test(
        "TCP-06 with endpoint-independent filtering a SYN from outside opens a connection that the client's completes"
    )
    func openSyn() {
        let world = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .client(client, prefix: 0))
        let second = world.sessions().first { $0.peer == world.peer(2) }
        #expect(second?.state == .v4Init)
        #expect(second?.remaining.seconds == 240)
        world.send(.tcp, client, world.peer(2), [.syn, .ack])
        #expect(world.sessions().first { $0.peer == world.peer(2) }?.state == .established)
    }

    @Test("TCP-10 in V4 INIT anything but the client's SYN is translated and changes nothing")
    func v4InitOther() {
        let world = TablesFixture { $0.filtering = Filtering(.endpointIndependent) }
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.receive(.tcp, external, world.peer(2), .syn)
        #expect(world.send(.tcp, client, world.peer(2), .rst).value == external)
        #expect(world.sessions().first { $0.peer == world.peer(2) }?.state == .v4Init)
    }

    @Test("TCP-05 TCP-04 a SYN that filtering refuses is kept for six seconds and then refused aloud")
    func heldSyn() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        guard let external = world.send(.tcp, client, world.peer(1), .syn).value else { return }
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .hold)
        #expect(world.receive(.tcp, external, world.peer(2), .ack).failure == .filtered)
        #expect(world.receive(.tcp, external, world.peer(2, 9), .ack).failure == .filtered, "it has not been sent to")
        world.pass(.seconds(6))
        world.sweep()
        #expect(world.events == [])
        world.pass(.seconds(1))
        world.sweep()
        #expect(world.events == [.heldSyn(external: external, peer: world.peer(2))])
        #expect(world.sessions().count == 1)
        #expect(world.tables.totals().heldSyns == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-09 the client's SYN makes a session of the one that was kept, which is then forgotten in silence")
    func simultaneousOpen() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        #expect(world.receive(.tcp, external, world.peer(2), .syn).value == .hold)
        #expect(world.send(.tcp, client, world.peer(2), .syn).value == external)
        #expect(world.sessions().first { $0.peer == world.peer(2) }?.state == .established)
        #expect(world.receive(.tcp, external, world.peer(2), .ack).value == .client(client, prefix: 0))
        #expect(world.receive(.tcp, external, world.peer(2, 9), .syn).value == .client(client, prefix: 0))
        world.pass(.seconds(10))
        world.sweep()
        #expect(world.events == [])
        #expect(world.tables.totals().heldSyns == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-03 TCP-04 a SYN to a port without a binding is kept, makes no binding, and is refused aloud")
    func unboundSyn() {
        let world = TablesFixture()
        let external = TransportAddress4(TablesFixture.firstExternal, Port(5000))
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value == .hold)
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value == .hold, "repeated")
        #expect(world.tables.totals().bindingsMade == 0)
        #expect(world.tables.totals().heldSyns == 1)
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(6))
        world.sweep()
        #expect(world.events == [])
        world.pass(.seconds(1))
        world.sweep()
        #expect(world.events == [.heldSyn(external: external, peer: world.peer(1))])
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-03 TCP-04 so is one to a port that clients are never given", arguments: [1, 22, 80, 1023] as [UInt16])
    func synOutsideOfThePorts(port: UInt16) {
        let world = TablesFixture()
        let external = TransportAddress4(TablesFixture.firstExternal, Port(port))
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value == .hold)
        #expect(world.receive(.tcp, external, world.peer(1), .ack).failure == .noSession)
        world.pass(.seconds(7))
        world.sweep()
        #expect(world.events == [.heldSyn(external: external, peer: world.peer(1))])
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-09 a SYN to a port without a binding makes the connection complete if the client is given that port")
    func unboundSimultaneousOpen() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.tcp, client, world.peer(1), .syn).value
        world.pass(.seconds(300))
        world.sweep()
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value == .hold)
        #expect(world.send(.tcp, client, world.peer(1), .syn).value == external)
        #expect(world.state == .established)
        #expect(world.tables.totals().heldSyns == 0)
        #expect(world.tables.brokenInvariants() == [])
    }

    @Test("TCP-02 connections from outside can be refused altogether, in silence")
    func noConnectionsFromOutside() {
        let world = TablesFixture {
            $0.filtering = Filtering(.endpointIndependent)
            $0.filtering.admitsConnectionsFromOutside = false
        }
        let external = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        #expect(world.receive(.tcp, external, world.peer(2), .syn).failure == .inboundRefused)
        let free = TransportAddress4(TablesFixture.firstExternal, Port(external?.port.number == 5000 ? 5001 : 5000))
        #expect(world.receive(.tcp, free, world.peer(2), .syn).failure == .inboundRefused)
        #expect(
            world.receive(.tcp, external, world.peer(1), [.syn, .ack]).value != nil,
            "an answer is not a connection"
        )
    }

    @Test("TCP-07 any other segment is translated if a binding exists and filtering allows, without a session")
    func withoutSession() {
        for (rule, passes) in [(Filtering.Rule.endpointIndependent, true), (.addressDependent, false)] {
            let world = TablesFixture { $0.filtering = Filtering(rule) }
            let client = world.client(1, 5000)
            let external = world.send(.tcp, client, world.peer(1), .syn).value
            let result = world.receive(.tcp, external, world.peer(2), .ack)
            #expect(result.value == (passes ? .client(client, prefix: 0) : nil))
            #expect(world.receive(.tcp, external, world.peer(1, 9), .ack).value != nil)
            #expect(world.send(.tcp, client, world.peer(3), .ack).value == external)
            #expect(world.sessions().count == 1)
        }
    }

    @Test("TCP-32 NAT-36 no more SYNs are kept than allowed, and one network may have all of a few")
    func heldSynLimit() {
        let world = TablesFixture { $0.translation.heldSYNs = 10 }
        var kept = 0
        for number in 0..<40 as Range<UInt32> {
            let external = TransportAddress4(TablesFixture.firstExternal, Port(UInt16(5000 + number)))
            if world.receive(.tcp, external, world.peer(1), .syn).value == .hold { kept += 1 }
        }
        #expect(kept == 10)
        let external = TransportAddress4(TablesFixture.firstExternal, Port(6000))
        #expect(world.receive(.tcp, external, world.peer(1), .syn).failure == .heldSYNLimit)
        let bound = world.send(.tcp, world.client(1, 5000), world.peer(100), .syn).value
        #expect(world.receive(.tcp, bound, world.peer(1), .syn).failure == .heldSYNLimit)
        #expect(world.tables.brokenInvariants() == [])
        world.pass(.seconds(7))
        world.sweep()
        #expect(world.receive(.tcp, external, world.peer(1), .syn).value == .hold)
    }

    @Test("a SYN to a free port of an address shared with the host is the host's")
    func sharedAddress() {
        let world = TablesFixture(ports: PoolEntry.sharedPorts) { $0.pool[0].sharedWithHost = true }
        for port in [22, 61440, 65535] as [UInt16] {
            let external = TransportAddress4(TablesFixture.firstExternal, Port(port))
            #expect(world.receive(.tcp, external, world.peer(1), .syn).failure == .noSession)
        }
        #expect(world.tables.standing(of: TablesFixture.firstExternal) == .shared)
        #expect(world.tables.membership(of: TransportAddress4(TablesFixture.firstExternal, Port(22))) == .host)
    }
}
