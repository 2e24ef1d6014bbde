import Glibc
import IPAddressing
import Linux
import TestNamespace
import Testing

@testable import Netlink

@Suite("Hearing of changes, feature F05")
struct WatchTests {
    /// What one command is heard as, links named.
    private static func heard(_ command: String) async throws -> [NetworkChange] {
        try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan(shared: [shareOfUplink]))
            let index = try installation.connection.links().first { $0.name == "nat64" }?.index
            let watch = try NetworkWatch(device: index, plan: plan(shared: [shareOfUplink]))
            try run(command)
            withExtendedLifetime(device) {}
            return try watch.process()
        }
    }

    /// Links that have just been made still report their carrier now and then.
    private static func settled(_ changes: [NetworkChange]) -> [NetworkChange] {
        changes.filter { if case .link = $0 { false } else { true } }
    }

    @Test(
        "F05-T4 what is done to ours is heard and asks for a repair",
        arguments: [
            "ip -6 route del 64:ff9b::/96", "ip -4 route del 198.18.7.64/28", "ip link set nat64 down",
            "ip addr flush dev nat64", "tc filter del dev eth0 ingress pref 6401", "tc qdisc del dev eth0 clsact",
            "ip -6 route add 64:ff9b::/96 dev eth0 metric 2", "ip link del eth0", "ip addr del 203.0.113.5/24 dev eth0",
            "sysctl -w net.ipv4.conf.all.rp_filter=1", "sysctl -w net.ipv4.conf.nat64.forwarding=0",
        ]
    )
    func damageIsHeard(command: String) async throws {
        let changes = try await Self.heard(command)
        let asks = changes.contains { $0.asksForRepair }
        #expect(asks, "\(changes)")
    }

    @Test("a default route asks for new facts and other people's routes for nothing")
    func foreignRoutesAskForNothing() async throws {
        let changes = try await Self.heard("ip route del default")
        #expect(Self.settled(changes).contains(.defaultRoute))
        #expect(!Self.settled(changes).contains { $0.asksForRepair })
        let other = try await Self.heard("ip route add 198.51.100.0/24 dev eth0; ip route del 198.51.100.0/24")
        #expect(Self.settled(other) == [.otherRoutes])
        #expect(!NetworkChange.otherRoutes.asksForRepair && !NetworkChange.otherRoutes.asksForFacts)
        #expect(NetworkChange.defaultRoute.asksForFacts)
        let rule = try await Self.heard("ip rule add lookup 100 pref 1000; ip -6 rule add lookup 100 pref 1000")
        #expect(Self.settled(rule) == [.rules] && NetworkChange.rules.asksForFacts)
        let half = try await Self.heard("ip route add 128.0.0.0/1 dev eth0")
        #expect(Self.settled(half) == [.defaultRoute])
    }

    @Test("nothing new is nothing heard, and the descriptor is readable only when there is")
    func quietIsQuiet() async throws {
        let (before, during, after, changes) = try await inNamespace {
            let watch = try NetworkWatch()
            let isReadable = {
                var poll = pollfd(fd: watch.descriptor, events: Int16(POLLIN), revents: 0)
                return Glibc.poll(&poll, 1, 0) == 1
            }
            let before = isReadable()
            try run("ip link add eth0 type veth peer name far")
            let during = isReadable()
            let changes = try watch.process()
            return (before, during, isReadable(), changes)
        }
        #expect(!before && during && !after)
        // New links bring settings of their own.
        #expect(Set(changes).subtracting([.settings]) == [.link(LinkIndex(2)), .link(LinkIndex(3))])
    }

    private static let storm = """
        for i in $(seq 0 9999); do echo "route add 100.$((64 + i / 256)).$((i % 256)).0/24 dev eth0"; done \
        | ip -batch -
        """

    @Test("F05-T9 a storm of ten thousand foreign routes is one change that asks for nothing")
    func stormIsOneChange() async throws {
        let changes = try await Self.heard(Self.storm)
        #expect(Self.settled(changes) == [.otherRoutes])
    }

    @Test("F05-T9 when events are lost the watch says so, goes on, and a repair finds what was hidden in the storm")
    func lostEventsAreRecovered() async throws {
        let (lost, report, later) = try await inNamespace {
            let device = try makeDevice()
            try makeUplink()
            var installation = try NetworkInstallation()
            _ = try installation.install(plan())
            let index = try installation.connection.links().first { $0.name == "nat64" }?.index
            let watch = try NetworkWatch(device: index, plan: plan(), bufferSize: 16384)
            try run("\(Self.storm); ip -6 route del 64:ff9b::/96")
            let lost = try watch.process()
            let report = try installation.repair(plan())
            _ = try watch.process()
            try run("ip -4 route del 198.18.7.64/28")
            let later = try watch.process()
            withExtendedLifetime(device) {}
            return (lost, report, later)
        }
        #expect(lost.contains(.resync))
        #expect(report.made.map(\.description) == ["route 64:ff9b::/96"])
        #expect(later.contains(.ownRoute) && !later.contains(.resync))
    }
}
