import Control
import ControlAPI
import ControlClient
import Glibc
import Synchronization
import Testing

@Suite("Blocks of ports at the command line")
struct BlocksTests {
    private let bench: Bench

    init() throws { bench = try Bench() }

    @Test("LOG-11 the blocks of all slices stand in one table, with and without the word")
    func table() {
        for run in [bench.ctl("blocks"), bench.ctl("blocks", "list")] {
            #expect(run.code == 0 && run.err == "")
            #expect(
                run.out == """
                    CLIENT             ADDRESS      PORTS      IN USE  SINCE
                    2001:db8:6:1::/64  203.0.113.1  2048-2111   1,204  2026-09-21T14:13:20Z
                    2001:db8:6:2::/64  203.0.113.1  1024-1087       0  2026-09-21T14:14:20Z
                    2001:db8:6:2::/64  203.0.113.2  1024-1087       3  2026-09-21T14:14:21Z

                    """
            )
        }
    }

    @Test(
        "LOG-11 a slice may be longer than asked for: all of it is shown, and --limit holds",
        arguments: [1, 2, 3, 9]
    )
    func limit(count: Int) throws {
        let run = bench.ctl("blocks", "--limit", "\(count)", "--json")
        let page = try WireFormat.decode(PortBlockPage.self, from: Array(run.out.utf8))
        #expect(page.blocks == Array(FakeAppliance.blocks.prefix(count)))
        #expect(bench.ctl("blocks", "--limit", "\(count)").out.split(separator: "\n").count == 1 + min(count, 3))
    }

    @Test("the options are the filter of the request, and no block is said")
    func filter() {
        #expect(bench.ctl("blocks", "--external", "203.0.113.1:2050", "--client", "2001:db8:6::/48").code == 0)
        let filter = bench.appliance.filters.withLock { $0.last }
        #expect(filter?.external == "203.0.113.1:2050" && filter?.client == "2001:db8:6::/48")
        let none = bench.ctl("blocks", "--client", "2001:db8::1")
        #expect(none.code == 0 && none.out == "" && none.err == "no blocks\n")
    }

    @Test(
        "LOG-11 the daemon says who has a port now, and at a time since the block was taken",
        arguments: ["", "json"]
    )
    func now(how: String) throws {
        for at in [[], ["--at", "2026-09-21T14:13:20Z"], ["--at", "1790000001"]] {
            let words = ["blocks", "holder", "203.0.113.1:2050"] + at + (how.isEmpty ? [] : ["--json"])
            let run = Run.of(words, environment: Environment(socket: bench.path))
            #expect(run.code == 0 && run.err == "")
            guard how.isEmpty else {
                let holder = try WireFormat.decode(PortOwner.self, from: Array(run.out.utf8))
                #expect(holder.client == "2001:db8:6:1::/64" && holder.source == .block)
                continue
            }
            #expect(
                run.out
                    == "2001:db8:6:1::/64 has 203.0.113.1:2050 since 2026-09-21T14:13:20Z, with ports 2048-2111\n"
            )
        }
    }

    private static let journal = """
        port blocks: none is taken at time=1780000000
        port block taken time=1780000100 client=2001:db8:6:7::/64 address=203.0.113.1 ports=2048-2111
        port block given back time=1780000200 client=2001:db8:6:7::/64 address=203.0.113.1 ports=2048-2111
        """

    @Test("LOG-11 who had a port before is looked up in the journal on standard input")
    func before() throws {
        let run = bench.ctl(
            "blocks",
            "holder",
            "203.0.113.1:2050",
            "--at",
            "1780000150",
            "--journal",
            "--json",
            input: Self.journal
        )
        #expect(run.code == 0, "\(run.err)")
        let holder = try WireFormat.decode(PortOwner.self, from: Array(run.out.utf8))
        #expect(holder.client == "2001:db8:6:7::/64" && holder.source == .journal && holder.ports == "2048-2111")
        #expect(holder.since?.seconds == 1_780_000_100 && holder.external == "203.0.113.1:2050")
        let later = bench.ctl(
            "blocks",
            "holder",
            "203.0.113.1:2050",
            "--journal",
            "--at",
            "1780000200",
            input: Self.journal
        )
        #expect(later.code == 1 && later.err.contains("knows of nobody who has 203.0.113.1:2050 then"))
    }

    @Test("LOG-11 with the journal at hand no daemon is needed; without it that is 3")
    func offline() {
        let nowhere = Environment(socket: "/nonexistent/control.sock")
        let asked = ["blocks", "holder", "203.0.113.1:2050", "--at", "1780000150"]
        let run = Run.of(asked + ["--journal"], environment: nowhere, input: Self.journal)
        #expect(run.code == 0)
        #expect(
            run.out == "2001:db8:6:7::/64 has 203.0.113.1:2050 since 2026-05-28T20:28:20Z, with ports 2048-2111\n"
        )
        #expect(Run.of(asked, environment: nowhere, input: Self.journal).code == 3)
    }

    @Test(
        "LOG-11 with a time journalctl is asked for the day before it, whether the daemon knows nobody or does not run"
    )
    func journalctl() throws {
        let script = "\(bench.folder.path)/journalctl"
        let body = """
            test "$*" = "--output=cat --unit=nat64-appliance --since=@1779913150 --until=@1780000750" || exit 2
            echo "port blocks: none is taken at time=1780000000"
            printf "port block taken time=1780000100 client=2001:db8:6:7::/64 address=203.0.113.9 ports=2048-2111"
            """
        let file = try #require(fopen(script, "we"))
        defer { unlink(script) }
        fputs(body, file)
        fclose(file)
        let nowhere = Environment(socket: "/nonexistent/control.sock")
        for environment in [Environment(socket: bench.path), nowhere] {
            func holder(_ external: String, _ time: String, _ program: String) -> Run {
                Run.of(["blocks", "holder", external, "--at", time], environment: environment, journal: program)
            }
            let found = holder("203.0.113.9:2050", "1780000150", "sh \(script)")
            #expect(found.code == 0 && found.err == "", "\(found.err)")
            #expect(
                found.out == "2001:db8:6:7::/64 has 203.0.113.9:2050 since 2026-05-28T20:28:20Z, with ports 2048-2111\n"
            )
            let nobody = holder("203.0.113.9:1", "1780000150", "sh \(script)")
            #expect(nobody.code == 1 && nobody.err.contains("the journal knows of nobody who has 203.0.113.9:1 then"))
            // What is not read to its end says nothing of who had a port.
            let unread = holder("203.0.113.9:2050", "1780000149", "sh \(script)")
            #expect(unread.code == 3 && unread.err.contains("the journal cannot be read with journalctl"))
        }
    }

    @Test("a port that nobody has is 1, what is no port or no time is 2")
    func refusals() {
        let nobody = bench.ctl("blocks", "holder", "203.0.113.9:2050")
        #expect(nobody.code == 1 && nobody.err.contains("No client network has 203.0.113.9:2050 now."))
        #expect(bench.ctl("blocks", "holder", "192.0.2.1", "--journal", input: Self.journal).code == 2)
        #expect(bench.ctl("blocks", "holder", "203.0.113.1:2050", "--at", "yesterday").code == 2)
        let answer = bench.raw("GET /v1/port-holder?external=203.0.113.1:1&time=x HTTP/1.1\r\nhost: a\r\n\r\n")
        #expect(codes(answer) == [400] && answer.contains("seconds since 1970"))
        #expect(codes(bench.raw("GET /v1/port-holder HTTP/1.1\r\nhost: a\r\n\r\n")) == [400])
    }
}

