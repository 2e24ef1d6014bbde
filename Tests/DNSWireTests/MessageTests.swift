import DNSWire
import IPAddressing
import PacketMemory
import Testing

/// A query as dig sends it, and a reply with a chain, a SOA record and an OPT record.
private let query = octets(
    """
    04d2 0120 0001 0000 0000 0001                    // identifier 1234, RD and AD, one question, one additional
    07 6578616d706c65 03 6e6574 00 001c 0001         // example.net AAAA IN
    00 0029 04d0 00 00 8000 000c 000a 0008 0102030405060708   // OPT: 1232, version 0, DO, a cookie
    """
)
private let reply = octets(
    """
    04d2 8180 0001 0001 0001 0001
    07 6578616d706c65 03 6e6574 00 001c 0001
    c00c 0005 0001 0000012c 0006 03 777777 c00c      // example.net CNAME www.example.net, 300 s
    c00c 0006 0001 00000258 0020 02 6e73 c00c 04 6d61696c c00c 00000001 00000e10 00000258 00015180 0000003c
    00 0029 04d0 00 00 0000 0000
    """
)

@Suite("Messages, RFC 1035 section 4 and RFC 6891")
struct MessageTests {
    @Test("every field of a header is read from its place, and writing gives the same octets")
    func header() throws {
        let octets = octets("04d2 a9b5 0001 0002 0003 0004")
        let header = try MessageHeader(octets.span.bytes)
        #expect(header.identifier == 1234)
        #expect(header.operation == Operation(rawValue: 5))
        #expect(header.responseCode == .refused)
        #expect(
            header.flags.contains([
                .response, .recursionDesired, .recursionAvailable, .authenticData, .checkingDisabled,
            ])
        )
        #expect(!header.flags.contains(.authoritative) && !header.flags.contains(.truncated))
        #expect(
            header.questionCount == 1 && header.answerCount == 2 && header.authorityCount == 3
                && header.additionalCount == 4
        )
        var buffer = OctetBuffer(count: 12)
        var span = buffer.mutableOctets
        header.write(into: &span)
        for index in 0..<12 { #expect(span.octet(at: index) == octets[index]) }
        var other = header
        other.operation = .notify
        other.responseCode = .nameError
        #expect(other.operation == .notify && other.responseCode == .nameError && other.flags.contains(.response))
    }

    @Test("DNS-03 every shorter header, question and record is refused by name")
    func shorter() {
        for count in 0..<12 {
            #expect(throws: WireProblem.headerCut) { _ = try MessageHeader(Array(query[..<count]).span.bytes) }
        }
        for count in 12..<29 {
            #expect(throws: WireProblem.self) { _ = try Question(Array(query[..<count]).span.bytes) }
        }
        for count in 29..<query.count {
            #expect(throws: WireProblem.self) { _ = try ResourceRecord(in: Array(query[..<count]).span.bytes, at: 29) }
        }
    }

    @Test("a question and its OPT record are read")
    func edns() throws {
        let question = try Question(query.span.bytes)
        #expect(
            question.name.description == "example.net." && question.type == .aaaa && question.recordClass == .internet
        )
        #expect(question.end == 29)
        let record = try ResourceRecord(in: query.span.bytes, at: question.end)
        #expect(record.end == query.count)
        let edns = try EDNS(record, in: query.span.bytes)
        #expect(edns.payloadSize == 1232 && edns.version == 0 && edns.extendedCode == 0 && edns.wantsDNSSEC)
        #expect(edns.cookie == 44 && edns.cookieCount == 8 && !edns.wantsKeepalive && edns.error == nil)
    }

    @Test("DNS-21 DNS-22 an OPT record: small sizes count as 512, other owners and cut options are refused")
    func badOPT() throws {
        let small = octets("000000000000000000000000 00 0029 0064 01 00 0000 0000")
        let record = try ResourceRecord(in: small.span.bytes, at: 12)
        #expect(try EDNS(record, in: small.span.bytes) == EDNS(payloadSize: 512, extendedCode: 1))
        let owned = octets("000000000000000000000000 0161 00 0029 04d0 00 00 0000 0000")
        #expect(throws: WireProblem.optRecord) {
            _ = try EDNS(ResourceRecord(in: owned.span.bytes, at: 12), in: owned.span.bytes)
        }
        for options in ["0005 000a 0008 01", "0003 000a 01", "0006 fde9 0028 0102"] {
            let cut = octets("000000000000000000000000 00 0029 04d0 00 00 0000" + options)
            #expect(throws: WireProblem.optOption) {
                let record = try ResourceRecord(in: cut.span.bytes, at: 12)
                _ = try EDNS(record, in: cut.span.bytes)
            }
        }
    }

    @Test("an OPT record with an extended error is written as RFC 8914 section 2 says")
    func writtenOPT() throws {
        var buffer = OctetBuffer(count: 64)
        var span = buffer.mutableOctets
        EDNS(payloadSize: 1232, extendedCode: 1, wantsDNSSEC: true).write(
            into: &span,
            at: 12,
            options: EDNS.Options(error: .prohibited)
        )
        let expected = octets("00 0029 04d0 01 00 8000 0006 000f 0002 0012")
        #expect(expected.count == EDNS.Options(error: .prohibited).size)
        for index in expected.indices { #expect(span.octet(at: 12 + index) == expected[index]) }
    }

    @Test("records are walked, their data checked and a SOA record read")
    func records() throws {
        let span = reply.span.bytes
        let alias = try ResourceRecord(in: span, at: 29)
        #expect(alias.type == .cname && alias.ttl == 300)
        #expect(try Name(in: span, at: alias.data).description == "www.example.net.")
        let soa = try ResourceRecord(in: span, at: alias.end)
        #expect(try StartOfAuthority(soa, in: span).minimum == 60)
        #expect(try StartOfAuthority(soa, in: span).ttl == 600)
        #expect(throws: WireProblem.recordData) {
            _ = try StartOfAuthority(ResourceRecord(in: reply.span.bytes, at: 29), in: reply.span.bytes)
        }
        let opt = try ResourceRecord(in: span, at: soa.end)
        #expect(opt.end == reply.count)
    }

    @Test(
        "DNS-03 data that does not have the form of its type is refused",
        arguments: [
            "c00c 0001 0001 00000000 0003 010203", "c00c 0001 0001 00000000 0005 0102030405",
            "c00c 001c 0001 00000000 0004 01020304",
            "c00c 0005 0001 00000000 0000", "c00c 0005 0001 00000000 0003 c00c00", "c00c 000f 0001 00000000 0001 00",
            "c00c 000f 0001 00000000 0002 000a", "c00c 0006 0001 00000000 0004 c00cc00c",
            "c00c 0002 0001 00000000 0002 0161 00",
        ]
    )
    func badData(_ text: String) {
        let message = octets("04d2 8180 0001 0001 0000 0000 01 61 00 0001 0001" + text)
        #expect(throws: WireProblem.self) {
            let record = try ResourceRecord(in: message.span.bytes, at: 19)
            try RecordDataLayout.check(record, in: message.span.bytes)
        }
    }

    @Test("copied record by record, a message says the same and is no longer")
    func copying() throws {
        var buffer = OctetBuffer(count: 512)
        var page = buffer.mutableOctets
        var writer = MessageWriter(limit: 512)
        let source = reply.span.bytes
        #expect(writer.question(try Question(source).name, .aaaa, .internet, into: &page))
        var offset = 29
        for _ in 0..<3 {
            let record = try ResourceRecord(in: source, at: offset)
            offset = record.end
            let owner = try Name(in: source, at: record.owner)
            #expect(try writer.copy(record, owner: owner, ttl: record.ttl, of: source, into: &page))
            if record.type != .opt { #expect(page.uint32(at: writer.ttlPlace) == record.ttl) }
        }
        #expect(writer.position == reply.count)
        for index in 12..<reply.count { #expect(page.octet(at: index) == reply[index], "octet \(index)") }
    }

    @Test("RFC 3597 section 4: names in newer types are written whole")
    func uncompressed() throws {
        var buffer = OctetBuffer(count: 512)
        var page = buffer.mutableOctets
        var writer = MessageWriter(limit: 512)
        let name = try #require(Name("a.test."))
        #expect(writer.question(name, .dname, .internet, into: &page))
        #expect(writer.record(name, .dname, ttl: 1, name: name, into: &page))
        #expect(writer.position == 12 + 8 + 4 + 2 + 10 + 8)
        #expect(writer.record(name, .cname, ttl: 1, name: name, into: &page))
        #expect(writer.position == 12 + 8 + 4 + 2 + 10 + 8 + 2 + 10 + 2)
    }

    @Test("what does not fit is not written, and nothing points to it")
    func bounded() throws {
        let first = try #require(Name("first.test."))
        let second = try #require(Name("second.test."))
        for limit in 12...80 {
            var buffer = OctetBuffer(count: 80)
            var page = buffer.mutableOctets
            var writer = MessageWriter(limit: limit)
            guard writer.question(first, .a, .internet, into: &page) else {
                #expect(limit < 12 + 12 + 4 && writer.position == 12)
                continue
            }
            let before = writer.position
            let fitted = writer.record(second, .cname, ttl: 9, name: first, into: &page)
            #expect(fitted == (limit >= before + 9 + 10 + 2))
            #expect(fitted || writer.position == before)
            if !fitted, writer.address(second, IPv4Address(bits: 1), ttl: 9, into: &page) {
                let written = try Name(in: page.bytes, at: before)
                #expect(written == second)
            }
        }
    }

    @Test(
        "of a record whose data cannot be read nothing is written",
        arguments: [
            "000f 0001 00000001 0001 00",  // MX, one octet
            "0001 0001 00000001 0000",  // A, none
            "001c 0001 00000001 0004 01020304",  // AAAA, four
        ]
    )
    func unreadable(_ rest: String) throws {
        let source = octets("000000000000000000000000 04 74657374 00" + rest)
        let record = try ResourceRecord(in: source.span.bytes, at: 12)
        let owner = try Name(in: source.span.bytes, at: record.owner)
        var buffer = OctetBuffer(count: 80)
        var page = buffer.mutableOctets
        var writer = MessageWriter(limit: 80)
        #expect(throws: WireProblem.recordData) {
            _ = try writer.copy(record, owner: owner, ttl: 1, of: source.span.bytes, into: &page)
        }
        #expect(writer.position == 12)
    }

    @Test(
        "types have the names of the registry",
        arguments: [("AAAA", 28), ("TYPE65280", 65280), ("HTTPS", 65), ("type1", 1)]
    )
    func types(_ name: String, _ number: UInt16) throws {
        #expect(try #require(RecordType(name)).rawValue == number)
        #expect(RecordType("NOSUCH") == nil && RecordType("TYPE65536") == nil)
        #expect(RecordType(rawValue: 65280).description == "TYPE65280")
    }
}

