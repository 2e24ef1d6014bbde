import Glibc
import IPAddressing
import PacketWire
import Policy
import Synchronization
import Testing
import Timing

@testable import NAT64

@Suite("Random lives of the tables under threads", .serialized)
struct RandomStateThreadTests {
    @Test("whatever threads do at once while settings change, nothing is lost and all comes back")
    func turmoil() {
        let first = UInt64(environment("NAT64_STATE_SEED") ?? 1)
        let count = UInt64(environment("NAT64_STATE_RUNS") ?? 3)
        for seed in first..<first + count {
            var run = StateRun(seed: seed)
            turmoil(&run, seed)
            run.invariants()
            run.look()
            run.logged = [:]
            run.world.tables.pool.blocks.forEach { _, block in
                guard !block.isNew else { return }
                let client = IPv6Prefix(block.client, length: run.settings.limits.clientLength)
                run.logged[block.address, default: [:]][Port(block.first)...Port(block.last)] = client
            }
            if run.flaws.isEmpty { run.end() }
            if !run.flaws.isEmpty { Issue.record("seed \(seed): \(run.flaws.prefix(4)) \(run.text[0])") }
        }
    }

    private func turmoil(_ run: inout StateRun, _ seed: UInt64) {
        let world = run.world
        let tables = world.tables
        let start = world.now
        let rounds = environment("NAT64_STATE_STEPS") ?? 1500
        final class Shared: Sendable {
            let generation = Atomic<UInt64>(1)
            let seen: [3 of Atomic<UInt64>] = InlineArray { _ in Atomic<UInt64>(1) }
            let running = Atomic<Int>(3)
            let round = Atomic<Int>(0)
            let policy: Mutex<Policy>
            let wrong = Mutex<[String]>([])
            init(_ policy: Policy) { self.policy = Mutex(policy) }
        }
        let shared = Shared(world.policy)
        let computedEntries = run.entries.filter(\.isComputed)
        let usesBlocks = run.settings.portBlockSize > 0
        runOnThreads(4) { thread in
            var dice = Dice(state: seed &* 16 &+ UInt64(thread))
            func at() -> Moment { start + .milliseconds(UInt64(shared.round.load(ordering: .relaxed) * 200)) }
            if thread == 3 {
                var statics: [StaticBinding] = []
                var entries: [PoolEntry] = []
                while shared.running.load(ordering: .acquiring) > 0 {
                    usleep(200)
                    switch dice.next() % 10 {
                    case 0:
                        entries = [StateRun.entry(1, Int(1 + dice.next() % 3), usesBlocks, &dice)]
                        if dice.next() % 2 == 0 {
                            entries.append(StateRun.entry(4, Int(1 + dice.next() % 2), usesBlocks, &dice))
                        }
                        _ = tables.change(pool: entries + computedEntries, at: at())
                        _ = tables.adopt(statics, at: at())
                    case 1:
                        statics = []
                        for _ in 0..<Int(dice.next() % 4) {
                            let port = 5000 + UInt16(dice.next() % 60)
                            let client = IPv6Address(
                                high: 0x2001_0DB8_0000_0000 | dice.next() % 5,
                                low: 1 + dice.next() % 3
                            )
                            let x = Port(UInt16(1 + dice.next() % 6))
                            guard
                                let one = StaticBinding(
                                    transport: TransportProtocol.allCases[Int(dice.next() % 3)],
                                    external: IPv4Address(198, 51, 100, UInt8(1 + dice.next() % 5)),
                                    externalPorts: Port(port)...Port(port),
                                    client: client,
                                    clientPorts: x...x
                                ), !statics.contains(where: { $0.overlapsInside(one) || $0.overlapsOutside(one) })
                            else { continue }
                            statics.append(one)
                        }
                        _ = tables.adopt(statics, at: at())
                    case 2:
                        var ports: Set<PoolPort> = []
                        for _ in 0..<Int(dice.next() % 6) {
                            let address = IPv4Address(198, 51, 100, UInt8(1 + dice.next() % 5))
                            let external = TransportAddress4(address, Port(5000 + UInt16(dice.next() % 60)))
                            ports.insert(
                                PoolPort(
                                    transport: TransportProtocol.allCases[Int(dice.next() % 3)],
                                    external: external
                                )
                            )
                        }
                        _ = tables.withhold(ports)
                    case 3: _ = tables.endDraining(after: .seconds(3), at: at())
                    case 4: _ = tables.renewPairings()
                    case 5:
                        let generation = shared.generation.load(ordering: .relaxed) + 1
                        let policy = TablesFixture.policy(
                            clients: dice.next() % 3 == 0 ? ["2001:db8::/63"] : ["::/0"],
                            refuse: dice.next() % 3 == 0 ? ["203.0.0.2/32"] : [],
                            generation: generation
                        )
                        tables.adopt(policy: policy)
                        shared.policy.withLock { $0 = policy }
                        shared.generation.store(generation, ordering: .sequentiallyConsistent)
                    case 6: if dice.next() % 4 == 0 { tables.endBindings(of: [IPv4Address(198, 51, 100, 2)]) }
                    default:
                        _ = tables.collectPortBlockEvents(at: at())
                        _ = tables.dropDrained()
                        tables.countOutside()
                    }
                    let generation = shared.generation.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue
                    tables.pool.stampRetired(generation)
                    let seen = (0..<3).map { shared.seen[$0].load(ordering: .sequentiallyConsistent) }.min() ?? 0
                    tables.pool.reclaim(seen: seen)
                }
                return
            }
            for round in 0..<rounds {
                shared.seen[thread].store(
                    shared.generation.load(ordering: .sequentiallyConsistent),
                    ordering: .sequentiallyConsistent
                )
                if thread == 0 { shared.round.store(round, ordering: .relaxed) }
                let policy = shared.policy.withLock { $0 }
                let now = at()
                let transport = TransportProtocol.allCases[Int(dice.next() % 3)]
                let tcp: TCPFlags = transport == .tcp ? [.syn, .syn, .ack, .rst, .fin][Int(dice.next() % 5)] : []
                let client = TransportAddress6(
                    IPv6Address(high: 0x2001_0DB8_0000_0000 | dice.next() % 5, low: 1 + dice.next() % 3),
                    Port(UInt16(1 + dice.next() % 6))
                )
                let peer = TransportAddress4(
                    IPv4Address(bits: 0xCB00_0001 + UInt32(dice.next() % 3)),
                    Port(transport == .icmpQuery ? 0 : 1)
                )
                do throws(DropReason) {
                    let hash = tables.hash(client, transport)
                    let external = try tables.outward(
                        OutwardFlow(transport: transport, client: client, prefix: 0, peer: peer, tcp: tcp),
                        hash,
                        at: now,
                        policy: policy
                    )
                    _ = try tables.inward(
                        InwardFlow(transport: transport, external: external, peer: peer, tcp: tcp),
                        at: now,
                        policy: policy
                    )
                    let other = TransportAddress4(IPv4Address(bits: 0xCB00_0001 + UInt32(dice.next() % 3)), Port(2))
                    _ = try tables.inward(
                        InwardFlow(transport: transport, external: external, peer: other, tcp: tcp),
                        at: now,
                        policy: policy
                    )
                } catch {}
                if round % 4 == 0 {
                    var budget = 256
                    while tables.expire(at: now, budget: &budget) != nil {}
                }
                if round % 100 == 0 { _ = tables.sessions(from: .start, limit: 50, at: now) }
            }
            shared.seen[thread].store(.max, ordering: .sequentiallyConsistent)
            shared.running.wrappingSubtract(1, ordering: .releasing)
        }
        world.now = start + .milliseconds(UInt64(rounds * 200))
        run.generation = shared.generation.load(ordering: .relaxed) + 1
    }
}
