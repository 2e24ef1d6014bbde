/// RFC 7915 section 5.
extension ReferenceTranslator {
    /// An IPv6 packet taken apart.
    struct Packet6 {
        var trafficClass: Int
        var hops: Int
        var source: [UInt8]
        var destination: [UInt8]
        /// The protocol behind all extension headers.
        var proto: Int
        var body: [UInt8]
        /// Offset, more, identification.
        var fragment: (offset: Int, more: Bool, id: Int)?
        /// The octet that a routing header with segments left has wrong.
        var routingProblem: Int?
        /// How many extension headers there are besides the fragment header.
        var extensionHeaders = 0
        /// Behind the routing problem or the fragment header the chain of headers is not to be followed.
        var isCut = false

        /// This packet as one whose chain ends in a flaw: what stands in front of the flaw is at fault first.
        var endingHere: Packet6? {
            guard routingProblem != nil else { return nil }
            var packet = self
            packet.isCut = true
            return packet
        }
    }

    /// Nothing when there is something wrong with it. A quote may be cut short.
    func parse6(_ octets: [UInt8], isQuote: Bool = false) -> Packet6? {
        guard octets.count >= 40, octets[0] >> 4 == 6, isQuote || 40 + octets.word(4) <= octets.count else {
            return nil
        }
        let packet = Array(octets.prefix(40 + octets.word(4)))
        if packet[6] == 0, octets.word(4) == 0 { return nil }  // a jumbogram
        var result = Packet6(
            trafficClass: packet.word(0) >> 4 & 255,
            hops: Int(packet[7]),
            source: Array(packet[8..<24]),
            destination: Array(packet[24..<40]),
            proto: Int(packet[6]),
            body: []
        )
        var at = 40
        while [0, 43, 60].contains(result.proto) {
            // RFC 8200 section 4.1: hop-by-hop options stand first or nowhere.
            guard result.proto != 0 || at == 40, result.extensionHeaders < 8, at + 8 <= packet.count,
                at + 8 + 8 * Int(packet[at + 1]) <= packet.count
            else {
                return result.endingHere
            }
            if result.proto == 43, packet[at + 3] != 0, result.routingProblem == nil { result.routingProblem = at + 3 }
            result.proto = Int(packet[at])
            at += 8 + 8 * Int(packet[at + 1])
            result.extensionHeaders += 1
        }
        if result.proto == 44 {
            guard at + 8 <= packet.count else { return result.endingHere }
            result.proto = Int(packet[at])
            let word = packet.word(at + 2)
            result.fragment = (word & 0xFFF8, word & 1 != 0, packet.word(at + 4) << 16 | packet.word(at + 6))
            at += 8
            // Section 5.1.1: an extension header behind a fragment header.
            if [0, 43, 44, 51, 60].contains(result.proto) {
                result.isCut = true
                return result
            }
        }
        result.body = Array(packet[at...])
        return result
    }

    func toIPv4(_ octets: [UInt8]) -> Fate {
        guard let packet = parse6(octets) else { return .refused }
        guard let peer = peer(in: packet.destination) else { return .outOfScope }
        let isError = packet.proto == 58 && (packet.body.first.map { $0 < 128 || $0 == 137 } ?? true)
        if !isError, bindings.allSatisfy({ $0.client != packet.source }) { return .outOfScope }
        if let place = packet.routingProblem {
            // Whether a chain of eight and more ends in an ICMPv6 error need not be found out: then silence is safe.
            let mayBeError = isError || packet.isCut || packet.extensionHeaders >= 8
            return mayBeError ? .refusedAnyhow : .answered(4, 0, place)
        }
        if let fragment = packet.fragment, fragment.offset != 0 || fragment.more { return .outOfScope }
        guard [6, 17, 58].contains(packet.proto) else { return .refusedAnyhow }
        guard isReadable(packet.proto, packet.body) else { return .refused }
        if packet.proto == 58, [1, 2, 3, 4].contains(packet.body[0]) { return errorToIPv4(packet, peer) }
        guard packet.proto != 58 || [128, 129].contains(packet.body[0]) else { return .refused }
        if packet.proto == 17, packet.body.word(6) == 0 { return .refused }
        guard packet.hops > 1 else { return .answered(3, 0, 0) }
        let size = 20 + packet.body.count
        guard size <= 65535 else { return .answered(2, 0, max(1280, ipv4MTU + 20)) }
        // Section 5.1: above 1260 octets DF is set, and what does not fit goes back as too big.
        if size > 1260, size > ipv4MTU, packet.fragment == nil { return .answered(2, 0, max(1280, ipv4MTU + 20)) }
        guard let body = body4(packet, peer) else { return .outOfScope }
        let flags = packet.fragment == nil && size > 1260 ? 0x4000 : 0
        return .sent(cut4(packet, peer, body, id: packet.fragment.map { $0.id & 0xFFFF } ?? 0, flags))
    }

