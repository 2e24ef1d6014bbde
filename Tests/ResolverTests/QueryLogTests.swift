import DNS64
import DNSWire
import FoundationEssentials
import Glibc
import IPAddressing
import Linux
import Testing
import Timing

@testable import Resolver

/// A line of the query log, as far as these tests look at it.
private struct Line: Decodable {
    struct Answer: Decodable, Equatable {
        var Rdata: String
        var `Type`: String
        var Class: String
        var Ttl: Int
    }

    var version: String
    var node: String
    var ts: String
    var view: String
    var srcaddr: String
    var srcport: Int?
    var transport: String
    var query_name: String?
    var query_type: String?
    var query_class: String?
    var rcode: String?
    var ede: Int?
    var answers: [Answer]?
    var prefix: String?
    var from_a: [String]?
    var cache: String?
    var dns64: String?
    var dns64_reason: String?
    var refused: String?
    var rule: String?
    var filter_rule: String?
    var filter_action: String?
    var profile: String?
    var upstream: String?
    var upstream_source: String?
    var us: Int
    var bytes: Int
}

@Suite("The query log")
struct QueryLogTests {
    /// Settings that log everything into a file, which is not there yet.
    private func logging(to path: String, _ change: (inout QueryLogSettings) -> Void = { _ in }) -> ResolverSettings {
        var settings = settings()
        var log = QueryLogSettings(to: .file(path))
        change(&log)
        settings.queryLog = log
        return settings
    }

    private func freshPath() -> String { "/tmp/query-log-\(getpid())-\(UInt64.random(in: 0...UInt64.max))" }

    private func octets(_ path: String) -> [UInt8] { (try? WholeFile.read(path, limit: 64 << 20)) ?? [] }

    /// The lines of a file once there are so many.
    private func lines(_ path: String, _ count: Int) throws -> [Line] {
        #expect(eventually { octets(path).count { $0 == UInt8(ascii: "\n") } >= count })
        return try octets(path).split(separator: UInt8(ascii: "\n")).map { line in
            #expect(line.allSatisfy { (0x20...0x7E).contains($0) })
            return try JSONDecoder().decode(Line.self, from: Data(line))
        }
    }

    private func count(_ name: ResolverCount, _ bench: Bench) -> UInt64 { bench.resolver.status.counts[name] ?? 0 }

