import IPAddressing
import NAT64
import Policy
import Testing

@testable import Configuration

@Suite("The Policy made from a configuration")
struct PolicyFromConfigurationTests {
    private let links: [IPPrefix] = ["2001:db8:1::/64", "192.0.2.0/24", "64:ff9b::/96"].compactMap { IPPrefix($0) }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    @Test("an empty file serves this machine and the networks on its links, and nobody else")
    func linksAreServed() throws {
        let policy = try configuration("").policy(generation: 7, linkNetworks: links, runtimeViews: RuntimeViews())
        #expect(policy.generation == 7)
        #expect(policy.prefixes == [.wellKnown])
        for client in ["2001:db8:1::5", "192.0.2.9", "127.0.0.1", "::1", "fe80::1"] {
            #expect(policy.clients.admits(try address(client)), "\(client)")
        }
        for client in ["2001:db8:2::5", "198.51.100.1", "64:ff9b::1"] {
            #expect(!policy.clients.admits(try address(client)), "\(client)")
        }
    }

    @Test("networks that are written take the place of the links unless \"links\" stands among them")
    func writtenClients() throws {
        let alone = try configuration("[clients]\nallow = [\"2001:db8:6::/48\"]")
            .policy(generation: 1, linkNetworks: links, runtimeViews: RuntimeViews())
        #expect(alone.clients.networks.map(\.description) == ["2001:db8:6::/48"])
        let both = try configuration("[clients]\nallow = [\"2001:db8:6::/48\", \"links\"]")
            .policy(generation: 1, linkNetworks: links, runtimeViews: RuntimeViews())
        #expect(both.clients.admits(try address("2001:db8:6:1::1")))
        #expect(both.clients.admits(try address("2001:db8:1::1")))
    }

    @Test("a word at runtime is stronger than the file's for the same network")
    func runtimeViewsAreStronger() throws {
        let read = try configuration(
            "[[dns64.view]]\nclients = [\"2001:db8:1::/64\", \"2001:db8:2::/64\"]\nsynthesize = false"
        )
        var runtime = RuntimeViews()
        runtime.set(try #require(IPPrefix("2001:db8:1::/64")), synthesize: true)
        let policy = read.policy(generation: 1, linkNetworks: [], runtimeViews: runtime)
        let synthesizes = try ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1"].map(address).map { client in
            policy.synthesizes(policy.treatment(of: client), for: client)
        }
        #expect(synthesizes == [true, false, true])
    }

    @Test("ADR-08 destinations that are opened and closed reach the Policy")
    func destinations() throws {
        let policy = try configuration("[destinations]\nallow = [\"10.0.0.0/8\"]\nrefuse = [\"8.8.8.8\"]")
            .policy(generation: 1, linkNetworks: [], runtimeViews: RuntimeViews())
        #expect(policy.mayReach(IPv4Address(10, 1, 2, 3), under: 0))
        #expect(!policy.mayReach(IPv4Address(192, 168, 1, 1), under: 0))
        #expect(!policy.mayReach(IPv4Address(8, 8, 8, 8), under: 0))
        #expect(policy.mayReach(IPv4Address(8, 8, 4, 4), under: 0))
    }
}

@Suite("The pool once the interfaces are known")
struct PoolTests {
    private let uplink = Uplink(
        interface: "eth0",
        addresses: [IPv4Address(198, 51, 100, 7), IPv4Address(198, 51, 100, 8)]
    )

