import DNSWire
import IPAddressing
import PacketMemory
import Testing

@testable import Recursion

@Suite("The recursor")
struct RecursionTests {
    /// A frame with the question of this name for A, identifier 0x1234, RD set.
    private func frame(_ name: Name, low: UInt8 = 0) -> [UInt8] {
        var octets: [UInt8] = Array(1...8) + [0x12, 0x34, 0x01, low, 0, 1, 0, 0, 0, 0, 0, 0]
        for place in 0..<name.count { octets.append(name.octet(place)) }
        return octets + [0, 1, 0, 1]
    }

    /// What libunbound might answer: another identifier, the name in lower case, one record.
    private func answer(_ name: Name) -> [UInt8] {
        var octets: [UInt8] = [0xAB, 0xCD, 0x84, 0x80, 0, 1, 0, 1, 0, 0, 0, 0]
        for place in 0..<name.count { octets.append(name.folded.octet(place)) }
        return octets + [0, 1, 0, 1, 0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 192, 0, 2, 1]
    }

    private func name(_ text: String) throws -> Name { try #require(Name(text)) }

    @Test("Settings come out of the arguments as they went in")
    func settings() throws {
        var settings = RecursionSettings()
        settings.forwarders = try [("192.0.2.53:5353", 0), ("[2001:db8::53]:53", 0), ("[fe80::53]:53", 7)].map {
            RecursionSettings.Forwarder(try #require(TransportAddress($0.0)), scope: $0.1)
        }
        settings.validates = true
        settings.trustAnchorFile = "/etc/a file.key"
        settings.rootHintsFile = "/etc/hints"
        settings.memory = 123 << 20
        #expect(RecursionSettings(arguments: settings.arguments) == settings)
        #expect(RecursionSettings(arguments: ["forward=nobody"]) == nil)
        #expect(RecursionSettings(arguments: ["forward=[fe80::53]:53%eth0"]) == nil)
        #expect(RecursionSettings(arguments: ["listen=0.0.0.0"]) == nil)
    }

    @Test(
        "Names are written as zone files write them",
        arguments: [("www.Example.", "www.Example."), (".", "."), ("_a-1.b.", "_a-1.b.")]
    )
    func presentation(text: String, written: String) throws {
        #expect(try name(text).presentation == written.utf8.map { CChar($0) } + [0])
    }

    @Test("A dot and a zero within a label are written as numbers")
    func escapes() throws {
        let odd = try #require(try name("lab.").prefixed(with: [0x61, 0x2E, 0x00]))
        #expect(odd.presentation == "a\\046\\000.lab.".utf8.map { CChar($0) } + [0])
    }

    @Test("D64-29 a secure answer carries AD, with the identifier and the spelling of the question")
    func secure() throws {
        let asked = try name("V4.Lab.")
        let reply = PendingQuestion.reply(to: frame(asked), answer(asked), .secure)
        #expect(Array(reply[..<8]) == Array(1...8))
        #expect(Array(reply[8..<12]) == [0x12, 0x34, 0x85, 0xA0])
        #expect(Array(reply[8...][20..<26]) == Array(frame(asked)[20..<26]))
        #expect(reply.count == 8 + answer(asked).count)
    }

    @Test("D64-29 an insecure answer carries no AD, whatever libunbound wrote")
    func insecure() throws {
        let asked = try name("v4.lab.")
        var proud = answer(asked)
        proud[3] |= 0x20
        #expect(PendingQuestion.reply(to: frame(asked), proud, .insecure)[11] == 0x80)
    }

    @Test("D64-28 a bogus answer becomes SERVFAIL with extended error 6 and says why")
    func bogus() throws {
        let asked = try name("v4.lab.")
        let reply = PendingQuestion.reply(to: frame(asked), answer(asked), .bogus("signature expired"))
        #expect(Array(reply[10..<20]) == [0x81, 0x82, 0, 1, 0, 0, 0, 0, 0, 1])
        #expect(reply.suffix(19) == [0, 6] + Array("signature expired".utf8))
    }

    @Test("D64-26 the bit CD of the question stands in the answer")
    func checkingDisabled() throws {
        let asked = try name("v4.lab.")
        #expect(PendingQuestion.reply(to: frame(asked, low: 0x10), answer(asked), .insecure)[11] == 0x90)
    }

    @Test("An answer that cannot be one becomes SERVFAIL", arguments: [0, 11, 20])
    func cut(count: Int) throws {
        let asked = try name("v4.lab.")
        let reply = PendingQuestion.reply(to: frame(asked), Array(answer(asked).prefix(count)), .secure)
        #expect(reply[11] == 0x82)
        #expect(reply.count == frame(asked).count)
    }
}
