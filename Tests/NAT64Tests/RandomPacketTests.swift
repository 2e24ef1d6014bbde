import IPAddressing
import PacketMemory
import PacketWire
import Synchronization
import Testing
import Timing

@testable import NAT64

@Suite("Random and mutated packets")
struct RandomPacketTests {
    /// Packets to begin with, of every kind there is; names are those of the bench.
    static let seeds = [
        "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 size 40",
        "udp [2001:db8:6::c1]:40000 > [2001:db8:64::198.51.100.10]:53 size 1400",
        "udp [2001:db8:6::c0]:40000 > [2001:db8:64::203.0.113.1]:2000 size 40",
        "tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S mss 1440",
        "tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags A size 1300",
        "tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags FA",
        "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 size 56",
        "udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53 offset 0 more size 1192",
        "udp 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 offset 1200 last size 100",
        "udp 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 offset 8 more size 64",
        "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7 offset 0 more size 64",
        "ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 offset 72 last size 64",
        "icmp 1/4 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 { udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size 90 }",
        "icmp 2/0 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 mtu 1300 { tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001 size 1200 }",
        "icmp 3/0 2001:db8:6::9 > 2001:db8:64::198.51.100.10 { pong 2001:db8:64::198.51.100.10 > 2001:db8:6::c0 id 7 }",
        "udp 198.51.100.10:53 > $u size 40", "udp 198.51.100.10:53 > $u df size 1400",
        "udp 198.51.100.10:53 > $u size 1460",
        "tcp 198.51.100.10:443 > $t flags SA mss 1460", "tcp 198.51.100.10:443 > $t flags A size 1400",
        "tcp 198.51.100.10:443 > 203.0.113.1:2000 flags S mss 1460", "pong 198.51.100.10 > $p id $i size 56",
        "ping 198.51.100.10 > $p id $i size 1400",
        "udp 198.51.100.10:53 > $u offset 0 more size 1192",
        "udp 198.51.100.10 > 203.0.113.1 offset 1200 last size 100",
        "udp 198.51.100.10 > 203.0.113.1 offset 8 more size 1480",
        "icmp 3/4 198.51.100.1 > 203.0.113.1 mtu 1400 { udp $u > 198.51.100.10:53 size 100 }",
        "icmp 11/0 198.51.100.1 > 203.0.113.1 { tcp $t > 198.51.100.10:443 size 8 }",
        "icmp 12/0 10.0.0.1 > 203.0.113.1 pointer 8 { ping $p > 198.51.100.10 id $i size 8 }",
        "protocol 47 198.51.100.10 > 203.0.113.1 size 40",
        "protocol 132 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 size 40",
    ]

