import NAT64
import PacketMemory
import PacketWire
import TestPackets

@testable import Dataplane

/// A TCP segment as a test describes it.
struct Segment {
    var isIPv6 = false
    var host: UInt8 = 1
    var sourcePort: UInt16 = 50_000
    var sequence: UInt32 = 1_000
    var acknowledgment: UInt32 = 77
    /// FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
    var flags: UInt8 = 0x10
    /// The reserved bits, AE of RFC 9768 among them.
    var reserved: UInt8 = 0
    var window: UInt16 = 500
    var urgent: UInt16 = 0
    var typeOfService: UInt8 = 0
    var hops: UInt8 = 60
    var flowLabel: UInt32 = 0
    var dontFragment = true
    var identification: UInt16 = 9
    var options: [UInt8] = timestamps(1, 2)
    var payload = [UInt8](repeating: 0xAB, count: 1_000)

    /// NOP, NOP and the option of RFC 7323.
    static func timestamps(_ value: UInt8, _ echo: UInt8) -> [UInt8] { [1, 1, 8, 10, 0, 0, 0, value, 0, 0, 0, echo] }

    /// This segment `count` segments of the same size later, numbered on.
    func following(_ count: Int = 1) -> Segment {
        var next = self
        next.sequence &+= UInt32(payload.count * count)
        next.identification &+= UInt16(truncatingIfNeeded: count)
        return next
    }

    /// The whole packet, all checksums right.
    var octets: [UInt8] {
        var tcp = big(sourcePort) + big(UInt16(443)) + big(sequence) + big(acknowledgment)
        tcp += [UInt8(20 + options.count) << 2 | reserved, flags] + big(window) + [0, 0] + big(urgent)
        tcp += options + payload
        let addresses: [UInt8] =
            isIPv6
            ? [0x20, 1, 0xD, 0xB8] + [UInt8](repeating: 0, count: 11) + [host] + [0, 0x64, 0xFF, 0x9B]
                + [UInt8](repeating: 0, count: 8) + [5, 6, 7, 8]
            : [192, 0, 2, host, 5, 6, 7, 8]
        var sum = OnesComplementSum()
        sum.add(octets: addresses + [0, 6])
        sum.add(UInt32(tcp.count))
        sum.add(octets: tcp)
        tcp.replaceSubrange(16..<18, with: big(sum.checksum))
        guard !isIPv6 else {
            let first = 0x6000_0000 | UInt32(typeOfService) << 20 | flowLabel
            return big(first) + big(UInt16(tcp.count)) + [6, hops] + addresses + tcp
        }
        var header: [UInt8] = [0x45, typeOfService] + big(UInt16(20 + tcp.count)) + big(identification)
        header += [dontFragment ? 0x40 : 0, 0, hops, 6, 0, 0] + addresses
        var check = OnesComplementSum()
        check.add(octets: header)
        header.replaceSubrange(10..<12, with: big(check.checksum))
        return header + tcp
    }

    private var transport: Int { isIPv6 ? 40 : 20 }

    /// The packet with the sum of its pseudo-header alone for a checksum, as a local sender's, and what says so.
    var partial: Outgoing {
        var octets = octets
        var sum = OnesComplementSum()
        sum.add(octets: Array(octets[(isIPv6 ? 8 : 12)..<transport]) + [0, 6])
        sum.add(UInt32(octets.count - transport))
        octets.replaceSubrange(transport + 16..<transport + 18, with: big(sum.folded))
        let offload = Offload(needsChecksum: true, checksumStart: UInt16(transport), checksumOffset: 16)
        return Outgoing(octets: octets, offload: offload)
    }

    /// The packet as a super-packet of the kernel with segments of this many octets.
    func superPacket(_ size: UInt16) -> Outgoing {
        var packet = partial
        packet.offload.segmentation = isIPv6 ? .tcp6 : .tcp4
        packet.offload.segmentSize = size
        packet.offload.headerLength = UInt16(transport + 20 + options.count)
        return packet
    }

