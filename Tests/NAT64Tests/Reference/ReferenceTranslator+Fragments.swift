/// Fragments: the datagram is translated whole and cut at the same places again.
extension ReferenceTranslator {
    typealias Piece = (offset: Int, more: Bool, octets: [UInt8])

    /// What becomes of a datagram that arrives in these pieces, in no particular order.
    func fragments(_ whole: [UInt8], id: Int, _ pieces: [Piece]) -> [[UInt8]] {
        if whole[0] >> 4 == 6 {
            guard let packet = parse6(whole), let peer = peer(in: packet.destination), let body = body4(packet, peer)
            else {
                return []
            }
            return pieces.flatMap { piece in
                var part = packet
                part.fragment = (piece.offset, piece.more, id)
                let octets = Array(body[piece.offset..<(piece.offset + piece.octets.count)])
                return cut4(part, peer, octets, id: id, 0)
            }
        }
        guard let packet = parse4(whole) else { return [] }
        if dropsZeroChecksum, packet.proto == 17, packet.body.word(6) == 0 { return [] }
        guard let binding = binding(packet.proto, externalPort: packet.body.word(packet.proto == 1 ? 4 : 2)) else {
            return []
        }
        let body = body6(packet, binding)
        return pieces.flatMap { piece in
            var part = packet
            part.offset = piece.offset
            part.more = piece.more
            let octets = Array(body[piece.offset..<(piece.offset + piece.octets.count)])
            return cut6(part, binding, octets, isFragment: true)
        }
    }

    /// What a kernel makes of a packet that is larger than the IPv4 link and may be fragmented: RFC 791 section 2.3.
    func fragmentsOnLink(_ packet: [UInt8]) -> [[UInt8]] {
        guard packet.count > ipv4MTU, packet.word(6) & 0x4000 == 0, let parsed = parse4(packet) else { return [packet] }
        return pieces(of: parsed.body, each: (ipv4MTU - 20) / 8 * 8).map { piece in
            ipv4(
                tos: parsed.tos,
                id: parsed.id,
                fragment: (piece.more || parsed.more ? 0x2000 : 0) | (parsed.offset + piece.offset) / 8,
                ttl: parsed.ttl,
                proto: parsed.proto,
                parsed.source,
                parsed.destination,
                piece.octets
            )
        }
    }
}
