import Control
import ControlAPI
import ControlClient
import Synchronization
import Testing

@Suite("appliance-ctl against a real server")
struct CommandTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    @Test("--socket is understood before and after the name of the command, and is stronger than APPLIANCE_SOCKET")
    func socketPlaces() throws {
        let wrong = Environment(socket: "/nonexistent/control.sock")
        for arguments in [
            ["--socket", bench.path, "version"], ["version", "--socket", bench.path],
            ["--socket=\(bench.path)", "version"],
        ] {
            let run = Run.of(arguments, environment: wrong)
            #expect(run.code == 0, "\(arguments) \(run.err)")
            #expect(run.out == "nat64-appliance 1.4.0\n")
        }
        let nested = [
            ["--socket", bench.path, "--json", "dns64", "list"], ["dns64", "--socket", bench.path, "list", "--json"],
            ["dns64", "list", "--json", "--socket", bench.path], ["--json", "--socket", bench.path, "version"],
        ]
        for arguments in nested {
            let run = Run.of(arguments, environment: wrong)
            #expect(run.code == 0, "\(arguments) \(run.err)")
            #expect(run.out.hasPrefix("{"))
        }
    }

    @Test("status --json is the report as the server sends it")
    func statusJSON() throws {
        let run = bench.ctl("status", "--json")
        #expect(run.code == 0)
        #expect(try WireFormat.decode(StatusReport.self, from: Array(run.out.utf8)) == .working)
    }

    @Test("status exits with 0 whatever it tells; with --check only if it works")
    func check() throws {
        let cases: [(StatusReport, Int32)] = [(.working, 0), (.degraded, 1), (.down, 1)]
        for (report, code) in cases {
            let bench = try Bench(report)
            #expect(bench.ctl("status").code == 0)
            #expect(bench.ctl("status", "--check").code == code)
            #expect(bench.ctl("status", "--json", "--check").code == code)
        }
    }

    @Test("sessions fetches every page and prints one table under one heading")
    func sessions() {
        let run = bench.ctl("sessions")
        let lines = run.out.split(separator: "\n")
        #expect(run.code == 0)
        #expect(lines.count == FakeAppliance.sessionCount + 1)
        #expect(lines.count { $0.contains("CLIENT") } == 1)
        #expect(lines[0].hasPrefix("PROTOCOL  CLIENT"))
        #expect(Set(lines.map(\.count)).count == 1, "the columns are aligned and the last one ends every line")
    }

    @Test("--limit is the number of entries, also across pages", arguments: [1, 999, 2_000])
    func limit(count: Int) {
        let run = bench.ctl("bindings", "--limit", "\(count)")
        #expect(run.out.split(separator: "\n").count == count + 1)
    }

    @Test("--json of a list is one JSON object with every entry, also of an empty list")
    func listsAsJSON() throws {
        let sessions = bench.ctl("sessions", "--json")
        let page = try WireFormat.decode(SessionPage.self, from: Array(sessions.out.utf8))
        #expect(page.sessions == (0..<FakeAppliance.sessionCount).map(FakeAppliance.session))
        let bindings = bench.ctl("bindings", "--json", "--limit", "7")
        #expect(try WireFormat.decode(BindingPage.self, from: Array(bindings.out.utf8)).bindings.count == 7)
        let none = bench.ctl("sessions", "--json", "--state", "v4-fin-rcv")
        #expect(try WireFormat.decode(SessionPage.self, from: Array(none.out.utf8)).sessions == [])
        let said = bench.ctl("sessions", "--state", "v4-fin-rcv")
        #expect(said.out == "" && said.err == "no sessions\n" && said.code == 0)
    }

    @Test("the options of sessions are the filter of the request")
    func filter() {
        let run = bench.ctl(
            "sessions",
            "--client",
            "2001:db8::/32",
            "--peer",
            "192.0.2.0/24",
            "--external",
            "203.0.113.1",
            "--protocol",
            "tcp",
            "--state",
            "established",
            "--limit",
            "1"
        )
        #expect(run.code == 0, "\(run.err)")
        let filter = bench.appliance.filters.withLock { $0.first }
        #expect(filter?.client == "2001:db8::/32")
        #expect(filter?.peer == "192.0.2.0/24")
        #expect(filter?.external == "203.0.113.1")
        #expect(filter?.transport == "tcp")
        #expect(filter?.state == "ESTABLISHED")
    }

    @Test("F04 DNS64 is switched off and on and left to the file again")
    func dns64() {
        let off = bench.ctl("dns64", "disable", "2001:db8:6:2::/64")
        #expect(off.code == 0)
        #expect(off.out == "DNS64 is off for clients in 2001:db8:6:2::/64, from the next query on.\n")
        #expect(
            bench.ctl("dns64", "list").out == """
                CLIENTS            DNS64  ORIGIN   RULES  FILTERS  QUESTIONS
                2001:db8:6:2::/64  off    runtime      0        0          0
                2001:db8:6:9::/64  off    file         0        0          0
                all others         on     default                          0

                """
        )
        #expect(bench.ctl("dns64", "enable", "2001:db8:6:2::/64").out.hasPrefix("DNS64 is on"))
        #expect(bench.ctl("dns64", "list").out.contains("2001:db8:6:2::/64  on     runtime "))
        #expect(bench.ctl("dns64", "reset", "2001:db8:6:2::/64").code == 0)
        #expect(!bench.ctl("dns64", "list").out.contains("runtime"))
    }

    @Test("NAT-03 static bindings are added, shown and taken away")
    func staticBindings() throws {
        let added = bench.ctl("bindings", "add", "tcp", "203.0.113.1:8000-8010", "[2001:db8:6::5]:8000-8010")
        #expect(added.code == 0, "\(added.err)")
        #expect(added.out == "tcp 203.0.113.1:8000-8010 stands for [2001:db8:6::5]:8000-8010 from now on.\n")
        #expect(
            bench.ctl("bindings", "static").out == """
                PROTOCOL  EXTERNAL               CLIENT                     ORIGIN   STATE
                icmp      203.0.113.1:7          [2001:db8:6::7]:7          file     its address is none of the pool; write it in nat64.pool
                tcp       203.0.113.1:8000-8010  [2001:db8:6::5]:8000-8010  runtime  in force

                """
        )
        let list = bench.ctl("bindings", "static", "--json")
        #expect(try WireFormat.decode(StaticBindingList.self, from: Array(list.out.utf8)).bindings.count == 2)
        let removed = bench.ctl("bindings", "remove", "tcp", "203.0.113.1:8000-8010")
        #expect(removed.out == "tcp 203.0.113.1:8000-8010 stands for nobody any more.\n")
        #expect(bench.ctl("bindings", "remove", "tcp", "203.0.113.1:8000-8010").code == 1)
    }

    @Test("NAT-03 a static binding in the way of traffic is refused with the client's name, and added with --replace")
    func staticBindingReplaces() {
        let refused = bench.ctl("bindings", "add", "udp", "203.0.113.1:80", "[2001:db8:6::5]:80")
        #expect(refused.code == 1 && refused.err.contains("stands for [2001:db8:6::9]:5 already"))
        let added = bench.ctl("bindings", "add", "udp", "203.0.113.1:80", "[2001:db8:6::5]:80", "--replace")
        #expect(added.code == 0)
    }

    @Test("bindings lists with and without the word")
    func bindingsDefault() {
        #expect(bench.ctl("bindings", "--limit", "3").out == bench.ctl("bindings", "list", "--limit", "3").out)
    }

    @Test("what the daemon refuses is 1, what it cannot understand is 2, and both say why")
    func refusals() {
        let absent = bench.ctl("dns64", "reset", "2001:db8:6:2::/64")
        #expect(absent.code == 1)
        #expect(absent.err.contains("Nothing was switched at runtime for 2001:db8:6:2::/64."))
        let full = bench.ctl("dns64", "enable", "2001:db8:f::/48")
        #expect(full.code == 1 && full.err.contains("The state folder is full"))
        let nonsense = bench.ctl("dns64", "enable", "nonsense")
        #expect(nonsense.code == 2 && nonsense.err.contains("\"nonsense\" is no prefix"))
        #expect(nonsense.out == "")
    }

    @Test("reload tells what changed; a file with problems is 1 with every problem in a line")
    func reload() {
        let good = bench.ctl("reload")
        #expect(good.code == 0)
        #expect(
            good.out == """
                reloaded: changed dns64.upstreams
                still to come with a restart (systemctl restart nat64-appliance): nat64.workers

                """
        )
        bench.appliance.reloads.withLock {
            $0 = [
                ReloadReport(applied: false, changed: [], needsRestart: [], problems: ["a.toml:1: x", "a.toml:2: y"])
            ]
        }
        let bad = bench.ctl("reload")
        #expect(bad.code == 1 && bad.out == "")
        #expect(bad.err.hasPrefix("appliance-ctl: Configuration refused: "))
        #expect(bad.err.hasSuffix("\n  a.toml:1: x\n  a.toml:2: y\n"))
    }

    @Test(
        "wrong use is 2, with a word on standard error and nothing on standard output",
        arguments: [
            ["stats"], ["--sokcet", "x", "status"], ["sessions", "--limit", "0"], ["sessions", "--limit", "many"],
            ["sessions", "--protocol", "sctp"], ["dns64", "enable"], ["dns64", "enable", "a", "b"], ["status", "now"],
            ["status", "--socket"], ["bindings", "add", "tcp", "203.0.113.1:1"],
            ["bindings", "add", "sctp", "203.0.113.1:1", "[2001:db8::1]:1"], ["bindings", "remove", "tcp"],
        ]
    )
    func wrongUse(arguments: [String]) {
        let run = Run.of(arguments, environment: Environment(socket: bench.path))
        #expect(run.code == 2)
        #expect(run.err.hasPrefix("Error: ") && run.out == "")
    }

    @Test(
        "help is on standard output, is that of the command, has an example and ends with 0",
        arguments: [
            ([], "SUBCOMMANDS"), (["help"], "SUBCOMMANDS"), (["--help"], "SUBCOMMANDS"),
            (["status", "--help"], "--explain"),
            (["sessions", "-h"], "--peer"), (["help", "bindings"], "appliance-ctl bindings"), (["dns64"], "reset"),
            (["reload", "--help"], "Running sessions go on"), (["--json", "dns64", "--help"], "disable"),
        ]
    )
    func help(arguments: [String], word: String) {
        let run = Run.of(arguments, environment: Environment())
        #expect(run.code == 0 && run.err == "")
        #expect(run.out.contains("Example") && run.out.contains(word), "\(run.out)")
    }

    @Test("a completion script is printed for every shell we ship one for", arguments: ["bash", "zsh", "fish"])
    func completion(shell: String) {
        let run = Run.of(["--generate-completion-script", shell], environment: Environment())
        #expect(run.code == 0)
        #expect(run.out.contains("appliance-ctl") && run.out.contains("bindings"))
    }

    @Test("nobody there is 3, with the word that helps")
    func notReached() {
        let folder = Folder()
        let path = "\(folder.path)/control.sock"
        let run = Run.of(["status"], environment: Environment(socket: path))
        #expect(run.code == 3 && run.out == "")
        #expect(run.err.contains("no appliance answers on \(path)"))
        #expect(run.err.contains("systemctl status nat64-appliance"))
    }

    @Test(
        "an answer that is not the appliance's is 3",
        arguments: ["SSH-2.0-x\r\n\r\n", "", "HTTP/1.1 200 OK\r\n\r\n[]"]
    )
    func stranger(answer: String) throws {
        let stranger = try Stranger(answer: answer)
        let run = Run.of(["status"], environment: Environment(socket: stranger.path))
        #expect(run.code == 3 && run.out == "")
    }

    @Test("when nobody reads any more, a long list ends")
    func closedOutput() {
        let said = Run.Shared()
        let screen = Screen(
            colours: false,
            out: { _ in
                said.append("x")
                return false
            },
            err: { _ in }
        )
        let code = ApplianceControl.run(
            arguments: ["sessions"],
            environment: Environment(socket: bench.path),
            screen: screen
        )
        #expect(code == 0 && said.text == "x")
    }
}
