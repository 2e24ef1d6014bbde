/// RFC 7915 sections 4.2, 4.3, 5.2 and 5.3, with RFC 4884 for what routers append.
extension ReferenceTranslator {
    /// The new type and code, and the second word where it holds a pointer or an MTU.
    struct Header {
        var type: Int
        var code: Int
        var word = 0
        var mayExtend = false
    }

    func errorToIPv6(_ packet: Packet4) -> Fate {
        let body = packet.body
        let (quote, extensions) = parts(body, types: [3, 11, 12], attribute: 5, unit: 4)
        guard quote.count >= 20, quote[0] >> 4 == 4 else { return .refused }
        let length = Int(quote[0] & 15) * 4
        let total = quote.word(2)
        guard length >= 20, length <= quote.count, total >= length else { return .refused }
        guard Array(quote[..<length]).onesComplement == 0 else { return .refused }
        let more = quote.word(6) & 0x2000 != 0
        guard quote.word(6) & 0x1FFF == 0, !more || (total - length) % 8 == 0 && total > length else { return .refused }
        var inner = Array(quote[length..<min(total, quote.count)])
        let proto = Int(quote[9])
        guard isQuotable(proto, inner, echo: [8, 0]) else { return .refused }
        let (source, destination) = (Array(quote[12..<16]), Array(quote[16..<20]))
        guard source == external else { return .refused }
        guard peers.contains(destination) else { return .outOfScope }
        guard let binding = binding(proto, externalPort: inner.word(proto == 1 ? 4 : 0)) else { return .outOfScope }
        guard body.onesComplement == 0, packet.ttl > 1 else { return .refused }
        guard let header = header6(Int(body[0]), Int(body[1]), body, total) else { return .refused }

        let next = proto == 1 ? 58 : proto
        let peer = embed(destination)
        if proto == 1 {
            let pseudo = pseudoHeader(binding.client, peer, total - length, 58)
            inner = changed(inner, 2, pseudo) {
                $0[0] = $0[0] == 8 ? 128 : 129
                $0.put(binding.clientPort, 4)
            }
        } else {
            let pseudo = (binding.client + peer).onesComplement - (source + destination).onesComplement
            inner = quoted(proto, inner, pseudo) { $0.put(binding.clientPort, 0) }
        }
        let fragment = more ? fragmentHeader(next: next, offset: 0, more: true, id: quote.word(4)) : []
        var copy = ipv6(
            trafficClass: fixedTrafficClass ?? Int(quote[1]),
            next: more ? 44 : next,
            hops: Int(quote[8]),
            binding.client,
            peer,
            fragment + inner
        )
        copy.put(total - length + fragment.count, 4)
        let message = message(header, copy, extensions, unit: 8, shift: 24, room: 1232)
        let (from, to) = (embed(errorsComeFromDestination ? destination : packet.source), binding.client)
        let sum = checksum(others: pseudoHeader(from, to, message.count, 58) + message.onesComplement)
        return .sent([
            ipv6(
                trafficClass: fixedTrafficClass ?? packet.tos,
                next: 58,
                hops: packet.ttl - 1,
                from,
                to,
                message.putting(sum, 2)
            )
        ])
    }

