import ControlAPI
import IPAddressing
import NAT64
import Testing

@testable import Appliance

@Suite("The look-up without a daemon")
struct LookupTests {
    private func mappings() throws -> [DeterministicMapping] {
        let clients = try #require(IPv6Prefix("2001:db8:6::/60"))
        let addresses = IPv4Address(192, 0, 2, 1)...IPv4Address(192, 0, 2, 2)
        return [DeterministicMapping(clients: clients, addresses: addresses, clientsPerAddress: 15)]
    }

    @Test(
        "CGN-16 both directions are answered, and what is not computed is said",
        arguments: [
            ("192.0.2.1:2001", "2001:db8:6::/64 has 192.0.2.1 ports 1024-5055", true),
            ("2001:db8:6:1::/64", "2001:db8:6:1::/64 has 192.0.2.1 ports 5056-9087", true),
            ("2001:db8:6:f::9", "2001:db8:6:f::/64 has 192.0.2.2 ports 1024-5055", true),
            ("192.0.2.1:65535", "192.0.2.1:65535 is of the block 65472-65535, and the journal says who had it", false),
            ("192.0.2.2:9000", "192.0.2.2:9000 is nobody's", false),
            ("192.0.2.9:2001", "no deterministic mapping has 192.0.2.9", false),
            ("2001:db8:7::1", "no deterministic mapping has 2001:db8:7::1", false),
            ("2001:db8:6::/65", "2001:db8:6::/64 has 192.0.2.1 ports 1024-5055", true),
            ("2001:db8:6::/63", "2001:db8:6::/63 is more than a client network, which has /64; ask for one", false),
            ("2001:db8::/32", "2001:db8::/32 is more than a client network, which has /64; ask for one", false),
            ("2001:db9::/32", "no deterministic mapping has 2001:db9::", false),
        ]
    )
    func answers(_ question: String, _ text: String, _ isFound: Bool) throws {
        let answer = try #require(Daemon.answer(to: question, by: try mappings()))
        #expect(answer.text == text && answer.isFound == isFound)
    }

    @Test("CGN-16 what is no question is none", arguments: ["", "192.0.2.1", "x", "192.0.2.1:70000", "2001:db8::/200"])
    func unreadable(_ question: String) throws { #expect(Daemon.answer(to: question, by: try mappings()) == nil) }

    private static let journal = [
        "port blocks: none is taken at time=100", "6to4 port 7 time=1 client=x",
        "<5>port block taken time=110 client=2001:db8:6:1::/64 address=192.0.2.1 ports=2048-2111",
        "port block taken time=120 client=2001:db8:6:2::/64 address=192.0.2.1 ports=2112-2175",
        "port block held time=130 client=2001:db8:6:1::/64 address=192.0.2.1 ports=2048-2111",
        "port block given back time=140 client=2001:db8:6:1::/64 address=192.0.2.1 ports=2048-2111",
        "port block taken time=150 client=2001:db8:6:3::/64 address=192.0.2.1 ports=2048-2111", "port", "port block",
        "port block taken time=x", "port block taken time=151 client=y address=192.0.2.1 ports=2048",
        "port blocks: none is taken at time=200",
        "Nov 26 box nat64-appliance[7]: port block taken time=210 client=2001:db8:6:4::/64 address=192.0.2.1 ports=2048-2111",
    ]

    @Test(
        "LOG-11 the journal says who had a port at any time",
        arguments: [
            (109, nil), (110, "2001:db8:6:1::/64 has 192.0.2.1:2050 since 1970-01-01T00:01:50Z"),
            (139, "2001:db8:6:1::/64 has 192.0.2.1:2050 since 1970-01-01T00:01:50Z"), (145, nil),
            (199, "2001:db8:6:3::/64 has 192.0.2.1:2050 since 1970-01-01T00:02:30Z"), (205, nil),
            (nil, "2001:db8:6:4::/64 has 192.0.2.1:2050 since 1970-01-01T00:03:30Z"),
        ] as [(UInt64?, String?)]
    )
    func journal(_ time: UInt64?, _ text: String?) throws {
        var lines = Self.journal.makeIterator()
        let journal = try #require(PortJournal("192.0.2.1:2050", at: time.map { UTCTime(seconds: $0) }))
        let answer = Daemon.answer(of: journal) { lines.next() }
        #expect(answer.isFound == (text != nil))
        if let text { #expect(answer.text == text) }
    }

    @Test(
        "LOG-11 what is no external port is no question to the journal",
        arguments: [
            "", "192.0.2.1", "192.0.2:1", "192.0.2.1:x", "192.0.2.256:1", "192.0.2.1.5:1", "1.2..3:4", "1.2.3.4:5:6",
        ]
    )
    func noQuestion(_ text: String) { #expect(PortJournal(text, at: nil) == nil) }
}
