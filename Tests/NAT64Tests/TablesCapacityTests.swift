import IPAddressing
import PacketMemory
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

@Suite("What the tables hold and how they take changes")
struct TablesCapacityTests {
    @Test("a session takes no more than 160 octets, with its part of the indices and the pool")
    func octets() {
        let world = TablesFixture(addresses: 4)
        for host in 0..<90_000 as Range<UInt64> {
            world.send(.udp, world.client(host >> 2, UInt16(5000 + (host & 3))), world.peer(1))
        }
        let sessions = world.tables.totals().sessions.all
        #expect(sessions == 90_000)
        #expect(world.tables.octetsInUse() <= 160 * sessions)
    }

    @Test("limits.bindings counts a port that is kept, and what ends makes room for as much again")
    func exactness() {
        let world = TablesFixture {
            $0.maximumBindings = 100
            $0.maximumFurtherSessions = 10
        }
        for round in 0..<3 as Range<UInt64> {
            let given = (0..<300 as Range<UInt64>).compactMap {
                world.send(.udp, world.client(round * 1000 + $0, 5000), world.peer(1)).value
            }
            #expect(given.count == 100)
            world.pass(.seconds(301))
            world.sweep()
            #expect(world.send(.udp, world.client(9999, 5000), world.peer(1)).failure == .tableFull)
            world.pass(.seconds(121))
            world.sweep()
            #expect(world.tables.brokenInvariants() == [])
        }
    }