    @Test(
        "nothing crashes, every verdict has a name, what is sent is well formed, nothing leaks",
        arguments: [false, true]
    )
    func random(isShared: Bool) throws {
        let pool = [("203.0.113.1", isShared)]
        var bench = try TranslateBench(pool: pool, environment: Environment(ipv6MTU: 1500, ipv4MTU: 1400)) {
            $0.filtering = Filtering(.endpointIndependent)
            $0.translation.fragmentMemory = 1 << 20
        }
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            =  udp $u > 198.51.100.10:53
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.10:443 > $t  flags SA
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001
            in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7
            =  ping $p > 198.51.100.10 id $i
            """
        )
        let seeds = try Self.seeds.map { try bench.octets($0) }
        var run = MutationRun(random: RandomNumbers(state: isShared ? 42 : 41), now: bench.now)
        run.go(&bench.worker, &bench.memory, seeds, count: randomPacketCount() / 2)
        #expect(run.flaws.isEmpty, "\(run.flaws.prefix(5))")
        // The run must reach all doors, or it shows nothing.
        #expect(run.sent > 0 && run.answered > 0 && run.kept > 0 && run.dropped > 0 && run.extras > 0)
        #expect((run.handedBack > 0) == isShared)

        // Every packet has one verdict, and every refusal one name.
        let counters = bench.translator.counters
        #expect(counters.drops.reduce(0, +) >= UInt64(run.dropped + run.answered))
        let verdicts = run.sent + run.answered + run.handedBack + run.kept + run.dropped
        #expect(verdicts == randomPacketCount() / 2)
        bench.now = run.now
        bench.wait(milliseconds: 5_000)
        _ = bench.extras()
        #expect(bench.translator.fragmentsInUse == (0, 0))
        for _ in 0..<40 {
            bench.wait(milliseconds: 8_000_000 / 40)
            _ = bench.extras()
        }
        bench.wait(milliseconds: 10_000_000)
        _ = bench.extras()
        #expect(bench.translator.tables.totals().sessions.all == 0)
        #expect(bench.translator.tables.totals().bindings.all == 0)
    }
}

/// One run: mutates, translates, looks at what came out, without allocating per packet.
struct MutationRun {
    var random: RandomNumbers
    var now: Moment
    var sent = 0
    var answered = 0
    var handedBack = 0
    var kept = 0
    var dropped = 0
    var extras = 0
    var flaws: [String] = []

    mutating func go(
        _ worker: inout TranslatorWorker,
        _ memory: inout OctetBuffer,
        _ seeds: [[UInt8]],
        count: Int
    ) {
        // All seeds stand in one buffer, 2,048 octets for each.
        var corpus = OctetBuffer(count: seeds.count * 2048)
        var writing = corpus.mutableOctets
        for (number, seed) in seeds.enumerated() {
            for (index, octet) in seed.enumerated() { writing.store(octet, at: number * 2048 + index) }
        }
        var slot = memory.mutableOctets
        for number in 0..<count {
            let choice = random.below(seeds.count)
            let seed = seeds[choice]
            var frame = PacketFrame(start: 128, count: seed.count)
            slot.copy(corpus.octets, from: choice * 2048, to: 128, count: seed.count)
            mutate(&slot, &frame)
            let wasWellFormed = isWellFormed(slot.bytes, at: frame.start, count: frame.count, frame.offload)
            // A reply to a UDP datagram without checksum gets one, which makes it well formed.
            let isMeasured = wasWellFormed && frame.offload.segmentation == .none
            let before = worker.counters.verdicts
            let verdict = worker.translate(&slot, &frame, at: now)
            if worker.counters.verdicts != before + 1 { flaws.append("\(number): \(verdict) is not counted once") }
            switch verdict {
            case .send:
                sent += 1
                check(slot.bytes, frame, isMeasured, number, seed)
            case .answer:
                answered += 1
                check(slot.bytes, frame, true, number, seed)
            case .handBack: handedBack += 1
            case .kept: kept += 1
            case .drop: dropped += 1
            }
            while worker.nextExtra(into: &slot, &frame, at: now) {
                extras += 1
                // What was kept may have had any checksum.
                check(slot.bytes, frame, false, number, seed)
            }
            if number & 255 == 0 {
                now = now + .milliseconds(50)
                worker.tick(at: now)
            }
            if flaws.count > 20 { return }
        }
    }

    private mutating func check(
        _ memory: borrowing RawSpan,
        _ frame: PacketFrame,
        _ wasWellFormed: Bool,
        _ number: Int,
        _ seed: [UInt8]
    ) {
        guard frame.start >= 0, frame.count >= 20, frame.start + frame.count <= memory.byteCount else {
            flaws.append("\(number): outside the slot")
            return
        }
        let layout = try? PacketLayout(reading: memory, at: frame.start, count: frame.count)
        guard let layout, layout.end == frame.start + frame.count else {
            flaws.append("\(number): unreadable")
            return
        }
        guard wasWellFormed, !isWellFormed(memory, at: frame.start, count: frame.count, frame.offload) else { return }
        let octets = (0..<min(frame.count, 100)).map { memory.octet(at: frame.start + $0) }
        flaws.append("\(number): checksum of \(octets)")
    }

    /// Changes a packet: nothing, a few octets, a length, its end, its offload header.
    private mutating func mutate(_ slot: inout MutableRawSpan, _ frame: inout PacketFrame) {
        let isIPv4 = slot.octet(at: 128) >> 4 == 4
        let header = isIPv4 ? 20 : 40
        switch random.below(8) {
        case 0: break
        case 1:
            // Any octet, mostly in the headers.
            for _ in 0...random.below(3) {
                let at = 128 + random.below(random.chance(80) ? min(frame.count, 80) : frame.count)
                slot.store(UInt8(truncatingIfNeeded: random.next()), at: at)
            }
        case 2:
            let at = 128 + random.below(min(frame.count, 100))
            slot.store(slot.octet(at: at) ^ (1 << UInt8(random.below(8))), at: at)
        case 3: frame.count = random.below(frame.count + 1)
        case 4:
            // A length that contradicts.
            slot.store(UInt16(truncatingIfNeeded: random.next()), at: 128 + (isIPv4 ? 2 : 4))
        case 5:
            // Fragments of few datagrams, at any place.
            if isIPv4 {
                slot.store(UInt16(random.below(4)), at: 132)
                slot.store(UInt16(random.below(64)) | (random.chance(50) ? 0x2000 : 0), at: 134)
            } else if slot.octet(at: 134) == 44 {
                slot.store(UInt16(random.below(64)) << 3 | UInt16(random.below(2)), at: 170)
                slot.store(UInt32(random.below(4)), at: 172)
            }
        case 6:
            // Extension headers or options, longer or shorter than there is room.
            slot.store(
                ([0, 43, 44, 50, 51, 58, 59, 60, 6, 17] as [UInt8])[random.below(10)],
                at: 128 + (isIPv4 ? 9 : 6)
            )
            if isIPv4 { slot.store(UInt8(0x45 + random.below(11)), at: 128) }
        default:
            var offload = Offload(
                needsChecksum: random.chance(80),
                segmentation: [.none, .tcp4, .tcp6, .udpL4][random.below(4)],
                segmentSize: UInt16(random.below(1500)),
                headerLength: UInt16(random.below(100)),
                checksumStart: UInt16(header),
                checksumOffset: random.chance(50) ? 16 : 6
            )
            if random.chance(10) { offload.checksumStart = UInt16(truncatingIfNeeded: random.next()) }
            frame.offload = offload
            if offload.needsChecksum { leaveChecksum(&slot, frame, header) }
        }
        if isIPv4, frame.count >= 20, random.chance(80) { giveHeaderChecksum(&slot, frame) }
    }

    private func giveHeaderChecksum(_ slot: inout MutableRawSpan, _ frame: PacketFrame) {
        let length = min(4 * Int(slot.octet(at: 128) & 15), frame.count)
        slot.store(UInt16(0), at: 138)
        var sum = OnesComplementSum()
        sum.add(slot.bytes, from: 128, count: length)
        slot.store(sum.checksum, at: 138)
    }

    private func leaveChecksum(_ slot: inout MutableRawSpan, _ frame: PacketFrame, _ header: Int) {
        let field = 128 + header + Int(frame.offload.checksumOffset)
        guard field + 2 <= 128 + frame.count else { return }
        var sum = OnesComplementSum()
        if header == 40 { sum.add(slot.bytes, from: 136, count: 32) } else { sum.add(slot.bytes, from: 140, count: 8) }
        sum.add(UInt32(frame.count - header))
        sum.add(UInt16(slot.octet(at: header == 40 ? 134 : 137)))
        slot.store(sum.folded, at: field)
    }
}

extension WorkerCounters {
    /// How many packets something has become of.
    fileprivate var verdicts: UInt64 {
        var count = packets6to4.load(ordering: .relaxed) + packets4to6.load(ordering: .relaxed)
        count += handedBack.load(ordering: .relaxed) + kept.load(ordering: .relaxed)
        for index in 0..<DropCounters.capacity { count += drops.slots[index].load(ordering: .relaxed) }
        return count
    }
}
