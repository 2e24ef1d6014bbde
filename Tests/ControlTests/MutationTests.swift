import Control
import ControlAPI
import ControlClient
import Testing

/// Random numbers that are the same in every run (SplitMix64).
private struct Seeded: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ word >> 30) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ word >> 27) &* 0x94D0_49BB_1331_11EB
        return word ^ word >> 31
    }
}

/// A few octets changed, taken away or put in.
private func mutated(_ octets: [UInt8], _ random: inout Seeded) -> [UInt8] {
    var octets = octets
    for _ in 0..<Int.random(in: 1...6, using: &random) where !octets.isEmpty {
        let place = Int.random(in: 0..<octets.count, using: &random)
        switch Int.random(in: 0..<3, using: &random) {
        case 0: octets[place] = UInt8.random(in: 0...255, using: &random)
        case 1: octets.remove(at: place)
        default: octets.insert(UInt8.random(in: 0...255, using: &random), at: place)
        }
    }
    return octets
}

@Suite("Bad input on the control socket")
struct MutationTests {
    @Test("requests with random mutations never stop the server, and every answer is a whole reply")
    func requests() throws {
        let bench = try Bench()
        let seeds = [
            "GET /v1/sessions?client=2001:db8::%2F32&limit=2&cursor=%26%3D4 HTTP/1.1\r\nhost: x\r\n\r\n",
            "PUT /v1/views/2001:db8:6:2::%2F64 HTTP/1.1\r\nhost: x\r\ncontent-length: 20\r\n\r\n{\"synthesize\": true}",
            "POST /v1/reload HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        ]
        var random = Seeded(state: 1)
        for round in 0..<600 {
            let line = RawLine(bench.path)
            line.send(octets: mutated(Array(seeds[round % seeds.count].utf8), &random))
            line.finish()
            let answer = line.readAll()
            guard !answer.isEmpty else { continue }
            var reader = HTTPReplyReader()
            #expect(throws: Never.self) { _ = try reader.take(Array(answer.utf8)[...]) }
        }
        #expect(bench.ctl("version").code == 0)
    }

    @Test("replies with random mutations are read or refused, and never more is made of them than came")
    func replies() {
        let seeds = [
            "HTTP/1.1 200 OK\r\ncontent-length: 12\r\ncontent-type: x\r\n\r\nabcdefghijkl",
            "HTTP/1.1 404\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
        ]
        var random = Seeded(state: 2)
        for round in 0..<60_000 {
            let octets = mutated(Array(seeds[round % seeds.count].utf8), &random)
            var reader = HTTPReplyReader()
            let reply = try? reader.take(octets[...]) ?? reader.finish()
            if let reply, reply.body.count > octets.count || !(100...599).contains(reply.status) {
                Issue.record("\(octets)")
            }
        }
    }
}
