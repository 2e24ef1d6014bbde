import DNSWire
import PacketMemory
import Testing

@Suite("The longest name, by every way to read one: RFC 1035 section 2.3.4")
struct NameLengthTests {
    /// A name of so many octets behind a header, and three octets of something else.
    private func message(_ count: Int) -> [UInt8] {
        var name: [UInt8] = []
        while name.count + 64 < count - 1 { name += [63] + [UInt8](repeating: 0x79, count: 63) }
        let rest = count - 1 - name.count
        name += [UInt8(rest - 1)] + [UInt8](repeating: 0x7A, count: rest - 1) + [0]
        return [UInt8](repeating: 0, count: 12) + name + [1, 2, 3]
    }

    @Test("DNS-03 a name of 255 octets is read whole by each of the four ways")
    func longest() throws {
        for count in [254, 255] {
            let message = message(count)
            let span = message.span.bytes
            #expect(message.count == 12 + count + 3)
            #expect(try Name.end(in: span, at: 12) == 12 + count)
            let name = try Name(in: span, at: 12)
            #expect(name.count == count)
            var end = 0
            #expect(try Name(uncompressedIn: span, at: 12, end: &end) == name)
            #expect(end == 12 + count)
            let secret = KeyedHash(key0: 5, key1: 6)
            let placed = PlacedName(in: span, at: 12)
            #expect(placed?.start == 12 && placed?.count == count)
            let hash = placed?.hash(span, secret)
            #expect(hash == name.hash(secret))
        }
    }

    @Test("DNS-03 a name of 256 octets and more is refused by each", arguments: [256, 257, 300, 319])
    func tooLong(count: Int) {
        let message = message(count)
        #expect(throws: WireProblem.nameTooLong) { _ = try Name.end(in: message.span.bytes, at: 12) }
        #expect(throws: WireProblem.nameTooLong) { _ = try Name(in: message.span.bytes, at: 12) }
        #expect(throws: WireProblem.nameTooLong) {
            var end = 0
            _ = try Name(uncompressedIn: message.span.bytes, at: 12, end: &end)
        }
        let placed = PlacedName(in: message.span.bytes, at: 12)
        #expect(placed?.count == nil)
    }

    @Test("DNS-03 a name that is cut anywhere, its root label included, is in no place")
    func cut() {
        let whole = message(200)
        for count in 12..<212 {
            let piece = Array(whole[..<count])
            let placed = PlacedName(in: piece.span.bytes, at: 12)
            #expect(placed?.count == nil)
            #expect(throws: WireProblem.nameCut) { _ = try Name.end(in: piece.span.bytes, at: 12) }
        }
    }
}