@Suite("Times")
struct UTCTimeTests {
    @Test(
        "a moment is written as RFC 3339 has it and read back",
        arguments: [
            (0, "1970-01-01T00:00:00Z"), (951_782_399, "2000-02-28T23:59:59Z"), (951_782_400, "2000-02-29T00:00:00Z"),
            (1_790_000_000, "2026-09-21T14:13:20Z"), (4_107_542_399, "2100-02-28T23:59:59Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"), (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] as [(UInt64, String)]
    )
    func spelling(seconds: UInt64, text: String) {
        #expect("\(UTCTime(seconds: seconds))" == text)
        #expect(UTCTime(text)?.seconds == seconds && UTCTime("\(seconds)")?.seconds == seconds)
    }

    @Test("every day of four centuries is read as it is written")
    func days() {
        for day in 0..<146_097 as Range<UInt64> {
            let time = UTCTime(seconds: day * 86_400 + day % 86_400)
            #expect(UTCTime("\(time)") == time)
        }
    }

    @Test(
        "what is no time is none",
        arguments: [
            "", "x", "-1", "253402300800", "18446744073709551616", "2026-02-29T00:00:00Z", "2026-04-31T00:00:00Z",
            "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:60:00Z",
            "2026-01-01T00:00:60Z", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00", "1969-12-31T23:59:59Z",
            "2026-1-001T00:00:00Z", "2026-01-01T00:00:+0Z", "2026T01-01T00:00:00Z", "2026-01-01T00-00-00Z",
        ]
    )
    func unreadable(text: String) { #expect(UTCTime(text) == nil) }
}
