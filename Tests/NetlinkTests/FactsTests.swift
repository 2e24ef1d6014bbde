import IPAddressing
import Linux
import Netlink
import TestNamespace
import Testing

/// Two links with everything an uplink can have: `eth0` to IPv4, `eth1` to IPv6 clients.
private func makeNetworks() throws {
    try makeUplink()
    try run(
        """
        ip link add eth1 type veth peer name far1 && ip link set eth1 addrgenmode none \
        && ip link set eth1 up && ip link set far1 up \
        && ip addr add 203.0.113.99/24 dev eth0 && ip addr add 169.254.7.7/16 dev eth0 \
        && ip addr add 10.9.0.1/16 dev eth1 && ip -6 addr add 2001:db8:1::1/64 dev eth1 nodad \
        && ip -6 addr add fd00:1::1/64 dev eth1 nodad preferred_lft 0 && ip -6 addr add fe80::7/64 dev eth1 nodad \
        && ip -6 addr add 2001:db8:2::5/128 dev eth1 nodad \
        && ip -6 route add 2001:db8:2::/64 dev eth1 proto ra \
        && ip -6 route add default via fe80::1 dev eth1 proto ra \
        && ip link add down0 type veth peer name down1 && ip addr add 10.77.0.1/16 dev down0
        """
    )
}

