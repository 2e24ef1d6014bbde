/// RFC 7915 over arrays of octets: every packet is taken apart, built anew and summed up from its first octet.
///
/// Slow, and so plain that it can be believed; written from the RFC and not from the translator. Of RFC 6146 it has the
/// bindings that it is told; what concerns other addresses is out of its scope.
struct ReferenceTranslator {
    struct Binding {
        /// 6, 17 or 1.
        var proto: Int
        var client: [UInt8]
        var clientPort: Int
        var externalPort: Int
    }

    /// What becomes of a packet.
    enum Fate: Equatable {
        /// These go out, fragments of one packet in order.
        case sent([[UInt8]])
        /// The sender gets an ICMP error with this type, code and second word.
        case answered(Int, Int, Int)
        /// Not translated, in silence.
        case refused
        /// Not translated; whether the sender hears of it is left open.
        case refusedAnyhow
        /// About addresses or pieces that the reference knows nothing of.
        case outOfScope
    }

    /// Sixteen octets, of which the first ``prefixLength`` bits count.
    var prefix: [UInt8]
    var prefixLength = 96
    var external: [UInt8]
    var peers: [[UInt8]]
    var bindings: [Binding]
    var ipv6MTU: Int
    var ipv4MTU: Int
    var lowestIPv6MTU: Int
    /// The traffic class of all that is translated; none copies it.
    var fixedTrafficClass: Int?
    var clampsSegmentSize = true
    var dropsZeroChecksum = false
    /// An ICMPv6 error comes from where the packet went that it is about, not from the router.
    var errorsComeFromDestination = false
    var sendsErrors = true

    /// RFC 6052 section 2.2: octet 8 is zero, and the address goes around it.
    func embed(_ address: [UInt8]) -> [UInt8] {
        var result = Array(prefix[..<(prefixLength / 8)])
        for octet in address {
            if result.count == 8 { result.append(0) }
            result.append(octet)
        }
        return result + [UInt8](repeating: 0, count: 16 - result.count)
    }

    func peer(in address: [UInt8]) -> [UInt8]? { peers.first { embed($0) == address } }

    func binding(_ proto: Int, client: [UInt8], _ port: Int) -> Binding? {
        bindings.first { $0.proto == proto && $0.client == client && $0.clientPort == port }
    }

    func binding(_ proto: Int, externalPort: Int) -> Binding? {
        bindings.first { $0.proto == proto && $0.externalPort == externalPort }
    }

    /// Lowers the maximum segment size that a SYN announces to what fits both links.
    func clamped(_ segment: [UInt8]) -> [UInt8] {
        guard clampsSegmentSize, segment[13] & 0x02 != 0 else { return segment }
        let most = min(min(ipv6MTU - 60, ipv4MTU - 40), 65535)
        let end = Int(segment[12] >> 4) * 4
        var at = 20
        while at < end {
            if segment[at] == 0 { return segment }
            if segment[at] == 1 {
                at += 1
                continue
            }
            guard at + 1 < end, segment[at + 1] >= 2, at + Int(segment[at + 1]) <= end else { return segment }
            if segment[at] == 2, segment[at + 1] == 4 {
                return segment.word(at + 2) > most ? segment.putting(most, at + 2) : segment
            }
            at += Int(segment[at + 1])
        }
        return segment
    }

    /// Whether the transport header of a whole datagram can be read.
    func isReadable(_ proto: Int, _ body: [UInt8]) -> Bool {
        switch proto {
        case 6: body.count >= 20 && body[12] >> 4 >= 5 && Int(body[12] >> 4) * 4 <= body.count
        case 17: body.count >= 8 && body.word(4) >= 8 && body.word(4) <= body.count
        default: body.count >= 8
        }
    }
}
