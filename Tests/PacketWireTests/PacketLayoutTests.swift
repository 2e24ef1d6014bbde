import IPAddressing
import PacketMemory
import PacketWire
import TestPackets
import Testing

/// Octets written as hexadecimal words; what comes after `//` is a note.
func hexadecimal(_ text: String) -> [UInt8] {
    var octets: [UInt8] = []
    for line in text.split(separator: "\n") {
        let digits = line.prefix { $0 != "/" }.filter { $0 != " " }.map { UInt8(String($0), radix: 16) ?? 0 }
        for index in stride(from: 0, to: digits.count - 1, by: 2) {
            octets.append(digits[index] << 4 | digits[index + 1])
        }
    }
    return octets
}

func layout(_ octets: [UInt8], quoted: Bool = false) throws(PacketRefusal) -> PacketLayout {
    let result = octets.withUnsafeBytes { memory -> Result<PacketLayout, PacketRefusal> in
        do throws(PacketRefusal) {
            let span = RawSpan(_unsafeBytes: memory)
            return .success(try PacketLayout(reading: span, at: 0, count: memory.count, quoted: quoted))
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}

func refusal(_ octets: [UInt8]) -> PacketRefusal? {
    do throws(PacketRefusal) {
        _ = try layout(octets)
        return nil
    } catch {
        return error
    }
}

@Suite("The layout of a packet")
struct PacketLayoutTests {
    static let ipv6 = hexadecimal(
        """
        60000000 000c 11 40                     // version 6, twelve octets follow, UDP, 64 hops
        20010db8 00060000 00000000 000000c0     // from 2001:db8:6::c0
        20010db8 00640000 00000000 c633640a     // to 2001:db8:64::198.51.100.10
        9c40 0035 000c 0000 68656c6c            // 40000 to 53, twelve octets
        """
    )
    static let ipv4 = hexadecimal(
        """
        4500 0020 abcd 4000 40 11 0000          // five words, 32 octets, DF, UDP
        c633640a cb007101                       // 198.51.100.10 to 203.0.113.1
        0035 9c40 000c 0000 68656c6c
        """
    )

    /// The IPv4 packet with its header checksum.
    static var goodIPv4: [UInt8] {
        var octets = ipv4
        var sum = OnesComplementSum()
        sum.add(octets: Array(octets[..<20]))
        (octets[10], octets[11]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
        return octets
    }

    @Test("every layer of an IPv6 packet is found in its place")
    func ipv6Places() throws {
        let found = try layout(Self.ipv6)
        #expect(found.isIPv6 && found.proto == 17 && found.payload == 40 && found.end == 52)
        #expect(found.declaredLength == 52 && !found.isFragment && found.fragmentHeader == 0)
    }

    @Test("every layer of an IPv4 packet is found in its place")
    func ipv4Places() throws {
        let found = try layout(Self.goodIPv4)
        #expect(!found.isIPv6 && found.proto == 17 && found.payload == 20 && found.end == 32)
        #expect(found.identification == 0xABCD && !found.isFragment)
    }

    @Test("every shorter length is refused")
    func shorter() {
        for packet in [Self.ipv6, Self.goodIPv4] {
            for count in packet.indices { #expect(refusal(Array(packet[..<count]))?.reason == .truncated) }
        }
    }

    @Test("octets behind the packet's own end are no part of it")
    func longer() throws {
        #expect(try layout(Self.ipv6 + [1, 2, 3]).end == 52)
        #expect(try layout(Self.goodIPv4 + [1, 2, 3]).end == 32)
    }

    @Test("other versions are refused", arguments: [0, 1, 5, 7, 15])
    func versions(version: UInt8) {
        var packet = Self.ipv6
        packet[0] = version << 4
        #expect(refusal(packet)?.reason == .wrongVersion)
    }

    @Test("a wrong header checksum is refused, whichever bit is wrong")
    func headerChecksum() {
        for bit in 0..<160 where bit / 8 > 3 || bit / 8 == 1 {
            var packet = Self.goodIPv4
            packet[bit / 8] ^= 1 << UInt8(bit % 8)
            #expect(refusal(packet)?.reason == .badHeaderChecksum, "bit \(bit)")
        }
    }

    @Test("extension headers are walked, up to eight of them")
    func extensionHeaders() throws {
        for count in 1...9 {
            var packet = Self.ipv6
            var headers: [UInt8] = []
            for number in 0..<count { headers += [number + 1 == count ? 17 : 60, 0, 1, 4, 0, 0, 0, 0] }
            packet.insert(contentsOf: headers, at: 40)
            packet[6] = 60
            packet[5] += UInt8(headers.count)
            if count <= PacketLayout.mostExtensionHeaders {
                #expect(try layout(packet).payload == 40 + headers.count)
                #expect(try layout(packet).proto == 17)
            } else {
                #expect(refusal(packet)?.reason == .extensionChain)
            }
        }
    }

    @Test("hop-by-hop options stand first or nowhere")
    func hopByHop() {
        var packet = Self.ipv6
        packet.insert(contentsOf: [0, 0, 1, 4, 0, 0, 0, 0] + [17, 0, 1, 4, 0, 0, 0, 0], at: 40)
        packet[6] = 60
        packet[5] += 16
        #expect(refusal(packet)?.reason == .extensionChain)
    }

    @Test("a fragment header tells offset, whether more follow, and identification")
    func fragmentHeader() throws {
        var packet = Self.ipv6
        packet.insert(contentsOf: [17, 0, 0x04, 0xB1, 0x12, 0x34, 0xAB, 0xCD], at: 40)
        packet.removeLast(4)
        packet[6] = 44
        packet[5] += 4
        let found = try layout(packet)
        #expect(found.fragmentHeader == 40 && found.payload == 48 && found.fragmentOffset == 1200)
        #expect(found.moreFragments && found.isFragment && found.identification == 0x1234_ABCD)
    }

    @Test("a quote that is cut within its IPv4 header, options included, is no packet")
    func cutOptions() throws {
        var packet = Self.ipv4
        packet.insert(contentsOf: [UInt8](repeating: 1, count: 40), at: 20)
        (packet[0], packet[3]) = (0x4F, 72)
        for sum in [0, 1] {
            // Whatever lies behind a quote, its sum cannot make up for what is missing.
            packet[10] = UInt8(sum)
            for count in 20..<60 {
                let piece = Array(packet[..<count])
                #expect(throws: PacketRefusal(.truncated)) { _ = try layout(piece, quoted: true) }
            }
        }
    }

    @Test("a quote may be cut short anywhere behind its header")
    func quotes() throws {
        for count in 40..<Self.ipv6.count {
            let found = try layout(Array(Self.ipv6[..<count]), quoted: true)
            #expect(found.end == count && found.declaredLength == 52 && found.declaredPayload == 12)
        }
    }
}

@Suite("Checksums, RFC 1071 and RFC 1624")
struct ChecksumTests {
    private func slow(_ octets: [UInt8]) -> UInt16 {
        var sum: UInt32 = 0
        for (index, octet) in octets.enumerated() { sum += UInt32(octet) << (index & 1 == 0 ? 8 : 0) }
        while sum >> 16 != 0 { sum = (sum & 0xFFFF) + sum >> 16 }
        return UInt16(sum)
    }

    @Test("the example of RFC 1071 section 3")
    func example() {
        var sum = OnesComplementSum()
        sum.add(octets: hexadecimal("0001 f203 f4f5 f6f7"))
        #expect(sum.folded == 0xDDF2 && sum.checksum == 0x220D)
    }

    @Test("spans of every length and start agree with the slow sum")
    func spans() {
        var octets = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 167 + 13) }
        octets[40..<80] = ArraySlice([UInt8](repeating: 0xFF, count: 40))
        for start in 0..<20 {
            for count in 0...(octets.count - start) {
                let fast = octets.withUnsafeBytes { memory in
                    var sum = OnesComplementSum()
                    sum.add(RawSpan(_unsafeBytes: memory), from: start, count: count)
                    return sum.folded
                }
                let expected = slow(Array(octets[start..<start + count]))
                #expect(fast == expected)
            }
        }
    }

    @Test("64 KiB of ones do not overflow the sum")
    func large() {
        let octets = [UInt8](repeating: 0xFF, count: 65_536)
        let fast = octets.withUnsafeBytes { memory in
            var sum = OnesComplementSum()
            sum.add(RawSpan(_unsafeBytes: memory), from: 0, count: memory.count)
            return sum.folded
        }
        #expect(fast == 0xFFFF)
    }

    @Test("an adjusted checksum is that of the changed octets, for every old and new word of a sample")
    func adjusted() {
        let sample: [UInt16] = [0, 1, 0x7FFF, 0x8000, 0xFFFE, 0xFFFF, 0x1234, 0xABCD]
        for old in sample {
            for new in sample {
                for rest in sample where rest != 0 {
                    let before = [rest, old].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
                    let after = [rest, new].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
                    var change = OnesComplementSum()
                    change.add(new)
                    change.add(~old)
                    let adjusted = Checksum.adjusted(~slow(before), by: change)
                    // Zero has two forms; a receiver cannot tell them apart.
                    #expect(adjusted % 0xFFFF == ~slow(after) % 0xFFFF)
                    let partial = Checksum.adjustedPartial(slow(before), by: change)
                    #expect(partial % 0xFFFF == slow(after) % 0xFFFF)
                }
            }
        }
    }
}