    @Test("F18-T1 F18-T2 two equal questions are two lines, miss and hit, with what the answer was made of and by whom")
    func missAndHit() async throws {
        let path = freshPath()
        defer { unlink(path) }
        var settings = logging(to: path)
        settings.dns64.rules = [
            ForwardingRule(domain: known(Name("test")), action: .ask([UpstreamAddress(endpoint("127.0.0.101:53"))]))
        ]
        try await withBench(settings) { (bench: Bench) throws in
            for _ in 0..<2 { #expect(try answers("four.test", at: Bench.at) == [synthetic]) }
            let stream = try Stream(to: Bench.at)
            stream.send(Message.question("six.test", Message.aaaa))
            #expect(stream.receive()?.code == 0)
            let all = try lines(path, 3)
            #expect(all.map(\.cache) == ["miss", "hit", "miss"])
            #expect(all.map(\.dns64) == ["synth", "synth", "none"])
            #expect(all.map(\.dns64_reason) == ["synthesized", "synthesized", "native"])
            #expect(all.map(\.transport) == ["udp", "udp", "tcp"])
            #expect(all.map(\.upstream) == ["127.0.0.101:53", nil, "127.0.0.101:53"])
            #expect(all.map(\.profile) == ["udp", nil, "udp"])
            #expect(all.map(\.upstream_source) == ["127.0.0.1", nil, "127.0.0.1"])
            #expect(all.allSatisfy { $0.rule == "test." && $0.version == "2.0" && $0.view == "default" })
            #expect(all.allSatisfy { $0.srcaddr == "127.0.0.1" && ($0.srcport ?? 0) > 0 && $0.rcode == "NOERROR" })
            let first = try #require(all.first)
            #expect([first.query_name, first.query_type, first.query_class] == ["four.test.", "AAAA", "IN"])
            #expect(first.answers?.map { [$0.Rdata, $0.Type, $0.Class] } == [["64:ff9b::506:708", "AAAA", "IN"]])
            #expect(first.prefix == "64:ff9b::/96")
            #expect(first.from_a == ["5.6.7.8"])
            #expect(first.ts.count == 27 && first.ts.hasPrefix("20") && first.ts.hasSuffix("Z"))
            #expect(first.bytes > 40)
            #expect(count(.logged, bench) == 3 && count(.notLogged, bench) == 0)
        }
    }

    @Test("F18-T2 F19-T1 the line names the rule, the filter, the upstream's profile, and why DNS64 did what it did")
    func decisions() async throws {
        let path = freshPath()
        defer { unlink(path) }
        var settings = logging(to: path)
        let upstream = UpstreamAddress(endpoint("127.0.0.101:53"), source: known(IPAddress("127.0.0.1")))
        settings.dns64.rules = [
            ForwardingRule(domain: known(Name("test")), action: .ask([upstream])),
            ForwardingRule(domain: known(Name("5.in-addr.arpa")), action: .ask([upstream])),
            ForwardingRule(domain: known(Name("gone.test")), action: .block),
        ]
        settings.dns64.nameFilters = [
            NameFilter(name: known(Name("bad.test")), action: .nameError),
            NameFilter(name: known(Name("good.test")), action: .allow),
        ]
        settings.dns64.addressFilters = [
            AddressFilter(prefix: known(IPPrefix("5.6.7.0/24")), action: .override([known(IPAddress("192.0.2.1"))]))
        ]
        settings.dns64.excludedDomains = [known(Name("good.test"))]
        settings.dns64.localRecords = [LocalRecord(name: known(Name("here.test")), type: .a, data: [9, 8, 7, 6])]
        try await withBench(settings) { (bench: Bench) throws in
            func line(_ name: String, _ type: UInt16) throws -> Line {
                _ = try #require(try ask(name, type, at: Bench.at))
                let place = Int(count(.logged, bench))
                return try #require(try lines(path, place).last)
            }
            let byName = try line("www.bad.test", Message.a)
            #expect([byName.filter_rule, byName.filter_action, byName.rcode] == ["bad.test.", "nxdomain", "NXDOMAIN"])
            #expect(byName.cache == nil && byName.upstream == nil)
            let byAddress = try line("four.test", Message.a)
            #expect([byAddress.filter_rule, byAddress.filter_action] == ["5.6.7.0/24", "override"])
            #expect(byAddress.cache == "miss" && byAddress.answers?.map(\.Rdata) == ["192.0.2.1"])
            for _ in 0..<2 {
                let allowed = try line("tc.good.test", Message.aaaa)
                #expect([allowed.filter_rule, allowed.filter_action] == ["good.test.", "allow"])
                #expect([allowed.dns64, allowed.dns64_reason] == ["excluded", "excluded-domain"])
                #expect(allowed.profile == (allowed.cache == "miss" ? "tcp" : nil))
                #expect(allowed.upstream_source == (allowed.cache == "miss" ? "127.0.0.1" : nil))
            }
            let here = try line("here.test", Message.aaaa)
            #expect([here.cache, here.rule, here.answers?.first?.Rdata] == ["local", "test.", "64:ff9b::908:706"])
            #expect([here.dns64, here.dns64_reason, here.prefix] == ["synth", "synthesized-own", "64:ff9b::/96"])
            #expect(here.from_a == ["9.8.7.6"])
            let own = try line("here.test", Message.a)
            #expect(own.cache == "local" && own.dns64 == nil && own.prefix == nil)
            let gone = try line("www.gone.test", Message.a)
            #expect([gone.cache, gone.rule, gone.rcode] == ["local", "gone.test.", "NXDOMAIN"])
            let pointer = "8.0.7.0.6.0.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa"
            for cache in ["miss", "hit"] {
                let reverse = try line(pointer, 12)
                #expect([reverse.dns64, reverse.dns64_reason] == ["ptr", "reverse"])
                #expect([reverse.rule, reverse.cache] == ["5.in-addr.arpa.", cache])
            }
        }
    }

    @Test(
        "the time of a line is that of RFC 3339, with all six digits of its microseconds",
        arguments: [
            (0, "1970-01-01T00:00:00.000000Z"), (951_868_799_999_999, "2000-02-29T23:59:59.999999Z"),
            (1_790_000_000_000_420, "2026-09-21T14:13:20.000420Z"),
        ] as [(UInt64, String)]
    )
    func times(microseconds: UInt64, text: String) { #expect(QueryLine.timestamp(microseconds) == text) }

    @Test("F18-T1 what gets no answer has a line too, which says why")
    func silence() async throws {
        let path = freshPath()
        defer { unlink(path) }
        var settings = logging(to: path)
        settings.dns64.questionsPerSecond = 1
        settings.dns64.dropsOverLimit = true
        try await withBench(settings) { (bench: Bench) throws in
            let socket = try UDPSocket(connectedTo: Bench.at)
            var reply = Message.question("reply.test", Message.a)
            reply[2] |= 0x80
            try send(reply, on: socket)
            try send([1, 2, 3], on: socket)
            _ = try lines(path, 2)
            let stream = try Stream(to: Bench.at)
            stream.send(reply)
            #expect(stream.receive() == nil)
            let lines = try lines(path, 3)
            #expect(lines.map(\.refused) == ["not-a-question", "too-short", "not-a-question"])
            #expect(lines.map(\.query_name) == ["reply.test.", nil, "reply.test."])
            #expect(lines.allSatisfy { $0.rcode == nil && $0.answers == nil && $0.bytes == 0 && $0.cache == nil })
            var last: Line?
            // Which question is one too many depends on the time that all of them take.
            #expect(
                try eventually {
                    for _ in 0..<50 { try send(Message.question("over.test", Message.a), on: socket) }
                    last = try self.lines(path, Int(count(.logged, bench))).last { $0.refused != nil }
                    return last?.refused == "over-rate"
                }
            )
            #expect(last?.query_name == "over.test.")
            #expect(last?.rcode == nil && last?.bytes == 0)
        }
    }

    @Test("F18-T4 whatever octets a name has, its line is one JSON object that gives them back")
    func hostileNames() async throws {
        let path = freshPath()
        defer { unlink(path) }
        try await withBench(logging(to: path)) { (_: Bench) throws in
            let socket = try UDPSocket(connectedTo: Bench.at)
            for octet in UInt8.min...UInt8.max {
                // RD=0: no upstream is asked what a name may be that it would take apart at the dots in labels.
                let header: [UInt8] = [0, octet, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
                let name: [UInt8] = [7, octet, octet, 0x22, 0x5C, 0x0A, 0, octet, 4] + Array("test".utf8) + [0]
                try send(header + name + [0, 1, 0, 1], on: socket)
                #expect(try hear(socket) != nil)
            }
            let names = try lines(path, 256).compactMap(\.query_name)
            #expect(names.count == 256)
            #expect(names[0x41] == #"AA"\\\010\000A.test."#)
            #expect(names[0xFF] == #"\255\255"\\\010\000\255.test."#)
            #expect(names[0x2E] == #"\.\."\\\010\000\..test."#)
        }
    }

    @Test("F18-T3 while nobody reads the FIFO, or the disk is full, all are answered and what is not logged is counted")
    func blockedTarget() async throws {
        for target in ["fifo", "/dev/full"] {
            let path = target == "fifo" ? freshPath() : target
            if target == "fifo" { mkfifo(path, 0o600) }
            defer { if target == "fifo" { unlink(path) } }
            // Somebody has the FIFO open and reads nothing, so that it fills.
            let reader = target == "fifo" ? open(path, O_RDONLY | O_NONBLOCK) : -1
            defer { if reader >= 0 { close(reader) } }
            try await withBench(logging(to: path) { $0.buffer = 64 << 10 }) { (bench: Bench) throws in
                #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
                for _ in 0..<4000 { #expect(try ask("four.test", Message.a, at: Bench.at) != nil) }
                #expect(count(.notLogged, bench) > 0)
                #expect(count(.logged, bench) + count(.notLogged, bench) == 4001)
                func isTold() -> Bool {
                    bench.events.list.contains {
                        guard case .cannotWriteQueryLog = $0 else { return false }
                        return true
                    }
                }
                #expect(target == "fifo" ? !isTold() : eventually(isTold))
                #expect((bench.resolver.status.queryLogProblem != nil) == (target != "fifo"))
            }
        }
    }

    @Test("F18-T5 the log is switched on and off while the resolver runs, and a file that was moved away is made anew")
    func switching() async throws {
        let (path, moved) = (freshPath(), freshPath())
        defer {
            unlink(path)
            unlink(moved)
        }
        let on = logging(to: path) { $0.ipv4Length = 8 }
        try await withBench { (bench: Bench) throws in
            #expect(try answers("four.test", Message.a, at: Bench.at) == ["A 5.6.7.8"])
            #expect(bench.resolver.apply(settings: on).isEmpty)
            func log(_ name: String, _ count: Int, in path: String) throws {
                // Workers take settings up a moment later.
                #expect(
                    try eventually {
                        _ = try ask(name, Message.a, at: Bench.at)
                        return octets(path).count { $0 == UInt8(ascii: "\n") } >= count
                    }
                )
            }
            try log("one.test", 1, in: path)
            #expect(try lines(path, 1).first?.srcaddr == "127.0.0.0")
            rename(path, moved)
            #expect(bench.resolver.apply(settings: on).isEmpty)
            try log("two.test", 1, in: path)
            #expect(bench.resolver.apply(settings: settings()).isEmpty)
            #expect(
                try eventually {
                    let before = count(.logged, bench)
                    _ = try ask("three.test", Message.a, at: Bench.at)
                    return count(.logged, bench) == before
                }
            )
        }
    }

    @Test("F18 with one in ten about a tenth is logged, and a refused client's line says so")
    func sampling() async throws {
        let path = freshPath()
        defer { unlink(path) }
        try await withBench(logging(to: path) { $0.oneIn = 10 }, policy: policy(clients: [])) { (bench: Bench) throws in
            for _ in 0..<2000 { #expect(try answers("four.test", Message.a, at: Bench.at) == ["CODE 5"]) }
            // Of 2000 at one in ten, 200 with a deviation of 13.
            #expect((100...320).contains(count(.logged, bench)))
            let line = try #require(try lines(path, 1).first)
            #expect(line.refused == "refused-client")
            #expect(line.rcode == "REFUSED")
        }
    }
}
