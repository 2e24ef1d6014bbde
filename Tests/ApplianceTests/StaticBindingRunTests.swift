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
