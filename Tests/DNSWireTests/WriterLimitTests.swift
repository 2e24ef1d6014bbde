import DNSWire
import IPAddressing
import PacketMemory
import Testing

@Suite("The limit of a message, and how far a pointer reaches: RFC 1035 section 4.1.4")
struct WriterLimitTests {
    /// Everything that can be written, each with a name of its own so that nothing but the end of it is known before.
    private enum Part: CaseIterable {
        case question, ipv4, ipv6, octets, name, startOfAuthority, copy

        func write(_ writer: inout MessageWriter, into page: inout MutableRawSpan) throws -> Bool {
            let owner = try #require(Name("owner.test."))
            let other = try #require(Name("other.test."))
            switch self {
            case .question:
                // Never written as a pointer in part, and so not reckoned as one.
                let name = try #require(Name("owner.example."))
                return writer.question(name, .txt, .internet, into: &page)
            case .ipv4: return writer.address(owner, IPv4Address(bits: 0xC000_0201), ttl: 1, into: &page)
            case .ipv6: return writer.address(owner, IPv6Address(high: 1, low: 2), ttl: 2, into: &page)
            case .octets:
                let data: [UInt8] = [3, 1, 2, 3]
                return writer.record(owner, .txt, ttl: 3, data: data.span, into: &page)
            case .name: return writer.record(owner, .cname, ttl: 4, name: other, into: &page)
            case .startOfAuthority:
                return writer.startOfAuthority(
                    owner,
                    ttl: 5,
                    server: other,
                    mailbox: owner,
                    numbers: (11, 12, 13, 14, 15),
                    into: &page
                )
            case .copy:
                let source = DNSWireTests.octets(
                    "000000000000000000000000 05 6f74686572 04 74657374 00 000f 0001 00000006 0004 000a c00c"
                )
                let record = try ResourceRecord(in: source.span.bytes, at: 12)
                return try writer.copy(record, owner: owner, ttl: 6, of: source.span.bytes, into: &page)
            }
        }
    }

    /// Writes a question and a part within a limit; the position before the part and after it, and all octets.
    private func written(_ part: Part, limit: Int) throws -> (fits: Bool, before: Int, after: Int, page: [UInt8]) {
        var buffer = OctetBuffer(count: 256)
        var page = buffer.mutableOctets
        for index in 0..<page.byteCount { page.store(UInt8(0xEE), at: index) }
        var writer = MessageWriter(limit: limit)
        let first = try #require(Name("first.test."))
        #expect(writer.question(first, .a, .internet, into: &page))
        let before = writer.position
        let fits = try part.write(&writer, into: &page)
        return (fits, before, writer.position, (0..<page.byteCount).map { page.octet(at: $0) })
    }

    @Test("what fits to the octet is written, with one octet less nothing is, and never a thing behind the limit")
    func limits() throws {
        for part in Part.allCases {
            let whole = try written(part, limit: 256)
            #expect(whole.fits)
            let exact = try written(part, limit: whole.after)
            #expect(exact.fits && exact.after == whole.after && exact.page == whole.page, "\(part)")
            for limit in whole.before..<whole.after {
                let cut = try written(part, limit: limit)
                #expect(!cut.fits && cut.after == cut.before, "\(part) in \(limit)")
                #expect(cut.page[limit...].allSatisfy { $0 == 0xEE }, "\(part) in \(limit)")
            }
        }
    }

    @Test("the five numbers of a SOA record stand in their order behind the two names")
    func numbers() throws {
        let whole = try written(.startOfAuthority, limit: 256)
        let numbers = stride(from: whole.after - 20, to: whole.after, by: 4).map {
            whole.page.span.bytes.uint32(at: $0)
        }
        #expect(numbers == [11, 12, 13, 14, 15])
    }

    @Test(
        "a name that starts behind octet 16,383 is not pointed to, one that starts there is",
        arguments: 0x3FFC...0x4004
    )
    func farNames(start: Int) throws {
        var buffer = OctetBuffer(count: 20_000)
        var page = buffer.mutableOctets
        var writer = MessageWriter(limit: 20_000)
        let root = Name.root
        // A record of the root has eleven octets in front of its data.
        let filler = [UInt8](repeating: 7, count: start - 12 - 11)
        #expect(writer.record(root, .txt, ttl: 0, data: filler.span, into: &page))
        #expect(writer.position == start)
        let name = try #require(Name("a.bc.test."))
        for _ in 0..<2 { #expect(writer.address(name, IPv4Address(bits: 9), ttl: 0, into: &page)) }
        let first = try ResourceRecord(in: page.bytes, at: start)
        let second = try ResourceRecord(in: page.bytes, at: first.end)
        #expect(second.end == writer.position)
        #expect(try Name(in: page.bytes, at: second.owner) == name)
        // Pointed to is the longest end that starts early enough: a.bc.test, bc.test, test or nothing.
        let places = [0, 2, 5].filter { start + $0 < 0x4000 }
        let owner = places.first.map { $0 + 2 } ?? name.count
        #expect(second.end - second.owner == owner + 10 + 4)
    }
}
