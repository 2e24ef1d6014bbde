import Control
import ControlAPI
import Testing

@Suite("Prometheus text format 0.0.4")
struct MetricsTests {
    @Test(
        "every line is help, type or sample, in this order for every metric",
        arguments: [StatusReport.working, .degraded, .down]
    )
    func format(report: StatusReport) throws {
        let text = Metrics.text(report)
        #expect(text.hasSuffix("\n"))
        var name = ""
        var type = ""
        var seen: Set<String> = []
        var awaitsType = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() {
            if line.hasPrefix("# HELP ") {
                #expect(!awaitsType)
                name = String(line.split(separator: " ")[2])
                #expect(name.wholeMatch(of: /[a-z][a-z0-9_]*/) != nil, "\(line)")
                #expect(line.count > "# HELP \(name) ".count)
                #expect(seen.insert("# \(name)").inserted, "\(name) comes twice")
                awaitsType = true
            } else if line.hasPrefix("# TYPE ") {
                #expect(awaitsType)
                let words = line.split(separator: " ")
                #expect(words[2] == name)
                type = String(words[3])
                #expect(["counter", "gauge"].contains(type))
                #expect((type == "counter") == name.hasSuffix("_total"), "\(name)")
                awaitsType = false
            } else {
                let sample = try #require(
                    line.wholeMatch(
                        of: /([a-z0-9_]+)(\{(?:[a-z_]+="(?:[^"\\]|\\[\\"n])*",?)+\})? (NaN|[-+]?[0-9.e+-]+|[-+]Inf)/
                    ),
                    "\(line)"
                )
                #expect(!awaitsType)
                #expect(sample.1 == name, "\(line)")
                #expect(seen.insert("\(sample.1)\(sample.2 ?? "")").inserted, "\(line) comes twice")
                if type == "counter" { #expect(UInt64(sample.3) != nil, "\(line)") }
            }
        }
    }

    @Test(
        "F17 the numbers of the report stand under their names",
        arguments: [
            #"appliance_build{version="1.4.0"} 1"#, "appliance_uptime_seconds 273605",
            #"appliance_verdict{verdict="down"} 0"#,
            #"appliance_verdict{verdict="working"} 1"#, #"nat64_sessions{protocol="tcp"} 12000"#,
            "nat64_sessions_limit 262144", "nat64_sessions_made_total 1234567", #"nat64_bindings{protocol="udp"} 770"#,
            #"nat64_drops_total{reason="no-session"} 9210"#, #"nat64_drops_total{reason="pool-exhausted"} 0"#,
            #"nat64_packets_total{direction="6to4"} 81204113"#, #"nat64_bytes_total{direction="4to6"} 99771234567"#,
            #"nat64_pool_ports_in_use{addresses="203.0.113.0/28",ports="1024-65535"} 1888911"#,
            #"nat64_pool_ports{addresses="203.0.113.0/28",ports="1024-65535"} 3096576"#, "nat64_lock_waits_total 17",
            #"nat64_steering_hits_total{worker="0"} 80001204"#, #"nat64_steering_misses_total{worker="1"} 0"#,
            #"nat64_worker_lock_waits_total{worker="1"} 12"#, "nat64_uncounted_clients_total 0",
            #"nat64_route_in_place{device="nat64",prefix="64:ff9b::/96"} 1"#, "nat64_repairs_total 2",
            "nat64_followed_total 0",
            "nat64_uplink 1",
            "dns64_queries_total 4410200", "dns64_from_cache_total 3131242", "dns64_synthesized_total 1675876",
            #"dns64_refused_total{reason="not-a-client"} 12"#, "dns64_cache_bytes 3250586", "dns64_tcp_connections 6",
            "dns64_connections_refused_total 2", #"dns64_events_total{event="filtered"} 31"#,
            #"dns64_events_total{event="stale"} 0"#, #"dns64_questions_total{transport="udp"} 4401100"#,
            #"dns64_view_questions_total{view="2001:db8:6:2::/64"} 4100"#,
            #"dns64_view_questions_total{view="default"} 4406100"#,
            #"dns64_connections{transport="tls"} 2"#, "dns64_failed_handshakes_total 14",
            "dns64_refused_requests_total 5", "dns64_ended_floods_total 1",
            "dns64_certificate_expiry_timestamp_seconds 1800000000", "dns64_certificate_renewals_total 1",
            "dns64_certificate_files_usable 1", "dns64_recursor_up 1", "dns64_recursor_restarts_total 2",
            "dns64_recursor_hangs_total 1", "dns64_recursor_refused_total 7",
            "dns64_recursor_landlock 1",
            #"dns64_upstream_well{upstream="10.0.0.53:53"} 1"#,
            #"dns64_upstream_round_trip_seconds{upstream="10.0.0.53:53"} 0.01234"#,
            #"dns64_upstream_failures_total{upstream="10.0.0.53:53"} 3"#, #"nat64_state{state="running"} 1"#,
            #"nat64_state{state="failed"} 0"#,
        ]
    )
    func numbers(line: String) {
        #expect(Metrics.text(.working).split(separator: "\n").contains(line[...]))
    }

    @Test("what would end a label is written otherwise, and a number that is none is NaN")
    func escaping() {
        var report = StatusReport.working
        report.resolver.upstreams[0].address = "a\"b\\c\nd"
        report.resolver.upstreams[0].roundTripMilliseconds = .nan
        let text = Metrics.text(report)
        #expect(text.contains("dns64_upstream_round_trip_seconds{upstream=\"a\\\"b\\\\c\\nd\"} NaN\n"))
    }

    @Test("two upstreams with the same name do not make the page invalid")
    func twins() {
        var report = StatusReport.working
        report.resolver.upstreams[1].address = report.resolver.upstreams[0].address
        let lines = Metrics.text(report).split(separator: "\n").filter { $0.hasPrefix("dns64_upstream_well{") }
        #expect(lines.count == 1)
    }

    @Test("the server hands it out with the format's media type")
    func served() throws {
        let bench = try Bench()
        let answer = bench.raw("GET /metrics HTTP/1.0\r\n\r\n")
        #expect(answer.contains("content-type: text/plain; version=0.0.4; charset=utf-8\r\n"))
        #expect(answer.hasSuffix(Metrics.text(.working)))
    }
}
