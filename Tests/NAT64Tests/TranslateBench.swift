import IPAddressing
import PacketMemory
import PacketWire
import Policy
import TestPackets
import Testing
import Timing

@testable import NAT64

/// What came of a packet.
enum Outcome: Equatable {
    case sent([UInt8], Offload)
    case answered(DropReason, [UInt8])
    case handedBack([UInt8])
    case kept
    case dropped(DropReason)
}

/// A translator with one worker, its slot of memory and its own clock.
///
///     client C6 2001:db8:6::c0, D6 2001:db8:6::d0   prefix P 2001:db8:64::/96   pool T 203.0.113.1   peer S4 198.51.100.10
struct TranslateBench: ~Copyable {
    let translator: Translator
    var worker: TranslatorWorker
    var now = Moment(nanoseconds: 1_000_000_000_000)
    var memory = OctetBuffer(count: 128 + 65_576 + 128 + 4096)
    var names: [String: String] = [:]
    /// No packet goes the short way.
    var goesLongWay = false

    static let prefix = "2001:db8:64::/96"

    init(
        prefixes: [String] = [TranslateBench.prefix],
        pool: [(String, Bool)] = [("203.0.113.1", false)],
        clients: [String] = ["2001:db8:6::/48"],
        allow: [String] = [],
        environment: Environment = Environment(),
        configure: (inout NAT64Settings) -> Void = { _ in }
    ) throws {
        var settings = NAT64Settings()
        settings.maximumBindings = 65_536
        settings.maximumFurtherSessions = 65_536
        settings.pool = try pool.map { text, isShared in
            let address = try #require(IPv4Address(text))
            return PoolEntry(
                addresses: address...address,
                ports: isShared ? PoolEntry.sharedPorts : PoolEntry.usualPorts,
                sharedWithHost: isShared
            )
        }
        configure(&settings)
        translator = Translator(
            settings: settings,
            policy: try Self.policy(prefixes: prefixes, clients: clients, allow: allow),
            secret: KeyedHash(key0: 1, key1: 2),
            environment: environment
        )
        worker = translator.makeWorker()
    }