    /// The packet as a network card hands it over that has checked nothing.
    var complete: Outgoing { Outgoing(octets: octets, offload: .none) }
}

func big<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
    withUnsafeBytes(of: number.bigEndian) { Array($0) }
}

/// A packet with its virtio header.
struct Outgoing: Equatable {
    var octets: [UInt8]
    var offload: Offload

    /// The packets that the kernel makes of it on the way out (`tcp_gso_segment`, `inet_gso_segment`), with complete
    /// checksums.
    var segments: [[UInt8]] {
        guard offload.needsChecksum else { return [octets] }
        let transport = Int(offload.checksumStart)
        let isIPv6 = octets[0] >> 4 == 6
        let headers = transport + Int(octets[transport + 12] >> 4) * 4
        let size = offload.segmentation == .none ? max(1, octets.count - headers) : Int(offload.segmentSize)
        var result: [[UInt8]] = []
        var position = headers
        repeat {
            let count = min(size, octets.count - position)
            var one = Array(octets[..<headers]) + octets[position..<position + count]
            let offset = position - headers
            position += count
            let sequence = number(octets, transport + 4, 4) + offset
            one.replaceSubrange(transport + 4..<transport + 8, with: big(UInt32(truncatingIfNeeded: sequence)))
            if position < octets.count { one[transport + 13] &= ~0x09 }
            let length = isIPv6 ? one.count - 40 : one.count
            one.replaceSubrange(isIPv6 ? 4..<6 : 2..<4, with: big(UInt16(length)))
            if !isIPv6 {
                let identification = number(octets, 4, 2) + result.count
                one.replaceSubrange(4..<6, with: big(UInt16(truncatingIfNeeded: identification)))
                one.replaceSubrange(10..<12, with: [0, 0])
                var check = OnesComplementSum()
                check.add(octets: Array(one[..<20]))
                one.replaceSubrange(10..<12, with: big(check.checksum))
            }
            // What the field holds must be the sum of the pseudo-header of the whole; the kernel goes on from that.
            var partial = OnesComplementSum()
            partial.add(UInt16(number(octets, transport + 16, 2)))
            var length32 = OnesComplementSum()
            length32.add(UInt32(octets.count - transport))
            partial.subtract(length32)
            partial.add(UInt32(one.count - transport))
            one.replaceSubrange(transport + 16..<transport + 18, with: [0, 0])
            partial.add(octets: Array(one[transport...]))
            one.replaceSubrange(transport + 16..<transport + 18, with: big(partial.checksum))
            result.append(one)
        } while position < octets.count
        return result
    }
}

func number(_ octets: [UInt8], _ at: Int, _ count: Int) -> Int {
    octets[at..<at + count].reduce(0) { $0 << 8 | Int($1) }
}

/// Runs a burst through a queue and returns the writes, in order.
func writes(_ burst: [Outgoing]) -> [Outgoing] {
    var arena = OctetBuffer(count: 1 << 20)
    var memory = arena.mutableOctets
    var queue = TransmitQueue()
    var position = 0
    for packet in burst {
        let start = position + PacketFrame.margin
        for (index, octet) in packet.octets.enumerated() { memory.store(octet, at: start + index) }
        queue.add(PacketFrame(start: start, count: packet.octets.count, offload: packet.offload), &memory)
        position = start + packet.octets.count + PacketFrame.margin
    }
    var result: [Outgoing] = []
    for index in 0..<queue.count where !queue.packets[index].isContinuation {
        var packet = queue.packets[index]
        var offload = packet.frame.offload
        if packet.next >= 0 { offload = queue.completeChain(index, &memory) }
        var octets = (0..<packet.frame.count).map { memory.octet(at: packet.frame.start + $0) }
        while packet.next >= 0 {
            packet = queue.packets[Int(packet.next)]
            let skipped = Int(packet.headers)
            octets += (skipped..<packet.frame.count).map { memory.octet(at: packet.frame.start + $0) }
        }
        result.append(Outgoing(octets: octets, offload: offload))
    }
    return result
}
