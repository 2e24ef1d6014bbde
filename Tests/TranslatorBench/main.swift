// What a packet costs in the translator alone, without device and system calls, by the number of sessions:
//
//     swift run -c release TranslatorBench [SESSIONS...]
//
// Packets of 64 octets of IPv6 are put into a ring of 64, which is the longest burst of a worker's, and translated, each
// of a session chosen at random or the next one in line; only the translation is timed, the best of five runs counts.
// "ahead" is with TranslatorWorker.lookAhead and fetch for the whole ring.
import CPrefetch
import Glibc
import IPAddressing
import NAT64
import PacketMemory
import Policy
import Timing

struct Bench: ~Copyable {
    static let ring = 64
    /// As the worker lays packets of 64 octets out.
    static let slot = 320

    enum Order: String, CaseIterable {
        case random
        case neighbours
    }

    let sessions: Int
    let translator: Translator
    var worker: TranslatorWorker
    var externals: [(address: UInt32, port: UInt16)] = []
    var state: UInt64 = 1
    let now = Moment(nanoseconds: 1_000_000_000_000)

    init(sessions: Int) throws {
        self.sessions = sessions
        var settings = NAT64Settings()
        let first = IPv4Address(198, 18, 0, 0)
        settings.pool = [PoolEntry(addresses: first...IPv4Address(bits: first.bits + 63))]
        let policy = Policy(
            generation: 1,
            prefixes: [.wellKnown],
            clients: ClientAccess(networks: [IPPrefix("::/0")].compactMap { $0 }),
            destinations: DestinationRules(),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
        translator = Translator(settings: settings, policy: policy, secret: KeyedHash(key0: 1, key1: 2))
        worker = translator.makeWorker()
        externals.reserveCapacity(sessions)
        var buffer = OctetBuffer(count: Self.slot)
        for number in 0..<sessions {
            var memory = buffer.mutableOctets
            Self.writeOutward(number, 0, &memory)
            var frame = PacketFrame(start: 128, count: 64)
            guard worker.translate(&memory, &frame, at: now) == .send else { throw Refused() }
            externals.append((memory.uint32(at: frame.start + 12), memory.uint16(at: frame.start + 20)))
            if worker.takeMemoryNeed() { translator.layInMemory() }
        }
        while translator.joinPages() {}
    }

    struct Refused: Error {}

    /// A UDP packet of a session: 256 ports of each host, 256 hosts of each network.
    static func writeOutward(_ number: Int, _ place: Int, _ memory: inout MutableRawSpan) {
        let at = place * slot + 128
        memory.store(UInt32(0x6000_0000), at: at)
        memory.store(UInt32(24) << 16 | 17 << 8 | 64, at: at + 4)
        memory.store(0x2001_0DB8_0000_0000 | UInt64(number >> 16), at: at + 8)
        memory.store(UInt64(number >> 8 & 0xFF) + 1, at: at + 16)
        memory.store(UInt64(0x0064_FF9B_0000_0000), at: at + 24)
        memory.store(UInt64(0x0808_0808), at: at + 32)
        memory.store(UInt32(40_000 + number & 0xFF) << 16 | 53, at: at + 40)
        memory.store(UInt32(24) << 16 | 0x1234, at: at + 44)
        memory.store(UInt64(0), at: at + 48)
        memory.store(UInt64(0), at: at + 56)
    }

    func writeInward(_ number: Int, _ place: Int, _ memory: inout MutableRawSpan) {
        let at = place * Self.slot + 128
        memory.store(UInt32(0x4500_002C), at: at)
        memory.store(UInt32(0), at: at + 4)
        memory.store(UInt32(64) << 24 | 17 << 16, at: at + 8)
        memory.store(UInt32(0x0808_0808), at: at + 12)
        memory.store(externals[number].address, at: at + 16)
        var sum: UInt32 = 0
        for word in 0..<10 { sum += UInt32(memory.uint16(at: at + 2 * word)) }
        sum = (sum & 0xFFFF) + sum >> 16
        memory.store(~UInt16(truncatingIfNeeded: sum + sum >> 16), at: at + 10)
        memory.store(UInt32(53) << 16 | UInt32(externals[number].port), at: at + 20)
        memory.store(UInt32(24) << 16 | 0x1234, at: at + 24)
        memory.store(UInt64(0), at: at + 28)
        memory.store(UInt64(0), at: at + 36)
    }

    mutating func next(_ order: Order, _ last: Int) -> Int {
        guard order == .random else { return last + 1 < sessions ? last + 1 : 0 }
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return Int(((state >> 32) &* UInt64(sessions)) >> 32)
    }

    /// Nanoseconds per packet.
    mutating func run(outward: Bool, _ order: Order, ahead: Bool, packets: Int) throws -> Double {
        var buffer = OctetBuffer(count: Self.ring * Self.slot)
        var memory = buffer.mutableOctets
        var spent: UInt64 = 0
        var number = 0
        let count = outward ? 64 : 44
        var known = [LookAhead](repeating: LookAhead(), count: Self.ring)
        for _ in 0..<packets / Self.ring {
            for place in 0..<Self.ring {
                number = next(order, number)
                if outward { Self.writeOutward(number, place, &memory) } else { writeInward(number, place, &memory) }
            }
            let start = Self.clock()
            if ahead {
                for place in 0..<Self.ring {
                    known[place] = worker.lookAhead(memory, PacketFrame(start: place * Self.slot + 128, count: count))
                }
                for place in 0..<Self.ring { worker.fetch(&known[place]) }
            }
            var sent = 0
            for place in 0..<Self.ring {
                var frame = PacketFrame(start: place * Self.slot + 128, count: count)
                if worker.translate(&memory, &frame, at: now, ahead: known[place]) == .send { sent += 1 }
            }
            spent += Self.clock() - start
            guard sent == Self.ring else { throw Refused() }
        }
        return Double(spent) / Double(packets / Self.ring * Self.ring)
    }

    /// Lets every session end at once.
    ///
    /// - Returns: How many calls that took, and the longest of them in nanoseconds of CPU: so long a packet may have to
    ///   wait.
    mutating func expire() throws -> (calls: Int, longest: UInt64) {
        let later = now + .seconds(301)
        var calls = 0
        var longest: UInt64 = 0
        var isMore = true
        while isMore {
            let start = Self.clock(CLOCK_THREAD_CPUTIME_ID)
            isMore = worker.tick(at: later)
            longest = max(longest, Self.clock(CLOCK_THREAD_CPUTIME_ID) - start)
            calls += 1
        }
        guard translator.tables.totals().sessions.udp == 0 else { throw Refused() }
        return (calls, longest)
    }

    static func clock(_ which: clockid_t = CLOCK_MONOTONIC) -> UInt64 {
        var time = timespec()
        clock_gettime(which, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}

/// Nanoseconds that two cache lines take to come which lie anywhere in 64 MiB, asked for in bursts as long as the ring while
/// nothing else is done: what a packet of a million sessions cannot do without.
func twoLines() -> Double {
    var buffer = OctetBuffer(count: 64 << 20)
    // Each page is its own from its first write on.
    var memory = buffer.mutableOctets
    for page in 0..<memory.byteCount / 4096 { memory.store(UInt32(1), at: page * 4096) }
    let octets = memory.bytes
    var (state, sum, spent) = (UInt64(1), UInt64(0), UInt64(0))
    var places = [Int](repeating: 0, count: 2 * Bench.ring)
    let bursts = 10_000
    for _ in 0..<bursts {
        for index in places.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            places[index] = Int(state >> 38) << 6 & (64 << 20 - 1)
        }
        let start = Bench.clock()
        octets.withUnsafeBytes { octets in
            guard let base = octets.baseAddress else { return }
            for place in places { cprefetch_line(base + place) }
        }
        for place in places { sum &+= UInt64(octets.octet(at: place)) }
        spent += Bench.clock() - start
    }
    guard sum < .max else { return 0 }
    return Double(spent) / Double(bursts * Bench.ring)
}

/// Memory of the process in octets.
func residentOctets() -> Int {
    guard let file = fopen("/proc/self/statm", "r") else { return 0 }
    defer { fclose(file) }
    var line = [UInt8](repeating: 0, count: 128)
    let count = fread(&line, 1, line.count, file)
    let words = String(decoding: line[..<count], as: UTF8.self).split(separator: " ")
    return words.count > 1 ? (Int(words[1]) ?? 0) * 4096 : 0
}

let arguments = CommandLine.arguments.dropFirst().compactMap { Int($0) }
func column(_ text: String) { print(String(repeating: " ", count: max(12 - text.count, 1)) + text, terminator: "") }

print("two lines of memory: \((twoLines() * 10).rounded() / 10) ns")
for title in ["sessions", "direction", "order", "ns", "ns ahead"] { column(title) }
print()
for sessions in arguments.isEmpty ? [1_000, 10_000, 100_000, 1_000_000] : arguments {
    let before = residentOctets()
    let start = clock()
    var bench = try Bench(sessions: sessions)
    let made = Double(clock() - start) / Double(CLOCKS_PER_SEC) * 1e9 / Double(sessions)
    let octets = (residentOctets() - before) / sessions - 8
    for outward in [true, false] {
        for order in Bench.Order.allCases {
            var plain = Double.infinity
            var ahead = Double.infinity
            for _ in 0..<5 {
                plain = min(plain, try bench.run(outward: outward, order, ahead: false, packets: 320_000))
                ahead = min(ahead, try bench.run(outward: outward, order, ahead: true, packets: 320_000))
            }
            column("\(sessions)")
            column(outward ? "outward" : "inward")
            column(order.rawValue)
            column("\((plain * 10).rounded() / 10)")
            column("\((ahead * 10).rounded() / 10)")
            print()
        }
    }
    let (calls, longest) = try bench.expire()
    print(
        "            made in \(Int(made)) ns each, \(octets) octets each; all ended in \(calls) calls, "
            + "the longest \(longest / 1000) µs"
    )
}