@Suite("Whatever octets come, a decoder answers with a value or a named reason")
struct RandomOctetsTests {
    @Test("random and mutated messages are read or refused, and never more is read than there is")
    func random() {
        var words = SeededWords(1)
        #if DEBUG
        let rounds = 20_000
        #else
        let rounds = 1_000_000
        #endif
        var read = 0
        for round in 0..<rounds {
            var message =
                round % 3 == 0
                ? (0..<Int.random(in: 0...80, using: &words)).map { _ in UInt8.random(in: 0...255, using: &words) }
                : reply
            if round % 3 != 0 {
                for _ in 0..<Int.random(in: 1...4, using: &words) where !message.isEmpty {
                    let place = Int.random(in: 0..<message.count, using: &words)
                    switch Int.random(in: 0...3, using: &words) {
                    case 0: message[place] = UInt8.random(in: 0...255, using: &words)
                    case 1: message.removeSubrange(place...)
                    case 2: message[place] = 0xC0
                    default: message.insert(UInt8.random(in: 0...255, using: &words), at: place)
                    }
                }
            }
            let span = message.span.bytes
            do throws(WireProblem) {
                let header = try MessageHeader(span)
                var offset = try Question(span).end
                for _ in 0..<min(8, Int(header.answerCount) + Int(header.authorityCount)) {
                    let record = try ResourceRecord(in: span, at: offset)
                    try RecordDataLayout.check(record, in: span)
                    _ = try Name(in: span, at: record.owner)
                    offset = record.end
                }
                read += 1
            } catch {
                // One of the named reasons.
            }
        }
        #expect(read > 0 && read < rounds)
    }
}
