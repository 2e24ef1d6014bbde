/// RFC 7915 section 4.
extension ReferenceTranslator {
    /// An IPv4 packet taken apart.
    struct Packet4 {
        var tos: Int
        var id: Int
        var dontFragment: Bool
        var more: Bool
        var offset: Int
        var ttl: Int
        var proto: Int
        var source: [UInt8]
        var destination: [UInt8]
        var body: [UInt8]
        /// A source route that is not at its end.
        var isSourceRouted = false
    }

    func parse4(_ octets: [UInt8]) -> Packet4? {
        guard octets.count >= 20, octets[0] >> 4 == 4 else { return nil }
        let length = Int(octets[0] & 15) * 4
        let total = octets.word(2)
        guard length >= 20, total >= length, total <= octets.count else { return nil }
        let header = Array(octets[..<length])
        guard header.onesComplement == 0 else { return nil }
        var packet = Packet4(
            tos: Int(octets[1]),
            id: octets.word(4),
            dontFragment: octets.word(6) & 0x4000 != 0,
            more: octets.word(6) & 0x2000 != 0,
            offset: (octets.word(6) & 0x1FFF) * 8,
            ttl: Int(octets[8]),
            proto: Int(octets[9]),
            source: Array(octets[12..<16]),
            destination: Array(octets[16..<20]),
            body: Array(octets[length..<total])
        )
        var at = 20
        while at < length, header[at] != 0 {
            if header[at] == 1 {
                at += 1
                continue
            }
            guard at + 1 < length, header[at + 1] >= 2, at + Int(header[at + 1]) <= length else { return nil }
            if header[at] == 131 || header[at] == 137 {
                guard header[at + 1] >= 3 else { return nil }
                if header[at + 2] <= header[at + 1] {
                    packet.isSourceRouted = true
                    return packet
                }
            }
            at += Int(header[at + 1])
        }
        return packet
    }

    func toIPv6(_ octets: [UInt8]) -> Fate {
        guard let packet = parse4(octets) else { return .refused }
        guard packet.destination == external else { return .outOfScope }
        let isError = packet.proto == 1 && (packet.body.first.map { [3, 4, 5, 11, 12].contains($0) } ?? true)
        if packet.isSourceRouted {
            // RFC 1812 section 4.3.2.7: a source that is no host is told nothing.
            let isHost = ![0, 127].contains(packet.source[0]) && packet.source[0] < 224
            return packet.offset != 0 || isError || !isHost ? .refusedAnyhow : .answered(3, 5, 0)
        }
        if packet.more || packet.offset != 0 { return .outOfScope }
        if packet.proto == 1, let type = packet.body.first, [3, 11, 12].contains(type) {
            return packet.body.count >= 8 ? errorToIPv6(packet) : .refused
        }
        guard peers.contains(packet.source) else { return .outOfScope }
        guard [6, 17, 1].contains(packet.proto) else { return .refusedAnyhow }
        guard isReadable(packet.proto, packet.body) else { return .refused }
        guard packet.proto != 1 || [0, 8].contains(packet.body[0]) else { return .refused }
        guard let binding = binding(packet.proto, externalPort: packet.body.word(packet.proto == 1 ? 4 : 2)) else {
            return .outOfScope
        }
        if dropsZeroChecksum, packet.proto == 17, packet.body.word(6) == 0 { return .refused }
        guard packet.ttl > 1 else { return .answered(11, 0, 0) }
        let size = 40 + packet.body.count
        if packet.dontFragment, size > ipv6MTU { return .answered(3, 4, ipv6MTU - 20) }
        let body = body6(packet, binding)
        return .sent(cut6(packet, binding, body, isFragment: !packet.dontFragment && size > lowestIPv6MTU))
    }

    /// The transport header with its new port and a checksum that is summed up from nothing.
    func body6(_ packet: Packet4, _ binding: Binding) -> [UInt8] {
        var body = packet.body
        let source = embed(packet.source)
        if packet.proto == 1 {
            let total = body.onesComplement
            body[0] = body[0] == 8 ? 128 : 129
            body.put(binding.clientPort, 4)
            body.put(0, 2)
            let others = pseudoHeader(source, binding.client, body.count, 58) + body.onesComplement
            return body.putting(checksum(others: others, total: total), 2)
        }
        var total =
            pseudoHeader(packet.source, packet.destination, pseudoLength(packet.proto, body), packet.proto)
            + summed(packet.proto, body).onesComplement
        // A datagram without checksum gets the one it should have had.
        if packet.proto == 17, body.word(6) == 0 { total = 0 }
        body.put(binding.clientPort, 2)
        return finished(packet.proto, body, source, binding.client, total)
    }

    /// One packet, or fragments that every IPv6 link takes.
    func cut6(_ packet: Packet4, _ binding: Binding, _ body: [UInt8], isFragment: Bool) -> [[UInt8]] {
        let proto = packet.proto == 1 ? 58 : packet.proto
        let mustCut = isFragment && !packet.dontFragment && 48 + body.count > lowestIPv6MTU
        return pieces(of: body, each: mustCut ? (lowestIPv6MTU - 48) / 8 * 8 : body.count).map { piece in
            let header = fragmentHeader(
                next: proto,
                offset: packet.offset + piece.offset,
                more: packet.more || piece.more,
                id: packet.id
            )
            return ipv6(
                trafficClass: fixedTrafficClass ?? packet.tos,
                next: isFragment ? 44 : proto,
                hops: packet.ttl - 1,
                embed(packet.source),
                binding.client,
                (isFragment ? header : []) + piece.octets
            )
        }
    }
}
