import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing
import Timing

/// A hostile source may fill what is limited; whoever else comes is served all the same.
@Suite("Fairness: NAT-26, NAT-36, X64-26, TCP-32")
struct FairnessTests {
    private let server = "[2001:db8:64::198.51.100.10]:53"

    /// Sends both pieces of a datagram, the later one first, and says whether both came out.
    private func passes(_ bench: inout TranslateBench, _ packet: String, identification: UInt16) throws -> Bool {
        let pieces = cut(try bench.octets(packet), [1200, 808], identification: identification)
        #expect(bench.send(pieces[1]) == .kept)
        guard case .sent = bench.send(pieces[0]) else { return false }
        return bench.extras().count == 1
    }

    @Test(
        "NAT-26 NAT-36 while one network's lone fragments fill the memory, those of others pass, the network's too",
        arguments: [true, false]
    )
    func fragments(countsBlocks: Bool) throws {
        var bench = try boundBench(clients: ["2001:db8::/32"]) { settings in
            settings.translation.fragmentMemory = countsBlocks ? 64 * 2048 : 4 << 20
            settings.translation.fragmentedDatagrams = countsBlocks ? 1024 : 64
        }
        let hostile = cut(try bench.octets("udp [2001:db8:7::1]:1 > \(server) size 2000"), [1200, 808])
        for number in 0..<5000 {
            var lone = hostile[number % 4 == 0 && !countsBlocks ? 0 : 1]
            (lone[46], lone[47]) = (UInt8(number >> 8), UInt8(number & 255))
            _ = bench.send(lone)
            _ = bench.extras()
            if number % 1000 == 999 {
                let number = UInt16(number)
                let client = "udp [2001:db8:6::c0]:40000 > \(server) size 2000"
                #expect(try passes(&bench, client, identification: number))
                let neighbour = "udp [2001:db8:7::2]:40000 > \(server) size 2000"
                #expect(try passes(&bench, neighbour, identification: number))
                let peer = "udp 198.51.100.10:53 > $t size 2000"
                #expect(try passes(&bench, peer, identification: number))
            }
        }
        #expect(bench.translator.fragmentsInUse.datagrams <= 64 && bench.translator.fragmentsInUse.blocks <= 64)
    }

    @Test("NAT-26 NAT-36 a datagram that waits is not displaced by another network's flood, from IPv4 neither")
    func waitingFragments() throws {
        var bench = try boundBench(clients: ["2001:db8::/32"]) { $0.translation.fragmentedDatagrams = 64 }
        let mine = cut(try bench.octets("udp [2001:db8:6::c0]:40000 > \(server) size 2000"), [1200, 808])
        #expect(bench.send(mine[1]) == .kept)
        let lone = cut(try bench.octets("udp 192.0.2.66:53 > $t size 2000"), [1200, 808])[1]
        for number in 0..<3000 {
            var lone = lone
            (lone[4], lone[5]) = (UInt8(number >> 8), UInt8(number & 255))
            #expect(bench.send(withHeaderChecksum(lone)) == .kept)
        }
        guard case .sent = bench.send(mine[0]) else { throw Unexpected(outcome: .kept) }
        #expect(bench.extras().count == 1)
    }

    @Test("NAT-36 a datagram larger than all the memory is refused and the memory is free again")
    func largerThanAll() throws {
        var bench = try TranslateBench { $0.translation.fragmentMemory = 64 * 2048 }
        let octets = try bench.octets("ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 size 60000")
        let pieces = cut(octets, [Int](repeating: 664, count: 90) + [60_008 - 90 * 664])
        let outcomes = pieces.reversed().map { bench.send($0) }
        #expect(outcomes.contains(.dropped(.fragmentMemory)))
        #expect(bench.translator.fragmentsInUse.blocks == 0)
    }

    @Test("NAT-36 TCP-32 SYNs of one network leave room for those of another")
    func heldSYNs() throws {
        var bench = try boundBench { $0.translation.heldSYNs = 64 }
        func syn(_ source: String, port: Int) throws -> Outcome {
            bench.send(try bench.octets("tcp \(source):\(port) > 203.0.113.1:\(port) flags S"))
        }
        var kept = 0
        for port in 20_000..<21_000 {
            switch try syn("192.0.2.66", port: port) {
            case .kept: kept += 1
            case .dropped(.heldSYNLimit): break
            case let outcome: throw Unexpected(outcome: outcome)
            }
        }
        #expect(kept == 32)
        #expect(try syn("198.51.100.20", port: 30_000) == .kept)
        #expect(bench.translator.tables.totals().heldSyns == 33)
        bench.wait(milliseconds: 7000)
        var refused = bench.extras().count
        bench.wait(milliseconds: 500)
        refused += bench.extras().count
        #expect(refused == 33)
        #expect(bench.translator.tables.totals().heldSyns == 0)
        #expect(try syn("192.0.2.66", port: 40_000) == .kept)
    }