    static func policy(prefixes: [String], clients: [String], allow: [String] = []) throws -> Policy {
        Policy(
            generation: 1,
            prefixes: try prefixes.map { try TranslationPrefix(#require(IPv6Prefix($0))) },
            clients: ClientAccess(networks: try clients.map { try #require(IPPrefix($0)) }),
            destinations: DestinationRules(allow: try allow.map { try #require(IPv4Prefix($0)) }),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
    }

    /// Puts a packet through the translator.
    mutating func send(_ octets: [UInt8], _ offload: Offload = .none) -> Outcome {
        Self.send(octets, offload, &worker, &memory, now, goesLongWay)
    }

    private static func send(
        _ octets: [UInt8],
        _ offload: Offload,
        _ worker: inout TranslatorWorker,
        _ memory: inout OctetBuffer,
        _ now: Moment,
        _ goesLongWay: Bool
    ) -> Outcome {
        var frame = PacketFrame(start: 128, count: octets.count, offload: offload)
        var slot = memory.mutableOctets
        for (index, octet) in octets.enumerated() { slot.store(octet, at: 128 + index) }
        let verdict =
            goesLongWay
            ? worker.translateAny(&slot, &frame, at: now) : worker.translate(&slot, &frame, at: now)
        let result = (0..<max(frame.count, 0)).map { slot.octet(at: frame.start + $0) }
        switch verdict {
        case .send: return .sent(result, frame.offload)
        case .answer(let reason): return .answered(reason, result)
        case .handBack: return .handedBack(result)
        case .kept: return .kept
        case .drop(let reason): return .dropped(reason)
        }
    }

    /// Takes what else is to be sent.
    mutating func extras() -> [[UInt8]] { extrasAndOffloads().map(\.0) }

    /// The same, with what they leave to the kernel.
    mutating func extrasAndOffloads() -> [([UInt8], Offload)] { Self.extras(&worker, &memory, now) }

    private static func extras(
        _ worker: inout TranslatorWorker,
        _ memory: inout OctetBuffer,
        _ now: Moment
    ) -> [([UInt8], Offload)] {
        var packets: [([UInt8], Offload)] = []
        var frame = PacketFrame(start: 128, count: 0)
        var slot = memory.mutableOctets
        while worker.nextExtra(into: &slot, &frame, at: now) {
            packets.append(((0..<frame.count).map { slot.octet(at: frame.start + $0) }, frame.offload))
            if packets.count > 1000 { break }
        }
        return packets
    }

    mutating func wait(milliseconds: UInt64) {
        // In steps, as the data plane ticks.
        let end = now + .milliseconds(milliseconds)
        while now < end {
            now = min(now + .milliseconds(max(milliseconds / 20, 1)), end)
            worker.tick(at: now)
        }
    }
}

// MARK: Scripts

extension TranslateBench {
    /// Runs lines:
    ///
    ///     in KIND SOURCE > DESTINATION ...    a packet goes in
    ///     = KIND ...      it comes out like this          ! REASON   it is refused; with a line after it, answered
    ///     + KIND ...      this comes out besides          host       it is given back to the host
    ///     kept            a copy is kept                  wait 5 s   time passes
    ///
    /// `$name` where an address, or an identifier, is not known beforehand takes the first value it meets.
    mutating func run(_ script: String, sourceLocation: SourceLocation = #_sourceLocation) throws {
        var outcome: Outcome?
        var extra: [[UInt8]] = []
        var isDue = false
        for raw in script.split(separator: "\n") {
            var words = raw.split(separator: "#", omittingEmptySubsequences: false)[0].split(separator: " ").map(
                String.init
            )
            guard let verb = words.first else { continue }
            words.removeFirst()
            let line = words.joined(separator: " ")
            switch verb {
            case "in":
                #expect(!isDue && extra.isEmpty, "before: \(raw)", sourceLocation: sourceLocation)
                let packet = try #require(PacketDescription(named(line)), "\(raw)", sourceLocation: sourceLocation)
                outcome = send(packet.octets)
                extra = extras()
                isDue = true
            case "=":
                let octets: [UInt8]
                switch outcome {
                case .sent(let sent, let offload):
                    octets = sent
                    expectWellFormed(sent, offload, sourceLocation)
                case .answered(_, let answer):
                    octets = answer
                    expectWellFormed(answer, .none, sourceLocation)
                default:
                    Issue.record("\(raw): \(String(describing: outcome))", sourceLocation: sourceLocation)
                    octets = []
                }
                try compare(octets, line, raw, sourceLocation)
                isDue = false
            case "+":
                guard !extra.isEmpty else {
                    Issue.record("nothing came: \(raw)", sourceLocation: sourceLocation)
                    continue
                }
                let octets = extra.removeFirst()
                expectWellFormed(octets, .none, sourceLocation)
                try compare(octets, line, raw, sourceLocation)
            case "!":
                switch outcome {
                case .dropped(let reason):
                    #expect(reason.name.description == line, "\(raw)", sourceLocation: sourceLocation)
                case .answered(let reason, let octets):
                    let packet = octets.withUnsafeBytes {
                        try? PacketDescription(describing: RawSpan(_unsafeBytes: $0), at: 0, count: octets.count)
                    }
                    #expect(
                        "\(reason.name) answered" == line,
                        "\(String(describing: packet))",
                        sourceLocation: sourceLocation
                    )
                default: Issue.record("\(raw): \(String(describing: outcome))", sourceLocation: sourceLocation)
                }
                isDue = false
            case "host":
                if case .handedBack = outcome {
                } else {
                    Issue.record("\(raw): \(String(describing: outcome))", sourceLocation: sourceLocation)
                }
                isDue = false
            case "kept":
                #expect(outcome == .kept, "\(raw)", sourceLocation: sourceLocation)
                isDue = false
            case "wait":
                let number = try #require(UInt64(words[0]))
                wait(milliseconds: words[1] == "s" ? number * 1000 : number)
                extra += extras()
            default: Issue.record("\(raw)", sourceLocation: sourceLocation)
            }
        }
        #expect(extra.isEmpty, sourceLocation: sourceLocation)
    }

    private func named(_ line: String) -> String {
        line.split(separator: " ").map { names[String($0)] ?? String($0) }.joined(separator: " ")
    }

    private mutating func compare(_ octets: [UInt8], _ line: String, _ raw: Substring, _ location: SourceLocation)
        throws
    {
        let actual = octets.withUnsafeBytes { memory in
            try? PacketDescription(describing: RawSpan(_unsafeBytes: memory), at: 0, count: memory.count)
        }
        guard let actual else {
            Issue.record("unreadable: \(raw)", sourceLocation: location)
            return
        }
        learn(line, actual)
        let expected = try #require(PacketDescription(named(line)), "\(raw)", sourceLocation: location)
        #expect(expected.holds(for: actual), "\(raw)\n   got \(actual)", sourceLocation: location)
    }

    private mutating func learn(_ line: String, _ actual: PacketDescription) {
        let words = line.split(separator: " ").map(String.init)
        for (index, word) in words.enumerated() where word.hasPrefix("$") && names[word] == nil && index > 0 {
            let before = words[index - 1]
            if before == "id" { names[word] = actual.identifier.map(String.init) }
            if before == ">" { names[word] = end(actual.destination, actual.ports.last) }
            if index + 1 < words.count, words[index + 1] == ">" { names[word] = end(actual.source, actual.ports.first) }
        }
    }

    private func end(_ address: IPAddress, _ port: UInt16?) -> String {
        port.map { TransportAddress(address, Port($0)).description } ?? address.description
    }
}

// MARK: Well-formed packets

/// Whether a packet may stand on the wire: lengths, header checksum, transport checksum (or the partial one).
func flaw(_ octets: [UInt8], _ offload: Offload) -> String? {
    octets.withUnsafeBytes { raw -> String? in
        let memory = RawSpan(_unsafeBytes: raw)
        let layout: PacketLayout
        do { layout = try PacketLayout(reading: memory, at: 0, count: octets.count) } catch { return "\(error)" }
        if layout.end != octets.count { return "\(octets.count) octets, declared \(layout.end)" }
        if Int(offload.headerLength) > octets.count { return "headers of \(offload.headerLength) octets" }
        if layout.isFragment || (layout.fragmentHeader != 0) { return nil }
        var sum = OnesComplementSum()
        var isICMPv4 = false
        if layout.isIPv6 {
            sum.add(memory, from: 8, count: 32)
        } else if layout.proto == 1 {
            isICMPv4 = true
        } else {
            sum.add(memory, from: 12, count: 8)
        }
        if !isICMPv4 {
            sum.add(UInt32(layout.payloadCount))
            sum.add(UInt16(layout.proto))
        }
        let field =
            switch layout.proto {
            case 6: 16
            case 17: 6
            default: 2
            }
        if offload.needsChecksum {
            if Int(offload.checksumStart) != layout.payload { return "checksum start \(offload.checksumStart)" }
            if Int(offload.checksumOffset) != field { return "checksum offset" }
            let partial = memory.uint16(at: layout.payload + field)
            return partial == sum.folded ? nil : "partial checksum \(partial), not \(sum.folded)"
        }
        if layout.proto == 17 {
            if memory.uint16(at: layout.payload + 6) == 0 { return "zero checksum" }
            let length = Int(memory.uint16(at: layout.payload + 4))
            if length != layout.payloadCount { return nil }
        }
        sum.add(memory, from: layout.payload, count: layout.payloadCount)
        return sum.folded == 0xFFFF ? nil : "wrong checksum"
    }
}

func expectWellFormed(_ octets: [UInt8], _ offload: Offload, _ location: SourceLocation = #_sourceLocation) {
    let flaw = flaw(octets, offload)
    #expect(flaw == nil, sourceLocation: location)
}
