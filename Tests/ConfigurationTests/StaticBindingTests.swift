import IPAddressing
import NAT64
import Policy
import Testing
import Timing

@testable import Configuration

@Suite("Maps and static bindings")
struct StaticBindingTests {
    private func binding(_ text: String) throws -> StaticBinding {
        let words = text.split(separator: " ").map(String.init)
        return try StaticBindingText.binding(protocol: words[0], external: words[1], client: words[2])
    }

    @Test("NAT-03 a static binding is read for each protocol, with single ports, ranges and identifiers")
    func reading() throws {
        let read = try configuration(
            """
            [nat64]
            pool = ["203.0.113.0/28"]
            [[nat64.static]]
            protocol = "tcp"
            ipv4 = "203.0.113.1"
            ipv4-port = 443
            ipv6 = "2001:db8:6::5"
            [[nat64.static]]
            protocol = ["tcp", "udp", "icmp"]
            ipv4 = "203.0.113.1"
            ipv4-port = "8000-8010"
            ipv4-id = 0
            ipv6 = "2001:db8:6::5"
            ipv6-port = "9000-9010"
            ipv6-id = "7"
            """
        )
        #expect(
            read.staticBindings == [
                try binding("tcp 203.0.113.1:443 [2001:db8:6::5]:443"),
                try binding("tcp 203.0.113.1:8000-8010 [2001:db8:6::5]:9000-9010"),
                try binding("udp 203.0.113.1:8000-8010 [2001:db8:6::5]:9000-9010"),
                try binding("icmp 203.0.113.1:0 [2001:db8:6::5]:7"),
            ]
        )
        #expect(read.staticBindings.map(\.count) == [1, 11, 11, 1])
    }

    @Test("an address that is shared with the host is not known yet, so any is accepted")
    func sharedAddress() throws {
        let text =
            "[[nat64.static]]\nprotocol = \"udp\"\nipv4 = \"198.51.100.7\"\nipv4-port = 61500\nipv6 = \"2001:db8::5\""
        #expect(problems(of: text) == [])
        #expect(problems(of: "[nat64]\npool = [\"203.0.113.1\", \"share:eth0\"]\n" + text) == [])
        #expect(problems(of: "[nat64]\npool = [\"203.0.113.1\"]\n" + text).count == 1)
    }

    @Test("ADR-16 a map reaches the Policy with the place of its prefix")
    func maps() throws {
        let read = try configuration(
            """
            [nat64]
            prefixes = ["2001:db8:64::/96", "64:ff9b::/96", "64:ff9b:1::/48"]
            [[nat64.map]]
            ipv4 = ["10.0.0.0/8", "192.168.0.0/16"]
            prefix = "64:ff9b:1::/48"
            [[nat64.map]]
            ipv4 = "10.1.0.0/16"
            prefix = "64:ff9b::/96"
            [destinations]
            allow = ["10.1.0.0/16"]
            """
        )
        let policy = read.policy(generation: 1, linkNetworks: [], runtimeViews: RuntimeViews())
        func prefixes(for address: IPv4Address) -> [String] {
            policy.prefixes.indices.filter { policy.handsOut(address, under: $0) }.map { "\(policy.prefixes[$0])" }
        }
        #expect(prefixes(for: IPv4Address(10, 9, 2, 3)) == ["64:ff9b:1::/48"])
        #expect(prefixes(for: IPv4Address(10, 1, 2, 3)) == ["64:ff9b::/96"])
        #expect(prefixes(for: IPv4Address(8, 8, 8, 8)) == ["2001:db8:64::/96"])
    }

    @Test("a reload puts maps and static bindings in force at once")
    func reload() throws {
        let new = try configuration(
            "[[nat64.map]]\nipv4 = \"8.8.8.8\"\nprefix = \"64:ff9b::/96\"\n[[nat64.static]]\nprotocol = \"tcp\"\n"
                + "ipv4 = \"192.0.2.1\"\nipv4-port = 1\nipv6 = \"2001:db8::5\""
        )
        let difference = new.difference(from: ValidatedConfiguration())
        #expect(difference.changed == ["nat64.map", "nat64.static"] && difference.needsRestart == [])
        let kept = new.keepingUntilRestart(ValidatedConfiguration())
        #expect(kept.maps.count == 1 && kept.staticBindings.count == 1)
    }

    @Test(
        "the opening lifetime follows the transitory one unless it is set (TCP-29), and resets shorten if wanted (TCP-28)"
    )
    func lifetimes() throws {
        let both = try configuration("[nat64.lifetimes]\ntcp-transitory = 300").nat64.lifetimes
        #expect(both.tcpOpening == .seconds(300) && !both.shortAfterReset)
        let one = try configuration("[nat64.lifetimes]\ntcp-opening = 300\nshort-after-reset = true").nat64.lifetimes
        #expect(one.tcpOpening == .seconds(300) && one.tcpTransitory == .seconds(240) && one.shortAfterReset)
    }

    @Test("ERR-01 the source of translated errors is the router unless the letter of the RFC is wanted")
    func errorSource() throws {
        #expect(ValidatedConfiguration().nat64.translation.errorSource == .router)
        let literal = try configuration("[nat64]\nicmp-error-source = \"destination\"")
        #expect(literal.nat64.translation.errorSource == .destination)
    }

    @Test("what was added at runtime is written and read back the same")
    func roundTrip() throws {
        var bindings = RuntimeBindings()
        for text in [
            "tcp 203.0.113.1:443 [2001:db8:6::5]:8443", "icmp 203.0.113.1:0-9 [2001:db8:6::5]:10-19",
            "tcp 203.0.113.1:443 [2001:db8:6::5]:8443",
        ] {
            bindings.add(try binding(text))
        }
        #expect(bindings.bindings.count == 2)
        let read = RuntimeBindings.parse(Array(bindings.text.utf8), name: "bindings.toml")
        #expect(read.bindings == bindings && read.problems == nil)
        bindings.remove(try binding("tcp 203.0.113.1:443 [2001:db8:6::5]:8443"))
        #expect(bindings.bindings.map(\.externalText) == ["203.0.113.1:0-9"])
        #expect(RuntimeBindings.parse([], name: "b").problems == nil)
    }

    @Test("of a damaged file what can be read is used, and the rest is told")
    func damaged() throws {
        let text = """
            [[static]]
            protocol = "tcp"
            ipv4 = "203.0.113.1"
            ipv4-port = 1
            ipv6 = "2001:db8::5"
            [[static]]
            protocol = "sctp"
            ipv4 = "203.0.113.1"
            ipv6 = "2001:db8::5"
            [other]
            """
        let read = RuntimeBindings.parse(Array(text.utf8), name: "b")
        #expect(read.bindings.bindings.count == 1)
        #expect(
            read.problems?.problems.map(\.description) == [
                "b:7:12: nat64.static.protocol: \"sctp\" is not one of \"tcp\", \"udp\", \"icmp\"",
                "b:10:2: \"other\" is not [[static]]; it is left out",
            ]
        )
    }

    @Test(
        "what is no static binding on the command line is refused by a sentence",
        arguments: [
            ("sctp 203.0.113.1:1 [2001:db8::5]:1", "is not tcp, udp or icmp"),
            ("tcp 203.0.113.1 [2001:db8::5]:1", "is no IPv4 address with a port"),
            ("tcp 203.0.113.1:0 [2001:db8::5]:1", "is no IPv4 address with a port"),
            ("tcp 203.0.113.1:9-8 [2001:db8::5]:1", "is no IPv4 address with a port"),
            ("tcp 203.0.113.1:65536 [2001:db8::5]:1", "is no IPv4 address with a port"),
            ("tcp 203.0.113.1:1 2001:db8::5", "is no IPv6 address with a port"),
            ("tcp 203.0.113.1:1 203.0.113.2:1", "is no IPv6 address with a port"),
            (
                "tcp 203.0.113.1:1-3 [2001:db8::5]:1-2",
                "Both ranges must be of one length; 1-3 has 3 ports and 1-2 has 2."
            ),
        ]
    )
    func badText(text: String, sentence: String) {
        #expect { try binding(text) } throws: { error in
            (error as? StaticBindingText.Complaint)?.sentence.contains(sentence) == true
        }
    }
}

