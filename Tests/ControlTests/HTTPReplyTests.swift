import ControlClient
import Testing

@Suite("Replies as the client reads them")
struct HTTPReplyTests {
    private static let replies: [(String, Int, String)] = [
        ("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", 200, "hi"),
        ("HTTP/1.1 204 No Content\r\n\r\n", 204, ""),
        ("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi", 200, "hi"),
        (
            "HTTP/1.1 404\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", 404,
            "abc0123456789"
        ),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", 200, ""),
    ]

    @Test("a reply is the same in one piece and octet by octet", arguments: replies)
    func pieces(text: String, status: Int, body: String) throws {
        var whole = HTTPReplyReader()
        let reply = try whole.take(Array(text.utf8)[...])
        #expect(reply?.status == status)
        #expect(reply.map { String(decoding: $0.body, as: UTF8.self) } == body)
        var slow = HTTPReplyReader()
        var last: HTTPReply?
        for octet in text.utf8 where last == nil { last = try slow.take([octet]) }
        #expect(last == reply)
    }

    @Test("chunks are joined once, when they are whole, and do not wait for the last to come")
    func chunks() throws {
        var reader = HTTPReplyReader()
        let chunk = Array(("3E8\r\n" + String(repeating: "x", count: 1_000) + "\r\n").utf8)
        #expect(try reader.take(Array("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".utf8)[...]) == nil)
        for _ in 0..<50 {
            #expect(try reader.take(chunk[..<600]) == nil)
            #expect(reader.waiting == 600)
            #expect(try reader.take(chunk[600...]) == nil)
            #expect(reader.waiting == 0)
        }
        let reply = try reader.take(Array("0\r\n\r\n".utf8)[...])
        #expect(reply?.body == [UInt8](repeating: UInt8(ascii: "x"), count: 50_000))
    }

    @Test("a chunk whose length does not end is refused, and so are chunks without end")
    func endlessChunks() throws {
        let head = Array("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".utf8)
        var reader = HTTPReplyReader()
        #expect(try reader.take((head + [UInt8](repeating: 0x31, count: 1_000))[...]) == nil)
        #expect(throws: MalformedReply.self) { try reader.take([UInt8](repeating: 0x31, count: 70_000)[...]) }

        reader = HTTPReplyReader()
        #expect(try reader.take(head[...]) == nil)
        let chunk = Array("100000\r\n".utf8) + [UInt8](repeating: 0x20, count: 1 << 20) + [13, 10]
        #expect(throws: MalformedReply.self) { for _ in 0...33 { _ = try reader.take(chunk[...]) } }
    }

    @Test("thousands of interim replies before the reply are passed over")
    func interim() throws {
        var reader = HTTPReplyReader()
        let interim = String(repeating: "HTTP/1.1 100 Continue\r\n\r\n", count: 5_000)
        let reply = try reader.take(Array((interim + "HTTP/1.1 204 No Content\r\n\r\n").utf8)[...])
        #expect(reply?.status == 204)
    }

    @Test("without a length the reply ends with the connection")
    func untilClosed() throws {
        var reader = HTTPReplyReader()
        #expect(try reader.take(Array("HTTP/1.0 200 OK\r\n\r\nall of it".utf8)[...]) == nil)
        #expect(try String(decoding: reader.finish().body, as: UTF8.self) == "all of it")
    }

    @Test(
        "what is no reply is refused",
        arguments: [
            "hello\r\n\r\n", "HTTP/1.1 99 x\r\n\r\n", "HTTP/1.1 abc\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 999999999\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n", "\r\n\r\n",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n-5\r\n", String(repeating: "x", count: 70_000),
        ]
    )
    func malformed(text: String) {
        var reader = HTTPReplyReader()
        #expect(throws: MalformedReply.self) { try reader.take(Array(text.utf8)[...]) }
    }

    @Test(
        "a reply that breaks off is refused",
        arguments: ["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nhi"]
    )
    func brokenOff(text: String) throws {
        var reader = HTTPReplyReader()
        #expect(try reader.take(Array(text.utf8)[...]) == nil)
        #expect(throws: MalformedReply.self) { try reader.finish() }
    }

    @Test("a reply without end is refused before it fills the memory")
    func endless() {
        var reader = HTTPReplyReader()
        let piece = [UInt8](repeating: 0x20, count: 1_024 * 1_024)[...]
        #expect(throws: MalformedReply.self) {
            _ = try reader.take(Array("HTTP/1.1 200 OK\r\n\r\n".utf8)[...])
            for _ in 0...64 { _ = try reader.take(piece) }
        }
    }
}
