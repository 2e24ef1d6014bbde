import DNSWire
import PacketMemory
import Testing

@Suite("Names, RFC 1035 sections 2.3, 3.1 and 4.1.4")
struct NameTests {
    private func name(_ text: String) throws -> Name { try #require(Name(text)) }

    @Test(
        "text and wire form say the same",
        arguments: [".", "a.", "www.example.net.", "x\\.y.z.", "\\000\\255.t.", "_dns.x-1."]
    )
    func text(_ text: String) throws { #expect(try name(text).description == text) }

    @Test("the dot at the end may be left out")
    func dot() throws { #expect(try name("a.b") == name("a.b.")) }

    @Test(
        "what is no name is refused",
        arguments: ["", "a..b", ".a", "a\\", "a\\25", "a\\256.", String(repeating: "x", count: 64)]
    )
    func refused(_ text: String) { #expect(Name(text) == nil) }

    @Test("DNS-03 a label of 63 octets and a name of 255 are names, one octet more is none")
    func limits() throws {
        let label = String(repeating: "y", count: 63)
        let longest = [label, label, label, String(repeating: "z", count: 61)].joined(separator: ".")
        #expect(try name(longest).count == 255)
        #expect(Name(longest + "z") == nil)
        #expect(try name(longest).description == longest + ".")
    }

    @Test("DNS-02 names are equal whatever the case of their letters, and nothing else is folded")
    func folding() throws {
        #expect(try name("ExAmPlE.NeT") == name("eXaMpLe.nEt"))
        #expect(try !name("ExAmPlE.NeT").isSpelledLike(name("example.net")))
        for octet in UInt8.min...UInt8.max {
            let word = UInt64(octet) << 24 | 0x4100_0000_0000_005A
            let folded = (65...90).contains(octet) ? UInt64(octet | 32) : UInt64(octet)
            #expect(Name.folded(word) == folded << 24 | 0x6100_0000_0000_007A)
        }
        let secret = KeyedHash(key0: 3, key1: 4)
        #expect(try name("ExAmPlE.NeT").hash(secret) == name("example.net").hash(secret))
        #expect(try name("example.net").hash(secret) != name("example.nes").hash(secret))
        #expect(try name("a.").hash(secret) != name("a.a.").hash(secret))
    }

    @Test("a name lies below its ancestors, by whole labels and in any case")
    func ancestors() throws {
        #expect(try name("a.Corp.example").isBelow(name("corp.EXAMPLE")))
        #expect(try !name("xcorp.example").isAtOrBelow(name("corp.example")))
        #expect(try name("corp.example").isAtOrBelow(name("corp.example")))
        #expect(try !name("corp.example").isBelow(name("corp.example")))
        #expect(try name("corp.example").isBelow(.root))
        #expect(try name("a.b").parent == name("b"))
        #expect(Name.root.parent == nil)
        #expect(try name("a.b.c").labelCount == 3)
    }

    @Test("D64-08 the end of a name is replaced as a DNAME does, if the result is not too long")
    func replacing() throws {
        #expect(try name("h.old.test").replacing(name("old.test"), with: name("new")) == name("h.new"))
        #expect(try name("old.test").replacing(name("old.test"), with: name("new")) == nil)
        let label = String(repeating: "y", count: 60)
        let long = try name([label, label, label, label].joined(separator: "."))
        #expect(try name("a.b.c.d.e.f.old").replacing(name("old"), with: long) == nil)
    }

    @Test("a name is read through its pointers")
    func pointers() throws {
        let message = octets("000000000000000000000000 01 62 01 63 00   03 777777 c00c   c011 01 61 c016")
        let span = message.span.bytes
        #expect(try Name(in: span, at: 12) == name("b.c"))
        #expect(try Name(in: span, at: 17) == name("www.b.c"))
        #expect(try Name(in: span, at: 23) == name("www.b.c"))
        #expect(try Name.end(in: span, at: 17) == 23)
        #expect(try Name.end(in: span, at: 12) == 17)
    }

    @Test(
        "DNS-03 pointers that lead nowhere, forward, in a circle or into the header are refused",
        arguments: [
            "c00c", "c020 000000000000000000000000000000000000000000", "ffff", "0161c000", "0161c00c", "c00bc00c",
            "0161c00e",
        ]
    )
    func badPointers(_ text: String) {
        let message = octets("000000000000000000000000" + text)
        let span = message.span.bytes
        for offset in 12..<14 {
            #expect(throws: WireProblem.self) {
                let message = octets("000000000000000000000000" + text)
                _ = try Name(in: message.span.bytes, at: offset)
            }
        }
        #expect(span.byteCount > 12)
    }

    @Test("DNS-03 a name of as many pointers as it may have labels is read, one with more is refused")
    func pointersToPointers() throws {
        var message = [UInt8](repeating: 0, count: 12) + [1, 97, 0, 0]
        for number in 0..<129 {
            let target = number == 0 ? 12 : 14 + 2 * number
            message += [0xC0 | UInt8(target >> 8), UInt8(target & 255)]
        }
        #expect(try Name(in: message.span.bytes, at: 16 + 2 * 127) == name("a"))
        #expect(throws: WireProblem.pointer) { _ = try Name(in: message.span.bytes, at: 16 + 2 * 128) }
    }

    @Test("DNS-03 every shorter piece of a name is refused, and so are the two unused kinds of label")
    func cut() {
        let wire = octets("03 777777 07 6578616d706c65 03 6e6574 00")
        for count in 0..<wire.count {
            let piece = [UInt8](repeating: 0, count: 12) + wire[..<count]
            #expect(throws: WireProblem.nameCut) {
                var end = 0
                _ = try Name(uncompressedIn: piece.span.bytes, at: 12, end: &end)
            }
            #expect(throws: WireProblem.nameCut) { _ = try Name(in: piece.span.bytes, at: 12) }
        }
        for kind: UInt8 in [0x41, 0x81] {
            let piece = [UInt8](repeating: 0, count: 12) + [kind] + [UInt8](repeating: 97, count: 200)
            #expect(throws: WireProblem.labelType) { _ = try Name(in: piece.span.bytes, at: 12) }
        }
    }

    @Test("DNS-03 a name that its pointers make longer than 255 octets is refused")
    func tooLong() {
        var message = [UInt8](repeating: 0, count: 12)
        for _ in 0..<4 { message += [62] + [UInt8](repeating: 97, count: 62) }
        message += [0]
        let long = message.count
        message += [3, 98, 98, 98, 0xC0, 12]
        #expect(throws: Never.self) { _ = try Name(in: message.span.bytes, at: 12) }
        #expect(throws: WireProblem.nameTooLong) { _ = try Name(in: message.span.bytes, at: long) }
    }

    @Test("writing a name gives the octets it was read from")
    func writing() throws {
        let wire = octets("000000000000000000000000 03 575757 07 6578616d706c65 03 6e6574 00")
        var end = 0
        let name = try Name(uncompressedIn: wire.span.bytes, at: 12, end: &end)
        #expect(end == wire.count)
        let isSpelled = name.isSpelled(in: wire.span.bytes, at: 12)
        #expect(isSpelled)
        var buffer = OctetBuffer(count: 64)
        var span = buffer.mutableOctets
        name.write(into: &span, at: 5)
        for index in 0..<name.count { #expect(span.octet(at: 5 + index) == wire[12 + index]) }
        #expect(span.octet(at: 5 + name.count) == 0 && span.octet(at: 4) == 0)
    }
}
