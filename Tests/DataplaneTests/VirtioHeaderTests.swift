import NAT64
import PacketMemory
import Testing

@testable import Dataplane

@Suite("The virtio header in front of every packet")
struct VirtioHeaderTests {
    private static let segmentations: [Offload.Segmentation] = [.none, .tcp4, .tcp6, .udpL4]

    /// The octets of a header, between octets that must stay as they are.
    private static func encode(_ offload: Offload) -> [UInt8] {
        var octets = [UInt8](repeating: 0xEE, count: VirtioHeader.length + 4)
        var memory = octets.mutableSpan
        var raw = memory.mutableBytes
        VirtioHeader.encode(offload, into: &raw, at: 2)
        return octets
    }

    private static func decode(_ header: [UInt8]) -> Offload? {
        var octets = [0xEE, 0xEE] + header + [0xEE, 0xEE]
        var memory = octets.mutableSpan
        let raw = memory.mutableBytes
        return VirtioHeader.decode(raw, at: 2)
    }

    @Test("what is written is read again, whatever the kernel leaves to us, and nothing beside it is touched")
    func roundTrip() {
        for flags in 0..<8 {
            for segmentation in Self.segmentations {
                let offload = Offload(
                    needsChecksum: flags & 1 != 0,
                    dataValid: flags & 2 != 0,
                    segmentation: segmentation,
                    ecn: flags & 4 != 0,
                    segmentSize: 1440,
                    headerLength: 0x0102,
                    checksumStart: 40,
                    checksumOffset: 0xFFFE
                )
                let octets = Self.encode(offload)
                #expect(octets.prefix(2) == [0xEE, 0xEE] && octets.suffix(2) == [0xEE, 0xEE])
                let decoded = Self.decode(Array(octets[2..<12]))
                // A header without a flag says nothing about the packet, whatever its numbers are.
                #expect(decoded == (octets[2] | octets[3] == 0 ? Offload.none : offload), "\(offload)")
            }
        }
    }

    @Test("the header is that of virtio 1.2 section 5.1.6, its numbers in the order of this machine")
    func layout() {
        let offload = Offload(
            needsChecksum: true,
            segmentation: .tcp6,
            segmentSize: 1440,
            headerLength: 60,
            checksumStart: 40,
            checksumOffset: 16
        )
        let numbers = [60, 1440, 40, 16].flatMap { number in
            withUnsafeBytes(of: UInt16(number)) { Array($0) }
        }
        #expect(Array(Self.encode(offload)[2..<12]) == [1, 4] + numbers)
        #expect(Self.decode([1, 4] + numbers) == offload)
    }

    @Test("a segmentation that was never agreed to is refused, with and without the mark of congestion")
    func unknownSegmentation() {
        let read = (UInt8(0)...255).filter { Self.decode([1, $0, 0, 0, 0, 0, 0, 0, 0, 0]) != nil }
        #expect(read == [0, 1, 4, 5, 0x80, 0x81, 0x84, 0x85])
    }

    @Test("a packet that needs nothing has ten zeros in front of it, and they are read as nothing")
    func plain() {
        #expect(Array(Self.encode(.none)[2..<12]) == [UInt8](repeating: 0, count: 10))
        #expect(Self.decode([UInt8](repeating: 0, count: 10)) == Offload.none)
    }
}
