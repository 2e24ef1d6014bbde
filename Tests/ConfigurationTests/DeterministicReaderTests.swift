import IPAddressing
import NAT64
import Testing

@testable import Configuration

@Suite("Deterministic mapping in the file")
struct DeterministicReaderTests {
    private let usual = """
        [[nat64.deterministic]]
        ipv6 = "2001:db8:6::/60"
        ipv4 = "203.0.113.0/30"
        clients-per-address = 15

        """

    @Test("CGN-16 C+D=16 is read with 4032 ports each, and the addresses join the pool for these clients alone")
    func reading() throws {
        let read = try configuration(usual)
        let mapping = try #require(read.nat64.deterministic.first)
        #expect(mapping.portsPerClient == 4032 && mapping.mostPorts == 5040 && mapping.blockSize == 64)
        #expect(mapping.clientLength == 64)
        let entries = read.pool.resolvePool(uplink: nil).entries
        #expect(entries.map(\.isComputed) == [true])
        #expect(entries.first?.addresses == mapping.addresses)
    }

    @Test(
        "CGN-16 what does not go together is refused",
        arguments: [
            (
                "[[nat64.deterministic]]\nipv6 = \"2001:db8::/48\"\nipv4 = \"203.0.113.1\"\nclients-per-address = 15",
                "fit"
            ),
            ("ports = \"1000-2000\"", "system ports"), ("most-ports-per-client = 9", "4032 computed ports"),
            ("[nat64]\npool = [\"203.0.113.0/29\"]", "nat64.pool"),
            ("[nat64.limits]\nclient-length = 56", "smaller than one client network"),
        ]
    )
    func refusals(_ text: String, _ message: String) {
        let whole = text.hasPrefix("[[") ? text : text.hasPrefix("[") ? text + "\n" + usual : usual + text
        #expect(problems(of: whole).contains { "\($0)".contains(message) })
    }

    @Test("CGN-16 a static binding on an address with computed ports is refused")
    func noStaticBinding() {
        let binding =
            "[[nat64.static]]\nprotocol = \"tcp\"\nipv4 = \"203.0.113.1\"\nipv4-port = 2000\nipv6 = \"2001:db8:6::5\""
        #expect(problems(of: usual + binding).contains { "\($0)".contains("ports are computed") })
    }

    @Test("CGN-19 a change waits for a restart, with its addresses")
    func restart() throws {
        let (old, new) = (try configuration(""), try configuration(usual))
        #expect(new.difference(from: old).needsRestart == ["nat64.deterministic"])
        #expect(new.keepingUntilRestart(old).pool.deterministic == [])
    }

    @Test("CGN-19 the record names I, O, masks, C, D, M, A and R")
    func record() throws {
        let text = try #require(try configuration(usual).nat64.deterministic.first).description
        #expect(
            text
                == "I=2001:db8:6::/60 client-length=64 O=203.0.113.0-203.0.113.3 C=15 D=1 ports-per-client=4032 M=5040 "
                + "A=sequential R=0-1023 block=64"
        )
    }
}
