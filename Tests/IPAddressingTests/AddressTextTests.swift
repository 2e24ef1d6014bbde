import IPAddressing
import Testing

@Suite("Addresses as text, RFC 4291 section 2.2 and RFC 5952")
struct AddressTextTests {
    @Test(
        "an IPv6 address is written in its one canonical form",
        arguments: [
            ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
            ("2001:db8::0:1", "2001:db8::1"),
            ("2001:0db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
            ("::", "::"),
            ("::1", "::1"),
            ("1::", "1::"),
            ("64:ff9b::192.0.2.33", "64:ff9b::c000:221"),
            ("::ffff:192.0.2.1", "::ffff:192.0.2.1"),
            ("fe80:0:0:0:0:0:0:0", "fe80::"),
        ]
    )
    func canonicalIPv6(text: String, canonical: String) {
        #expect(IPv6Address(text)?.description == canonical)
    }

    @Test(
        "what is no IPv6 address is refused",
        arguments: [
            "", ":", ":::", "1", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7:",
            ":1:2:3:4:5:6:7", "::1.2.3", "::1.2.3.256", "1:2:3:4:5:6:7:1.2.3.4", "fe80::1%eth0", " ::1", "::1 ",
            "1:2:3:4:5:6:7:8::",
        ]
    )
    func badIPv6(text: String) {
        #expect(IPv6Address(text) == nil)
    }

    @Test("an IPv4 address reads as four numbers and nothing else")
    func ipv4() {
        #expect(IPv4Address("192.0.2.1") == IPv4Address(192, 0, 2, 1))
        #expect(IPv4Address("255.255.255.255")?.description == "255.255.255.255")
        for text in ["", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "1..2.3", "1.2.3.", ".1.2.3", "1.2.3.4 "] {
            #expect(IPv4Address(text) == nil, "\(text)")
        }
    }

    @Test("every address survives being written and read again")
    func roundTrip() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<2_000 {
            var address = IPv6Address(high: generator.next(), low: generator.next())
            address.high &= generator.next() & generator.next()
            address.low &= generator.next() & generator.next()
            #expect(IPv6Address(address.description) == address)
        }
    }

    @Test("a prefix with bits past its length names the prefix that would be right")
    func prefixBits() {
        #expect(IPPrefix("192.0.2.0/24")?.description == "192.0.2.0/24")
        #expect(IPPrefix("192.0.2.1")?.description == "192.0.2.1/32")
        #expect(throws: PrefixProblem.lengthOutOfRange) { try IPPrefix(parsing: "192.0.2.0/33") }
        #expect(throws: PrefixProblem.unreadable) { try IPPrefix(parsing: "192.0.2.0/") }
        #expect(throws: PrefixProblem.unreadable) { try IPPrefix(parsing: "example.net") }
        let right = IPPrefix.v4(IPv4Prefix(IPv4Address(192, 0, 2, 0), length: 24))
        #expect(throws: PrefixProblem.bitsPastLength(right)) { try IPPrefix(parsing: "192.0.2.1/24") }
    }

    @Test("a transport address takes brackets around IPv6 and a default port when it has none")
    func transportAddress() {
        #expect(TransportAddress("192.0.2.1:53")?.description == "192.0.2.1:53")
        #expect(TransportAddress("[2001:db8::1]:53")?.description == "[2001:db8::1]:53")
        #expect(TransportAddress("2001:db8::1", defaultPort: Port(53))?.description == "[2001:db8::1]:53")
        #expect(TransportAddress("[2001:db8::1]", defaultPort: Port(53))?.description == "[2001:db8::1]:53")
        #expect(TransportAddress("192.0.2.1", defaultPort: Port(53))?.description == "192.0.2.1:53")
        for text in [
            "192.0.2.1", "[2001:db8::1]", "192.0.2.1:", "192.0.2.1:65536", "192.0.2.1:+1", "[::1]x:1", "::1]:1",
        ] {
            #expect(TransportAddress(text) == nil, "\(text)")
        }
    }

    @Test("containment and overlap go by the bits that a prefix fixes")
    func containment() throws {
        let outer = try #require(IPv6Prefix("2001:db8::/32"))
        let inner = try #require(IPv6Prefix("2001:db8:ffff::/48"))
        #expect(outer.contains(inner.address) && !inner.contains(outer.address))
        #expect(outer.overlaps(inner) && inner.overlaps(outer))
        let everything = IPv6Prefix(.unspecified, length: 0)
        #expect(everything.contains(IPv6Address(high: ~0, low: ~0)))
        let one = IPv6Prefix(.loopback, length: 128)
        #expect(one.contains(.loopback) && !one.contains(.unspecified))
    }
}
