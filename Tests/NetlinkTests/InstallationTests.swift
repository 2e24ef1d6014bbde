import IPAddressing
import Linux
import Netlink
import TestNamespace
import Testing

@Suite("Installing a plan, feature F05")
struct InstallationTests {
    @Test(
        "F05-T1 ADR-14 the route is exactly 64:ff9b::/96, carries our number and leads to the TUN; its neighbours do not"
    )
    func routeIsExact() async throws {
        let found = try await inNamespace {
            let device = try makeDevice()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan())
            defer { withExtendedLifetime(device) {} }
            return (
                try lines("ip -6 route show proto 64"),
                try run("ip -6 route get 64:ff9b::1"),
                (try? run("ip -6 route get 64:ff9b:1::1")) ?? "unreachable",
                (try? run("ip -6 route get 64:ff9b::1:0:0")) ?? "unreachable",
                try lines("ip -4 route show proto 64"),
                try run("ip -4 route get 198.18.7.79")
            )
        }
        #expect(found.0.count == 1)
        #expect(found.0.first?.hasPrefix("64:ff9b::/96 dev nat64 ") == true)
        #expect(found.1.contains("dev nat64"))
        #expect(!found.2.contains("nat64"))
        #expect(!found.3.contains("nat64"))
        #expect(found.4 == ["198.18.7.64/28 dev nat64 scope link"])
        #expect(found.5.contains("dev nat64"), "the last address of the pool is no broadcast address")
    }

    @Test("the pool is the peer of a point-to-point address, and no broadcast route is left")
    func poolIsPeer() async throws {
        let found = try await inNamespace {
            let device = try makeDevice()
            var installation = try NetworkInstallation()
            let report = try installation.install(plan(pool: ["198.18.7.64/28", "198.18.9.1/32"]))
            defer { withExtendedLifetime(device) {} }
            return (
                report, try lines("ip -4 addr show dev nat64 | grep inet"),
                try lines("ip -4 route show table local | grep -v '^local 127\\|lo proto'; ip -6 addr show dev nat64"),
                try lines("ip link show nat64 | grep -o 'mtu [0-9]*'; cat /proc/sys/net/ipv4/conf/nat64/rp_filter")
            )
        }
        #expect(found.0.removed == [.broadcastRoute(IPv4Address(198, 18, 7, 79))])
        #expect(found.1.count == 2)
        #expect(found.1.first?.hasPrefix("inet 192.0.0.8 peer 198.18.7.64/28 scope link") == true)
        #expect(found.2 == ["local 192.0.0.8 dev nat64 proto kernel scope host src 192.0.0.8"])
        #expect(found.3 == ["mtu 1500", "0"])
    }

    @Test("F05-T2 a second installation finds everything and changes nothing")
    func secondChangesNothing() async throws {
        let (first, again, other) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            let wanted = plan(pool: ["198.18.7.64/28", "203.0.113.64/30"], shared: [shareOfUplink])
            let first = try installation.install(wanted)
            let again = try installation.install(wanted)
            // A process that did not make any of it, as after a restart with the TUN kept by the service manager.
            var heir = try NetworkInstallation()
            let other = try heir.install(wanted)
            withExtendedLifetime(device) {}
            return (first, again, other)
        }
        #expect(!first.isUnchanged)
        #expect(again.isUnchanged)
        #expect(other.isUnchanged)
        #expect(again.problems.isEmpty && again.notices.isEmpty)
    }

    @Test("F05-T2 the same route, made before with our number, is adopted")
    func routeIsAdopted() async throws {
        let (report, routes) = try await inNamespace {
            let device = try makeDevice()
            try run("ip link set nat64 up && ip -6 route add 64:ff9b::/96 dev nat64 proto 64")
            var installation = try NetworkInstallation()
            let report = try installation.install(plan())
            withExtendedLifetime(device) {}
            return (report, try lines("ip -6 route show 64:ff9b::/96"))
        }
        #expect(report.found.contains { "\($0)" == "route 64:ff9b::/96" })
        #expect(routes.count == 1)
    }

    @Test(
        "F05-T3 a foreign route for a destination of ours is named and left as it is, and nothing is half done",
        arguments: [
            (
                "ip -6 route add 64:ff9b::/96 dev eth0 proto static",
                "64:ff9b::/96 dev eth0, protocol static, table main"
            ),
            (
                "ip -6 route add 64:ff9b::/96 dev eth0 metric 5",
                "64:ff9b::/96 dev eth0, protocol boot, table main, metric 5"
            ),
            (
                "ip -6 route add unreachable 64:ff9b::/96 metric 1",
                "unreachable 64:ff9b::/96 dev lo, protocol boot, table main, metric 1"
            ),
            ("ip -6 route add 64:ff9b::/96 dev nat64 proto 99", "64:ff9b::/96 dev nat64, protocol 99"),
            ("ip -4 route add 198.18.7.64/28 via 203.0.113.9", "198.18.7.64/28 via 203.0.113.9 dev eth0"),
            ("ip -4 route add 198.18.7.64/28 via 203.0.113.9 metric 50", "198.18.7.64/28 via 203.0.113.9 dev eth0"),
            // It has the metric of ours, and the kernel takes no two.
            (
                "ip -4 route add blackhole 198.18.7.64/28 proto 12",
                "delete it (ip -4 route del blackhole 198.18.7.64/28), give it a metric above 0 or take another prefix"
            ),
        ]
    )
    func foreignRouteIsLeft(command: String, words: String) async throws {
        let (message, before, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("ip link set nat64 up")
            try run(command)
            let before = try everything()
            var installation = try NetworkInstallation()
            let message = refusal(of: plan(), by: &installation).map { "\($0)" } ?? "installed"
            withExtendedLifetime(device) {}
            return (message, before, try everything())
        }
        #expect(message.hasPrefix("conflict: "))
        #expect(message.contains(words), "\(message)")
        #expect(before == after)
    }

    /// Commands that make routes beside which ours do their work.
    private static let behindOurs = [
        "ip -4 route add blackhole 198.18.7.64/28 proto 12 metric 32",
        "ip -4 route add unreachable 198.18.7.64/28 proto 196 metric 20",
        "ip -6 route add blackhole 64:ff9b::/96 proto 12 metric 32",
        "ip -6 route add prohibit 64:ff9b::/96",
        "ip -4 route add blackhole 198.18.0.0/16 proto 12",
        "ip -4 route add 198.18.0.0/15 via 203.0.113.9",
        "ip -6 route add unreachable 64:ff9b::/64 metric 1",
    ]

    @Test(
        "F05-T3 a discard route behind ours, or a less specific route, hinders nothing, whenever it comes, and stays",
        arguments: behindOurs,
        [false, true]
    )
    func foreignRouteStandsBehind(command: String, comesLater: Bool) async throws {
        let (before, reports, paths, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run("ip link set nat64 up")
            let before = try everything()
            var installation = try NetworkInstallation()
            if !comesLater { try run(command) }
            _ = try installation.install(plan())
            if comesLater { try run(command) }
            let unchanged = try installation.repair(plan())
            try run("ip -4 route del 198.18.7.64/28 dev nat64; ip -6 route del 64:ff9b::/96 dev nat64")
            let mended = try installation.repair(plan())
            let paths = try lines("ip -4 route get 198.18.7.65; ip -6 route get 64:ff9b::1").filter {
                $0.contains("dev")
            }
            _ = try installation.withdraw(device: "nat64")
            // What somebody made is there for somebody to delete.
            try run(command.replacing(" add ", with: " del "))
            withExtendedLifetime(device) {}
            return (before, [unchanged, mended], paths, try everything())
        }
        #expect(reports[0].isUnchanged && reports.allSatisfy { $0.problems.isEmpty })
        #expect(reports[1].made.map(\.description) == ["route 198.18.7.64/28", "route 64:ff9b::/96"])
        #expect(paths.count == 2 && paths.allSatisfy { $0.contains("dev nat64") }, "\(paths)")
        #expect(before == after)
    }

    @Test("when the last step is refused, the steps before it are undone")
    func nothingIsHalfDone() async throws {
        let (problem, before, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            // The kernel refuses the last step: a device with so small an mtu has no IPv6.
            try run("ip link set nat64 mtu 1000")
            let before = try everything()
            var installation = try NetworkInstallation()
            var wanted = plan(pool: ["198.18.7.64/28", "203.0.113.64/30"], shared: [shareOfUplink])
            wanted.mtu = 1000
            let problem = refusal(of: wanted, by: &installation)
            withExtendedLifetime(device) {}
            return (problem, before, try everything())
        }
        guard case .refused(let error, _)? = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
        #expect(error.operation == "add route 64:ff9b::/96")
        #expect(before == after)
    }

    @Test("the broadcast address of a network on a link, in the pool, stops the start, because the host would hear it")
    func broadcastAddressInPool() async throws {
        let problem = try await inNamespace { () -> NetworkProblem? in
            let device = try makeDevice()
            try makeUplink()
            defer { withExtendedLifetime(device) {} }
            var installation = try NetworkInstallation()
            return refusal(of: plan(pool: ["203.0.113.128/25"]), by: &installation)
        }
        let pool = try #require(IPv4Prefix("203.0.113.128/25"))
        #expect(problem == .broadcastAddressInPool(IPv4Address(203, 0, 113, 255), interface: "eth0", pool: pool))
        #expect(problem?.description.contains("203.0.113.255, the broadcast address of a network on eth0") == true)
    }

    @Test("an address of this host in the pool stops the start, because the host would answer for it")
    func ownAddressInPool() async throws {
        let problem = try await inNamespace { () -> NetworkProblem? in
            let device = try makeDevice()
            try makeUplink()
            defer { withExtendedLifetime(device) {} }
            var installation = try NetworkInstallation()
            return refusal(of: plan(pool: ["203.0.113.0/28"]), by: &installation)
        }
        let pool = try #require(IPv4Prefix("203.0.113.0/28"))
        #expect(problem == .addressInPool(IPv4Address(203, 0, 113, 5), interface: "eth0", pool: pool))
    }

    @Test("ADR-15 a plan without a prefix, or without pool and share, is refused; so is one without its device")
    func emptyPlanIsRefused() async throws {
        let problems = try await inNamespace {
            var installation = try NetworkInstallation()
            return [plan(prefixes: []), plan(pool: []), plan()].map { refusal(of: $0, by: &installation) }
        }
        #expect(problems == [.nothingToTranslate, .nothingToTranslate, .deviceMissing("nat64")])
    }

    @Test("F05-T5 withdrawing leaves nothing of ours and everything of others")
    func withdrawalLeavesNothing() async throws {
        let (before, during, after) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try run(
                "ip link set nat64 up; ip neigh add proxy 203.0.113.77 dev eth0; ip route add 198.18.0.0/15 dev far"
            )
            let before = try everything()
            var installation = try NetworkInstallation()
            let wanted = plan(pool: ["198.18.7.64/28", "203.0.113.64/30"], shared: [shareOfUplink])
            _ = try installation.install(wanted)
            let during = try everything()
            _ = try installation.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            return (before, during, try everything())
        }
        #expect(during.contains("64:ff9b::/96") && during.contains("203.0.113.65") && during.contains("clsact"))
        #expect(before == after)
    }

    @Test("F05-T5 what outlives a killed process is recognized and replaced by the next start, and then withdrawn")
    func startAfterKillIsClean() async throws {
        let found = try await inNamespace {
            try makeUplink()
            let before = try everything()
            let wanted = plan(pool: ["203.0.113.64/30"], shared: [shareOfUplink])
            try installAndDie(wanted)
            let left = try everything()
            let device = try makeDevice()
            var next = try NetworkInstallation()
            let report = try next.install(wanted)
            let unchanged = try next.repair(wanted)
            let targets = try ["eth0", "lo"].map {
                try lines("tc filter show dev \($0) ingress | grep -o 'Redirect to device .*)'")
            }
            _ = try next.withdraw(device: "nat64")
            withExtendedLifetime(consume device) {}
            return (before, left, report, unchanged, targets, try everything())
        }
        #expect(!found.1.contains("nat64"), "what belongs to the device goes with it")
        #expect(found.1.contains("clsact") && found.1.contains("203.0.113.65"))
        #expect(found.2.removed.filter { "\($0)".hasPrefix("filter ") }.count == 16)
        #expect(found.2.found.filter { "\($0)".hasPrefix("proxy neighbour ") }.count == 4)
        #expect(found.3.isUnchanged && found.3.problems.isEmpty)
        #expect(found.4 == [11, 5].map { Array(repeating: "Redirect to device nat64)", count: $0) })
        #expect(found.5 == found.0)
    }

    @Test("F05-T5 leftovers can be removed without a device, as a unit does after a crash")
    func leftoversWithoutDevice() async throws {
        let (before, after) = try await inNamespace {
            try makeUplink()
            let before = try everything()
            try installAndDie(plan(pool: ["203.0.113.64/30"], shared: [shareOfUplink]))
            var sweeper = try NetworkInstallation()
            _ = try sweeper.withdraw(device: "nat64")
            return (before, try everything())
        }
        #expect(before == after)
    }

    @Test("F05-T6 a changed plan makes the new before it removes the old, and leaves nothing of the old")
    func planChanges() async throws {
        let (report, routes, addresses) = try await inNamespace {
            let device = try makeDevice()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan())
            let report = try installation.install(plan(prefixes: ["2001:db8:64::/96"], pool: ["198.18.7.64/27"]))
            withExtendedLifetime(device) {}
            return (report, try lines("ip -6 route show proto 64; ip -4 route show proto 64"), try lines("ip -4 addr"))
        }
        #expect(
            report.made.map(\.description) == [
                "address 192.0.0.8 peer 198.18.7.64/27", "route 198.18.7.64/27", "route 2001:db8:64::/96",
            ]
        )
        #expect(
            report.removed.map(\.description) == [
                "route 64:ff9b::/96", "route 198.18.7.64/28", "address 192.0.0.8 peer 198.18.7.64/28",
                "broadcast route 198.18.7.95",
            ]
        )
        #expect(routes.count == 2)
        #expect(!addresses.contains { $0.contains("198.18.7.64/28") })
    }

    @Test("F05-T7 the routes go to a table of one's own when asked, the main table stays as it is")
    func otherTable() async throws {
        let (own, main, left) = try await inNamespace {
            let device = try makeDevice()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan(table: RoutingTable(number: 6464)))
            let own = try lines("ip -6 route show table 6464; ip -4 route show table 6464")
            let main = try lines("ip -6 route show | grep -v fe80; ip -4 route show")
            _ = try installation.withdraw(device: "nat64")
            withExtendedLifetime(device) {}
            let left = try run("ip -6 route show table 6464 2>&1; ip -4 route show table 6464 2>&1; true")
            return (own, main, left)
        }
        #expect(own.count == 2)
        #expect(main == [])
        #expect(!left.contains("nat64"))
    }

    @Test(
        "F05-T7 a thread with no capability but CAP_NET_ADMIN installs, repairs and withdraws; without it the reason is named"
    )
    func capabilityIsEnough() async throws {
        let wanted = plan(pool: ["198.18.7.64/28", "203.0.113.64/30"], shared: [shareOfUplink])
        let (report, again, withdrawn, problem) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            try Capabilities.keepOnly([.netAdmin])
            var installation = try NetworkInstallation()
            let report = try installation.install(wanted)
            let again = try installation.repair(wanted)
            let withdrawn = try installation.withdraw(device: "nat64")
            Capabilities.dropAll()
            var powerless = try NetworkInstallation()
            let problem = refusal(of: wanted, by: &powerless)
            withExtendedLifetime(device) {}
            return (report, again, withdrawn, problem)
        }
        #expect(report.notices.isEmpty && again.isUnchanged && again.problems.isEmpty)
        #expect(withdrawn.removed.contains(.clsact(interface: "eth0")))
        guard case .refused(let error, _)? = problem else {
            Issue.record("\(String(describing: problem))")
            return
        }
        #expect(error.reason.contains("CAP_NET_ADMIN"))
    }

    @Test("ARP is answered for a pool in the uplink's subnet, by entries with our number")
    func proxyNeighbours() async throws {
        let (listed, notices) = try await inNamespace {
            let device = try makeDevice()
            try run(
                """
                ip link add eth0 type veth peer name far && ip link set eth0 up && ip link set far up \
                && ip addr add 10.0.0.5/8 dev eth0
                """
            )
            var installation = try NetworkInstallation()
            let report = try installation.install(plan(pool: ["10.1.0.0/30", "10.2.0.0/16"]))
            withExtendedLifetime(device) {}
            return (try lines("ip neigh show proxy"), report.notices.map(\.description))
        }
        #expect(listed.count == 4)
        #expect(listed.allSatisfy { $0.contains("dev eth0") && $0.contains("proto 64") })
        #expect(notices.count == 1)
        #expect(notices.first?.hasPrefix("pool 10.2.0.0/16 lies in the subnet of eth0 but has too many") == true)
    }
}
