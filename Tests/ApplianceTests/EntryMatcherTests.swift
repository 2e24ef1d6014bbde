import Control
import IPAddressing
import Testing
import Timing

@testable import Appliance
@testable import NAT64

@Suite("Filters of sessions and bindings")
struct EntryMatcherTests {
    private static let client = TransportAddress6(known(IPv6Address("2001:db8:6::1")), Port(40_000))
    private static let peer = TransportAddress4(IPv4Address(192, 0, 2, 1), Port(443))
    private static let external = TransportAddress4(IPv4Address(203, 0, 113, 1), Port(1024))

    private static func matches(_ filter: EntryFilter, isBinding: Bool = false) throws -> Bool {
        try EntryMatcher(filter).matches(
            transport: "tcp",
            client: client,
            peer: isBinding ? nil : peer,
            external: external,
            state: isBinding ? nil : "ESTABLISHED"
        )
    }

    @Test("without a filter everything is wanted")
    func everything() throws {
        #expect(try Self.matches(EntryFilter()))
        #expect(try Self.matches(EntryFilter(), isBinding: true))
    }

    @Test(
        "a client is wanted by address, by network, and by port",
        arguments: [
            ("2001:db8:6::1", true), ("2001:db8:6::/48", true), ("[2001:db8:6::1]:40000", true), ("::/0", true),
            ("2001:db8:6::2", false), ("2001:db8:7::/48", false), ("[2001:db8:6::1]:40001", false),
        ]
    )
    func clients(text: String, isWanted: Bool) throws {
        #expect(try Self.matches(EntryFilter(client: text)) == isWanted)
        #expect(try Self.matches(EntryFilter(client: text), isBinding: true) == isWanted)
    }

    @Test(
        "a peer and an external address likewise",
        arguments: [
            ("192.0.2.1", true, false), ("192.0.2.0/24", true, false), ("192.0.2.1:443", true, false),
            ("192.0.2.1:80", false, false), ("203.0.113.1:1024", false, true), ("0.0.0.0/0", true, true),
        ]
    )
    func ipv4(text: String, isPeer: Bool, isExternal: Bool) throws {
        #expect(try Self.matches(EntryFilter(peer: text)) == isPeer)
        #expect(try Self.matches(EntryFilter(external: text)) == isExternal)
    }

    @Test("a binding has no peer and no state, so a filter that names one wants no binding")
    func bindings() throws {
        #expect(try !Self.matches(EntryFilter(peer: "0.0.0.0/0"), isBinding: true))
        #expect(try !Self.matches(EntryFilter(state: "ESTABLISHED"), isBinding: true))
    }

    @Test("every part that is given must agree")
    func together() throws {
        #expect(try Self.matches(EntryFilter(client: "2001:db8:6::1", transport: "tcp", state: "ESTABLISHED")))
        #expect(try !Self.matches(EntryFilter(client: "2001:db8:6::1", transport: "udp", state: "ESTABLISHED")))
        #expect(try !Self.matches(EntryFilter(client: "2001:db8:6::2", transport: "tcp", state: "ESTABLISHED")))
        #expect(try !Self.matches(EntryFilter(client: "2001:db8:6::1", state: "TRANS")))
    }

    @Test(
        "a text that is no address is refused with the text and an example",
        arguments: ["", "example.net", "2001:db8:6::1/129", "2001:db8:6::1:40000:9", "192.0.2.1:65536", "1.2.3"]
    )
    func nonsense(text: String) throws {
        for filter in [EntryFilter(client: text), EntryFilter(peer: text), EntryFilter(external: text)] {
            let refusal = try #require(throws: ControlRefusal.self) { try EntryMatcher(filter) }
            #expect(refusal.kind == .badRequest)
            #expect(refusal.sentence.contains("\"\(text)\" is no ") && refusal.sentence.contains("; write "))
        }
    }

    @Test(
        "an address of the other family is refused, where the answer would be an empty list",
        arguments: [
            EntryFilter(client: "192.0.2.1"), EntryFilter(client: "0.0.0.0/0"), EntryFilter(client: "192.0.2.1:80"),
            EntryFilter(peer: "2001:db8::1"), EntryFilter(peer: "::/0"), EntryFilter(peer: "[2001:db8::1]:80"),
            EntryFilter(external: "2001:db8::1"), EntryFilter(external: "[2001:db8::1]:80"),
        ]
    )
    func otherFamily(filter: EntryFilter) throws {
        let refusal = try #require(throws: ControlRefusal.self) { try EntryMatcher(filter) }
        #expect(refusal.kind == .badRequest)
    }

    @Test("a word that is no TCP state is refused with all that there are")
    func states() throws {
        for state in TCPState.allCases { _ = try EntryMatcher(EntryFilter(state: "\(state.name)")) }
        let refusal = try #require(throws: ControlRefusal.self) { try EntryMatcher(EntryFilter(state: "OPEN")) }
        #expect(
            refusal.sentence == "\"OPEN\" is no TCP state; write one of v4-init, v6-init, established, v4-fin-rcv, "
                + "v6-fin-rcv, v4-fin-+-v6-fin-rcv, trans."
        )
    }

    @Test(
        "LOG-11 a block is wanted by its address, one of its ports, its network, what holds it and who is in it",
        arguments: [
            (nil, nil, true), ("203.0.113.1", nil, true), ("203.0.113.0/24", nil, true), ("203.0.113.2", nil, false),
            ("203.0.113.1:2048", nil, true), ("203.0.113.1:2111", nil, true), ("203.0.113.1:2112", nil, false),
            ("203.0.113.1:2047", nil, false), (nil, "2001:db8:6:1::/64", true), (nil, "2001:db8:6::/48", true),
            (nil, "2001:db8:6:1::5", true), (nil, "2001:db8:6:2::/64", false), (nil, "2001:db8:6:2::5", false),
            ("203.0.113.1:2050", "2001:db8:6:2::5", false),
        ] as [(String?, String?, Bool)]
    )
    func blocks(external: String?, client: String?, isWanted: Bool) throws {
        let block = PortBlock(
            client: known(IPv6Prefix("2001:db8:6:1::/64")),
            address: IPv4Address(203, 0, 113, 1),
            ports: Port(2048)...Port(2111),
            taken: .start
        )
        #expect(try EntryMatcher(EntryFilter(client: client, external: external)).matches(block) == isWanted)
    }
}
