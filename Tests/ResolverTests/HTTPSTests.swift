import DNS64
import Glibc
import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing
import Timing

@Suite("DNS over HTTPS over real sockets, RFC 8484")
struct HTTPSTests {
    private func path(_ name: String, _ type: UInt16 = Message.aaaa) -> String {
        "/dns-query?dns=" + base64url(Message.question(name, type, id: 0))
    }

    @Test("ENC-04 questions of GET and POST are answered over HTTP/2, many at a time, in any order")
    func both() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2", "http/1.1"])
            #expect(client.protocolName == "h2")
            client.sendRaw(
                HTTP2.begin + HTTP2.get(path("held.test", Message.a), stream: 1)
                    + HTTP2.get(path("six.test"), stream: 3)
                    + HTTP2.post(Message.question("four.test", Message.aaaa), stream: 5)
                    + HTTP2.get("/other", stream: 7)
            )
            let first = HTTP2.frames(client.octets { HTTP2.hasEnded($0, streams: [3, 5, 7]) })
            #expect(HTTP2.message(first, stream: 3).flatMap { Message($0) }?.answers == ["AAAA 2606:64::6"])
            #expect(HTTP2.message(first, stream: 5).flatMap { Message($0) }?.answers == [synthetic])
            // Field 13: 404.
            #expect(first.first { $0.stream == 7 && $0.type == 1 }?.payload.first == 0x8D)
            #expect(HTTP2.message(first, stream: 1) == nil)
            bench.upstream.release()
            let all = HTTP2.frames(client.octets { HTTP2.hasEnded($0, streams: [1]) })
            #expect(HTTP2.message(all, stream: 1).flatMap { Message($0) }?.answers == ["A 5.6.7.8"])
            #expect(eventually { bench.resolver.status.questionsOverHTTPS == 3 })
            #expect(bench.resolver.status.refusedRequests == 1 && bench.resolver.status.connectionsOverHTTPS == 1)
        }
    }

    @Test("ENC-04 over HTTP/1.1 requests are answered one after the other, and what is none gets its status")
    func statuses() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            func status(_ request: String, _ body: [UInt8] = []) throws -> String {
                let client = try TLSClient(to: Bench.https, protocols: ["http/1.1"])
                client.sendRaw(Array((request + "host: x\r\nconnection: close\r\n\r\n").utf8) + body)
                let answer = String(decoding: client.octets { _ in false }, as: UTF8.self)
                return String(answer.split(separator: "\r\n").first ?? "")
            }
            let question = Message.question("four.test", Message.a)
            let type = "content-type: application/dns-message\r\n"
            #expect(try status("GET \(path("four.test")) HTTP/1.1\r\n") == "HTTP/1.1 200 OK")
            #expect(
                try status("POST /dns-query HTTP/1.1\r\n\(type)content-length: \(question.count)\r\n", question)
                    == "HTTP/1.1 200 OK"
            )
            #expect(try status("GET /x HTTP/1.1\r\n") == "HTTP/1.1 404 Not Found")
            #expect(try status("DELETE /dns-query HTTP/1.1\r\n") == "HTTP/1.1 405 Method Not Allowed")
            #expect(try status("GET /dns-query?dns=AAAA HTTP/1.1\r\n") == "HTTP/1.1 400 Bad Request")
            #expect(
                try status("POST /dns-query HTTP/1.1\r\ncontent-type: text/plain\r\ncontent-length: 0\r\n")
                    == "HTTP/1.1 415 Unsupported Media Type"
            )
            #expect(
                try status("POST /dns-query HTTP/1.1\r\n\(type)content-length: 70000\r\n")
                    == "HTTP/1.1 413 Payload Too Large"
            )
            #expect(eventually { bench.resolver.status.refusedRequests == 5 })
        }
    }

    @Test("ENC-04 targets with scheme and host are understood, no host or two are refused; RFC 9112")
    func targets() async throws {
        try await withEncryptedBench { (_: Bench, _: CertificateFiles) throws in
            func status(_ target: String, _ fields: String, version: String = "1.1") throws -> String {
                let client = try TLSClient(to: Bench.https, protocols: ["http/1.1"])
                let request = "GET \(target) HTTP/\(version)\r\n\(fields)connection: close\r\n\r\n"
                client.sendRaw(Array(request.utf8))
                let answer = String(decoding: client.octets { _ in false }, as: UTF8.self)
                return String(answer.split(separator: "\r\n").first?.dropFirst(9) ?? "")
            }
            let target = path("four.test")
            #expect(try status("https://dns.test" + target, "host: dns.test\r\n") == "200 OK")
            #expect(try status("HTTPS://[fd00::1]:443" + target, "host: x\r\n") == "200 OK")
            #expect(try status("http://dns.test" + target, "host: dns.test\r\n") == "404 Not Found")
            #expect(try status("https://dns.test", "host: dns.test\r\n") == "404 Not Found")
            #expect(try status("https:/" + target, "host: dns.test\r\n") == "404 Not Found")
            #expect(try status(target, "") == "400 Bad Request")
            #expect(try status(target, "host: x\r\nhost: y\r\n") == "400 Bad Request")
            #expect(try status(target, "", version: "1.0") == "200 OK")
        }
    }

    @Test("ENC-04 who waits for a word before it sends the body gets it, or the refusal; RFC 9110 section 10.1.1")
    func waitingForWord() async throws {
        try await withEncryptedBench { (_: Bench, _: CertificateFiles) throws in
            let question = Message.question("four.test", Message.a)
            func statuses(_ client: TLSClient, _ count: Int) -> [Substring] {
                func found(_ octets: [UInt8]) -> [Substring] {
                    let text = String(decoding: octets, as: UTF8.self)
                    return text.ranges(of: "HTTP/1.1 ").map { text[$0.upperBound...].prefix { $0 != "\r\n" } }
                }
                return found(client.octets { found($0).count >= count })
            }
            func begin(_ type: String) throws -> TLSClient {
                let client = try TLSClient(to: Bench.https, protocols: ["http/1.1"])
                let head = "POST /dns-query HTTP/1.1\r\nhost: x\r\nexpect: 100-Continue\r\ncontent-type: \(type)\r\n"
                client.sendRaw(Array((head + "content-length: \(question.count)\r\n\r\n").utf8))
                return client
            }
            let client = try begin("application/dns-message")
            #expect(statuses(client, 1) == ["100 Continue"])
            client.sendRaw(question)
            #expect(statuses(client, 2).last == "200 OK")
            // The connection goes on.
            client.sendRaw(Array("GET \(path("four.test")) HTTP/1.1\r\nhost: x\r\n\r\n".utf8))
            #expect(statuses(client, 3) == ["100 Continue", "200 OK", "200 OK"])
            let other = try begin("text/plain")
            #expect(statuses(other, 1) == ["415 Unsupported Media Type"])
            #expect(other.isClosedByPeer())
        }
    }

    @Test("ENC-04 a body that is longer than a message and does not say so first is refused when it is too long")
    func longBody() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["http/1.1"])
            let head = "POST /dns-query HTTP/1.1\r\nhost: x\r\ncontent-type: application/dns-message\r\n"
            client.sendRaw(Array((head + "transfer-encoding: chunked\r\n\r\n").utf8))
            for _ in 0..<9 { client.sendRaw(Array("2000\r\n".utf8) + [UInt8](repeating: 0, count: 8192) + [13, 10]) }
            let answer = String(decoding: client.octets { $0.count > 20 }, as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 413 "))
            #expect(client.isClosedByPeer())
            #expect(eventually { bench.resolver.status.connectionsOverHTTPS == 0 })
        }
    }

    @Test("ENC-05 a denial has status 200 and its freshness")
    func freshness() async throws {
        try await withEncryptedBench { (_: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["http/1.1"])
            client.sendRaw(Array("GET \(path("four.test", Message.txt)) HTTP/1.1\r\nhost: x\r\n\r\n".utf8))
            let answer = String(decoding: client.octets { $0.count > 60 }, as: UTF8.self).lowercased()
            #expect(answer.hasPrefix("http/1.1 200 ok\r\n") && answer.contains("cache-control: max-age=300\r\n"))
            #expect(answer.contains("content-type: application/dns-message\r\n"))
        }
    }

    @Test("a client that asks and resets, again and again, is ended and counted, and harms no other")
    func rapidReset() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2"])
            client.sendRaw(HTTP2.begin)
            for number in 0..<400 {
                let stream = UInt32(2 * number + 1)
                client.sendRaw(HTTP2.get(path("held\(number).test"), stream: stream) + HTTP2.reset(stream: stream))
            }
            #expect(client.isClosedByPeer())
            #expect(eventually { bench.resolver.status.endedFloods == 1 })
            try expectService(bench)
        }
    }

    @Test("more streams than one may have are refused one by one, those within are answered")
    func tooManyStreams() async throws {
        try await withEncryptedBench({ settings in settings.tcp.questionsPerConnection = 4 }) {
            (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2"])
            let streams = (0..<6).map { UInt32(2 * $0 + 1) }
            client.sendRaw(HTTP2.begin)
            // Our limit is in force once the client has acknowledged it (RFC 9113 section 6.5.3).
            _ = client.octets { HTTP2.frames($0).contains { $0.type == 4 && $0.flags == 0 } }
            client.sendRaw(HTTP2.frame(4, flags: 1, stream: 0, []))
            for stream in streams { client.sendRaw(HTTP2.get(path("held\(stream).test", Message.a), stream: stream)) }
            _ = client.octets { octets in HTTP2.frames(octets).contains { $0.type == 3 || $0.type == 7 } }
            bench.upstream.release()
            let seen = HTTP2.frames(client.octets { HTTP2.hasEnded($0, streams: Array(streams[..<4])) })
            let answered = streams.filter { HTTP2.message(seen, stream: $0) != nil }
            #expect(answered.allSatisfy { streams[..<4].contains($0) })
            try expectService(bench)
        }
    }

    @Test("fields without end are refused before they are kept, and the connection is ended and counted")
    func headerFlood() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2"])
            client.sendRaw(HTTP2.begin + HTTP2.frame(1, flags: 0, stream: 1, HTTP2.fields([(":method", "GET")])))
            for _ in 0..<200 {
                let fields = HTTP2.fields([("x", String(repeating: "y", count: 8_000))])
                client.sendRaw(HTTP2.frame(9, flags: 0, stream: 1, fields))
            }
            #expect(client.isClosedByPeer())
            #expect(eventually { bench.resolver.status.endedFloods == 1 })
            try expectService(bench)
        }
    }

    @Test("a flood of PING frames is ended and counted")
    func pingFlood() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2"])
            client.sendRaw(HTTP2.begin)
            let ping = HTTP2.frame(6, flags: 0, stream: 0, [UInt8](repeating: 7, count: 8))
            for _ in 0..<20 { client.sendRaw((0..<50).flatMap { _ in ping }) }
            #expect(client.isClosedByPeer())
            #expect(eventually { bench.resolver.status.endedFloods == 1 })
            try expectService(bench)
        }
    }

    @Test("what is no HTTP/2 ends its own connection, at the latest when its time is over", arguments: [0, 1, 2])
    func garbage(kind: Int) async throws {
        try await withEncryptedBench({ settings in settings.tcp.idle = .seconds(10) }) {
            (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.https, protocols: ["h2"])
            switch kind {
            case 0: client.sendRaw([UInt8](repeating: 0xFF, count: 2_000))
            // A frame longer than it may be (RFC 9113 section 4.2).
            case 1: client.sendRaw(HTTP2.begin + [0xFF, 0xFF, 0xFF, 1, 4, 0, 0, 0, 1] + [0, 0, 0])
            // A stream of the server's own.
            default: client.sendRaw(HTTP2.begin + HTTP2.get(path("four.test"), stream: 2))
            }
            #expect(client.isClosedByPeer())
            try expectService(bench)
        }
    }

    private func expectService(_ bench: Bench) throws {
        let client = try TLSClient(to: Bench.https, protocols: ["h2"], from: "127.0.0.77")
        client.sendRaw(HTTP2.begin + HTTP2.get(path("four.test"), stream: 1))
        let frames = HTTP2.frames(client.octets { HTTP2.hasEnded($0, streams: [1]) })
        #expect(HTTP2.message(frames, stream: 1).flatMap { Message($0) }?.answers == [synthetic])
    }
}
