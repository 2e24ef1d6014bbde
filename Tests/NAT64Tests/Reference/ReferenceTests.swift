import NAT64
import Testing

/// How many packets each run has; a million where the compiler optimizes would only find the same.
private let usualCount = randomPacketCount() >= 1_000_000 ? 40_000 : 2_000

@Suite("Random packets against the reference translator")
struct ReferenceTests {
    @Test("X64-21 X46-20 every octet is as the reference has it", arguments: ReferenceSetup.some)
    func packets(setup: ReferenceSetup) throws {
        let count = usualCount / setup.shortening
        var world = try ReferenceWorld.opened(setup)
        var dice = RandomNumbers(state: setup.seed &* 7)
        var seen = Tally()
        for number in 0..<count {
            let isOutward = dice.chance(50)
            var packet = isOutward ? world.randomOutward(&dice) : world.randomInward(&dice)
            if dice.chance(25) { packet = world.damaged(packet, &dice) }
            let fate = packet[0] >> 4 == 6 ? world.reference.toIPv4(packet) : world.reference.toIPv6(packet)
            seen.add(fate)
            let difference = world.difference(packet, fate)
            #expect(difference == nil, "packet \(number): \(packet)")
            if difference != nil { return }
        }
        #expect(seen.sent > count / 2 && seen.refused > 0 && seen.answered > 0, "\(seen)")
    }

    @Test(
        "X64-21 X46-20 so it is when the kernel has left checksums and the cutting of segments to later",
        arguments: ReferenceSetup.some
    )
    func superPackets(setup: ReferenceSetup) throws {
        let count = usualCount / setup.shortening
        var world = try ReferenceWorld.opened(setup)
        var dice = RandomNumbers(state: setup.seed &* 11)
        var cutAfterwards = 0
        for number in 0..<count / 8 {
            let isOutward = dice.chance(50)
            let binding = world.reference.bindings[dice.below(world.reference.bindings.count)]
            guard binding.proto != 1 else { continue }
            let place = dice.below(3)
            let (peer, port) = (world.peers[place], world.peerPorts[place])
            // SYNs are never super-packets.
            let flags = dice.below(256) & ~0x02
            let payload = world.randomOctets(1 + dice.below(dice.chance(30) ? 64_000 : 6000), &dice)
            let whole =
                isOutward
                ? world.packet6(
                    binding.proto,
                    binding.client,
                    binding.clientPort,
                    world.reference.embed(peer),
                    port,
                    flags: flags,
                    payload
                )
                : world.packet4(
                    binding.proto,
                    peer,
                    port,
                    binding.externalPort,
                    flags: flags,
                    payload,
                    id: dice.below(65536),
                    fragment: binding.proto == 6 || dice.chance(50) ? 0x4000 : 0
                )
            let size = 1 + dice.below(dice.chance(50) ? setup.ipv4MTU : 1300)
            let isSuper = payload.count > size && payload.count / size < 128
            let (input, offload) = unfinished(whole, proto: binding.proto, segmentSize: isSuper ? size : nil)
            var expected: [[UInt8]] = []
            var isWhole = true
            for segment in segments(input, offload) {
                switch isOutward ? world.reference.toIPv4(segment) : world.reference.toIPv6(segment) {
                case .sent(let pieces): expected += pieces
                default: isWhole = false
                }
            }
            let outcome = world.bench.send(input, offload)
            let extras = world.bench.extrasAndOffloads()
            guard isWhole else {
                // The first segment that does not fit speaks for all.
                switch outcome {
                case .answered(.tooBig, _) where setup.sendsICMPErrors: break
                case .dropped(.tooBig) where !setup.sendsICMPErrors: break
                default:
                    Issue.record("packet \(number): \(outcome)")
                    return
                }
                continue
            }
            var actual: [[UInt8]] = []
            if case .sent(let first, let after) = outcome { actual = segments(first, after) }
            for (extra, after) in extras { actual += segments(extra, after) }
            if isOutward {
                // Segments that may be fragmented are, by the kernel, when the link takes less.
                actual = actual.flatMap { world.reference.fragmentsOnLink($0) }.map { ReferenceWorld.identified($0, 0) }
                expected = expected.map { ReferenceWorld.identified($0, 0) }
            }
            if isSuper { cutAfterwards += 1 }
            let isEqual = actual == expected
            #expect(isEqual, "packet \(number): \(offload) \(input.prefix(100)) \(actual)\n   expected \(expected)")
            if !isEqual { return }
        }
        #expect(cutAfterwards > count / 50)
    }

    @Test(
        "I46-22 I64-16 I64-18 errors are as the reference has them, whatever they quote",
        arguments: ReferenceSetup.some
    )
    func errors(setup: ReferenceSetup) throws {
        let count = usualCount / setup.shortening
        var world = try ReferenceWorld.opened(setup)
        var dice = RandomNumbers(state: setup.seed &* 13)
        var seen = Tally()
        for number in 0..<count / 2 {
            // What the other side has seen of a packet is what it quotes.
            let isOutward = dice.chance(50)
            let packet = isOutward ? world.randomOutward(&dice) : world.randomInward(&dice)
            guard case .sent(let quoted, _) = world.bench.send(packet) else { continue }
            _ = world.bench.extras()
            var error = isOutward ? world.randomError4(&dice, about: quoted) : world.randomError6(&dice, about: quoted)
            if dice.chance(15) { error = world.damaged(error, &dice) }
            let fate = error[0] >> 4 == 6 ? world.reference.toIPv4(error) : world.reference.toIPv6(error)
            seen.add(fate)
            let difference = world.difference(error, fate)
            #expect(difference == nil, "packet \(number): \(error)")
            if difference != nil { return }
        }
        #expect(seen.sent > count / 10 && seen.refused > 0, "\(seen)")
    }

