import IPAddressing
import NAT64
import PacketMemory
import Policy
import Testing
import Timing

/// A translator with flows through it, and the reference that knows the same flows.
struct ReferenceWorld: ~Copyable {
    var bench: TranslateBench
    var reference: ReferenceTranslator
    let clients: [[UInt8]] = [1, 2, 0xC0].map { [0x20, 1, 0xD, 0xB9, 0, 6] + [UInt8](repeating: 0, count: 9) + [$0] }
    let peers: [[UInt8]] = [[198, 51, 100, 10], [198, 51, 100, 77], [192, 88, 99, 1]]
    let peerPorts = [53, 443, 65535]
    /// Which datagram has gone out last under an identification of its own; see ``isOthers(_:_:)``.
    private var claims: [[UInt8]: [UInt8]] = [:]

    /// Opens every flow there will be: three clients with two ports each to three peers, in all protocols.
    static func opened(_ setup: ReferenceSetup = ReferenceSetup(1500, 1500, 1280)) throws -> ReferenceWorld {
        let bench = try TranslateBench(
            prefixes: [setup.prefixText],
            clients: ["2001:db9:6::/48"],
            environment: Environment(ipv6MTU: setup.ipv6MTU, ipv4MTU: setup.ipv4MTU)
        ) {
            $0.filtering = Filtering(.endpointIndependent)
            $0.translation.lowestIPv6MTU = setup.lowestIPv6MTU
            $0.translation.fixedTrafficClass = setup.fixedTrafficClass
            $0.translation.clampsSegmentSize = setup.clampsSegmentSize
            $0.translation.udpZeroChecksum = setup.udpZeroChecksum
            $0.translation.errorSource = setup.errorSource
            $0.translation.sendsICMPErrors = setup.sendsICMPErrors
            $0.translation.icmpErrorsPerSecond = 0
            $0.translation.fragmentMemory = 16 << 20
        }
        var world = ReferenceWorld(bench: bench, setup)
        for proto in [6, 17, 1] {
            for client in world.clients {
                for port in [1024 + proto, 40000] { try world.open(proto, client, port) }
            }
        }
        return world
    }

    private init(bench: consuming TranslateBench, _ setup: ReferenceSetup) {
        self.bench = bench
        reference = ReferenceTranslator(
            prefix: setup.prefix,
            prefixLength: setup.prefixLength,
            external: [203, 0, 113, 1],
            peers: peers,
            bindings: [],
            ipv6MTU: setup.ipv6MTU,
            ipv4MTU: setup.ipv4MTU,
            lowestIPv6MTU: min(setup.lowestIPv6MTU, setup.ipv6MTU),
            fixedTrafficClass: setup.fixedTrafficClass.map(Int.init),
            clampsSegmentSize: setup.clampsSegmentSize,
            dropsZeroChecksum: setup.udpZeroChecksum == .drop,
            errorsComeFromDestination: setup.errorSource == .destination,
            sendsErrors: setup.sendsICMPErrors
        )
    }

    private mutating func open(_ proto: Int, _ client: [UInt8], _ port: Int) throws {
        for (peer, peerPort) in zip(peers, peerPorts) {
            let sent = packet6(proto, client, port, reference.embed(peer), peerPort, flags: 0x02)
            guard case .sent(let octets, _) = bench.send(sent) else { throw Unopened(octets: sent) }
            let external = octets.word(proto == 1 ? 24 : 20)
            if reference.binding(proto, client: client, port) == nil {
                let binding = ReferenceTranslator.Binding(
                    proto: proto,
                    client: client,
                    clientPort: port,
                    externalPort: external
                )
                reference.bindings.append(binding)
            }
            guard proto == 6 else { continue }
            let answer = packet4(6, peer, peerPort, external, flags: 0x12)
            guard case .sent = bench.send(answer) else { throw Unopened(octets: answer) }
        }
    }

    struct Unopened: Error { var octets: [UInt8] }

    /// An ordinary packet of a client, its checksum right.
    func packet6(
        _ proto: Int,
        _ client: [UInt8],
        _ port: Int,
        _ destination: [UInt8],
        _ peerPort: Int,
        flags: Int = 0x10,
        _ payload: [UInt8] = [],
        hops: Int = 64,
        trafficClass: Int = 0,
        options: [UInt8] = []
    ) -> [UInt8] {
        let body: [UInt8]
        let next = proto == 1 ? 58 : proto
        switch proto {
        case 6: body = segment(port, peerPort, flags, options, payload)
        case 17: body = datagram(port, peerPort, payload)
        default: body = [128, 0, 0, 0] + [UInt8](word: port) + [0, 9] + payload
        }
        let sum = pseudoHeader(client, destination, body.count, next) + body.onesComplement
        return ipv6(
            trafficClass: trafficClass,
            next: next,
            hops: hops,
            client,
            destination,
            summed(body, proto, sum)
        )
    }

    /// An ordinary packet of a peer, its checksum right.
    func packet4(
        _ proto: Int,
        _ peer: [UInt8],
        _ peerPort: Int,
        _ external: Int,
        flags: Int = 0x10,
        _ payload: [UInt8] = [],
        ttl: Int = 64,
        tos: Int = 0,
        id: Int = 7,
        fragment: Int = 0,
        options: [UInt8] = [],
        tcpOptions: [UInt8] = []
    ) -> [UInt8] {
        let body: [UInt8]
        switch proto {
        case 6: body = segment(peerPort, external, flags, tcpOptions, payload)
        case 17: body = datagram(peerPort, external, payload)
        default: body = [0, 0, 0, 0] + [UInt8](word: external) + [0, 9] + payload
        }
        let pseudo = proto == 1 ? 0 : pseudoHeader(peer, reference.external, body.count, proto)
        return ipv4(
            tos: tos,
            id: id,
            fragment: fragment,
            ttl: ttl,
            proto: proto,
            peer,
            reference.external,
            options: options,
            summed(body, proto, pseudo + body.onesComplement)
        )
    }

