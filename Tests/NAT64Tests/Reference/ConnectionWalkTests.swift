import IPAddressing
import NAT64
import Testing
import Timing

@Suite("Random walks of TCP sessions against the text of the RFC")
struct ConnectionWalkTests {
    private typealias Segment = ReferenceConnection.Segment

    @Test(
        "TCP-15 TCP-16 TCP-17 TCP-21 TCP-24 TCP-26 after any sequence of segments and waits a session has the state and lifetime the RFC gives it",
        arguments: [1, 2, 3, 4] as [UInt64]
    )
    func walk(seed: UInt64) throws {
        var dice = RandomNumbers(state: seed)
        var world = try ReferenceWorld.opened()
        let client = world.clients[0]
        let port = 1030
        let binding = try #require(world.reference.binding(6, client: client, port))
        // The session with the first peer keeps the client's binding alive; the one with the third peer walks.
        var model = ReferenceConnection(
            state: "ESTABLISHED",
            deadline: seconds(world) + ReferenceConnection.established
        )
        var met: Set<String> = []
        for step in 0..<1500 {
            let probes = wait([0, 0, 0, 1, 30, 100, 230, 250, 2000, 7300][dice.below(10)], &world, &model)
            #expect(probes.actual == probes.expected, "step \(step)")
            let segment = Segment.allCases[dice.below(4)]
            let fromIPv6 = dice.chance(50)
            let flags =
                [Segment.syn: [0x02, 0x12], .fin: [0x11], .rst: [0x04, 0x14], .other: [0x10, 0x18]][segment] ?? []
            let flag = flags[dice.below(flags.count)]
            let packet =
                fromIPv6
                ? world.packet6(6, client, port, world.reference.embed(world.peers[2]), world.peerPorts[2], flags: flag)
                : world.packet4(6, world.peers[2], world.peerPorts[2], binding.externalPort, flags: flag)
            let before = model
            model.receive(segment, fromIPv6: fromIPv6, at: seconds(world))
            let outcome = world.bench.send(packet)
            // Endpoint-independent filtering: a binding is enough for a packet to be translated.
            var isSent = false
            if case .sent = outcome { isSent = true }
            #expect(
                isSent,
                "step \(step): \(segment) from \(fromIPv6 ? "IPv6" : "IPv4") in \(before.state): \(outcome)"
            )
            met.insert(before.state)
            let listed = session(world)
            #expect((listed?.state ?? "CLOSED") == model.state, "step \(step): \(segment) in \(before)")
            if let listed, model.deadline != .max {
                let left = Int(model.deadline) - Int(seconds(world))
                #expect(abs(Int(listed.remaining) - left) <= 15, "step \(step): \(segment) in \(before)")
            }
        }
        #expect(met.count == 8, "\(met)")
    }

    @Test(
        "TCP-18 when hundreds of connections have been silent for too long, a tick says that more is due until all are asked"
    )
    func manyAtOnce() throws {
        var world = try ReferenceWorld.opened()
        let opened = 18
        var answers: [Bool] = []
        var probes = 0
        for number in 0..<300 {
            let client = world.clients[number % 3]
            let port = 50_000 + number
            let packet = world.packet6(6, client, port, world.reference.embed(world.peers[0]), 443, flags: 0x02)
            guard case .sent(let syn, _) = world.bench.send(packet) else { continue }
            _ = world.bench.send(world.packet4(6, world.peers[0], 443, syn.word(20), flags: 0x12))
        }
        world.bench.now = world.bench.now + .seconds(ReferenceConnection.established + 20)
        repeat {
            answers.append(world.bench.worker.tick(at: world.bench.now))
            probes += world.bench.extras().count { $0.count == 60 && $0[6] == 6 }
        } while answers.last == true && answers.count < 1000
        #expect(probes == 300 + opened)
        #expect(answers.count > 5 && answers.last == false)
    }

    private func seconds(_ world: borrowing ReferenceWorld) -> UInt64 { world.bench.now.seconds }

    private func session(_ world: borrowing ReferenceWorld) -> (state: String, remaining: UInt64)? {
        var cursor: TableCursor? = .start
        while let place = cursor {
            let slice = world.bench.translator.tables.sessions(from: place, limit: 1000, at: world.bench.now)
            for record in slice.records where record.transport == .tcp && record.client.port.number == 1030 {
                guard record.peer.address.description == "192.88.99.1",
                    record.client.address.description.hasSuffix("::1")
                else { continue }
                return (record.state?.name.description ?? "", record.remaining.seconds)
            }
            cursor = slice.next
        }
        return nil
    }

    /// Lets time pass, ten seconds at a time; another while when a lifetime would end about now, for the wheel is
    /// looked at between packets and not to the second.
    private func wait(_ span: UInt64, _ world: inout ReferenceWorld, _ model: inout ReferenceConnection)
        -> (actual: Int, expected: Int)
    {
        var (actual, expected) = (0, 0)
        let ports = world.peerPorts
        var left = span
        while true {
            if left == 0 {
                let now = seconds(world)
                guard model.deadline != .max, now + 15 > model.deadline, now < model.deadline + 15 else { break }
                left = 30
            }
            let part = min(left, 10)
            left -= part
            world.bench.now = world.bench.now + .seconds(part)
            world.bench.worker.tick(at: world.bench.now)
            actual += world.bench.extras().count {
                $0.count == 60 && $0[39] == 1 && $0.word(42) == 1030 && $0.word(40) == ports[2]
            }
            if model.pass(to: seconds(world)) { expected += 1 }
            // The sessions that hold the binding hear from their client every half an hour.
            if seconds(world) % 1800 < 10 { keepBinding(&world) }
        }
        return (actual, expected)
    }

    private func keepBinding(_ world: inout ReferenceWorld) {
        let packet = world.packet6(6, world.clients[0], 1030, world.reference.embed(world.peers[0]), world.peerPorts[0])
        _ = world.bench.send(packet)
        _ = world.bench.extras()
    }
}