    @Test(
        "X64-15 X46-16 X46-17 fragments in any order come out as the reference cuts the whole datagram",
        arguments: ReferenceSetup.some
    )
    func fragments(setup: ReferenceSetup) throws {
        let count = usualCount / setup.shortening
        var world = try ReferenceWorld.opened(setup)
        var dice = RandomNumbers(state: setup.seed &* 17)
        for number in 0..<count / 16 {
            let isOutward = dice.chance(50)
            var whole = isOutward ? world.randomOutward(&dice) : world.randomInward(&dice)
            guard whole[0] >> 4 == 6 ? [6, 17, 58].contains(whole[6]) : whole[0] == 0x45 else { continue }
            let header = isOutward ? 40 : 20
            guard whole.count - header > 140, whole.count < 65000, whole[isOutward ? 7 : 8] > 1 else { continue }
            // None that a datagram before it had lately: the translator would choose another then (RFC 6864).
            let id = number &* 40_503 & 0xFFFF
            if !isOutward {
                whole.put(0, 6)
                whole = ReferenceWorld.identified(whole, id)
            }
            let pieces = world.cut(Array(whole[header...]), &dice)
            guard pieces.count > 1 else { continue }
            let expected = world.reference.fragments(whole, id: id, pieces)
            var fragments = pieces.map { piece -> [UInt8] in
                var start = Array(whole[..<header])
                if isOutward {
                    start.put(piece.octets.count + 8, 4)
                    start[6] = 44
                    return start + fragmentHeader(next: Int(whole[6]), offset: piece.offset, more: piece.more, id: id)
                        + piece.octets
                }
                start.put(20 + piece.octets.count, 2)
                start.put(piece.offset / 8 | (piece.more ? 0x2000 : 0), 6)
                return ReferenceWorld.identified(start, id) + piece.octets
            }
            for place in fragments.indices.reversed() { fragments.swapAt(place, dice.below(place + 1)) }
            var actual: [[UInt8]] = []
            for fragment in fragments {
                if case .sent(let octets, _) = world.bench.send(fragment) { actual.append(octets) }
                actual += world.bench.extras()
            }
            let order: ([UInt8], [UInt8]) -> Bool = { $0.lexicographicallyPrecedes($1) }
            let isEqual = actual.sorted(by: order) == expected.sorted(by: order)
            #expect(isEqual, "datagram \(number): \(fragments.map { $0.prefix(60) })\n\(actual)\n\(expected)")
            if !isEqual { return }
            // Identifications come again, and the next datagram with this one is another.
            world.bench.wait(milliseconds: number % 64 == 0 ? 3000 : 1)
        }
    }

    @Test("NAT-02 a reply to what came out finds back: addresses, ports and payload are those of the question")
    func thereAndBack() throws {
        var world = try ReferenceWorld.opened()
        var dice = RandomNumbers(state: 5)
        for number in 0..<usualCount {
            let binding = world.reference.bindings[dice.below(world.reference.bindings.count)]
            let place = dice.below(3)
            let payload = world.randomOctets(dice.below(1100), &dice)
            let destination = world.reference.embed(world.peers[place])
            let sent = world.packet6(
                binding.proto,
                binding.client,
                binding.clientPort,
                destination,
                world.peerPorts[place],
                payload
            )
            guard case .sent(let question, _) = world.bench.send(sent) else {
                Issue.record("packet \(number): \(sent)")
                return
            }
            // The peer swaps ends, as an echo service does.
            let header = binding.proto == 6 ? 40 : 28
            #expect(Array(question[header...]) == payload)
            #expect(Array(question[16..<20]) == world.peers[place])
            let external = question.word(binding.proto == 1 ? 24 : 20)
            let reply = world.packet4(
                binding.proto,
                world.peers[place],
                world.peerPorts[place],
                external,
                Array(question[header...])
            )
            guard case .sent(let answer, _) = world.bench.send(reply) else {
                Issue.record("reply \(number): \(reply)")
                return
            }
            #expect(Array(answer[8..<24]) == destination && Array(answer[24..<40]) == binding.client)
            #expect(Array(answer[(header + 20)...]) == payload)
            if binding.proto == 1 {
                #expect(answer[40] == 129 && answer.word(44) == binding.clientPort)
            } else {
                #expect(answer.word(40) == world.peerPorts[place] && answer.word(42) == binding.clientPort)
            }
        }
    }
}

/// How often the reference said what: a run that never meets one of them shows nothing.
struct Tally {
    var sent = 0
    var fragmented = 0
    var answered = 0
    var refused = 0

    mutating func add(_ fate: ReferenceTranslator.Fate) {
        switch fate {
        case .sent(let pieces):
            sent += 1
            if pieces.count > 1 { fragmented += 1 }
        case .answered: answered += 1
        case .refused, .refusedAnyhow: refused += 1
        case .outOfScope: break
        }
    }
}
