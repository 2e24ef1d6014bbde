import PacketMemory
import Testing

@Suite("Octets in memory")
struct OctetBufferTests {
    @Test("numbers are read in the order they lie on the wire, at any offset")
    func networkOrder() {
        var buffer = OctetBuffer(count: 32)
        var octets = buffer.mutableOctets
        octets.store(UInt8(0x01), at: 3)
        octets.store(UInt16(0x0203), at: 5)
        octets.store(UInt32(0x0405_0607), at: 9)
        octets.store(UInt64(0x0809_0A0B_0C0D_0E0F), at: 17)
        #expect(octets.octet(at: 5) == 0x02 && octets.octet(at: 6) == 0x03)
        #expect(octets.octet(at: 17) == 0x08 && octets.octet(at: 24) == 0x0F)
        #expect(octets.uint16(at: 5) == 0x0203)
        #expect(octets.uint32(at: 9) == 0x0405_0607)
        #expect(octets.uint64(at: 17) == 0x0809_0A0B_0C0D_0E0F)
    }

    @Test("octets can be moved over themselves")
    func move() {
        var buffer = OctetBuffer(count: 8)
        var octets = buffer.mutableOctets
        for index in 0..<8 { octets.store(UInt8(index), at: index) }
        octets.move(from: 0, to: 2, count: 6)
        #expect((0..<8).map { octets.octet(at: $0) } == [0, 1, 0, 1, 2, 3, 4, 5])
    }

    @Test("octets of one buffer can be copied into another")
    func copy() {
        var source = OctetBuffer(count: 4)
        var octets = source.mutableOctets
        octets.store(UInt32(0x0A0B_0C0D), at: 0)
        var target = OctetBuffer(count: 4)
        var copied = target.mutableOctets
        copied.copy(source.octets, from: 1, to: 0, count: 2)
        #expect(copied.uint32(at: 0) == 0x0B0C_0000)
    }
}

@Suite("Keyed hash, SipHash-1-3")
struct KeyedHashTests {
    private let hash = KeyedHash(key0: 0x0706_0504_0302_0100, key1: 0x0F0E_0D0C_0B0A_0908)

    @Test("the hash of the octets 0 to 7, 15 and 23 under a known key is the published one")
    func published() {
        let first: UInt64 = 0x0706_0504_0302_0100
        let second: UInt64 = 0x0F0E_0D0C_0B0A_0908
        let third: UInt64 = 0x1716_1514_1312_1110
        #expect(hash(first) == 0x3690_9511_8D29_9A8E)
        #expect(hash(first, second) == 0xCC4F_DD1A_7D90_8B66)
        #expect(hash(first, second, third) == 0xF464_AEB2_6734_9C8C)
    }

    @Test("another key gives another hash")
    func keyMatters() {
        #expect(KeyedHash(key0: 1, key1: 2)(7) != KeyedHash(key0: 1, key1: 3)(7))
    }
}