    @Test("without a pool in the file the uplink's first address is shared on ports 61440 to 65535")
    func uplinkIsShared() throws {
        let pool = try configuration("").pool.resolvePool(uplink: uplink)
        let address = IPv4Address(198, 51, 100, 7)
        #expect(
            pool.entries == [
                PoolEntry(addresses: address...address, ports: Port(61_440)...Port(65_535), sharedWithHost: true)
            ]
        )
        #expect(pool.shares == [ResolvedPool.Share(interface: "eth0", address: address)])
        #expect(pool.ownPrefixes == [])
        #expect(pool.complaints == [])
    }

    @Test("addresses of its own need no uplink")
    func ownAddresses() throws {
        let pool = try configuration("[nat64]\npool = [\"192.0.2.64/28\", \"192.0.2.1-192.0.2.6\"]").pool.resolvePool(
            uplink: nil
        )
        #expect(pool.entries.map(\.ports) == [PoolEntry.usualPorts, PoolEntry.usualPorts])
        #expect(pool.entries.allSatisfy { !$0.sharedWithHost })
        #expect(
            pool.ownPrefixes.map(\.description) == [
                "192.0.2.64/28", "192.0.2.1/32", "192.0.2.2/31", "192.0.2.4/31", "192.0.2.6/32",
            ]
        )
        #expect(pool.complaints == [])
    }

    @Test("the broadcast address of a network on a link is left out of the pool, and said to be")
    func broadcastAddresses() throws {
        let read = try configuration("[nat64]\npool = [\"192.0.2.128/25\", \"192.0.2.0-192.0.2.3\", \"198.51.100.0\"]")
        let broadcasts = [
            IPv4Address(192, 0, 2, 255): "eth0", IPv4Address(192, 0, 2, 0): "eth1", IPv4Address(192, 0, 2, 2): "eth2",
            IPv4Address(203, 0, 113, 255): "eth0",
        ]
        let pool = read.pool.resolvePool(uplink: nil, broadcasts: broadcasts)
        #expect(
            pool.entries.map { PoolSource.addresses($0.addresses).description } == [
                "192.0.2.128-192.0.2.254", "192.0.2.1", "192.0.2.3", "198.51.100.0",
            ]
        )
        #expect(pool.complaints.map { $0.prefix { $0 != " " } } == ["192.0.2.255", "192.0.2.0", "192.0.2.2"])
        #expect(pool.complaints.first?.contains("broadcast address of a network on eth0") == true)
        let single = try configuration("[nat64]\npool = [\"192.0.2.255\"]").pool
        let none = single.resolvePool(uplink: nil, broadcasts: broadcasts)
        #expect(none.entries == [] && none.complaints.count == 1)
    }

    @Test("an interface is shared by name beside addresses of the pool's own, each with its ports")
    func sharedByName() throws {
        let read = try configuration("[nat64]\npool = [\"192.0.2.64/28\", \"share:wan1\"]")
        let other = Uplink(interface: "wan1", addresses: [IPv4Address(203, 0, 113, 5)])
        let pool = read.pool.resolvePool(uplink: uplink, interfaces: [other])
        #expect(pool.entries.map(\.ports) == [PoolEntry.usualPorts, PoolEntry.sharedPorts])
        #expect(pool.shares.map(\.interface) == ["wan1"])
    }

    @Test("ADR-15 what keeps the pool empty is said in a sentence")
    func complaints() throws {
        let empty = try configuration("").pool
        #expect(empty.resolvePool(uplink: nil).entries == [])
        #expect(
            empty.resolvePool(uplink: nil).complaints.first?.hasPrefix("no interface has an IPv4 default route") == true
        )
        let bare = Uplink(interface: "eth0", addresses: [IPv4Address(169, 254, 1, 1)])
        #expect(
            empty.resolvePool(uplink: bare).complaints.first?.hasPrefix("eth0 has no IPv4 address to share") == true
        )
        let named = try configuration("[nat64]\npool = [\"share:wan1\"]").pool
        #expect(
            named.resolvePool(uplink: uplink).complaints == ["nat64.pool shares wan1, and there is no such interface"]
        )
        let both = try configuration("[nat64]\npool = [\"198.51.100.0/24\", \"share:eth0\"]").pool
        #expect(both.resolvePool(uplink: uplink).complaints.first?.contains("198.51.100.7") == true)
        #expect(both.resolvePool(uplink: uplink).shares == [])
    }

    @Test(
        "a range of addresses becomes the fewest prefixes",
        arguments: [
            ("0.0.0.0", "255.255.255.255", ["0.0.0.0/0"]), ("192.0.2.0", "192.0.2.255", ["192.0.2.0/24"]),
            ("192.0.2.255", "192.0.3.0", ["192.0.2.255/32", "192.0.3.0/32"]),
            ("255.255.255.254", "255.255.255.255", ["255.255.255.254/31"]),
            ("0.0.0.0", "0.0.0.2", ["0.0.0.0/31", "0.0.0.2/32"]),
        ]
    )
    func rangesBecomePrefixes(first: String, last: String, expected: [String]) throws {
        let range = try #require(IPv4Address(first))...(try #require(IPv4Address(last)))
        #expect(range.prefixes.map(\.description) == expected)
    }

    @Test("the prefixes of random ranges hold every address of the range once and nothing else")
    func prefixesAddUp() {
        for _ in 0..<300 {
            let (a, b) = (UInt32.random(in: 0...UInt32.max), UInt32.random(in: 0...UInt32.max))
            let range = IPv4Address(bits: min(a, b))...IPv4Address(bits: max(a, b))
            var next = UInt64(min(a, b))
            for prefix in range.prefixes {
                #expect(UInt64(prefix.range.lowerBound.bits) == next)
                next = UInt64(prefix.range.upperBound.bits) + 1
            }
            #expect(next == UInt64(max(a, b)) + 1)
        }
    }
}
