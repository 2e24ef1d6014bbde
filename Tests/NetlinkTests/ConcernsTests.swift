import IPAddressing
import Testing

@testable import Netlink

@Suite("What a problem of the network keeps from working")
struct ConcernsTests {
    private let shared = IPv4Address(203, 0, 113, 5)

    private let pool = IPv4Prefix(IPv4Address(203, 0, 113, 0), length: 28)
    private let wellKnown = IPPrefix.v6(IPv6Prefix(IPv6Address(high: 0x0064_FF9B_0000_0000, low: 0), length: 96))

    private func v4(_ address: IPv4Address, _ length: Int) -> IPPrefix { .v4(IPv4Prefix(address, length: length)) }

    private func conflict(_ destination: IPPrefix) -> NetworkProblem {
        .conflict(
            RouteConflict(route: Route(to: destination, over: LinkIndex(3)), interface: "eth1")
        )
    }

    private func refused(_ item: NetworkItem?) -> NetworkProblem {
        .refused(NetlinkError(operation: "do it", code: 1, reason: "no"), item)
    }

    @Test(
        "F05 the problem of an interface is not that of another whose name begins, ends or goes on alike",
        arguments: ["eth10", "eth", "eth1.100", "veth1", "eth1"]
    )
    func interfaces(name: String) {
        let problems = [
            .interfaceMissing(name), .addressMissing(shared, interface: name), .foreignFilters(interface: name),
            refused(.clsact(interface: name)), .notInPlace([.up, .clsact(interface: name)]),
        ]
        for problem in problems {
            #expect(problem.concerns(shared, sharedFrom: "eth1") == (name == "eth1"), "\(problem)")
            #expect(!problem.concerns(wellKnown), "\(problem)")
        }
        // What is in the way of a pool's own addresses is not in that of a shared one, though it names an interface.
        let inPool = NetworkProblem.addressInPool(shared, interface: name, pool: pool)
        #expect(!inPool.concerns(shared, sharedFrom: "eth1"))
        #expect(inPool.concerns(.v4(pool)) && !inPool.concerns(v4(pool.address, 29)))
    }

    @Test("F05 of two addresses that one interface shares, only the one that is missing has the problem")
    func addresses() {
        let problem = NetworkProblem.addressMissing(IPv4Address(203, 0, 113, 50), interface: "eth1")
        #expect(!problem.concerns(shared, sharedFrom: "eth1"))
        #expect(problem.concerns(IPv4Address(203, 0, 113, 50), sharedFrom: "eth1"))
    }

    @Test("F05 the problem of a prefix is not that of another whose text contains it")
    func prefixes() {
        let (short, long) = (v4(IPv4Address(3, 0, 113, 0), 28), IPPrefix.v4(pool))
        let point = IPv4Address(192, 0, 0, 8)
        let problems = [
            conflict(long), refused(.route(long, table: .main)),
            refused(.address(point, peer: pool)), refused(.broadcastRoute(shared)),
            .notInPlace([.proxyNeighbour(shared, interface: "eth1")]),
        ]
        for problem in problems {
            #expect(problem.concerns(long) && !problem.concerns(short), "\(problem)")
            #expect(!problem.concerns(wellKnown), "\(problem)")
            #expect(!problem.concerns(shared, sharedFrom: "eth1"), "\(problem)")
        }
        let other = IPPrefix.v6(IPv6Prefix(IPv6Address(high: 0x2001_0DB8_0064_FF9B, low: 0), length: 96))
        #expect(conflict(other).concerns(other) && !conflict(other).concerns(wellKnown))
    }

    @Test("F05 without the device, and where nothing could be read, nothing is in place")
    func everything() {
        for problem in [NetworkProblem.deviceMissing("nat64"), .nothingToTranslate, refused(nil)] {
            #expect(problem.concerns(wellKnown) && problem.concerns(.v4(pool)), "\(problem)")
            #expect(problem.concerns(shared, sharedFrom: "eth1"), "\(problem)")
        }
    }
}