    func errorToIPv4(_ packet: Packet6, _ peer: [UInt8]) -> Fate {
        let body = packet.body
        let (quote, extensions) = parts(body, types: [1, 3], attribute: 4, unit: 8)
        guard quote.count >= 40, quote[0] >> 4 == 6 else { return .refused }
        // What was cut off is made up, so that a quote can be read like a packet.
        let declared = 40 + quote.word(4)
        guard let parsed = parse6(quote, isQuote: true), parsed.routingProblem == nil else { return .refused }
        var inner = parsed.body
        let before = min(declared, quote.count) - inner.count
        let fragment = parsed.fragment
        if let fragment {
            guard fragment.offset == 0 else { return .refused }
            guard !fragment.more || (declared - before) % 8 == 0 && declared > before else { return .refused }
        }
        guard isQuotable(parsed.proto, inner, echo: [128, 129]), [6, 17, 58].contains(parsed.proto) else {
            return .refused
        }
        guard let quotedPeer = self.peer(in: parsed.source) else { return .outOfScope }
        guard quotedPeer == peer else { return .refused }
        let isEcho = parsed.proto == 58
        guard let binding = binding(isEcho ? 1 : parsed.proto, client: parsed.destination, inner.word(isEcho ? 4 : 2))
        else { return .outOfScope }
        let old = pseudoHeader(packet.source, packet.destination, body.count, 58)
        guard (old + body.onesComplement) % 65535 == 0, packet.hops > 1 else { return .refused }
        guard let header = header4(Int(body[0]), Int(body[1]), body, isFragment: fragment != nil) else {
            return .refused
        }
        if isEcho {
            let pseudo = -pseudoHeader(parsed.source, parsed.destination, declared - before, 58)
            inner = changed(inner, 2, pseudo) {
                $0[0] = $0[0] == 128 ? 8 : 0
                $0.put(binding.externalPort, 4)
            }
        } else {
            let pseudo = (quotedPeer + external).onesComplement - (parsed.source + parsed.destination).onesComplement
            inner = quoted(parsed.proto, inner, pseudo) { $0.put(binding.externalPort, 2) }
        }
        let total = min(20 + declared - before, 65535)
        var flags = total > 1260 ? 0x4000 : 0
        if let fragment { flags = fragment.more ? 0x2000 : 0 }
        var copy = ipv4(
            tos: fixedTrafficClass ?? parsed.trafficClass,
            id: (fragment?.id ?? 0) & 0xFFFF,
            fragment: flags,
            ttl: parsed.hops,
            proto: isEcho ? 1 : parsed.proto,
            quotedPeer,
            external,
            inner
        )
        copy.put(total, 2)
        copy.put(0, 10)
        copy.put(checksum(others: Array(copy[..<20]).onesComplement), 10)
        let message = message(header, copy, extensions, unit: 4, shift: 16, room: max(min(1260, ipv4MTU), 576) - 28)
        return .sent([
            ipv4(
                tos: fixedTrafficClass ?? packet.trafficClass,
                id: 0,
                fragment: 0,
                ttl: packet.hops - 1,
                proto: 1,
                external,
                peer,
                message.putting(checksum(others: message.onesComplement), 2)
            )
        ])
    }

    /// RFC 4884: what is quoted, and what stands behind it.
    private func parts(_ body: [UInt8], types: [UInt8], attribute: Int, unit: Int) -> ([UInt8], [UInt8]) {
        let length = unit * Int(body[attribute])
        guard types.contains(body[0]), length >= 128, 8 + length + 4 <= body.count else {
            return (Array(body[8...]), [])
        }
        return (Array(body[8..<(8 + length)]), Array(body[(8 + length)...]))
    }

    private func isQuotable(_ proto: Int, _ inner: [UInt8], echo: [UInt8]) -> Bool {
        inner.count >= 8 && (proto == 6 || proto == 17 || echo.contains(inner[0]) && (proto == 1 || proto == 58))
    }

    /// Changes octets and lets a checksum at `place` follow; `pseudo` is the change of the pseudo-header.
    private func changed(_ octets: [UInt8], _ place: Int, _ pseudo: Int, _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        var result = octets
        change(&result)
        let others = result.onesComplement - octets.onesComplement + pseudo
        return result.putting(checksum(others: others, total: octets.word(place)), place)
    }

    private func quoted(_ proto: Int, _ octets: [UInt8], _ pseudo: Int, _ change: (inout [UInt8]) -> Void) -> [UInt8] {
        let place = checksumPlace(proto)
        guard octets.count >= place + 2, proto == 6 || octets.word(place) != 0 else {
            var result = octets
            change(&result)
            return result
        }
        let result = changed(octets, place, pseudo, change)
        return proto == 17 && result.word(place) == 0 ? result.putting(0xFFFF, place) : result
    }

