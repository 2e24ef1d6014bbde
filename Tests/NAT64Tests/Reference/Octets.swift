/// Octets as the reference sees them: arrays, read and written two at a time, and a sum that adds one word after the
/// other. Nothing here comes from the translator's own modules.
extension [UInt8] {
    func word(_ at: Int) -> Int { Int(self[at]) << 8 | Int(self[at + 1]) }

    mutating func put(_ word: Int, _ at: Int) {
        self[at] = UInt8(word >> 8 & 255)
        self[at + 1] = UInt8(word & 255)
    }

    /// These octets with a word replaced.
    func putting(_ word: Int, _ at: Int) -> [UInt8] {
        var copy = self
        copy.put(word, at)
        return copy
    }

    /// The sum of all words modulo 65535; what is checked by a checksum sums to 0.
    var onesComplement: Int {
        var sum = 0
        for index in indices { sum += Int(self[index]) << (index % 2 == 0 ? 8 : 0) }
        return sum % 65535
    }

    init(word: Int) { self = [UInt8(word >> 8 & 255), UInt8(word & 255)] }
    init(long: Int) { self = [UInt8](word: long >> 16) + [UInt8](word: long) }
}

/// The checksum that makes words which sum to `others` without it sum to `total` with it.
///
/// A total of 0 gives the checksum that is right. Whatever was wrong about a packet stays wrong in the same way when
/// the total is what the packet summed to before: RFC 1624 and RFC 5508 section 3 want no damage hidden.
func checksum(others: Int, total: Int = 0) -> Int { ((total - others) % 65535 + 65535) % 65535 }

/// The pseudo-header of RFC 768, RFC 9293 and RFC 8200 section 8.1, as a sum.
func pseudoHeader(_ source: [UInt8], _ destination: [UInt8], _ length: Int, _ proto: Int) -> Int {
    (source + destination + [UInt8](long: length) + [UInt8](long: proto)).onesComplement
}

/// An IPv4 packet without options.
func ipv4(
    tos: Int,
    id: Int,
    fragment: Int,
    ttl: Int,
    proto: Int,
    _ source: [UInt8],
    _ destination: [UInt8],
    options: [UInt8] = [],
    _ payload: [UInt8]
) -> [UInt8] {
    let length = 20 + options.count
    var header: [UInt8] = [UInt8(0x40 + length / 4), UInt8(tos)] + [UInt8](word: length + payload.count)
    header += [UInt8](word: id) + [UInt8](word: fragment) + [UInt8(ttl), UInt8(proto), 0, 0] + source + destination
    header += options
    return header.putting(checksum(others: header.onesComplement), 10) + payload
}

/// An IPv6 packet; `payload` includes extension headers.
func ipv6(
    trafficClass: Int,
    flowLabel: Int = 0,
    next: Int,
    hops: Int,
    _ source: [UInt8],
    _ destination: [UInt8],
    _ payload: [UInt8]
) -> [UInt8] {
    [UInt8](long: 6 << 28 | trafficClass << 20 | flowLabel) + [UInt8](word: payload.count)
        + [UInt8(next), UInt8(hops)] + source + destination + payload
}

/// An IPv6 fragment header.
func fragmentHeader(next: Int, offset: Int, more: Bool, id: Int) -> [UInt8] {
    [UInt8(next), 0] + [UInt8](word: offset | (more ? 1 : 0)) + [UInt8](long: id)
}

/// Where the checksum of a transport protocol lies.
func checksumPlace(_ proto: Int) -> Int { proto == 6 ? 16 : proto == 17 ? 6 : 2 }
