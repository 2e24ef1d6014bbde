import ControlAPI
import ControlClient
import TestNamespace
import Testing

@testable import Appliance

@Suite("Static bindings and maps in the whole appliance")
struct StaticBindingRunTests {
    private static func add(_ transport: String, _ external: String, _ client: String, replace: Bool = false) -> [UInt8]
    {
        let change = StaticBindingChange(transport: transport, external: external, client: client, replace: replace)
        return (try? WireFormat.encode(change)) ?? []
    }

    private static func list(_ stage: Stage) throws -> [StaticBindingEntry] {
        try stage.control.get(StaticBindingList.self, "/v1/static-bindings").bindings
    }

    private static let ofFile = """
        [[nat64.static]]
        protocol = ["tcp", "udp"]
        ipv4 = "198.18.7.1"
        ipv4-port = "8000-8010"
        ipv6 = "fd06::1"
        """

    @Test("NAT-03 static bindings of the file and of runtime are in force at once, count, and last over a restart")
    func lasting() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder, Self.ofFile), to: "appliance.toml")
            try withAppliance(folder) { (stage: Stage) throws in
                #expect(try stage.status().dataplane.staticBindings == 22)
                let body = Self.add("icmp", "198.18.7.1:7", "[fd06::1]:7")
                _ = try stage.control.send("PUT", "/v1/static-bindings", body: body)
                #expect(try stage.status().dataplane.staticBindings == 23)
            }
            try withAppliance(folder) { (stage: Stage) throws in
                let list = try Self.list(stage)
                #expect(list.map(\.origin) == [.file, .file, .runtime] && list.allSatisfy { $0.problem == nil })
                #expect(try stage.status().dataplane.staticBindings == 23)
                let target = "/v1/static-bindings?protocol=icmp&external=198.18.7.1:7"
                _ = try stage.control.send("DELETE", target)
                #expect(throws: ControlFailure.self) { try stage.control.send("DELETE", target) }
                #expect(try stage.status().dataplane.staticBindings == 22)
                try stage.configure()
                let report = try stage.reload()
                #expect(report.changed == ["nat64.static"] && report.needsRestart == [])
                #expect(try stage.status().dataplane.staticBindings == 0)
            }
        }
    }

    @Test("LOG-08 a static binding inside a block of another network is named as the holder of its port")
    func holder() async throws {
        try await onStage(pool: "pool = [\"198.18.7.1\"]\nports = \"2048-2111\"\nport-block-size = 64", Self.ofFile) {
            (stage: Stage) throws in
            let holder = { (port: Int) throws in
                try stage.control.get(PortOwner.self, "/v1/port-holder?external=198.18.7.1:\(port)")
            }
            // Outside of all blocks.
            let outside = try holder(8003)
            #expect(outside.source == .static && outside.client == "fd06::/64" && outside.ports == "8003-8003")
            #expect(outside.staticBindings?.map(\.client) == ["[fd06::1]:8003", "[fd06::1]:8003"])
            #expect(outside.staticBindings?.map(\.transport).sorted() == ["tcp", "udp"])
            #expect(throws: ControlFailure.self) { try holder(8011) }
            // Inside of a block.
            try stage.sendDatagram(to: Stage.synthetic, from: "fd06:2::1")
            #expect(eventually { (try? holder(2100))?.client == "fd06:2::/64" })
            #expect(try holder(2100).staticBindings == nil)
            let body = Self.add("udp", "198.18.7.1:2100", "[fd06::1]:2100", replace: true)
            _ = try stage.control.send("PUT", "/v1/static-bindings", body: body)
            let inside = try holder(2100)
            #expect(inside.source == .block && inside.client == "fd06:2::/64")
            #expect(inside.staticBindings?.map(\.client) == ["[fd06::1]:2100"])
        }
    }

    @Test("a computed address goes into the pool with a restart and not with a reload, which says so")
    func computedAddress() async throws {
        let computed =
            "[[nat64.deterministic]]\nipv6 = \"fd06:2::/63\"\nipv4 = \"198.18.7.8\"\nclients-per-address = 2"
        try await onStage(pool: "pool = [\"198.18.7.0/29\"]", computed) { (stage: Stage) throws in
            try stage.configure(pool: "pool = [\"198.18.7.8/30\"]")
            let problems = try stage.refusedReload()
            #expect(problems.count == 1 && problems[0].contains("198.18.7.8 is") && problems[0].contains("restart"))
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            try stage.configure(pool: "pool = [\"198.18.7.12/30\"]")
            #expect(try stage.reload().needsRestart == ["nat64.deterministic"])
        }
    }

    @Test("a sentence begins with a capital letter, unless it begins with an address")
    func capital() {
        #expect("the port is taken".capitalizedFirst == "The port is taken")
        #expect("fe80::1 is not the address of a host".capitalizedFirst == "fe80::1 is not the address of a host")
        #expect("".capitalizedFirst == "")
    }

    @Test("what cannot be in force is told in the status, and the file is stronger than runtime")
    func problems() async throws {
        try await onStage { (stage: Stage) throws in
            let body = Self.add("tcp", "198.18.7.1:8005", "[fd06::9]:1")
            _ = try stage.control.send("PUT", "/v1/static-bindings", body: body)
            try stage.configure(pool: "pool = [\"198.18.7.0/29\"]", Self.ofFile)
            #expect(try stage.reload().applied)
            let list = try Self.list(stage)
            #expect(list.map { $0.problem == nil } == [true, true, false])
            #expect(try stage.status().findings.contains { $0.code == "static-binding" })
            #expect(try stage.status().dataplane.staticBindings == 22)
            for (external, client) in [
                ("198.18.9.9:1", "[fd06::9]:1"), ("198.18.7.1:8000", "[fd06::9]:2"), ("198.18.7.1:1-2", "[fd06::9]:1"),
                ("198.18.7.2:1", "[64:ff9b::1]:1"),
            ] {
                let body = Self.add("udp", external, client, replace: true)
                #expect(throws: ControlFailure.self) {
                    try stage.control.send("PUT", "/v1/static-bindings", body: body)
                }
            }
            #expect(try Self.list(stage).count == 3)
            try stage.configure()
            #expect(try stage.reload().applied)
            #expect(try Self.list(stage).map(\.problem) == [nil])
            #expect(try !stage.status().findings.contains { $0.code == "static-binding" })
        }
    }

    @Test("ADR-09 ADR-16 a range that a reload maps to another prefix is handed out under it, and translated")
    func maps() async throws {
        try await onStage { (stage: Stage) throws in
            let prefixes = "prefixes = [\"64:ff9b::/96\", \"64:ff9b:1::/96\"]"
            try stage.configure(pool: "pool = [\"198.18.7.0/29\"]\n\(prefixes)")
            #expect(try stage.reload().applied)
            #expect(try stage.ask("four") == ["64:ff9b::506:708", "64:ff9b:1::506:708"])
            for (prefix, wanted) in [("64:ff9b:1::/96", "64:ff9b:1::506:708"), ("64:ff9b::/96", "64:ff9b::506:708")] {
                try stage.configure(
                    pool: "pool = [\"198.18.7.0/29\"]\n\(prefixes)",
                    "[[nat64.map]]\nipv4 = \"5.6.0.0/16\"\nprefix = \"\(prefix)\""
                )
                #expect(try stage.reload().applied)
                #expect(try stage.ask("four") == [wanted])
                try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(wanted)")
                #expect(try stage.drops("destination-refused") == 0)
            }
        }
    }
}
