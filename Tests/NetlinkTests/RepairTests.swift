import IPAddressing
import Linux
import Netlink
import TestNamespace
import Testing

@Suite("Putting back what was taken away, feature F05")
struct RepairTests {
    private static let wanted = plan(pool: ["198.18.7.64/28", "203.0.113.64/30"], shared: [shareOfUplink])

    @Test(
        "F05-T4 whatever of ours is taken away by hand is put back, and the report says what",
        arguments: [
            ("ip -6 route del 64:ff9b::/96", "route 64:ff9b::/96"),
            ("ip -4 route del 198.18.7.64/28", "route 198.18.7.64/28"),
            ("ip link set nat64 down", "state up"),
            ("ip link set nat64 down; ip link set nat64 up", "route 64:ff9b::/96"),
            ("ip link set nat64 mtu 1400", "mtu 1500"),
            ("ip -4 addr flush dev nat64", "address 192.0.0.8 peer 198.18.7.64/28"),
            (
                "ip route add broadcast 198.18.7.79 dev nat64 table local proto kernel scope link",
                "broadcast route 198.18.7.79"
            ),
            ("ip neigh del proxy 203.0.113.66 dev eth0", "proxy neighbour 203.0.113.66 on eth0"),
            (
                "ip link set eth0 down; ip link set eth0 up; ip route add default via 203.0.113.1",
                "proxy neighbour 203.0.113.67 on eth0"
            ),
            ("tc filter del dev eth0 ingress pref 6402", "filter 6402 for 203.0.113.5 on eth0"),
            ("tc qdisc del dev eth0 clsact", "clsact on eth0"),
            (
                "tc filter del dev eth0 ingress pref 6400; tc filter del dev eth0 ingress pref 6403",
                "filter 6403 for 203.0.113.5 on eth0"
            ),
            ("echo 1 > /proc/sys/net/ipv4/conf/nat64/rp_filter", "net.ipv4.conf.nat64.rp_filter = 0"),
        ]
    )
    func repairs(damage: String, name: String) async throws {
        let (before, damaged, report, after, quiet) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("echo 0 > /proc/sys/net/ipv4/conf/all/rp_filter")
            let state = { @Sendable in try everything() + run("cat /proc/sys/net/ipv4/conf/nat64/rp_filter") }
            var installation = try NetworkInstallation()
            _ = try installation.install(Self.wanted)
            let before = try state()
            try run(damage)
            let damaged = try state()
            let report = try installation.repair(Self.wanted)
            let after = try state()
            let quiet = try installation.repair(Self.wanted)
            withExtendedLifetime(device) {}
            return (before, damaged, report, after, quiet)
        }
        #expect(before != damaged)
        #expect((report.made + report.removed).contains { $0.description == name }, "\(report)")
        #expect(report.problems.isEmpty)
        #expect(Self.sorted(before) == Self.sorted(after))
        #expect(quiet.isUnchanged && quiet.problems.isEmpty)
    }

    /// Filters get new handles, and tables an order of their own; what counts is what they match.
    private static func sorted(_ state: String) -> [String] {
        state.split(separator: "\n").map { line in
            line.split(separator: " ").filter { !$0.hasPrefix("80") }.joined(separator: " ")
        }.filter { !$0.contains("index") && !$0.contains("used") }.sorted()
    }

    @Test("F05-T3 a foreign route that has taken the place of ours is told as a conflict and left as it is")
    func replacedRouteIsLeft() async throws {
        let (report, routes, healed) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            _ = try installation.install(Self.wanted)
            try run("ip -6 route replace 64:ff9b::/96 dev eth0 proto static metric 1; ip -4 route del 198.18.7.64/28")
            let report = try installation.repair(Self.wanted)
            let routes = try lines("ip -6 route show 64:ff9b::/96")
            try run("ip -6 route del 64:ff9b::/96 dev eth0")
            let healed = try installation.repair(Self.wanted)
            withExtendedLifetime(device) {}
            return (report, routes, healed)
        }
        #expect(report.made.map(\.description) == ["route 198.18.7.64/28"], "the rest is mended all the same")
        #expect(report.problems.count == 1)
        #expect(report.problems.first?.description.contains("64:ff9b::/96 dev eth0, protocol static") == true)
        #expect(routes.count == 1 && routes[0].contains("dev eth0 proto static"))
        #expect(healed.made.map(\.description) == ["route 64:ff9b::/96"] && healed.problems.isEmpty)
    }

    @Test("a shared interface that goes away is a problem until it comes back")
    func interfaceGoesAndComes() async throws {
        let (gone, back) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            let wanted = plan(shared: [shareOfUplink])
            _ = try installation.install(wanted)
            try run("ip link del eth0")
            let gone = try installation.repair(wanted)
            try makeUplink()
            let back = try installation.repair(wanted)
            withExtendedLifetime(device) {}
            return (gone, back)
        }
        #expect(gone.problems == [.interfaceMissing("eth0")])
        #expect(back.problems.isEmpty)
        let made = back.made.map(\.description).filter { $0.hasPrefix("filter ") }
        #expect(made.filter { $0.hasSuffix(" on eth0") }.count == 12)
        #expect(made.filter { $0.hasSuffix(" on lo") }.count == 5)
    }
}