    @Test("a chunk of slots belongs to one shard, and the last one is given once")
    func slab() {
        let memory = Slab.memory(for: 640, of: 64)
        let slab = Slab(memory, for: 640)
        var firsts: [UInt32: Int] = [:]
        var shard = 0
        while let first = slab.takeChunk(for: shard % 64) {
            firsts[first] = shard % 64
            shard += 1
        }
        #expect(firsts.count >= 640 / 64 + 128)
        #expect(slab.end == UInt32(firsts.count * 64))
        for (first, shard) in firsts { #expect(slab.shard(of: first + 63) == shard) }
        withExtendedLifetime(memory) {}
    }

    @Test("what is guessed without a lock is right while nothing changes, through growth")
    func guesses() {
        let world = TablesFixture()
        var wrong = 0
        for host in 0..<50_000 as Range<UInt64> { world.send(.udp, world.client(host, 5000), world.peer(1)) }
        for host in 0..<50_000 as Range<UInt64> {
            let client = world.client(host, 5000)
            let hash = world.tables.hash(client, .udp)
            let tag = UInt32(truncatingIfNeeded: hash >> 32)
            let guess = world.tables.memory.clients.guess(tag, of: Int(hash & 63))
            let found = world.tables.shard(Int(hash & 63)).findBinding(tag, client, .udp)
            if guess != found.map({ $0.index + 1 }) ?? 0 { wrong += 1 }
        }
        // A guess ends after a few places, and takes the first of two clients whose hashes agree in 32 bits.
        #expect(wrong < 500)
        let strangers = (0..<1000 as Range<UInt64>).map { $0 &* 0x9E37_79B9_7F4A_7C15 }
        #expect(strangers.count { world.tables.prefetchBinding($0) != 0 } < 10)
    }

    @Test("a guess is believed of a live binding of the same client and protocol, and of no other slot")
    func believesNoWrongGuess() throws {
        let world = TablesFixture()
        let tables = world.tables
        let shard = tables.shard(0)
        let clients = (0..<2000 as Range<UInt64>).map { world.client($0, 5000) }.filter {
            tables.hash($0, .udp) & 63 == 0
        }
        let (own, other) = (clients[0], clients[1])
        for client in [own, other] { world.send(.udp, client, world.peer(1)) }
        let tag = UInt32(truncatingIfNeeded: tables.hash(own, .udp) >> 32)
        let id = try #require(shard.findBinding(tag, own, .udp))
        let otherTag = UInt32(truncatingIfNeeded: tables.hash(other, .udp) >> 32)
        let otherID = try #require(shard.findBinding(otherTag, other, .udp))
        // Nothing, the right one, another client's, one that was never used.
        for guess in [0, id.index + 1, otherID.index + 1, 60] {
            #expect(shard.findBinding(tag, own, .udp, guess) == id)
            #expect(shard.findBinding(tag, own, .tcp, guess) == nil)
        }
        // As while it is taken away: the record is still there, and no packet may find it.
        unsafe shard.state.pointee.clients.remove(tag, id.index)
        #expect(shard.findBinding(tag, own, .udp, id.index + 1) == id)
        for standing in [.free, .held, .ending, .endingFixed] as [Binding.Standing] {
            shard[id].standing = standing
            #expect(shard.findBinding(tag, own, .udp, id.index + 1) == nil)
        }
    }

    @Test("ADR-16 while prefixes change places, a session is answered under its own")
    func exchangedPrefixes() {
        let world = TablesFixture()
        let client = world.client(1, 5000)
        let external = world.send(.udp, client, world.peer(1), prefix: 1).value
        let old = world.policy
        world.policy = TablesFixture.policy(prefixes: ["2001:db8:65::/96", "2001:db8:66::/96"], generation: 2)
        world.tables.adopt(policy: world.policy)
        for policy in [old, world.policy] {
            world.policy = policy
            guard case .client(client, let number) = world.receive(.udp, external, world.peer(1)).value else {
                Issue.record("no client")
                continue
            }
            #expect(world.tables.prefixes[number].description == "2001:db8:65::/96")
        }
        #expect(world.tables.index(of: 1, in: world.policy) == 0)
        #expect(world.tables.index(of: 0, in: world.policy) == nil)
    }

    @Test("a packet that was under way when the Policy changed makes no session that the new one refuses")
    func lateJudgement() {
        let world = TablesFixture()
        let external = world.send(.udp, world.client(1, 5000), world.peer(1)).value
        let new = TablesFixture.policy(refuse: ["203.0.5.0/24"], generation: 2)
        world.tables.adopt(policy: new)
        #expect(world.send(.udp, world.client(1, 5000), world.peer(0x501)).failure == .destinationRefused)
        #expect(world.send(.udp, world.client(2, 5000), world.peer(0x501)).failure == .destinationRefused)
        #expect(world.send(.udp, world.client(2, 5000), world.peer(1), prefix: 9).failure == .destinationRefused)
        #expect(world.receive(.udp, external, world.peer(1)).value != nil)
        #expect(world.tables.totals().sessions.all == 1)
    }

    @Test("CGN-06 a flood from more networks than can be counted takes nothing from anybody and is counted")
    func manyNetworks() {
        let limits = {
            var limits = Limits()
            limits.sessionsPerClient = 10
            return limits
        }()
        let networks = ClientNetworks(limits)
        // All in one line, as the worst case has it.
        let hashes = (1...20 as ClosedRange<UInt64>).map { $0 << 41 }
        for hash in hashes {
            #expect(throws: Never.self) { try networks.take(hash, sessions: 10, ports: 1, second: 1) }
        }
        #expect(networks.uncounted.load(ordering: .relaxed) == 12)
        for hash in hashes[..<8] {
            #expect(networks.taken(hash) == (10, 1))
            #expect(throws: DropReason.clientLimit) { try networks.take(hash, sessions: 1, ports: 0, second: 1) }
        }
        networks.give(back: hashes[19], sessions: 10, ports: 1)
        #expect(networks.taken(hashes[0]) == (10, 1))
    }

    @Test("NAT-36 a flood from outside at ports that nobody has leaves the tables as they were")
    func inwardFlood() {
        let world = TablesFixture()
        let external = world.send(.tcp, world.client(1, 5000), world.peer(1), .syn).value
        for number in 0..<20_000 as Range<UInt32> {
            let port = Port(UInt16(1024 + number % 60_000))
            world.receive(.tcp, TransportAddress4(TablesFixture.firstExternal, port), world.peer(number + 2), .syn)
            world.receive(.udp, TransportAddress4(TablesFixture.firstExternal, port), world.peer(number + 2))
        }
        let totals = world.tables.totals()
        #expect(totals.bindings.all == 1)
        #expect(totals.heldSyns <= 256)
        #expect(world.receive(.tcp, external, world.peer(1), [.syn, .ack]).value != nil)
        #expect(world.tables.brokenInvariants() == [])
    }
}

@Suite("Looking ahead")
struct LookAheadTests {
    private static func packet(_ host: UInt8, _ port: UInt8) -> [UInt8] {
        [0x60, 0, 0, 0, 0, 8, 17, 64]
            + [0x20, 0x01, 0x0D, 0xB8, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, host]
            + [0x20, 0x01, 0x0D, 0xB8, 0, 0x64, 0, 0, 0, 0, 0, 0, 198, 51, 100, 10]
            + [0x9C, port, 0, 53, 0, 8, 0x12, 0x34]
    }

