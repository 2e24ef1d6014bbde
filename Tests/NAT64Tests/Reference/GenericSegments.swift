import NAT64

/// What a kernel does with a super-packet, as the reference sees it: cut into segments, each with its own length,
/// sequence number, identification and checksum (Documentation/networking/segmentation-offloads of Linux).
func segments(_ packet: [UInt8], _ offload: Offload) -> [[UInt8]] {
    guard offload.needsChecksum else { return [packet] }
    let isIPv6 = packet[0] >> 4 == 6
    let start = Int(offload.checksumStart)
    let proto = offload.checksumOffset == 16 ? 6 : offload.checksumOffset == 6 ? 17 : 58
    let header = proto == 6 ? Int(packet[start + 12] >> 4) * 4 : 8
    let data = Array(packet[(start + header)...])
    let size = offload.segmentation == .none ? max(data.count, 1) : Int(offload.segmentSize)
    return stride(from: 0, to: max(data.count, 1), by: size).enumerated().map { number, offset in
        let isLast = offset + size >= data.count
        var result = Array(packet[..<(start + header)]) + data[offset..<min(offset + size, data.count)]
        let length = result.count - start
        if isIPv6 {
            result.put(result.count - 40, 4)
        } else {
            result.put(result.count, 2)
            result.put((packet.word(4) + number) & 0xFFFF, 4)
            result.put(0, 10)
            result.put(checksum(others: Array(result[..<start]).onesComplement), 10)
        }
        if proto == 6 {
            let sequence = packet.word(start + 4) << 16 | packet.word(start + 6)
            result.put((sequence + offset) >> 16, start + 4)
            result.put(sequence + offset, start + 6)
            if !isLast { result[start + 13] &= ~0x09 }
            if offset > 0 { result[start + 13] &= ~0x80 }
        } else if proto == 17 {
            result.put(length, start + 4)
        }
        result.put(0, start + Int(offload.checksumOffset))
        let addresses = isIPv6 ? result[8..<40] : result[12..<20]
        let pseudo = pseudoHeader(Array(addresses), [], length, proto)
        var sum = checksum(others: pseudo + Array(result[start...]).onesComplement)
        if proto == 17, sum == 0 { sum = 0xFFFF }
        return result.putting(sum, start + Int(offload.checksumOffset))
    }
}

/// The same packet as a kernel hands it over that leaves the checksum, or the cutting too, to whoever sends it.
func unfinished(_ packet: [UInt8], proto: Int, segmentSize: Int?) -> ([UInt8], Offload) {
    let isIPv6 = packet[0] >> 4 == 6
    let start = isIPv6 ? 40 : Int(packet[0] & 15) * 4
    let addresses = isIPv6 ? packet[8..<40] : packet[12..<20]
    let sum = pseudoHeader(Array(addresses), [], packet.count - start, proto)
    let header = proto == 6 ? Int(packet[start + 12] >> 4) * 4 : 8
    var offload = Offload(
        needsChecksum: true,
        checksumStart: UInt16(start),
        checksumOffset: UInt16(checksumPlace(proto))
    )
    if let segmentSize {
        offload.segmentation = proto == 17 ? .udpL4 : isIPv6 ? .tcp6 : .tcp4
        offload.segmentSize = UInt16(segmentSize)
        offload.headerLength = UInt16(start + header)
    }
    // A folded sum is 0 only when all words are.
    return (packet.putting(sum == 0 ? 0xFFFF : sum, start + checksumPlace(proto)), offload)
}
