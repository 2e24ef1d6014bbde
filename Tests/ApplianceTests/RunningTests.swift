import Configuration
import ControlAPI
import ControlClient
import Glibc
import Linux
import Synchronization
import TestNamespace
import Testing
import Timing

@testable import Appliance

@Suite("The whole appliance in one process")
struct RunningTests {
    @Test(
        "it starts, says over its socket that it works, translates what it hands out, and leaves nothing when it stops"
    )
    func life() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder), to: "appliance.toml")
            let before = try everything()
            try withAppliance(folder) { (stage: Stage) throws in
                let status = try stage.status()
                #expect(status.dataplane.state == .running && status.resolver.state == .running)
                #expect(status.dataplane.prefixes == ["64:ff9b::/96"])
                #expect(status.network.routes.contains { $0.name == "64:ff9b::/96" && $0.inPlace })
                #expect(Set(status.resolver.sockets.map(\.address)) == ["[fd06::53]:5300"])
                #expect(try stage.ask("four") == [Stage.synthetic])
                try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
                let after = try stage.status()
                #expect(after.dataplane.traffic6to4.packets >= 1 && after.dataplane.sessions.icmp == 1)
                #expect(try run("ip -o link").contains(" nat64:"))
            }
            #expect(try everything() == before)
            #expect(try WholeFile.names(in: folder.path).sorted() == [".", "..", "appliance.toml", "state"])
        }
    }

    @Test("ADR-09 a client that is not served gets REFUSED from the resolver and no session from the translator")
    func unserved() async throws {
        try await onStage { (stage: Stage) throws in
            #expect(try stage.ask("four", from: "fd07::1") == ["CODE 5"])
            #expect(throws: CommandFailed.self) { try run("ping -6 -n -c 1 -W 0.1 -I fd07::1 \(Stage.synthetic)") }
            #expect(try eventually { try stage.drops("client-refused") == 1 })
            #expect(try stage.status().dataplane.sessions.total == 0)
        }
    }

    @Test("ADR-09 while destinations are opened under a stream of questions, every address handed out is translated")
    func openingUnderLoad() async throws {
        let closed = "[destinations]\nrefuse = [\"5.6.0.0/16\"]"
        try await onStage(closed) { (stage: Stage) throws in
            var handedOut = 0
            for round in 0..<12 {
                try stage.configure(closed)
                #expect(try stage.reload().applied)
                #expect(try stage.ask("closed") == [])
                // Asks and sends until it has been told addresses a few times.
                let told = Atomic<Int>(0)
                let asker = try PlainThread(name: "asker") {
                    let end = MonotonicClock.now() + .seconds(60)
                    var number = 0
                    while told.load(ordering: .relaxed) < 3, MonotonicClock.now() < end {
                        number += 1
                        guard let address = try? stage.ask("r\(round)-\(number % 4)")?.first else { continue }
                        told.add((try? stage.sendDatagram(to: address)) == nil ? 0 : 1, ordering: .relaxed)
                    }
                }
                try stage.configure()
                #expect(try stage.reload().applied)
                asker.join()
                handedOut += told.load(ordering: .relaxed)
                // All of them have passed before the way is closed again.
                #expect(try eventually { try stage.status().dataplane.traffic6to4.packets == UInt64(handedOut) })
                #expect(try stage.drops("destination-refused") == 0)
            }
            #expect(handedOut == 36)
        }
    }

    @Test("F04-T1 F03-T2 DNS64 switched off for a subnet is off with the next question, and on again likewise")
    func switching() async throws {
        try await onStage { (stage: Stage) throws in
            for _ in 0..<20 {
                try stage.switchView("fd06:2::/64", synthesize: false)
                #expect(try stage.ask("four", from: "fd06:2::1") == [])
                #expect(try stage.ask("four", from: "fd06::1") == [Stage.synthetic])
                try stage.switchView("fd06:2::/64", synthesize: true)
                #expect(try stage.ask("four", from: "fd06:2::1") == [Stage.synthetic])
            }
            // Each question of the twenty turns; the one that comes next is answered after it is counted.
            let entry = ViewEntry(network: "fd06:2::/64", synthesize: true, origin: .runtime, questions: 40)
            #expect(try stage.views() == [entry])
            try stage.switchView("fd06:2::/64", synthesize: false)
            try stage.forgetView("fd06:2::/64")
            #expect(try stage.ask("four", from: "fd06:2::1") == [Stage.synthetic])
            #expect(try stage.views() == [])
            #expect(throws: ControlFailure.self) { try stage.forgetView("fd06:2::/64") }
            #expect(throws: ControlFailure.self) { try stage.switchView("fd06:2::1/64", synthesize: true) }
        }
    }

    @Test("F04-T3 what was switched holds after a restart and says that it was switched at runtime")
    func restart() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            let views = "[[dns64.view]]\nclients = [\"fd06:1::/64\"]\nsynthesize = false\n"
            try folder.write(Stage.configuration(folder, views), to: "appliance.toml")
            try withAppliance(folder) { try $0.switchView("fd06:2::/64", synthesize: false) }
            try withAppliance(folder) { (stage: Stage) throws in
                #expect(try stage.ask("four", from: "fd06:2::1") == [])
                let found = try stage.views().map { "\($0.network) \($0.synthesize) \($0.origin)" }
                #expect(found.sorted() == ["fd06:1::/64 false file", "fd06:2::/64 false runtime"])
            }
        }
    }

    @Test("a file with mistakes is refused whole at a reload, with every mistake in its place, and the old one stays")
    func badReload() async throws {
        try await onStage { (stage: Stage) throws in
            let generation = try stage.status().configuration.policyGeneration
            try stage.configure("synthesise = false\n[log]\nlevel = \"loud\"")
            let problems = try stage.refusedReload()
            #expect(problems.count == 2 && problems.allSatisfy { $0.contains("/appliance.toml:") }, "\(problems)")
            #expect(problems.contains { $0.contains("did you mean \"synthesize\"?") })
            let status = try stage.status()
            #expect(status.configuration.lastReload?.applied == false)
            #expect(status.configuration.lastReload?.problems == problems)
            #expect(status.configuration.policyGeneration == generation)
            #expect(try stage.ask("four") == [Stage.synthetic])
            #expect(stage.log.lines(containing: "the old one stays").count == 1)
        }
    }

    @Test("a reload takes over what changed and names what waits for a restart, and so does SIGHUP")
    func goodReload() async throws {
        try await onStage { (stage: Stage) throws in
            #expect(try stage.reload().changed == [])
            let pool =
                "pool = [\"198.18.8.0/29\"]\nlowest-ipv6-mtu = 1300\n"
                + "prefixes = [\"2001:db8:64::/96\", \"64:ff9b::/96\"]"
            try stage.configure(pool: pool, "synthesize-over-ipv4 = false")
            let report = try stage.reload()
            #expect(report.applied && report.problems == [])
            let keys = ["dns64.synthesize-over-ipv4", "nat64.lowest-ipv6-mtu", "nat64.pool", "nat64.prefixes"]
            #expect(report.changed == keys)
            #expect(report.needsRestart == ["nat64.lowest-ipv6-mtu"])
            #expect(try stage.ask("four") == ["2001:db8:64::506:708", Stage.synthetic])
            for address in ["2001:db8:64::506:708", Stage.synthetic] {
                try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(address)")
            }
            let status = try stage.status()
            #expect(status.network.routes.filter(\.inPlace).map(\.name).contains("2001:db8:64::/96"))
            #expect(status.dataplane.pool.last?.addresses == "198.18.8.0/29")

            try stage.configure("synthesize = false")
            stage.signal(SIGHUP)
            #expect(try eventually { try stage.ask("four") == [] })
            #expect(try eventually { try !run("ip -6 route").contains("2001:db8:64::/96") })
        }
    }

    @Test("a reload uses a new pool at once, and an address taken out stays until what used it has ended")
    func poolAtReload() async throws {
        try await onStage { (stage: Stage) throws in
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            try stage.configure(pool: "pool = [\"198.18.7.0/30\", \"198.18.8.0/30\"]")
            #expect(try stage.reload().needsRestart == [])
            #expect(try run("ip addr show nat64").contains("198.18.8.0/30"))
            // What was taken out and used by nobody goes within a moment; the used address rests for two minutes.
            try stage.configure(pool: "pool = [\"198.18.8.0/30\"]")
            #expect(try stage.reload().needsRestart == [])
            let draining = try stage.status().dataplane.pool.filter { $0.isDraining == true }
            #expect(draining.reduce(0) { $0 + $1.portsInUse } == 1)
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            #expect(try eventually { try stage.status().dataplane.pool.count == 2 })
            #expect(try eventually { try !run("ip addr show nat64").contains("198.18.7.0/30") })
            #expect(try run("ip addr show nat64").contains("198.18.8.0/30"))
            // A second ping's own binding: the client got its resting port no more, but one of an address that stays.
            let used = try stage.status().dataplane.pool.filter { $0.isDraining == nil }
            #expect(used.reduce(0) { $0 + $1.portsInUse } >= 1)
        }
    }

    @Test("CGN-11 a reload with more addresses than fit beside those that would drain is refused, and sessions live on")
    func tooManyAtReload() async throws {
        try await onStage(pool: "pool = [\"198.18.0.0/17\"]") { (stage: Stage) throws in
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            let sessions = try stage.status().dataplane.sessions
            try stage.configure(pool: "pool = [\"198.18.128.0/17\"]")
            let problems = try stage.refusedReload()
            #expect(problems.count == 1 && problems[0].hasPrefix("nat64.pool: ") && problems[0].contains("65535"))
            #expect(try stage.status().dataplane.sessions == sessions)
            #expect(try stage.status().dataplane.pool.map(\.addresses) == ["198.18.0.0/17"])
            try stage.configure(pool: "pool = [\"198.18.128.0/18\"]")
            #expect(try stage.reload().applied)
        }
    }

    @Test("an address taken out of the pool drains for drain-time, which status counts down; then what it had is ended")
    func drainTime() async throws {
        try await onStage { (stage: Stage) throws in
            let draining = { try stage.status().dataplane.pool.filter { $0.isDraining == true } }
            // Nothing of it would end by itself within two minutes.
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            try stage.configure(pool: "pool = [\"198.18.8.0/30\"]\ndrain-time = 3600")
            #expect(try stage.reload().needsRestart == [])
            let left = try draining().compactMap(\.drainSecondsLeft)
            #expect(left.allSatisfy { (1800...3600).contains($0) } && !left.isEmpty)
            #expect(try eventually { try draining().count == 1 })
            // What comes back drains no longer, and what was never limited counts nothing down.
            try stage.configure(pool: "pool = [\"198.18.7.0/29\", \"198.18.8.0/30\"]\ndrain-time = 3600")
            #expect(try stage.reload().applied)
            #expect(try draining() == [])
            try stage.configure(pool: "pool = [\"198.18.8.0/30\"]")
            #expect(try stage.reload().applied)
            #expect(try draining().allSatisfy { $0.drainSecondsLeft == nil })
            #expect(try eventually { try draining().map(\.portsInUse) == [1] })
            // Another time holds for what drains already.
            try stage.configure(pool: "pool = [\"198.18.8.0/30\"]\ndrain-time = 1")
            #expect(try stage.reload().changed == ["nat64.drain-time"])
            #expect(try eventually { try draining() == [] })
            #expect(try eventually { try !run("ip addr show nat64").contains("198.18.7.") })
            #expect(stage.log.lines(containing: "1 session was ended on 198.18.7.").count == 1)
            #expect(try stage.status().dataplane.sessions.total == 0)
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
        }
    }

    @Test("a pool that holds an address of this machine is refused at a reload, and everything stays as it was")
    func poolConflictAtReload() async throws {
        try await onStage { (stage: Stage) throws in
            try run("ip addr add 198.18.9.1/32 dev lo")
            try stage.configure(pool: "pool = [\"198.18.9.0/29\"]")
            #expect(try stage.refusedReload().first?.contains("198.18.9.1") == true)
            #expect(try stage.status().dataplane.pool.map(\.addresses) == ["198.18.7.0/29"])
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
        }
    }

    @Test("a reload that leaves no address to translate with ends synthesis at once, and one that brings it starts it")
    func synthesisAtReload() async throws {
        try await onStage { (stage: Stage) throws in
            try stage.configure(pool: "pool = [\"share:none0\"]")
            #expect(try stage.reload().applied)
            #expect(try stage.ask("four") == [])
            try stage.configure()
            #expect(try stage.reload().applied)
            #expect(try stage.ask("four") == [Stage.synthetic])
        }
    }

    @Test("the packaged file is read, and read again, if no other is named and it is there")
    func packagedFile() throws {
        let folder = Folder()
        try folder.write("", to: "appliance.toml")
        let packaged = folder.path + "/appliance.toml"
        #expect(Daemon.file(nil, packaged: packaged) == packaged)
        #expect(Daemon.file("other.toml", packaged: packaged) == "other.toml")
        #expect(Daemon.file(nil, packaged: packaged + ".gone") == nil)
    }

    @Test("a prefix whose route belongs to somebody else is refused at a reload, and everything stays as it was")
    func conflictAtReload() async throws {
        try await onStage { (stage: Stage) throws in
            try run("ip -6 route add 2001:db8:64::/96 dev lo")
            try stage.configure(pool: "pool = [\"198.18.7.0/29\"]\nprefixes = [\"2001:db8:64::/96\"]")
            let problems = try stage.refusedReload()
            #expect(problems.count == 1 && problems.first?.contains("2001:db8:64::/96") == true, "\(problems)")
            #expect(try stage.ask("four") == [Stage.synthetic])
            #expect(try run("ip -6 route show 2001:db8:64::/96").contains("dev lo"))
        }
    }

    @Test("a foreign route for the prefix keeps the appliance from starting, and is left alone")
    func conflictAtStart() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder), to: "appliance.toml")
            try run("ip -6 route add 64:ff9b::/96 dev lo")
            let before = try everything()
            let failure = try #require(throws: StartFailure.self) { try withAppliance(folder) { _ in } }
            #expect(failure.code == 1 && failure.report.contains("64:ff9b::/96"), "\(failure.report)")
            #expect(try everything() == before)
        }
    }

    @Test("a device deleted by hand is back within a moment, with one line in the log and one count")
    func deviceDeleted() async throws {
        try await onStage { (stage: Stage) throws in
            try run("ip link del nat64")
            #expect(try eventually { try stage.status().network.repairs == 1 })
            #expect(try eventually { try stage.ask("four") == [Stage.synthetic] })
            try run("ping -6 -n -c 1 -W 30 -I fd06::1 \(Stage.synthetic)")
            #expect(stage.log.lines(containing: "is gone").count == 1)
            #expect(try stage.status().network.repairs == 1)
        }
    }

    @Test("a route deleted by hand is back within a moment, with one line in the log and one count")
    func routeDeleted() async throws {
        try await onStage { (stage: Stage) throws in
            try run("ip -6 route del 64:ff9b::/96 dev nat64")
            #expect(try eventually { try run("ip -6 route").contains("64:ff9b::/96 dev nat64") })
            #expect(try eventually { try stage.status().network.repairs == 1 })
            #expect(stage.log.lines(containing: "put back").count == 1)
        }
    }

    @Test("F04-T4 without an address for the pool it says so and makes no AAAA records; it begins when there is one")
    func poolComesLater() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder, pool: ""), to: "appliance.toml")
            try withAppliance(folder) { (stage: Stage) throws in
                let status = try stage.status()
                #expect(status.verdict != .working && status.dataplane.state == .stopped)
                #expect(status.findings.contains { $0.code == "no-pool" && $0.severity == .failure })
                #expect(try stage.ask("four") == [])
                try run(
                    """
                    ip link add eth0 type veth peer name far && ip link set eth0 up && ip link set far up && ip addr add 192.0.2.2/24 dev eth0 \
                    && ip route add default via 192.0.2.1
                    """
                )
                #expect(try eventually { try stage.ask("four") == [Stage.synthetic] })
                let pool = try stage.status().dataplane.pool
                #expect(pool.map(\.sharedInterface) == ["eth0"] && pool.map(\.addresses) == ["192.0.2.2"])
            }
        }
    }

    @Test("a state folder that cannot be used is told; it serves all the same, but switches nothing it could not keep")
    func noStateFolder() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder), to: "appliance.toml")
            try folder.write("", to: "state")
            try withAppliance(folder) { (stage: Stage) throws in
                #expect(try stage.status().findings.contains { $0.code == "state-folder" })
                let failure = try #require(throws: ControlFailure.self) {
                    try stage.switchView("fd06::/64", synthesize: false)
                }
                #expect("\(failure)".contains("Nothing was changed"), "\(failure)")
                #expect(try stage.views() == [])
                #expect(try stage.ask("four") == [Stage.synthetic])
            }
        }
    }

    @Test("without the privilege to make devices it says which is missing, and exits with EX_NOPERM")
    func unprivileged() async throws {
        try await inNamespace {
            let folder = Folder()
            try folder.write(Stage.configuration(folder), to: "appliance.toml")
            Capabilities.dropAll()
            let failure = try #require(throws: StartFailure.self) { try withAppliance(folder) { _ in } }
            #expect(failure.code == 77)
            #expect(failure.report.contains("CAP_NET_ADMIN") && failure.report.contains("systemctl start"))
        }
    }

    @Test("it stops while questions keep coming to the control socket, and each is answered or sees the end")
    func stopWhileAsked() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            try folder.write(Stage.configuration(folder), to: "appliance.toml")
            let isOver = Atomic<Bool>(false)
            let askers = Mutex<[PlainThread]>([])
            try withAppliance(folder) { (stage: Stage) throws in
                try askers.withLock { askers in
                    for _ in 0..<4 {
                        askers.append(
                            try PlainThread(name: "asker") {
                                while !isOver.load(ordering: .relaxed) { _ = try? stage.status() }
                            }
                        )
                    }
                }
                #expect(try stage.status().dataplane.state == .running)
            }
            isOver.store(true, ordering: .relaxed)
            for thread in askers.withLock({ $0 }) { thread.join() }
        }
    }
}