@Suite("Where this host stands")
struct FactsTests {
    private static func facts(_ commands: String = "true") async throws -> UplinkFacts {
        try await inNamespace {
            let device = try makeDevice()
            try makeNetworks()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan())
            try run(commands)
            withExtendedLifetime(device) {}
            return try installation.uplinkFacts(without: "nat64")
        }
    }

    @Test("the uplink is the link of the default route, its address that is shared is the first that others can reach")
    func uplinkIsFound() async throws {
        let facts = try await Self.facts()
        #expect(facts.ipv4?.link.name == "eth0")
        #expect(facts.ipv4?.link.mtu == 1500)
        #expect(facts.ipv4?.addresses.map(\.description) == ["203.0.113.5", "203.0.113.99"])
        #expect(facts.ipv4?.preferredSource == nil)
        #expect(facts.ipv6Links.map(\.name) == ["eth1"])
        #expect(facts.largestMTU == 1500)
    }

    @Test("of several default routes the one with the smallest metric counts, with the source it prefers")
    func smallestMetricWins() async throws {
        let facts = try await Self.facts(
            """
            ip route del default; ip route add default via 203.0.113.1 metric 200 \
            && ip route add default via 10.9.0.2 metric 100 && ip route add default via 203.0.113.1 src 203.0.113.99 metric 50
            """
        )
        #expect(facts.ipv4?.addresses.map(\.description) == ["203.0.113.99", "203.0.113.5"])
        #expect(facts.ipv4?.preferredSource == .v4(IPv4Address(203, 0, 113, 99)))
        let without = try await Self.facts("ip route del default")
        #expect(without.ipv4 == nil)
    }

    @Test("of a default route over several links the first hop that is not dead counts, and all that live are ways out")
    func deadHopIsPassedOver() async throws {
        let hops =
            "ip link set far1 up && ip route del default; ip route add default nexthop via 203.0.113.1 dev eth0 "
            + "nexthop via 10.9.0.2 dev eth1"
        let both = try await Self.facts(hops)
        #expect(both.ipv4?.link.name == "eth0")
        #expect(both.ipv4Links.map(\.name) == ["eth0", "eth1"])
        let one = try await Self.facts("\(hops) && ip link set eth0 down")
        #expect(one.ipv4?.link.name == "eth1")
        #expect(one.ipv4Links.map(\.name) == ["eth1"])
    }

    @Test("the links of all default routes are ways out, whatever their metrics")
    func allDefaultRoutesCount() async throws {
        let facts = try await Self.facts("ip route add default via 10.9.0.2 metric 200")
        #expect(facts.ipv4?.link.name == "eth0")
        #expect(facts.ipv4Links.map(\.name) == ["eth0", "eth1"])
    }

    @Test(
        "the default route that the kernel's rules lead to is followed, where it is none of the main table's",
        arguments: [
            // Alone in a table of its own.
            "ip route del default; ip route add default via 10.9.0.2 table 100 && ip rule add lookup 100 pref 1000",
            // As wg-quick has it.
            "ip route add default dev eth1 table 51820 && ip rule add not fwmark 51820 table 51820 "
                + "&& ip rule add table main suppress_prefixlength 0",
            // As OpenVPN has it.
            "ip route add 0.0.0.0/1 dev eth1 && ip route add 128.0.0.0/1 dev eth1",
        ]
    )
    func rulesAreFollowed(commands: String) async throws {
        let facts = try await Self.facts("ip link set far1 up; \(commands)")
        #expect(facts.ipv4?.link.name == "eth1")
        #expect(facts.ipv4?.addresses.map(\.description) == ["10.9.0.1"])
        #expect(facts.ipv4Links.contains { $0.name == "eth1" })
    }

    @Test("what rules say of the host's own packets alone, or of a part of the internet, changes nothing")
    func rulesForOthersAreNot() async throws {
        let part = try await Self.facts("ip route add 198.0.0.0/8 via 10.9.0.2")
        #expect(part.ipv4?.link.name == "eth0")
        let device = try await Self.facts(
            """
            ip route add default dev eth1 table 100 && ip rule add lookup 100 pref 1000 \
            && ip rule add iif nat64 lookup main pref 900 && sysctl -qw net.ipv4.conf.nat64.accept_local=1
            """
        )
        #expect(device.ipv4?.link.name == "eth0")
    }

    @Test("an uplink without an address has that of the loopback interface, or the one that the route names")
    func addressElsewhere() async throws {
        let bare = "ip addr flush dev eth0 && ip route add default dev eth0"
        let one = try await Self.facts("\(bare) && ip addr add 198.51.100.7/32 dev lo")
        #expect(one.ipv4?.link.name == "eth0" && one.ipv4?.addressLink.name == "lo")
        #expect(one.ipv4?.addresses.map(\.description) == ["198.51.100.7"])
        let two = try await Self.facts(
            "\(bare) && ip addr add 198.51.100.7/32 dev lo && ip addr add 198.51.100.8/32 dev lo"
        )
        #expect(two.ipv4?.addresses.isEmpty == true, "nobody has said which")
        let named = try await Self.facts(
            "ip addr add 198.51.100.9/32 dev eth1 && ip route replace default via 203.0.113.1 src 198.51.100.9"
        )
        #expect(named.ipv4?.link.name == "eth0" && named.ipv4?.addressLink.name == "eth1")
        #expect(named.ipv4?.addresses.map(\.description) == ["198.51.100.9"])
    }

    @Test("a link whose packets rules lead past the device is told, with where they go")
    func bypass() async throws {
        let bypasses = { (commands: String) async throws -> [String] in
            try await inNamespace {
                let device = try makeDevice()
                try makeNetworks()
                try run("sysctl -qw net.ipv6.conf.all.forwarding=1 && ip -6 addr add 2001:db8:9::5/64 dev eth0 nodad")
                var installation = try NetworkInstallation()
                _ = try installation.install(plan())
                try run(commands)
                withExtendedLifetime(device) {}
                let facts = try installation.uplinkFacts(without: "nat64")
                let found = try installation.bypasses(of: plan(), facts: facts, isClient: { _ in true })
                return found.map { "\($0.interface) \($0.prefix) \($0.wayOut ?? "-")" }
            }
        }
        #expect(try await bypasses("true") == [])
        let table = "ip -6 route add default via fe80::1 dev eth0 table 200"
        #expect(
            try await bypasses("\(table) && ip -6 rule add iif eth1 lookup 200") == ["eth1 64:ff9b::/96 eth0"]
        )
        #expect(
            try await bypasses("\(table) && ip -6 rule add from 2001:db8:1::/64 lookup 200")
                == ["eth1 64:ff9b::/96 eth0"]
        )
        #expect(
            try await bypasses("\(table) && ip -6 rule add from 2001:db8:9::/64 lookup 200") == [],
            "an uplink's own addresses"
        )
    }

    @Test(
        "the networks on the links are those others have addresses in: none of loopback, the TUN or a link that is down"
    )
    func networksAreFound() async throws {
        let facts = try await Self.facts()
        #expect(
            facts.networks.map(\.description) == [
                "10.9.0.0/16", "2001:db8:1::/64", "2001:db8:2::/64", "2001:db8:2::5/128", "203.0.113.0/24",
                "fd00:1::/64",
            ]
        )
    }

    @Test("own addresses are told with their link, link-local ones too, those of the TUN not")
    func ownAddresses() async throws {
        let facts = try await Self.facts("ip -6 addr add 2001:db8:1::99/64 dev eth1")
        func own(_ text: String) -> UplinkFacts.OwnAddress? {
            facts.ownAddresses.first { $0.address.description == text }
        }
        #expect(own("203.0.113.5")?.isUsable == true)
        #expect(own("fe80::7")?.link == facts.links.first { $0.name == "eth1" }?.index)
        #expect(own("127.0.0.1")?.isLoopback == true)
        #expect(own("::1")?.isLoopback == true)
        #expect(own("fd00:1::1")?.isDeprecated == true)
        #expect(own("10.77.0.1")?.isUsable == false, "its link is down")
        #expect(own("2001:db8:1::99")?.isUsable == false, "duplicate address detection has just begun")
        #expect(own("192.0.0.8") == nil)
    }
}