    @Test("TCP-32 a network that floods shares its limit with next to no other network")
    func heldSYNsOfManyNetworks() throws {
        var bench = try boundBench { $0.translation.heldSYNs = 1024 }
        func syn(_ source: String, port: Int) throws -> Outcome {
            bench.send(try bench.octets("tcp \(source):\(port) > 203.0.113.1:\(port) flags S"))
        }
        for port in 20_000..<21_000 { _ = try syn("192.0.2.66", port: port) }
        var refused = 0
        for network in 0..<256 where try syn("198.51.\(network).20", port: 30_000) != .kept { refused += 1 }
        #expect(refused <= 1)
    }

    @Test("X64-26 one client's errors, or its network's, leave some to others, and all together stay in bounds")
    func errorsToClients() throws {
        var bench = try TranslateBench(clients: ["2001:db8::/32"]) {
            $0.translation.icmpErrorsPerSecond = 10
            $0.translation.icmpErrorBurst = 10
        }
        func isTold(_ client: String) throws -> Bool {
            if case .answered = bench.send(try bench.octets("udp [\(client)]:1000 > \(server) hops 1")) { return true }
            return false
        }
        // One host alone has the whole burst.
        var told = 0
        for _ in 0..<100 where try isTold("2001:db8:7::1") { told += 1 }
        #expect(told == 10)
        #expect(try isTold("2001:db8:7::2"))
        // A network that takes many addresses leaves some to other networks.
        for number in 0..<100 where try isTold("2001:db8:7::1:\(number)") { told += 1 }
        #expect(told <= 13)
        #expect(try isTold("2001:db8:6::c0"))
        // In the long run all together get what the setting says.
        for step in 0..<200 {
            bench.now = bench.now + .milliseconds(50)
            for _ in 0..<5 where try isTold("2001:db8:7::1:\(step)") { told += 1 }
        }
        #expect((80...120).contains(told))
    }

    @Test("X64-26 one host that floods for long leaves some errors to its neighbours in the same network")
    func errorsToNeighbours() throws {
        var bench = try TranslateBench(clients: ["2001:db8::/32"]) {
            $0.translation.icmpErrorsPerSecond = 40
            $0.translation.icmpErrorBurst = 40
        }
        func isTold(_ client: String) throws -> Bool {
            if case .answered = bench.send(try bench.octets("udp [\(client)]:1000 > \(server) hops 1")) { return true }
            return false
        }
        for _ in 0..<400 {
            bench.now = bench.now + .milliseconds(25)
            for _ in 0..<4 { _ = try isTold("2001:db8:7::1") }
        }
        // A quarter of the burst is beyond the reach of whoever has taken more than an eighth of all.
        var told = 0
        for number in 2..<30 where try isTold("2001:db8:7::\(number)") { told += 1 }
        #expect(told >= 9)
    }

    @Test("X46-29 errors to IPv4 peers have a limit of their own, with some left for others")
    func errorsToPeers() throws {
        var bench = try boundBench {
            $0.translation.icmpErrorsPerSecond = 10
            $0.translation.icmpErrorBurst = 10
        }
        func isTold(_ peer: String) throws -> Bool {
            let packet = PacketDescription("udp \(peer):53 > 203.0.113.1:9 ttl 9")
            var octets = try #require(packet).octets
            octets[9] = 132
            if case .answered = bench.send(withHeaderChecksum(octets)) { return true }
            return false
        }
        var told = 0
        for number in 0..<1000 where try isTold("192.0.2.\(number % 250 + 1)") { told += 1 }
        #expect((10...15).contains(told))
        #expect(try isTold("198.51.100.20"))
        let outcome = bench.send(try bench.octets("udp [2001:db8:6::c0]:1000 > \(server) hops 1"))
        guard case .answered = outcome else { throw Unexpected(outcome: outcome) }
    }

    @Test("the kernel's own messages on the device have a name that alarms nobody")
    func linkLocal() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in udp [fe80::1]:5353 > [ff02::fb]:5353
            ! link-local
            in icmp 133/0 fe80::1 > ff02::2
            ! link-local
            in udp [fe80::1]:5353 > [fe80::2]:5353
            ! link-local
            """
        )
        #expect(bench.translator.counters[.illegalSource] == 0)
    }
}
