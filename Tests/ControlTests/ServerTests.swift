import Control
import ControlAPI
import Synchronization
import Testing

@Suite("The control socket, octet by octet")
struct ServerTests {
    private static let host = "host: x\r\n"

    @Test("a report comes with its length and its media type, and is the report")
    func status() throws {
        let bench = try Bench()
        let answer = bench.raw("GET /v1/status HTTP/1.1\r\n\(Self.host)\r\n")
        let parts = answer.split(separator: "\r\n\r\n", maxSplits: 1)
        let body = Array((parts.last ?? "").utf8)
        #expect(parts.first?.contains("content-length: \(body.count)") == true)
        #expect(parts.first?.contains("content-type: application/json") == true)
        #expect(try WireFormat.decode(StatusReport.self, from: body) == .working)
    }

    @Test("requests sent in one go are answered in their order")
    func pipelining() throws {
        let bench = try Bench()
        let answer = bench.raw(
            "GET /v1/version HTTP/1.1\r\n\(Self.host)\r\nGET /none HTTP/1.1\r\n\(Self.host)\r\n"
                + "PUT /v1/views HTTP/1.1\r\n\(Self.host)content-length: 49\r\n\r\n"
                + #"{"network":"2001:db8:6:2::/64","synthesize":true}"#
                + "DELETE /v1/status HTTP/1.1\r\n\(Self.host)\r\nGET /v1/version HTTP/1.1\r\n\(Self.host)connection: close\r\n\r\n"
        )
        #expect(codes(answer) == [200, 404, 200, 405, 200])
    }

    @Test(
        "thousands of requests in one go are answered without getting ever deeper",
        arguments: ["/none", "/v1/version"]
    )
    func flood(path: String) throws {
        let bench = try Bench()
        let answer = bench.raw(String(repeating: "GET \(path) HTTP/1.1\r\n\r\n", count: 3_000))
        #expect(codes(answer).count == 3_000)
    }

    @Test("a request that comes one octet at a time is a request")
    func dribble() throws {
        let bench = try Bench()
        let line = RawLine(bench.path)
        for octet in "GET /v1/version HTTP/1.1\r\n\(Self.host)connection: close\r\n\r\n" { line.send(String(octet)) }
        #expect(line.readAll().hasSuffix("{\"api\":\"v1\",\"version\":\"1.4.0\"}\n"))
    }

    @Test(
        "what is not HTTP gets a problem in JSON and the door",
        arguments: [
            "\u{16}\u{3}\u{1}\u{2}\r\n\r\n", "hello\r\n\r\n", "GET / HTTP/3.0\r\n\r\n", "GET /v1/status\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nhost x\r\n\r\n",
            "GET /v1/status HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
            "POST /v1/reload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nnonsense\r\n",
        ]
    )
    func garbage(request: String) throws {
        let bench = try Bench()
        let answer = bench.raw(request)
        #expect(codes(answer) == [400], "\(answer)")
        #expect(answer.contains("content-type: application/problem+json"))
        #expect(answer.contains("connection: close"))
        #expect(codes(bench.raw("GET /v1/version HTTP/1.1\r\n\(Self.host)\r\n")) == [200])
    }

    @Test("a good request before garbage is answered")
    func goodThenGarbage() throws {
        let bench = try Bench()
        #expect(codes(bench.raw("GET /v1/version HTTP/1.1\r\n\(Self.host)\r\n\u{1}\u{1}\r\n\r\n")).first == 200)
    }

    @Test("an offer to upgrade is passed over: the request is answered and the connection closed")
    func upgrade() throws {
        let bench = try Bench()
        let line = RawLine(bench.path)
        line.send(
            "GET /v1/version HTTP/1.1\r\n\(Self.host)connection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
                + "http2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n"
        )
        let answer = line.readAll()
        #expect(codes(answer) == [200] && answer.contains("connection: close"))
    }

    @Test("header fields beyond 16 KiB, all together or one alone, are refused with 431")
    func header() throws {
        let bench = try Bench()
        let long = String(repeating: "x", count: 17 * 1_024)
        #expect(codes(bench.raw("GET /v1/status HTTP/1.1\r\n\(Self.host)a: \(long)\r\n\r\n")) == [431])
        let many = (0..<30).map { "a\($0): \(long.prefix(1_000))\r\n" }.joined()
        #expect(codes(bench.raw("GET /v1/status HTTP/1.1\r\n\(Self.host)\(many)\r\n")) == [431])
        #expect(codes(bench.raw("GET /\(long) HTTP/1.1\r\n\(Self.host)\r\n")) == [431])
    }

    @Test("a body beyond 64 KiB is refused with 413, announced or not")
    func body() throws {
        let bench = try Bench()
        let announced = bench.raw("PUT /v1/views HTTP/1.1\r\n\(Self.host)content-length: 70000\r\n\r\n")
        #expect(codes(announced) == [413])
        let line = RawLine(bench.path)
        line.send("PUT /v1/views HTTP/1.1\r\n\(Self.host)transfer-encoding: chunked\r\n\r\n")
        for _ in 0..<80 { line.send("400\r\n\(String(repeating: "x", count: 1_024))\r\n") }
        #expect(codes(line.readAll()) == [413])
    }

