import IPAddressing
import Testing

@Suite("IPv4 addresses inside IPv6 addresses, RFC 6052 section 2")
struct TranslationPrefixTests {
    /// RFC 6052 section 2.4, all with 192.0.2.33.
    static let samples = [
        ("2001:db8::/32", "2001:db8:c000:221::"),
        ("2001:db8:100::/40", "2001:db8:1c0:2:21::"),
        ("2001:db8:122::/48", "2001:db8:122:c000:2:2100::"),
        ("2001:db8:122:300::/56", "2001:db8:122:3c0:0:221::"),
        ("2001:db8:122:344::/64", "2001:db8:122:344:c0:2:2100:0"),
        ("2001:db8:122:344::/96", "2001:db8:122:344::c000:221"),
        ("64:ff9b::/96", "64:ff9b::c000:221"),
    ]

    private func prefix(_ text: String) throws -> TranslationPrefix {
        try TranslationPrefix(try #require(IPv6Prefix(text)))
    }

    @Test("ADR-03 an address is composed by the table of RFC 6052 section 2.2", arguments: samples)
    func composed(text: String, address: String) throws {
        #expect(try prefix(text).embed(IPv4Address(192, 0, 2, 33)) == IPv6Address(address))
    }

    @Test("ADR-04 an address is taken apart by the same table", arguments: samples)
    func takenApart(text: String, address: String) throws {
        let whole = try #require(IPv6Address(address))
        #expect(try prefix(text).contains(whole))
        #expect(try prefix(text).extract(whole) == IPv4Address(192, 0, 2, 33))
    }

    @Test("every IPv4 address comes out as it went in, under every length", arguments: samples)
    func roundTrip(text: String, _: String) throws {
        let prefix = try prefix(text)
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<5_000 {
            let address = IPv4Address(bits: generator.next())
            let embedded = prefix.embed(address)
            #expect(prefix.contains(embedded) && prefix.extract(embedded) == address)
            #expect(embedded.octet(8) == 0, "ADR-05: octet 8 stays zero")
        }
    }

    @Test("ADR-06 bits of the suffix do not change the address that is meant")
    func suffixIgnored() throws {
        let address = try #require(IPv6Address("2001:db8:122:344:c0:2:21ff:ffff"))
        #expect(try prefix("2001:db8:122:344::/64").extract(address) == IPv4Address(192, 0, 2, 33))
    }

    @Test(
        "ADR-01 no other length than the six is accepted",
        arguments: ["/44", "/80", "/95", "/97", "/128", "/31", "/0"]
    )
    func otherLengths(length: String) throws {
        let text = length == "/0" ? "::/0" : length == "/31" ? "2001:db8::/31" : "2001:db8::" + length
        #expect(throws: TranslationPrefix.Problem.length) { try prefix(text) }
    }

    @Test(
        "ADR-02 the well-known prefix exists at length 96 alone",
        arguments: ["64:ff9b::/64", "64:ff9b::/32", "64:ff9b::/48"]
    )
    func wellKnownAtOtherLength(text: String) {
        #expect(throws: TranslationPrefix.Problem.wellKnownAtOtherLength) { try prefix(text) }
    }

    @Test("ADR-05 a /96 whose octet 8 is not zero is refused")
    func octet8() {
        #expect(throws: TranslationPrefix.Problem.octet8) { try prefix("2001:db8:122:344:100::/96") }
    }

    @Test("ADR-14 neighbours of the well-known prefix are not the well-known prefix")
    func neighbours() throws {
        for text in ["64:ff9b::1:0:1", "64:ff9b:0:1::1", "64:ff9b:1::1"] {
            #expect(!TranslationPrefix.wellKnown.contains(try #require(IPv6Address(text))))
        }
        #expect(try prefix("64:ff9b::/96").isWellKnown)
        #expect(try !prefix("64:ff9b:1::/96").isWellKnown)
    }

    @Test("addresses that nobody routes carry no IPv4 addresses", arguments: ["fe80::/64", "ff02::/96", "::/96"])
    func notUnicast(text: String) {
        #expect(throws: TranslationPrefix.Problem.notUnicast) { try prefix(text) }
    }
}