@Suite("Kernel settings that forwarding needs")
struct ForwardingTests {
    private static let share = plan(shared: [shareOfUplink])

    /// The lines that would put things right, with all well but for the given commands.
    private static func missing(_ commands: String, plan wanted: NetworkPlan) async throws -> ForwardingReport {
        try await inNamespace {
            let device = try makeDevice()
            try makeNetworks()
            try run(
                """
                cd /proc/sys/net; echo 1 > ipv4/ip_forward; echo 1 > ipv6/conf/all/forwarding; \
                echo 0 > ipv4/conf/all/rp_filter; echo 32768 60999 > ipv4/ip_local_port_range; \
                for i in eth0 eth1; do echo 2 > ipv6/conf/$i/accept_ra; done
                """
            )
            var installation = try NetworkInstallation()
            _ = try installation.install(wanted)
            try run("cd /proc/sys/net; \(commands)")
            withExtendedLifetime(device) {}
            let facts = try installation.uplinkFacts(without: "nat64")
            return try installation.forwardingReport(of: wanted, facts: facts)
        }
    }

    @Test("when all is well nothing is found")
    func allWell() async throws {
        #expect(try await Self.missing("true", plan: Self.share).findings == [])
        let near = plan(pool: ["203.0.113.64/30"])
        #expect(try await Self.missing("true", plan: near).findings == [])
    }

    @Test(
        "what is missing is told with the line that mends it",
        arguments: [
            ("echo 0 > ipv4/ip_forward", "net.ipv4.ip_forward = 1", true),
            ("echo 0 > ipv6/conf/all/forwarding", "net.ipv6.conf.all.forwarding = 1", true),
            ("echo 1 > ipv4/conf/all/rp_filter", "net.ipv4.conf.nat64.rp_filter = 2", true),
            ("echo 0 > ipv4/conf/nat64/accept_local", "net.ipv4.conf.nat64.accept_local = 1", true),
            ("echo 0 > ipv4/conf/eth0/forwarding", "net.ipv4.conf.eth0.forwarding = 1", true),
            (
                "ip -6 route add default via fe80::1 dev eth1 proto ra 2>/dev/null; echo 1 > ipv6/conf/eth1/accept_ra",
                "net.ipv6.conf.eth1.accept_ra = 2", false
            ),
            (
                "ip -6 route flush default; echo 1 > ipv6/conf/eth0/accept_ra", "net.ipv6.conf.eth0.accept_ra = 2",
                false
            ),
            (
                "echo 32768 65000 > ipv4/ip_local_port_range",
                "net.ipv4.ip_local_reserved_ports = 61440-65535", false
            ),
        ]
    )
    func missingIsTold(command: String, line: String, stops: Bool) async throws {
        let near = plan(pool: ["203.0.113.64/30"], shared: [shareOfUplink])
        let report = try await Self.missing(command, plan: near)
        #expect(report.findings.map(\.line) == [line])
        #expect(report.findings.first?.stopsTranslation == stops)
    }

    @Test("a list of reserved ports is read to its end, however long")
    func longListIsRead() async throws {
        let many = stride(from: 20001, to: 23001, by: 2).map { "\($0)" }.joined(separator: ",")
        let near = plan(pool: ["203.0.113.64/30"], shared: [shareOfUplink])
        func findings(_ reserved: String) async throws -> [ForwardingReport.Finding] {
            try await Self.missing(
                "echo 32768 65000 > ipv4/ip_local_port_range; echo \(reserved) > ipv4/ip_local_reserved_ports",
                plan: near
            ).findings
        }
        #expect(try await findings("\(many),61440-65535") == [])
        #expect(try await findings(many).map(\.wanted) == ["\(many),61440-65535"])
    }

    @Test("accept_ra of a link without anything from router advertisements is its owner's business")
    func quietLinkIsLeft() async throws {
        let report = try await Self.missing("echo 1 > ipv6/conf/eth0/accept_ra", plan: Self.share)
        #expect(report.findings == [])
    }

    @Test("the name of a setting is written as sysctl.d wants it, and leads nowhere else")
    func names() {
        let vlan = Sysctl.ipv4(interface: "eth0.10", "forwarding")
        #expect(vlan.line("1") == "net.ipv4.conf.eth0/10.forwarding = 1")
        #expect(Sysctl.ipv4(interface: "../../../kernel", "hostname").read() == nil)
        #expect(Sysctl.ipv4(interface: "..", "..").read() == nil)
    }
}