    /// The transport header with its new ports and a checksum that is summed up from nothing.
    func body4(_ packet: Packet6, _ peer: [UInt8]) -> [UInt8]? {
        var body = packet.body
        let old = pseudoHeader(packet.source, packet.destination, pseudoLength(packet.proto, body), packet.proto)
        let total = (old + summed(packet.proto, body).onesComplement) % 65535
        if packet.proto == 58 {
            guard let binding = binding(1, client: packet.source, body.word(4)) else { return nil }
            body[0] = body[0] == 128 ? 8 : 0
            body.put(binding.externalPort, 4)
            body.put(0, 2)
            return body.putting(checksum(others: body.onesComplement, total: total), 2)
        }
        guard let binding = binding(packet.proto, client: packet.source, body.word(0)) else { return nil }
        body.put(binding.externalPort, 0)
        return finished(packet.proto, body, external, peer, total)
    }

    /// Clamps and sums up a TCP segment or UDP datagram.
    func finished(_ proto: Int, _ body: [UInt8], _ source: [UInt8], _ destination: [UInt8], _ total: Int) -> [UInt8] {
        let place = checksumPlace(proto)
        var body = body
        if proto == 6 {
            // What a clamp changes is part of the packet that was wrong, or right, before.
            body = clamped(body)
        }
        body.put(0, place)
        let others =
            pseudoHeader(source, destination, pseudoLength(proto, body), proto) + summed(proto, body).onesComplement
        var sum = checksum(others: others, total: total)
        if proto == 17, sum == 0 { sum = 0xFFFF }
        return body.putting(sum, place)
    }

    /// What the pseudo-header says of the length: UDP has its own word for it.
    func pseudoLength(_ proto: Int, _ body: [UInt8]) -> Int { proto == 17 ? body.word(4) : body.count }

    /// What the checksum covers: octets behind the length that UDP tells are not part of the datagram.
    func summed(_ proto: Int, _ body: [UInt8]) -> [UInt8] {
        proto == 17 ? Array(body[..<min(body.word(4), body.count)]) : body
    }

    /// One packet or its fragments, as large as the IPv4 link takes them.
    func cut4(_ packet: Packet6, _ peer: [UInt8], _ body: [UInt8], id: Int, _ flags: Int) -> [[UInt8]] {
        pieces(of: body, each: body.count + 20 > ipv4MTU ? (ipv4MTU - 20) / 8 * 8 : body.count).map { piece in
            let more = piece.more || packet.fragment?.more ?? false
            let offset = ((packet.fragment?.offset ?? 0) + piece.offset) / 8
            return ipv4(
                tos: fixedTrafficClass ?? packet.trafficClass,
                id: id,
                fragment: flags | (more ? 0x2000 : 0) | offset,
                ttl: packet.hops - 1,
                proto: packet.proto == 58 ? 1 : packet.proto,
                external,
                peer,
                piece.octets
            )
        }
    }

    func pieces(of body: [UInt8], each: Int) -> [(offset: Int, more: Bool, octets: [UInt8])] {
        guard body.count > each else { return [(0, false, body)] }
        return stride(from: 0, to: body.count, by: each).map { offset in
            let end = min(offset + each, body.count)
            return (offset, end < body.count, Array(body[offset..<end]))
        }
    }
}