    /// Where the packet leaves from.
    private static func translate(
        _ bench: inout TranslateBench,
        _ octets: [UInt8],
        lookingAt other: [UInt8]?,
        meanwhile: (inout TranslateBench) -> Void = { _ in }
    ) -> (UInt32, UInt16)? {
        var buffer = OctetBuffer(count: 512)
        var slot = buffer.mutableOctets
        var ahead = LookAhead()
        if let other {
            for (index, octet) in other.enumerated() { slot.store(octet, at: 128 + index) }
            ahead = bench.worker.lookAhead(slot, PacketFrame(start: 128, count: other.count))
            bench.worker.fetch(&ahead)
        }
        meanwhile(&bench)
        for (index, octet) in octets.enumerated() { slot.store(octet, at: 128 + index) }
        var frame = PacketFrame(start: 128, count: octets.count)
        guard bench.worker.translate(&slot, &frame, at: bench.now, ahead: ahead) == .send else { return nil }
        return (slot.uint32(at: frame.start + 12), slot.uint16(at: frame.start + 20))
    }

    @Test(
        "a packet is translated alike with what was found out ahead, with nothing, and with what is of another packet"
    )
    func harmless() throws {
        var bench = try TranslateBench()
        var places: [UInt8: (UInt32, UInt16)] = [:]
        for host in 1...40 as ClosedRange<UInt8> {
            let packet = Self.packet(host, 7)
            places[host] = Self.translate(&bench, packet, lookingAt: host.isMultiple(of: 2) ? packet : nil)
        }
        for host in 1...40 as ClosedRange<UInt8> {
            let packet = Self.packet(host, 7)
            let place = try #require(places[host])
            for other in [
                nil, packet, Self.packet(host + 1, 7), Self.packet(host, 8), [0x45],
                [UInt8](repeating: 0x45, count: 40),
            ] {
                let again = try #require(Self.translate(&bench, packet, lookingAt: other))
                #expect(again == place)
            }
        }
        #expect(bench.translator.tables.totals().bindings.udp == 40)
        #expect(bench.translator.tables.brokenInvariants() == [])
    }

    @Test("a client gets the port ahead that it would get otherwise, in every part of a filling pool, up to the last")
    func samePorts() throws {
        let configure = { (settings: inout NAT64Settings) in
            settings.pool = ["203.0.113.1", "203.0.113.2", "203.0.113.9"].compactMap(IPv4Address.init).map {
                PoolEntry(addresses: $0...$0, ports: Port(2000)...Port(2499))
            }
        }
        var ahead = try TranslateBench(configure: configure)
        var plain = try TranslateBench(configure: configure)
        var given = 0
        for host in 1...12 as ClosedRange<UInt8> {
            for port in 0...150 as ClosedRange<UInt8> {
                let packet = Self.packet(host, port)
                let place = Self.translate(&ahead, packet, lookingAt: packet)
                let wanted = Self.translate(&plain, packet, lookingAt: nil)
                #expect(place?.0 == wanted?.0 && place?.1 == wanted?.1)
                given += place == nil ? 0 : 1
            }
        }
        #expect(given == 1500)
        #expect(ahead.translator.tables.brokenInvariants() == [])
    }

