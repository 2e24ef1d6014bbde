import NAT64
import PacketMemory
import PacketWire
import TestPackets
import Testing

/// Something else came of a packet than a test needs.
struct Unexpected: Error {
    var outcome: Outcome
}

/// Reads a packet back.
func describe(_ octets: [UInt8]) throws -> PacketDescription {
    try octets.withUnsafeBytes { memory in
        try PacketDescription(describing: RawSpan(_unsafeBytes: memory), at: 0, count: memory.count)
    }
}

/// Puts the fragments of one datagram together, as a receiver does, and checks the result.
func reassembled(_ pieces: [[UInt8]], _ location: SourceLocation = #_sourceLocation) throws -> PacketDescription {
    var body: [UInt8] = []
    var head: [UInt8] = []
    var expected = 0
    var sawLast = false
    for piece in try pieces.sorted(by: { try fragment($0).offset < fragment($1).offset }) {
        let (offset, more, start) = try fragment(piece)
        #expect(offset == expected, sourceLocation: location)
        #expect(!more || (piece.count - start) % 8 == 0, sourceLocation: location)
        if offset == 0 { head = Array(piece[..<start]) }
        body += piece[start...]
        expected = body.count
        sawLast = sawLast || !more
    }
    #expect(sawLast, sourceLocation: location)
    if head[0] >> 4 == 6 {
        head[6] = head[40]
        head = Array(head[..<40])
        (head[4], head[5]) = (UInt8(body.count >> 8), UInt8(body.count & 255))
    } else {
        let total = body.count + 20
        (head[2], head[3], head[6], head[7], head[10], head[11]) = (UInt8(total >> 8), UInt8(total & 255), 0, 0, 0, 0)
        var sum = OnesComplementSum()
        sum.add(octets: head)
        (head[10], head[11]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
    }
    expectWellFormed(head + body, .none, location)
    return try describe(head + body)
}

func fragment(_ octets: [UInt8]) throws -> (offset: Int, more: Bool, payload: Int) {
    try octets.withUnsafeBytes { memory in
        let layout = try PacketLayout(reading: RawSpan(_unsafeBytes: memory), at: 0, count: memory.count)
        return (layout.fragmentOffset, layout.moreFragments, layout.payload)
    }
}

/// Cuts a datagram into pieces of these sizes; all but the last must be multiples of eight.
func cut(_ octets: [UInt8], _ sizes: [Int], identification: UInt16 = 0x77) -> [[UInt8]] {
    let isIPv6 = octets[0] >> 4 == 6
    let header = isIPv6 ? 40 : 20
    let body = Array(octets[header...])
    var pieces: [[UInt8]] = []
    var offset = 0
    for (index, size) in sizes.enumerated() {
        let part = Array(body[offset..<min(offset + size, body.count)])
        let more: UInt16 = index + 1 < sizes.count ? 1 : 0
        var head = Array(octets[..<header])
        if isIPv6 {
            let length = part.count + 8
            (head[4], head[5]) = (UInt8(length >> 8), UInt8(length & 255))
            let word = UInt16(offset) | more
            head += [
                head[6], 0, UInt8(word >> 8), UInt8(word & 255), 0, 0, UInt8(identification >> 8),
                UInt8(identification & 255),
            ]
            head[6] = 44
        } else {
            let length = part.count + 20
            (head[2], head[3]) = (UInt8(length >> 8), UInt8(length & 255))
            let word = UInt16(offset / 8) | more << 13
            (head[4], head[5]) = (UInt8(identification >> 8), UInt8(identification & 255))
            (head[6], head[7]) = (UInt8(word >> 8), UInt8(word & 255))
            head = withHeaderChecksum(head)
        }
        pieces.append(head + part)
        offset += part.count
    }
    return pieces
}
