import ControlAPI
import Glibc
import IPAddressing
import Linux
import TestNamespace
import Testing
import Timing

@testable import Appliance

@Suite("An appliance that shares addresses of its host")
struct SharingTests {
    /// Runs an appliance that shares the addresses of so many interfaces: e1 has 192.0.1.1 and so on.
    private func sharing(_ count: Int, extra: Int = 0, _ body: @escaping @Sendable (Stage) throws -> Void) async throws
    {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            for number in 1...count {
                try run(
                    """
                    ip link add e\(number) type veth peer name f\(number) && ip link set f\(number) up \
                    && ip link set e\(number) up && ip addr add 192.0.\(number).1/24 dev e\(number)
                    """
                )
            }
            for number in 0..<extra { try run("ip addr add 198.51.100.\(number + 1)/32 dev lo") }
            let folder = Folder()
            let names = (1...count).map { "\"share:e\($0)\"" }.joined(separator: ", ")
            try folder.write(Stage.configuration(folder, pool: "pool = [\(names)]"), to: "appliance.toml")
            try withAppliance(folder, body)
        }
    }

    private func findings(_ stage: Stage, _ code: String) throws -> [String] {
        try stage.status().findings.filter { $0.code == code }.map { $0.problem + " " + $0.remedy }
    }

    @Test(
        "sockets of the host are looked at every second, and less often where that takes more than a hundredth of it",
        arguments: [(0, 1_000), (10, 1_000), (11, 1_100), (50, 5_000), (100, 10_000), (5_000, 10_000)]
            as [(UInt64, UInt64)]
    )
    func pause(look: UInt64, pause: UInt64) {
        #expect(HostPorts.pause(afterLookOf: .milliseconds(look)) == .milliseconds(pause))
    }

    @Test("ports that programs have before it starts are kept from clients from the first packet on, and counted")
    func withheldFromTheStart() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            try run(
                "ip link add e1 type veth peer name f1 && ip link set f1 up && ip link set e1 up && ip addr add 192.0.2.1/24 dev e1"
            )
            // Seven of the eight ports of the share.
            var sockets: [Int32] = []
            for port in 62_001...62_007 as ClosedRange<UInt16> {
                let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                let code = withUnsafePointer(to: &address) { place in
                    place.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                    }
                }
                #expect(code == 0)
                sockets.append(descriptor)
            }
            defer { for descriptor in sockets { close(descriptor) } }
            let folder = Folder()
            let pool = "pool = [\"share:e1\"]\nports = \"62000-62007\""
            try folder.write(Stage.configuration(folder, pool: pool), to: "appliance.toml")
            try withAppliance(folder) { (stage: Stage) throws in
                #expect(try stage.status().dataplane.withheldPorts == 7)
                let note = try #require(try stage.status().findings.first { $0.code == "ports-of-host" })
                #expect(note.severity == .note && note.problem.contains("UDP port 62001, UDP port 62002"))
                #expect(try findings(stage, "ports-of-host-in-use") == [])
                for host in 1...3 { try stage.sendDatagram(to: "64:ff9b::506:\(host)") }
                #expect(try eventually { try stage.status().dataplane.bindings.udp == 1 })
                #expect(try stage.drops("pool-exhausted") == 2)
            }
        }
    }

    @Test("an address that comes back while something is in the way: translation goes on when that has gone")
    func inTheWay() async throws {
        try await sharing(1) { (stage: Stage) throws in
            #expect(try stage.ask("four") == [Stage.synthetic])
            try run("ip addr del 192.0.1.1/24 dev e1")
            #expect(try eventually { try !findings(stage, "no-pool").isEmpty })
            try run("ip -6 route add 64:ff9b::/96 dev lo metric 1 && ip addr add 192.0.1.1/24 dev e1")
            #expect(try eventually { try findings(stage, "nat64-down").first?.contains("every second") == true })
            #expect(try findings(stage, "no-pool") == [])
            #expect(try stage.ask("five") == [])
            try run("ip -6 route del 64:ff9b::/96 dev lo metric 1")
            #expect(try eventually { try stage.ask("six") == [Stage.synthetic] })
            #expect(try findings(stage, "nat64-down") == [])
            #expect(stage.log.lines(containing: "do not follow the links").count == 1)
        }
    }

    @Test("a reload while a shared address that has gone is awaited does not give its sessions up for another address")
    func reloadWhileAwaited() async throws {
        try await sharing(1) { (stage: Stage) throws in
            let shared = { try stage.status().dataplane.pool.map(\.addresses) }
            // On a slow machine the address is back too late, and the other in its place: once more then.
            var span = Moment.Span.seconds(1)
            for attempt in 1...50 where span > .milliseconds(700) {
                #expect(try eventually { try shared() == ["192.0.1.1"] })
                try stage.sendDatagram(to: "64:ff9b::506:\(attempt)")
                #expect(try eventually { try stage.status().dataplane.sessions.udp > 0 })
                try run("ip addr add 192.0.9.1/24 dev e1")
                let began = MonotonicClock.now()
                try run("ip addr del 192.0.1.1/24 dev e1 && sleep 0.2")
                #expect(try stage.reload().applied)
                try run("ip addr add 192.0.1.1/24 dev e1")
                span = MonotonicClock.now() - began
                if span > .milliseconds(700) { try run("ip addr del 192.0.9.1/24 dev e1") }
            }
            usleep(1_500_000)
            #expect(try stage.status().dataplane.sessions.udp > 0)
            #expect(try shared() == ["192.0.1.1"])
        }
    }

    @Test("an interface that is shared and not there, beside others: status and the log say so, until it is there")
    func incompletePool() async throws {
        try await sharing(2) { (stage: Stage) throws in
            #expect(try findings(stage, "pool-incomplete") == [])
            try run("ip addr del 192.0.2.1/24 dev e2")
            #expect(try eventually { try findings(stage, "pool-incomplete").count == 1 })
            let told = try findings(stage, "pool-incomplete")
            #expect(told.first?.hasPrefix("A part of nat64.pool is not in use: e2 has no IPv4 address") == true)
            #expect(stage.log.lines(containing: "a part of the pool is not in use: e2 has no").count == 1)
            try run("ip addr add 192.0.2.1/24 dev e2")
            #expect(try eventually { try findings(stage, "pool-incomplete") == [] })
        }
    }

    @Test("six shared addresses: status says which one has no stand-in, and what does not work")
    func sixShares() async throws {
        try await sharing(6) { (stage: Stage) throws in
            let told = try findings(stage, "too-many-shared-addresses")
            #expect(told.count == 1)
            #expect(told.first?.hasPrefix("Clients that have 192.0.6.1 do not reach this host itself") == true)
            #expect(try run("ip route").contains("192.0.0.3 dev nat64"))
        }
    }

    @Test("five shared addresses and 64 of the host's own are told nothing about")
    func fiveShares() async throws {
        // With the loopback's own and those of the stage.
        try await sharing(5) { (stage: Stage) throws in
            #expect(try findings(stage, "too-many-shared-addresses") == [])
            #expect(try findings(stage, "too-many-own-addresses") == [])
        }
    }

    @Test("more addresses of the host than are known to the translator: status says so, and names some")
    func manyOwnAddresses() async throws {
        try await sharing(1, extra: 70) { (stage: Stage) throws in
            let told = try findings(stage, "too-many-own-addresses")
            #expect(told.count == 1 && told.first?.contains("198.51.100.70") == true)
        }
    }

    @Test("F22-T3 other ports of a shared address end the sessions at ports that are the host's again, and no others")
    func otherPorts() async throws {
        try await sharing(1) { (stage: Stage) throws in
            let ports = { (range: String) in "pool = [\"share:e1\"]\nports = \"\(range)\"" }
            for host in 1...3 { try stage.sendDatagram(to: "64:ff9b::506:\(host)") }
            #expect(try eventually { try stage.status().dataplane.bindings.udp == 3 })
            try stage.configure(pool: ports("50000-65535"))
            #expect(try stage.reload().applied)
            #expect(try stage.status().dataplane.bindings.udp == 3)
            try stage.configure(pool: ports("50000-61439"))
            #expect(try stage.reload().applied)
            #expect(try stage.status().dataplane.bindings.udp == 0)
        }
    }

    @Test("ADR-16 three hundred reloads, each with another prefix, are all taken over and translate")
    func manyPrefixes() async throws {
        try await onStage { (stage: Stage) throws in
            for number in 0..<300 {
                let prefix = "2001:db8:\(String(number + 0x1000, radix: 16))::/96"
                try stage.configure(pool: "pool = [\"198.18.7.0/29\"]\nprefixes = [\"\(prefix)\"]")
                #expect(try stage.reload().applied, "\(number)")
            }
            try stage.sendDatagram(to: "2001:db8:112b::506:708")
            #expect(try eventually { try stage.status().dataplane.traffic6to4.packets == 1 })
        }
    }
}