@Suite("Others on the same links")
struct CoexistenceTests {
    @Test("a clsact discipline that was there before stays, with the filters of its owner")
    func foreignClsactStays() async throws {
        let (before, during, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("ip link set nat64 up; tc qdisc add dev eth0 clsact")
            try run("tc filter add dev eth0 ingress pref 7 protocol ip u32 match ip dport 9 0xffff flowid 1:7")
            let before = try everything()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan(shared: [shareOfUplink]))
            let during = try everything()
            _ = try installation.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            return (before, during, try everything())
        }
        #expect(during.contains("pref 6403"))
        #expect(before == after)
    }

    @Test(
        "a clsact discipline of ours stays when somebody has come to use it, in either direction",
        arguments: ["ingress", "egress"]
    )
    func usedClsactStays(direction: String) async throws {
        let left = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan(shared: [shareOfUplink]))
            try run("tc filter add dev eth0 \(direction) pref 7 protocol ip u32 match ip dport 9 0xffff flowid 1:7")
            _ = try installation.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            return try run("tc qdisc show dev eth0; tc filter show dev eth0 \(direction)")
        }
        #expect(left.contains("clsact"))
        #expect(left.contains("pref 7 "))
        #expect(!left.contains("pref 640"))
    }

    @Test("filters of others behind ours change the form of ours, when they come and when they go")
    func filtersBehind() async throws {
        let found = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            let wanted = plan(pool: [], shared: [shareOfUplink])
            var installation = try NetworkInstallation()
            _ = try installation.install(wanted)
            var found: [[String]] = []
            for command in [
                "true", "tc filter add dev eth0 ingress pref 7000 protocol ip u32 match ip dport 9 0xffff flowid 1:7",
                "tc filter del dev eth0 ingress pref 7000",
            ] {
                try run(command)
                let report = try installation.repair(wanted)
                #expect(report.problems.isEmpty)
                #expect(try installation.repair(wanted).isUnchanged)
                found.append(
                    try lines("tc filter show dev eth0 ingress | grep -o 'pref [0-9]* u32 .*flowid' | cut -d' ' -f2")
                )
            }
            try run("tc filter add dev eth0 ingress pref 7000 protocol ip u32 match ip dport 9 0xffff flowid 1:7")
            _ = try installation.repair(wanted)
            _ = try installation.withdraw(device: "nat64")
            found.append(
                try lines("tc filter show dev eth0 ingress | grep -o 'pref [0-9]* u32 .*flowid' | cut -d' ' -f2")
            )
            withExtendedLifetime(device) {}
            return found
        }
        let first = ["6400", "6400", "6400", "6401", "6401", "6401", "6401", "6401"]
        let alone = first + ["6402", "6403", "6403", "6403"]
        #expect(found[0] == alone)
        #expect(found[1] == first + [String](repeating: "6403", count: 48) + ["7000"])
        #expect(found[2] == alone)
        #expect(found[3] == ["7000"])
    }

    @Test("the share is taken on further interfaces, unless somebody else stands there, and all of it goes again")
    func furtherEntrances() async throws {
        let (report, during, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("for l in lan0 lan1; do ip link add $l type veth peer name far$l; done; ip link set nat64 up")
            try run(
                """
                tc qdisc add dev lan1 clsact; \
                tc filter add dev lan1 ingress pref 6400 protocol ip u32 match ip dport 9 0xffff flowid 1:7
                """
            )
            let before = try everything()
            var share = shareOfUplink
            share.furtherEntrances = ["lan0", "lan1", "absent"]
            var installation = try NetworkInstallation()
            let report = try installation.install(plan(pool: [], shared: [share]))
            let during = try ["eth0", "lan0", "lan1"].map { try lines("tc filter show dev \($0) ingress").count }
            _ = try installation.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            return (report, during, try before == everything())
        }
        #expect(report.notices == [.entranceLeftOut(IPv4Address(203, 0, 113, 5), interface: "lan1")])
        #expect(during[0] == during[1] && during[0] > during[2])
        #expect(after)
    }

    @Test("stand-ins are routed to the device, and somebody else's route for one is a conflict")
    func standInsAreRouted() async throws {
        let (routes, refused) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var wanted = plan(pool: [], shared: [shareOfUplink])
            wanted.standIns = [IPv4Address(192, 0, 0, 7)]
            var installation = try NetworkInstallation()
            _ = try installation.install(wanted)
            let routes = try lines("ip route show 192.0.0.7")
            _ = try installation.withdraw(device: "nat64")
            try run("ip route add 192.0.0.7/32 dev eth0")
            let refused = refusal(of: wanted, by: &installation)
            withExtendedLifetime(device) {}
            return (routes, refused)
        }
        #expect(routes.count == 1 && routes[0].hasPrefix("192.0.0.7 dev nat64 proto 64"))
        guard case .conflict = refused else {
            Issue.record("\(String(describing: refused))")
            return
        }
    }

    @Test("an empty clsact discipline that was there before outlives even a killed run and its successor")
    func emptyClsactStays() async throws {
        let left = try await inNamespace {
            try makeUplink()
            try run("tc qdisc add dev eth0 clsact")
            try installAndDie(plan(shared: [shareOfUplink]))
            let device = try makeDevice()
            var next = try NetworkInstallation()
            _ = try next.install(plan(shared: [shareOfUplink]))
            _ = try next.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            return try run("tc qdisc show dev eth0; tc filter show dev eth0 ingress")
        }
        #expect(left.contains("clsact"))
        #expect(!left.contains("filter"))
    }

    @Test("somebody else's filters with our preferences are a conflict and stay")
    func foreignFiltersStay() async throws {
        let (problem, before, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("ip link set nat64 up; tc qdisc add dev eth0 clsact")
            try run("tc filter add dev eth0 ingress pref 6401 protocol ip u32 match ip dport 9 0xffff flowid 1:7")
            let before = try everything()
            var installation = try NetworkInstallation()
            let problem = refusal(of: plan(shared: [shareOfUplink]), by: &installation)
            withExtendedLifetime(device) {}
            return (problem, before, try everything())
        }
        #expect(problem == .foreignFilters(interface: "eth0"))
        #expect(before == after)
    }

    @Test("somebody else's filter that comes among ours later is a problem told, and ours stay")
    func foreignFilterComesLater() async throws {
        let (before, after, problems) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan(shared: [shareOfUplink]))
            try run("tc filter add dev eth0 ingress pref 6401 protocol ip u32 match ip dport 9 0xffff flowid 1:7")
            let before = try everything()
            let report = try installation.repair(plan(shared: [shareOfUplink]))
            withExtendedLifetime(device) {}
            return (before, try everything(), report.problems)
        }
        #expect(problems == [.foreignFilters(interface: "eth0")])
        #expect(before == after)
    }

    @Test("a second appliance in the same namespace keeps its own when the first is withdrawn or cannot start")
    func secondApplianceKeepsItsOwn() async throws {
        let (unchanged, problem) = try await inNamespace {
            try makeUplink()
            let one = try makeDevice()
            let two = try makeDevice("nat64b")
            let shared = plan(
                device: "nat64b",
                prefixes: ["2001:db8:64::/96"],
                pool: ["203.0.113.128/30"],
                shared: [shareOfUplink]
            )
            var first = try NetworkInstallation()
            var second = try NetworkInstallation()
            _ = try first.install(plan(pool: ["203.0.113.64/30"]))
            _ = try second.install(shared)
            _ = try first.install(plan(pool: ["203.0.113.68/30"]))
            let problem = refusal(of: plan(pool: ["203.0.113.68/30"], shared: [shareOfUplink]), by: &first)
            _ = try first.withdraw(device: "nat64")
            let unchanged = try second.repair(shared)
            withExtendedLifetime((one)) {}
            withExtendedLifetime((two)) {}
            return (unchanged, problem)
        }
        #expect(unchanged.isUnchanged && unchanged.problems.isEmpty)
        #expect(problem == .foreignFilters(interface: "eth0"))
    }
}
