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
        ]
    )
    func answers(_ question: String, _ text: String, _ isFound: Bool) throws {
        let answer = try #require(Daemon.answer(to: question, by: try mappings()))
        #expect(answer.text == text && answer.isFound == isFound)
    }

    @Test("CGN-16 what is no question is none", arguments: ["", "192.0.2.1", "x", "192.0.2.1:70000", "2001:db8::/200"])
    func unreadable(_ question: String) throws { #expect(Daemon.answer(to: question, by: try mappings()) == nil) }
}
