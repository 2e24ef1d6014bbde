import IPAddressing
import NAT64
import Testing
import Timing

@Suite("The short way of a packet through the engine")
struct ShortWayTests {
    static let setups = [0, 3, 4, 5].map { ReferenceSetup.some[$0] }

    @Test(
        "X64-21 X46-20 TCP-01 a packet that goes it becomes what it would become the long way, and so do the tables",
        arguments: setups
    )
    func likeTheLongWay(setup: ReferenceSetup) throws {
        var short = try ReferenceWorld.opened(setup)
        var long = try ReferenceWorld.opened(setup)
        long.bench.goesLongWay = true
        var dice = RandomNumbers(state: setup.seed &* 19)
        var seen = Seen()
        for number in 0..<max(2_000, randomPacketCount() / 25) {
            // Lifetimes of all kinds end in between: of six seconds, of four and five minutes, of two hours.
            if dice.chance(3) {
                pass(dice.chance(90) ? 1 + dice.below(7_000) : 100_000 + dice.below(8_000_000), &short, &long)
            }
            let (packet, offload) = randomPacket(&short, &dice)
            let outcome = short.bench.send(packet, offload)
            let expected = long.bench.send(packet, offload)
            seen.add(packet, offload, outcome)
            let isEqual =
                outcome == expected && short.bench.extras() == long.bench.extras()
                && short.sessions == long.sessions
            #expect(isEqual, "packet \(number): \(offload) \(packet.prefix(100)) \(outcome)\n   expected \(expected)")
            guard isEqual else { return }
        }
        #expect(short.bench.translator.counters == long.bench.translator.counters)
        #expect(short.bench.translator.tables.totals() == long.bench.translator.tables.totals())
        // The run must send some of every kind, or it shows nothing.
        #expect(seen.kinds.count == Seen.most, "\(seen.kinds.sorted())")
    }

    private func pass(_ milliseconds: Int, _ short: inout ReferenceWorld, _ long: inout ReferenceWorld) {
        short.bench.wait(milliseconds: UInt64(milliseconds))
        long.bench.wait(milliseconds: UInt64(milliseconds))
    }

    /// One of any kind; half of those of TCP bear the flags of a connection's beginning or end and nothing strange.
    private func randomPacket(_ world: inout ReferenceWorld, _ dice: inout RandomNumbers) -> ([UInt8], Offload) {
        var packet = dice.chance(50) ? world.randomOutward(&dice) : world.randomInward(&dice)
        let isIPv6 = packet[0] >> 4 == 6
        let proto = Int(isIPv6 ? packet[6] : packet[9])
        let start = isIPv6 ? 40 : Int(packet[0] & 15) * 4
        if proto == 6, dice.chance(50) {
            let old = packet.word(start + 12)
            let new = old & 0xFF00 | [0x02, 0x12, 0x10, 0x10, 0x18, 0x11, 0x14][dice.below(7)]
            packet.put(new, start + 12)
            let sum = (0xFFFF - packet.word(start + 16)) + (0xFFFF - old) + new
            packet.put(checksum(others: sum), start + 16)
        }
        guard proto == 6 || proto == 17, dice.chance(30) else {
            return (dice.chance(10) ? world.damaged(packet, &dice) : packet, .none)
        }
        let header = proto == 6 ? Int(packet[start + 12] >> 4) * 4 : 8
        let data = packet.count - start - header
        let size = 1 + dice.below(1400)
        return unfinished(packet, proto: proto, segmentSize: data > size && data / size < 128 ? size : nil)
    }
}

/// Which kinds of packets a run has sent: direction, protocol, super-packet or not, opening or closing or neither.
private struct Seen {
    /// Each way: UDP and its super-packets, echo, and of TCP six.
    static let most = 2 * (2 + 1 + 6)
    var kinds: Set<String> = []

    mutating func add(_ packet: [UInt8], _ offload: Offload, _ outcome: Outcome) {
        guard case .sent = outcome else { return }
        let isIPv6 = packet[0] >> 4 == 6
        let proto = isIPv6 ? packet[6] : packet[9]
        guard [1, 6, 17, 58].contains(proto), isIPv6 || packet[0] == 0x45 else { return }
        var kind = isIPv6 ? "out" : "in"
        kind += proto == 6 ? " tcp" : proto == 17 ? " udp" : " echo"
        if offload.segmentation != .none { kind += " super" }
        if proto == 6 {
            switch packet[(isIPv6 ? 40 : 20) + 13] & 7 {
            case 0: break
            case 2: kind += " syn"
            default: kind += " end"
            }
        }
        kinds.insert(kind)
    }
}

extension ReferenceWorld {
    /// Every session there is.
    fileprivate var sessions: [SessionRecord] {
        bench.translator.tables.sessions(from: .start, limit: 1000, at: bench.now).records
    }
}