    @Test("405 names the methods that would be right, and HEAD is GET without its body")
    func methods() throws {
        let bench = try Bench()
        #expect(bench.raw("POST /v1/views HTTP/1.1\r\n\(Self.host)\r\n").contains("allow: GET, HEAD, PUT\r\n"))
        #expect(bench.raw("GET /v1/reload HTTP/1.1\r\n\(Self.host)\r\n").contains("allow: POST\r\n"))
        #expect(bench.raw("BREW /v1/views/x HTTP/1.1\r\n\(Self.host)\r\n").hasPrefix("HTTP/1.1 4"))
        let head = bench.raw("HEAD /v1/status HTTP/1.1\r\n\(Self.host)\r\n")
        #expect(head.hasPrefix("HTTP/1.1 200") && head.hasSuffix("\r\n\r\n"))
        #expect(!head.contains("content-length: 0"))
    }

    @Test(
        "a target that cannot be understood is refused with 400 and a reason",
        arguments: [
            ("/v1/status?x=1", "this path takes none"), ("/v1/sessions?clinet=x", "\\\"clinet\\\""),
            ("/v1/sessions?client=a&client=b", "comes twice"), ("/v1/sessions?client=%zz", "hexadecimal"),
            ("/v1/sessions?client=%", "hexadecimal"), ("/v1/sessions?client=%ff", "not text"),
            ("/v1/sessions?client=%00", "not text"), ("/v1/sessions?client=", "1 to 128"),
            ("/v1/sessions?limit=0", "1 to 5000"), ("/v1/sessions?limit=5001", "1 to 5000"),
            ("/v1/sessions?limit=-1", "1 to 5000"), ("/v1/sessions?limit=99999999999999999999", "1 to 5000"),
            ("/v1/sessions?protocol=sctp", "tcp, udp or icmp"), ("/v1/bindings?peer=192.0.2.1", "\\\"peer\\\""),
            ("/v1/sessions?client=nonsense", "is no prefix"), ("/v1/sessions?cursor=nonsense", "cursor"),
        ]
    )
    func badTargets(target: String, reason: String) throws {
        let bench = try Bench()
        let answer = bench.raw("GET \(target) HTTP/1.1\r\n\(Self.host)\r\n")
        #expect(codes(answer) == [400])
        #expect(answer.contains(reason), "\(answer)")
    }

    @Test("the filter reaches the appliance decoded, the state in RFC 6146's spelling")
    func filter() throws {
        let bench = try Bench()
        let answer = bench.raw(
            "GET /v1/sessions?client=2001%3adb8::%2F32&peer=192.0.2.0/24&external=203.0.113.1&protocol=tcp"
                + "&state=v4-fin+rcv HTTP/1.1\r\n\(Self.host)\r\n"
        )
        #expect(codes(answer) == [200])
        #expect(
            bench.appliance.filters.withLock { $0 } == [
                EntryFilter(
                    client: "2001:db8::/32",
                    peer: "192.0.2.0/24",
                    external: "203.0.113.1",
                    transport: "tcp",
                    state: "V4 FIN RCV"
                )
            ]
        )
    }

    @Test(
        "a view is switched by its path, with the slash encoded or not, and by the body",
        arguments: ["/v1/views/2001:db8:6:2::%2F64", "/v1/views/2001:db8:6:2::/64", "/v1/views"]
    )
    func views(path: String) throws {
        let bench = try Bench()
        let body =
            path == "/v1/views" ? #"{"network":"2001:db8:6:2::/64","synthesize":false}"# : #"{"synthesize":false}"#
        let answer = bench.raw("PUT \(path) HTTP/1.1\r\n\(Self.host)content-length: \(body.utf8.count)\r\n\r\n\(body)")
        #expect(codes(answer) == [200])
        let entry = #""network":"2001:db8:6:2::/64","origin":"runtime","questions":0,"rules":0,"synthesize":false}"#
        #expect(answer.contains(entry))
        let removal = "DELETE /v1/views/2001:db8:6:2::%2f64 HTTP/1.1\r\n\(Self.host)\r\n"
        let removed = bench.raw(removal)
        #expect(codes(removed) == [200] && !removed.contains("runtime"))
        #expect(codes(bench.raw(removal)) == [404])
    }

    @Test(
        "a body that is not the JSON that is wanted is refused with 400",
        arguments: ["", "{", "[]", "{\"network\":\"2001:db8::/64\"}", "{\"network\":1,\"synthesize\":true}", "\u{0}"]
    )
    func badBodies(body: String) throws {
        let bench = try Bench()
        let answer = bench.raw(
            "PUT /v1/views HTTP/1.1\r\n\(Self.host)content-length: \(body.utf8.count)\r\n\r\n\(body)"
        )
        #expect(codes(answer) == [400])
    }

    @Test("a configuration that is refused is 422 with every problem in its own line")
    func reload() throws {
        let bench = try Bench()
        let problems = ["appliance.toml:12: one", "appliance.toml:19: two"]
        bench.appliance.reloads.withLock {
            $0 = [ReloadReport(applied: false, changed: [], needsRestart: [], problems: problems)]
        }
        let answer = bench.raw("POST /v1/reload HTTP/1.1\r\n\(Self.host)content-length: 0\r\n\r\n")
        #expect(codes(answer) == [422])
        #expect(answer.contains(#""problems":["appliance.toml:12: one","appliance.toml:19: two"]"#))
        #expect(codes(bench.raw("POST /v1/reload HTTP/1.1\r\n\(Self.host)\r\n")) == [200])
    }
}