    @Test("a pool that changes between the look and the packet gives its own address")
    func poolChanges() throws {
        let address = try #require(IPv4Address("203.0.113.77"))
        for host in 1...50 as ClosedRange<UInt8> {
            var bench = try TranslateBench()
            let packet = Self.packet(host, 7)
            let place = Self.translate(&bench, packet, lookingAt: packet) { bench in
                #expect(bench.translator.change(pool: [PoolEntry(addresses: address...address)], at: bench.now))
            }
            #expect(try #require(place).0 == address.bits)
            #expect(bench.translator.tables.brokenInvariants() == [])
        }
    }

    @Test("a slot that becomes another client's between the look and the packet is not taken for the client's own")
    func changesHands() throws {
        var bench = try TranslateBench { $0.portHoldDown = .zero }
        let tables = bench.translator.tables
        // Clients of one shard, so that the second gets the slot that the first has left.
        let hosts = (1...250 as ClosedRange<UInt8>).filter {
            let client = IPv6Address(high: 0x2001_0DB8_0006_0000, low: UInt64($0))
            return tables.hash(TransportAddress6(client, Port(0x9C07)), .udp) & 63 == 0
        }
        let (own, other) = (Self.packet(hosts[0], 7), Self.packet(hosts[1], 7))
        let before = Self.translate(&bench, own, lookingAt: nil)
        #expect(before != nil)
        var others: (UInt32, UInt16)?
        let place = Self.translate(&bench, own, lookingAt: own) { bench in
            bench.now = bench.now + .seconds(600)
            while bench.worker.tick(at: bench.now) {}
            others = Self.translate(&bench, other, lookingAt: nil)
        }
        #expect(try #require(place) != #require(others))
        #expect(tables.shard(0)[BindingID(0)].client.low == UInt64(hosts[1]))
        #expect(tables.totals().bindings.udp == 2)
        #expect(tables.brokenInvariants() == [])
        // And a look that finds the index as it was before it grew.
        let again = Self.translate(&bench, own, lookingAt: own) { bench in
            for host in 1...250 as ClosedRange<UInt8> {
                for port in 100...250 as ClosedRange<UInt8> {
                    _ = Self.translate(&bench, Self.packet(host, port), lookingAt: nil)
                }
            }
        }
        #expect(try #require(again) == #require(place))
        #expect(tables.brokenInvariants() == [])
    }

    @Test("any octets may be looked at", arguments: [0, 1, 19, 20, 28, 39, 40, 47, 48, 60])
    func anything(count: Int) throws {
        var bench = try TranslateBench()
        var dice = Dice(state: UInt64(count))
        var buffer = OctetBuffer(count: 64)
        var memory = buffer.mutableOctets
        for round in 0..<2000 {
            for index in 0..<64 { memory.store(UInt8.random(in: 0...255, using: &dice), at: index) }
            memory.store([0x60, 0x45][round & 1] as UInt8, at: 0)
            memory.store([17, 6, 58, 1].randomElement(using: &dice) ?? 17 as UInt8, at: round & 1 == 0 ? 6 : 9)
            var ahead = bench.worker.lookAhead(memory, PacketFrame(start: 0, count: count))
            bench.worker.fetch(&ahead)
            ahead = bench.worker.lookAhead(memory, PacketFrame(start: 64 - count / 2, count: count))
            bench.worker.fetch(&ahead)
        }
    }
}
