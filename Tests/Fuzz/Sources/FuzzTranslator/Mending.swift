import IPAddressing
import PacketWire
import TestPackets

/// Puts right the checksums without which a packet is refused at once, so that the fuzzer gets past them.
enum Mending {
    static func mend(_ packet: inout [UInt8]) {
        guard packet.count >= 28 else { return }
        if packet[0] >> 4 == 4 {
            mendIPv4(&packet, at: 0)
        } else if packet[6] == IPProtocol.icmp6 {
            mendICMPv6(&packet)
        }
    }

    private static func mendIPv4(_ packet: inout [UInt8], at start: Int) {
        let header = Int(packet[start] & 15) * 4
        guard header >= 20, start + header + 8 <= packet.count else { return }
        let isICMP = start == 0 && packet[9] == IPProtocol.icmp
        let quote = start + header + 8
        if isICMP, quote + 28 <= packet.count, packet[quote] >> 4 == 4 { mendIPv4(&packet, at: quote) }
        store(0, in: &packet, at: start + 10)
        store(sum(packet[start..<start + header]).checksum, in: &packet, at: start + 10)
        let end = min(Int(packet[start + 2]) << 8 | Int(packet[start + 3]), packet.count)
        guard isICMP, end >= header + 8 else { return }
        store(0, in: &packet, at: header + 2)
        store(sum(packet[header..<end]).checksum, in: &packet, at: header + 2)
    }

    private static func mendICMPv6(_ packet: inout [UInt8]) {
        let end = min(40 + (Int(packet[4]) << 8 | Int(packet[5])), packet.count)
        guard end >= 48 else { return }
        store(0, in: &packet, at: 42)
        var all = sum(packet[8..<40])
        all.add(UInt32(end - 40))
        all.add(UInt16(IPProtocol.icmp6))
        all.add(UInt64(sum(packet[40..<end]).folded))
        store(all.checksum, in: &packet, at: 42)
    }

    private static func sum(_ octets: ArraySlice<UInt8>) -> OnesComplementSum {
        var sum = OnesComplementSum()
        sum.add(octets: Array(octets))
        return sum
    }

    private static func store(_ number: UInt16, in packet: inout [UInt8], at offset: Int) {
        packet[offset] = UInt8(number >> 8)
        packet[offset + 1] = UInt8(number & 255)
    }
}