    private func summed(_ body: [UInt8], _ proto: Int, _ others: Int) -> [UInt8] {
        let sum = checksum(others: others)
        return body.putting(proto == 17 && sum == 0 ? 0xFFFF : sum, checksumPlace(proto))
    }

    private func segment(_ from: Int, _ to: Int, _ flags: Int, _ options: [UInt8], _ payload: [UInt8]) -> [UInt8] {
        [UInt8](word: from) + [UInt8](word: to) + [UInt8](long: 0x0102_0304) + [UInt8](long: 0xA0B0_C0D0)
            + [UInt8((20 + options.count) / 4 * 16), UInt8(flags), 0xFF, 0, 0, 0, 0, 0] + options + payload
    }

    private func datagram(_ from: Int, _ to: Int, _ payload: [UInt8]) -> [UInt8] {
        [UInt8](word: from) + [UInt8](word: to) + [UInt8](word: 8 + payload.count) + [0, 0] + payload
    }

    /// Puts a packet through the translator and says what is wrong with what came, next to what the reference makes
    /// of it; nothing when all is as it should be.
    mutating func difference(_ packet: [UInt8], _ expected: ReferenceTranslator.Fate) -> String? {
        let outcome = bench.send(packet)
        let extras = bench.extras()
        switch (expected, outcome) {
        case (.outOfScope, _): return nil
        case (.sent(let pieces), .sent(let first, _)):
            return difference([first] + extras, pieces, packet)
        case (.answered, .dropped) where !reference.sendsErrors: return nil
        case (.answered(let type, let code, let word), .answered(_, let answer)) where reference.sendsErrors:
            return answerFlaw(answer, packet, type, code, word)
        case (.refused, .dropped), (.refusedAnyhow, .dropped), (.refusedAnyhow, .answered): return nil
        default: return "\(outcome) \(extras)\n   expected \(expected)"
        }
    }

    /// The identification is the translator's to choose where IPv6 had none, and where another datagram has had it; all
    /// fragments have the same.
    private mutating func difference(_ actual: [[UInt8]], _ expected: [[UInt8]], _ packet: [UInt8]) -> String? {
        guard actual.count == expected.count else { return "\(actual.count) packets, not \(expected.count)" }
        var isFree = false
        if packet[0] >> 4 == 6 {
            let datagram = Self.fragmentHeader(of: packet).map { Array(packet[8..<24] + packet[$0 + 4..<$0 + 8]) }
            isFree = datagram.map { isOthers(expected[0], $0) } ?? true
            if let datagram { claims[Self.ends(actual[0])] = datagram }
        }
        let id = actual[0].word(4)
        for (actual, expected) in zip(actual, expected) {
            var expected = expected
            if isFree, expected[0] >> 4 == 4 { expected = Self.identified(expected, id) }
            if actual != expected { return "\(actual)\n   expected \(expected)" }
        }
        return nil
    }

    /// Whether another datagram has gone out under the identification of this packet: RFC 6864 section 4.3. Few random
    /// packets have one and the same, but of many some do.
    private func isOthers(_ packet: [UInt8], _ datagram: [UInt8]) -> Bool {
        claims[Self.ends(packet)].map { $0 != datagram } ?? false
    }

    /// Within what an identification has to be the only one of its kind, and the identification.
    private static func ends(_ packet: [UInt8]) -> [UInt8] { Array(packet[4..<6] + packet[9..<10] + packet[12..<20]) }

    static func identified(_ packet: [UInt8], _ id: Int) -> [UInt8] {
        let header = packet.putting(id, 4).putting(0, 10)
        return header.putting(checksum(others: Array(header[..<20]).onesComplement), 10)
    }

    private static func fragmentHeader(of packet: [UInt8]) -> Int? {
        var (next, at) = (packet[6], 40)
        while [0, 43, 60].contains(next), at + 8 <= packet.count {
            (next, at) = (packet[at], at + 8 + 8 * Int(packet[at + 1]))
        }
        return next == 44 ? at : nil
    }

    /// RFC 4443 section 3 and RFC 792: header, sum and quote of an error that the translator sends itself.
    private func answerFlaw(_ answer: [UInt8], _ packet: [UInt8], _ type: Int, _ code: Int, _ word: Int) -> String? {
        let isIPv6 = packet[0] >> 4 == 6
        let header = isIPv6 ? 40 : 20
        guard answer.count >= header + 8, answer[0] >> 4 == packet[0] >> 4 else { return "answered \(answer)" }
        let message = Array(answer[header...])
        let (source, target) = isIPv6 ? (answer[8..<24], answer[24..<40]) : (answer[12..<16], answer[16..<20])
        let sender = isIPv6 ? packet[8..<24] : packet[12..<16]
        let pseudo = isIPv6 ? pseudoHeader(Array(source), Array(target), message.count, 58) : 0
        let saysWord = message.word(4) << 16 | message.word(6)
        let declared = isIPv6 ? 40 + packet.word(4) : packet.word(2)
        let quote = Array(packet.prefix(min(declared, isIPv6 ? 1280 - 48 : 576 - 28)))
        if Array(target) != Array(sender) { return "answered to \(target)" }
        if (message[0], message[1], saysWord) != (UInt8(type), UInt8(code), word) {
            return "answered \(message[0])/\(message[1]) \(saysWord), not \(type)/\(code) \(word)"
        }
        if (pseudo + message.onesComplement) % 65535 != 0 { return "answered with a wrong checksum" }
        return Array(message[8...]) == quote ? nil : "quoted \(message[8...])\n   expected \(quote)"
    }
}