    /// The ICMP message, checksum still 0: RFC 4884 section 4 for its length attribute.
    private func message(
        _ header: Header,
        _ copy: [UInt8],
        _ extensions: [UInt8],
        unit: Int,
        shift: Int,
        room: Int
    ) -> [UInt8] {
        var (copy, word, extensions) = (copy, header.word, extensions)
        if !header.mayExtend || 128 + extensions.count > room { extensions = [] }
        if extensions.isEmpty {
            copy = Array(copy.prefix(room))
        } else {
            let most = min((room - extensions.count) / unit, 255) * unit
            let length = min(max(128, (copy.count + unit - 1) / unit * unit), most)
            copy = Array(copy.prefix(length)) + [UInt8](repeating: 0, count: max(length - copy.count, 0))
            word = (length / unit) << shift
        }
        return [UInt8(header.type), UInt8(header.code), 0, 0] + [UInt8](long: word) + copy + extensions
    }

    /// Section 4.2.
    private func header6(_ type: Int, _ code: Int, _ body: [UInt8], _ quotedLength: Int) -> Header? {
        switch (type, code) {
        case (3, 4):
            // RFC 1191 section 7.1.
            let plateaus = [65535, 32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68]
            var announced = body.word(6)
            if announced == 0 { announced = plateaus.first { $0 < quotedLength } ?? 68 }
            return Header(type: 2, code: 0, word: max(1280, min(announced + 20, ipv6MTU, ipv4MTU + 20)))
        case (3, 0), (3, 1), (3, 5), (3, 6), (3, 7), (3, 8), (3, 11), (3, 12):
            return Header(type: 1, code: 0, mayExtend: true)
        case (3, 2): return Header(type: 4, code: 1, word: 6)
        case (3, 3): return Header(type: 1, code: 4, mayExtend: true)
        case (3, 9), (3, 10), (3, 13), (3, 15): return Header(type: 1, code: 1, mayExtend: true)
        case (11, _): return Header(type: 3, code: code, mayExtend: true)
        case (12, 0), (12, 2):
            let pointers = [
                0: 0, 1: 1, 2: 4, 3: 4, 8: 7, 9: 6, 12: 8, 13: 8, 14: 8, 15: 8, 16: 24, 17: 24, 18: 24, 19: 24,
            ]
            return pointers[Int(body[4])].map { Header(type: 4, code: 0, word: $0) }
        default: return nil
        }
    }

    /// Section 5.2.
    private func header4(_ type: Int, _ code: Int, _ body: [UInt8], isFragment: Bool) -> Header? {
        let word = body.word(4) << 16 | body.word(6)
        switch (type, code) {
        case (1, 0), (1, 2), (1, 3): return Header(type: 3, code: 1, mayExtend: true)
        case (1, 1): return Header(type: 3, code: 10, mayExtend: true)
        case (1, 4): return Header(type: 3, code: 3, mayExtend: true)
        case (2, _):
            // An IPv6 link carries 1280 at least; with a fragment header the families differ by 28 octets.
            let less = isFragment ? 28 : 20
            return Header(type: 3, code: 4, word: min(max(word, 1280) - less, ipv4MTU, ipv6MTU - less))
        case (3, _): return Header(type: 11, code: code, mayExtend: true)
        case (4, 0):
            let pointers: [ClosedRange<Int>: Int] = [
                0...0: 0, 1...1: 1, 4...5: 2, 6...6: 9, 7...7: 8, 8...23: 12, 24...39: 16,
            ]
            return pointers.first { $0.key.contains(word) }.map {
                Header(type: 12, code: 0, word: $0.value << 24, mayExtend: false)
            }
        case (4, 1): return Header(type: 3, code: 2, mayExtend: true)
        default: return nil
        }
    }
}
