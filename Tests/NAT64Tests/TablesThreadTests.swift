import IPAddressing
import PacketWire
import Synchronization
import Testing
import Timing

@testable import NAT64

@Suite("The tables under several threads", .serialized)
struct TablesThreadTests {
    @Test(
        "threads that make, use, list and end sessions at once leave everything in order",
        arguments: [0, 64]
    )
    func turmoil(blockSize: Int) {
        let world = TablesFixture(addresses: 2, ports: Port(5000)...Port(5999)) {
            $0.portBlockSize = blockSize
            $0.limits.portsPerClient = 900
            $0.portHoldDown = .seconds(1)
            $0.lifetimes.udp = .seconds(2)
            $0.lifetimes.tcpTransitory = .seconds(2)
            $0.lifetimes.tcpOpening = .seconds(2)
        }
        let tables = world.tables
        let policy = world.policy
        let wrong = Atomic<Int>(0)
        let exchanged = Atomic<Int>(0)
        let furthest = Atomic<Int>(0)
        runOnThreads(4) { thread in
            var dice = Dice(state: UInt64(thread))
            // What was guessed of each client when it was met last.
            var guesses: [TransportAddress6: UInt32] = [:]
            for round in 0..<6000 {
                furthest.max(round, ordering: .sequentiallyConsistent)
                let now = Moment.start + .milliseconds(UInt64(1_000_000 + round * 2))
                let transport: TransportProtocol = Bool.random(using: &dice) ? .udp : .tcp
                let client = TransportAddress6(
                    IPv6Address(high: .random(in: 0..<3, using: &dice), low: .random(in: 0..<400, using: &dice)),
                    Port(7)
                )
                let peer = TransportAddress4(IPv4Address(bits: 0xCB00_0000 | .random(in: 1...3, using: &dice)), Port(9))
                let flow = OutwardFlow(transport: transport, client: client, prefix: 0, peer: peer, tcp: .syn)
                do throws(DropReason) {
                    let hash = tables.hash(client, transport)
                    let external = try tables.outward(flow, hash, at: now, policy: policy)
                    let back = InwardFlow(transport: transport, external: external, peer: peer)
                    guard case .client(let found, _) = try tables.inward(back, at: now, policy: policy) else {
                        continue
                    }
                    exchanged.wrappingAdd(1, ordering: .relaxed)
                    if transport == .udp {
                        let known = (hash, guesses[client] ?? 0)
                        guesses[client] = tables.prefetchBinding(hash)
                        let again = tables.passOutward(client, transport, known, peer, [], under: 0, at: now)
                        if let again, again != external,
                            furthest.load(ordering: .sequentiallyConsistent) < round + 900
                        {
                            wrong.wrappingAdd(1, ordering: .relaxed)
                        }
                    }
                    // A thread that fell behind by a lifetime may find its session ended and its port another's.
                    if found != client, furthest.load(ordering: .sequentiallyConsistent) < round + 900 {
                        wrong.wrappingAdd(1, ordering: .relaxed)
                    }
                } catch {
                    // Refusals are in order here: the pool is small, and other threads end sessions.
                }
                if round % 16 == 0 {
                    var budget = 256
                    _ = tables.expire(at: now, budget: &budget)
                }
                if round % 500 == 0 { _ = tables.sessions(from: .start, limit: 50, at: now) }
                if round % 10 == 0, thread == 0 { _ = tables.collectPortBlockEvents(at: now) }
                if round % 1500 == 0, thread == 0 { tables.adopt(policy: policy) }
            }
        }
        #expect(wrong.load(ordering: .relaxed) == 0)
        #expect(exchanged.load(ordering: .relaxed) > 1000)
        #expect(tables.brokenInvariants() == [])
        for second in 13...20 as ClosedRange<UInt64> {
            world.now = Moment.start + .seconds(1000 + second)
            world.sweep()
        }
        #expect(tables.totals().sessions.all == 0)
        #expect(tables.totals().portsInUse == 0)
        #expect(tables.brokenInvariants() == [])
    }

    @Test("CGN-13 threads that fight for the last ports get each of them once")
    func lastPorts() {
        let world = TablesFixture(ports: Port(5000)...Port(5499))
        let tables = world.tables
        let policy = world.policy
        let now = world.now
        let given = Atomic<Int>(0)
        runOnThreads(4) { thread in
            for host in 0..<400 as Range<UInt64> {
                let client = TransportAddress6(IPv6Address(high: UInt64(thread), low: host), Port(8))
                let peer = TransportAddress4(IPv4Address(203, 0, 0, 1), Port(9))
                let flow = OutwardFlow(transport: .udp, client: client, prefix: 0, peer: peer)
                do throws(DropReason) {
                    _ = try tables.outward(flow, tables.hash(flow.client, flow.transport), at: now, policy: policy)
                    given.wrappingAdd(1, ordering: .relaxed)
                } catch {
                    continue
                }
            }
        }
        #expect(given.load(ordering: .relaxed) == 500)
        #expect(Set(world.bindings().map(\.external)).count == 500)
        #expect(tables.brokenInvariants() == [])
    }
}