extension BadFile {
    static let mapsAndBindings = [
        BadFile(
            "maps",
            """
            [nat64]
            prefixes = ["64:ff9b::/96", "2001:db8:64::/96"]
            [[nat64.map]]
            ipv4 = "10.0.0.0/8"
            prefix = "2001:db8:65::/96"
            [[nat64.map]]
            ipv4 = ["10.0.0.0/8", "127.0.0.0/16", "2001:db8::/32", "8.8.8.8", "9.9.9.0/24"]
            prefix = "64:ff9b::/96"
            [[nat64.map]]
            ipv4 = "9.9.9.9/24"
            [[nat64.map]]
            prefix = 5
            [[nat64.map]]
            ipv4 = ["8.8.8.8/32", "192.168.1.0/24"]
            prefix = "64:ff9b::/96"
            [destinations]
            refuse = ["9.9.0.0/16"]
            """,
            "a.toml:5:10: nat64.map.prefix: \"2001:db8:65::/96\" is not one of nat64.prefixes, which are \"64:ff9b::/96\", \"2001:db8:64::/96\"; write it there as well",
            "a.toml:7:9: nat64.map.ipv4: \"10.0.0.0/8\" is mapped already, in line 4; a range has one prefix",
            "a.toml:7:23: nat64.map.ipv4: \"127.0.0.0/16\" lies in 127.0.0.0/8, which no network delivers",
            "a.toml:7:39: nat64.map.ipv4: \"2001:db8::/32\" is IPv6; a translation prefix stands for IPv4 addresses",
            "a.toml:7:67: nat64.map.ipv4: \"9.9.9.0/24\" is closed by destinations.refuse \"9.9.0.0/16\"; take one of them out",
            "a.toml:9:9: nat64.map: prefix is missing; write one of nat64.prefixes",
            "a.toml:10:8: nat64.map.ipv4: \"9.9.9.9/24\" has bits set past its length; write \"9.9.9.0/24\"",
            "a.toml:11:9: nat64.map: ipv4 is missing; write the IPv4 range the prefix is for",
            "a.toml:12:10: nat64.map.prefix: 5 is not a text in quotation marks; write for example \"2001:db8:64::/96\"",
            "a.toml:14:9: nat64.map.ipv4: \"8.8.8.8/32\" is mapped already, in line 7; a range has one prefix",
            "a.toml:14:23: nat64.map.ipv4: \"192.168.1.0/24\" lies in 192.168.0.0/16, which 64:ff9b::/96 may not stand for (RFC 6052 section 3.1); map it to a prefix of your own, or open it by destinations.allow"
        ),
        BadFile(
            "static bindings that are none",
            """
            [[nat64.static]]
            [[nat64.static]]
            protocol = ["tcp", "sctp"]
            ipv4 = "2001:db8::1"
            ipv4-port = 0
            ipv6 = "203.0.113.1"
            [[nat64.static]]
            protocol = ["udp", "udp"]
            ipv4 = "203.0.113.1"
            ipv4-port = "1-3"
            ipv4-id = 1
            ipv6 = "2001:db8::1"
            ipv6-port = "1-2"
            [[nat64.static]]
            protocol = "icmp"
            ipv4 = "203.0.113.1"
            ipv4-port = "65535-65536"
            ipv6 = "2001:db8::1"
            """,
            "a.toml:1:9: nat64.static: protocol is missing; write \"tcp\", \"udp\", \"icmp\", or a list of these",
            "a.toml:1:9: nat64.static: ipv4 is missing; write an address of the pool",
            "a.toml:1:9: nat64.static: ipv6 is missing; write the client's address",
            "a.toml:3:20: nat64.static.protocol: \"sctp\" is not one of \"tcp\", \"udp\", \"icmp\"",
            "a.toml:4:8: nat64.static.ipv4: \"2001:db8::1\" is not an IPv4 address; write one of the pool, such as \"203.0.113.1\"",
            "a.toml:5:13: nat64.static.ipv4-port: 0 is no number from 1 to 65535, nor a range such as \"8000-8010\"",
            "a.toml:6:8: nat64.static.ipv6: \"203.0.113.1\" is not an IPv6 address; write the client's, such as \"2001:db8:6::5\"",
            "a.toml:8:20: nat64.static.protocol: \"udp\" stands here twice, first at column 13; take one out",
            "a.toml:11:11: nat64.static.ipv4-id: 1 is for icmp, which protocol does not name",
            "a.toml:13:13: nat64.static.ipv6-port: 3 on the IPv4 side and 2 here; both ranges must be of one length",
            "a.toml:14:9: nat64.static: ipv4-id is missing; write a number, or a range such as \"8000-8010\"",
            "a.toml:17:13: nat64.static.ipv4-port: \"65535-65536\" is for tcp and udp, which protocol does not name"
        ),
        BadFile(
            "static bindings that contradict each other or the rest",
            """
            [nat64]
            pool = ["203.0.113.0/28"]
            [clients]
            allow = ["2001:db8:6::/48"]
            [[nat64.static]]
            protocol = ["tcp", "udp"]
            ipv4 = "203.0.113.1"
            ipv4-port = "8000-8010"
            ipv6 = "2001:db8:6::1"
            [[nat64.static]]
            protocol = "udp"
            ipv4 = "203.0.113.1"
            ipv4-port = "8005-8020"
            ipv6 = "2001:db8:6::2"
            [[nat64.static]]
            protocol = "tcp"
            ipv4 = "203.0.113.2"
            ipv4-port = 8010
            ipv6 = "2001:db8:6::1"
            [[nat64.static]]
            protocol = "tcp"
            ipv4 = "203.0.113.16"
            ipv4-port = 1
            ipv6 = "2001:db8:7::1"
            [[nat64.static]]
            protocol = "tcp"
            ipv4 = "203.0.113.3"
            ipv4-port = 1
            ipv6 = "64:ff9b::1"
            [[nat64.static]]
            protocol = "tcp"
            ipv4 = "203.0.113.4"
            ipv4-port = 1
            ipv6 = "fe80::1"
            """,
            "a.toml:12:8: nat64.static.ipv4: overlaps the static binding in line 5: both have udp 203.0.113.1:8005",
            "a.toml:19:8: nat64.static.ipv6: overlaps the static binding in line 5: both have tcp [2001:db8:6::1]:8010, and a client's port has one external address (RFC 6146 section 5.2)",
            "a.toml:22:8: nat64.static.ipv4: 203.0.113.16 is not an address of nat64.pool; write it there as well",
            "a.toml:29:8: nat64.static.ipv6: 64:ff9b::1 lies under the translation prefix 64:ff9b::/96, where no client is",
            "a.toml:34:8: nat64.static.ipv6: fe80::1 is not the address of a host"
        ),
        BadFile(
            "a client that is not served, and too many ports",
            "[clients]\nallow = [\"2001:db8:6::/48\"]\n[[nat64.static]]\nprotocol = [\"tcp\", \"udp\"]\nipv4 = \"203.0.113.1\"\n"
                + "ipv4-port = 1\nipv6 = \"2001:db8:7::1\"\n"
                + (1...3).map {
                    "[[nat64.static]]\nprotocol = [\"tcp\", \"udp\"]\nipv4 = \"203.0.113.\($0 + 1)\"\n"
                        + "ipv4-port = \"1-65535\"\nipv6 = \"2001:db8:6::\($0)\"\n"
                }.joined(),
            "a.toml:7:8: nat64.static.ipv6: 2001:db8:7::1 is not served; write its network in clients.allow",
            "a.toml:18:9: nat64.static: makes 393212 static bindings in all, each port counted; the most is 262144"
        ),
        BadFile(
            "a prefix in which hosts would discover another (PFX-11)",
            "[nat64]\nprefixes = [\"2001:db8:c000:aa::/96\", \"2001:db8:0:c0:0:aa00::/96\", \"2001:db8:c000:ac::/96\"]",
            "a.toml:2:13: nat64.prefixes: \"2001:db8:c000:aa::/96\" has the octets of 192.0.0.170 where a shorter prefix has the IPv4 address; hosts that discover prefixes by that address would find the wrong one (RFC 7050 section 3)"
        ),
        BadFile(
            "options of errors and lifetimes",
            "[nat64]\nicmp-error-source = \"routers\"\n[nat64.lifetimes]\ntcp-opening = 100\nshort-after-reset = 1",
            "a.toml:2:21: nat64.icmp-error-source: \"routers\" is not one of \"router\", \"destination\"; did you mean \"router\"?",
            "a.toml:4:15: nat64.lifetimes.tcp-opening: 100 is shorter than 240 seconds, the least RFC 6146 section 4 (TCP_TRANS) allows; write 240 or more, or set unsafe-short = true in a laboratory",
            "a.toml:5:21: nat64.lifetimes.short-after-reset: 1 is neither true nor false (without quotation marks)"
        ),
    ]
}
