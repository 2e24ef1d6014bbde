import ControlAPI
import Testing

@Suite("What follows from the numbers, F21")
struct DiagnosisTests {
    private static func findings(_ change: (inout StatusReport) -> Void) -> [Finding] {
        var report = StatusReport.working
        change(&report)
        return Diagnosis.findings(
            dataplane: report.dataplane,
            network: report.network,
            resolver: report.resolver,
            configuration: report.configuration
        )
    }

    @Test("a box in good order has no findings and works")
    func none() {
        #expect(Self.findings { _ in } == [])
        #expect(Verdict(of: []) == .working)
    }

    @Test("F21-T1 every broken part has a finding of its own, and the verdict follows from it")
    func each() {
        let cases: [(String, Verdict, (inout StatusReport) -> Void)] = [
            ("dataplane-failed", .down, { $0.dataplane.state = .failed }),
            ("pool-empty", .down, { $0.dataplane.pool = [] }),
            ("pool-nearly-exhausted", .degraded, { $0.dataplane.pool[0].portsInUse = 3_096_576 }),
            ("sessions-nearly-full", .degraded, { $0.dataplane.sessions.tcp = 262_000 }),
            ("bindings-nearly-full", .degraded, { $0.dataplane.bindings.limit = 10_000 }),
            ("route-missing", .down, { $0.network.routes[0].inPlace = false }),
            ("pool-address-missing", .down, { $0.network.poolAddresses[0].inPlace = false }),
            ("no-uplink", .degraded, { $0.network.uplink = nil }),
            ("forwarding", .down, { $0.network.forwarding = StatusReport.down.network.forwarding }),
            ("resolver-stopped", .down, { $0.resolver.state = .stopped }),
            ("no-listener", .down, { $0.resolver.sockets = [] }),
            (
                "not-listening", .degraded,
                { $0.resolver.listenProblems = StatusReport.degraded.resolver.listenProblems }
            ),
            ("no-upstream", .down, { $0.resolver.upstreams = [] }),
            ("upstream-failing", .degraded, { $0.resolver.upstreams[0].health = .failing }),
            (
                "all-upstreams-failing", .down,
                { $0.resolver.upstreams = [UpstreamStatus(address: "a", health: .failing, asked: 1, failures: 1)] }
            ),
            (
                "certificate-expires", .degraded,
                { $0.resolver.encryption?.certificate?.secondsLeft = 14 * 86_400 }
            ),
            ("certificate-expired", .degraded, { $0.resolver.encryption?.certificate?.secondsLeft = 0 }),
            ("certificate-for-another-name", .degraded, { $0.resolver.encryption?.certificate?.missingName = "x." }),
            (
                "certificate-without-addresses", .working,
                {
                    $0.resolver.encryption?.certificate?.missingAddresses = ["192.0.2.1"]
                }
            ),
            ("certificate-unusable", .degraded, { $0.resolver.encryption?.certificate?.problem = "a: no file" }),
            ("recursor-down", .degraded, { $0.resolver.recursor?.process = nil }),
            ("recursor-restarts", .degraded, { $0.resolver.recursor?.restartsOfLate = 3 }),
            ("reload-refused", .degraded, { $0.configuration.lastReload?.applied = false }),
        ]
        for (code, verdict, change) in cases {
            let findings = Self.findings(change)
            #expect(findings.map(\.code) == [code], "\(code)")
            #expect(Verdict(of: findings) == verdict, "\(code)")
            for finding in findings { #expect(finding.problem.hasSuffix(".") && !finding.remedy.isEmpty, "\(finding)") }
        }
    }

    @Test("a certificate that expires is told in days, the last of them as such")
    func days() {
        for (left, words) in [(14 * 86_400, "15 days"), (86_400, "2 days"), (86_399, "a day"), (1, "a day")] {
            let found = Self.findings { $0.resolver.encryption?.certificate?.secondsLeft = Int64(left) }
            #expect(found.map { $0.problem.hasSuffix("expires within \(words).") } == [true], "\(left)")
        }
        let later = Self.findings { $0.resolver.encryption?.certificate?.secondsLeft = 14 * 86_400 + 1 }
        #expect(later.isEmpty)
    }

    @Test("a rate over no time is none, so that the report can be written")
    func rates() throws {
        let traffic = Traffic(packets: 1, octets: 1, packetsPerSecond: .nan, octetsPerSecond: .infinity)
        #expect(traffic == Traffic(packets: 1, octets: 1))
        #expect(try String(decoding: WireFormat.encode(traffic), as: UTF8.self) == #"{"octets":1,"packets":1}"#)
    }

    @Test("the gravest finding stands first, others keep their order, and a note alone changes nothing")
    func order() {
        func finding(_ code: String, _ severity: Finding.Severity) -> Finding {
            Finding(code: code, severity: severity, problem: "p.", remedy: "r.")
        }
        let report = StatusReport.working.with(findings: [
            finding("a", .note), finding("b", .warning), finding("c", .failure), finding("d", .warning),
        ])
        #expect(report.findings.map(\.code) == ["c", "b", "d", "a"])
        #expect(report.verdict == .down)
        #expect(StatusReport.working.with(findings: [finding("a", .note)]).verdict == .working)
    }
}
