import DNS64
import FuzzedInput
import IPAddressing
import PacketMemory

/// Any octets, sent to the resolver by a client, twice: what comes back is a DNS message with the question's identifier that can be
/// read to its end, at once or when the upstreams have said what there is. The identifier says who the client is.
///
/// Many inputs meet one engine and its cache, because making them takes time; before each, what the cache holds has gone stale.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    memory.lend { room in
        bench.begin()
        let query = octets(start, count)
        let client = clients[Int(query.dropFirst().first ?? 0) % clients.count]
        bench.ask(query, from: client, room: &room)
        answerUpstream(through: &room)
        bench.advance(toEnd: true, room: &room)
        bench.ask(query, from: client, room: &room)
        bench.advance(toEnd: true, room: &room)
    }
    return 0
}

nonisolated(unsafe) private let memory = Scratch(count: 65_535)
nonisolated(unsafe) private var bench = Bench()

/// Upstreams know two addresses of every name, and nothing else of it.
private func answerUpstream(through room: inout MutableRawSpan) {
    var rounds = 0
    while let (exchange, question) = bench.asked.first, rounds < 8 {
        rounds += 1
        var position = 12
        while position < question.count, question[position] != 0 { position += Int(question[position]) + 1 }
        guard position + 5 <= question.count else { return require(false, "a question of ours has one") }
        let isA = question[position + 1] == 0 && question[position + 2] == 1
        var reply = Array(question[..<(position + 5)])
        reply[2] = 0x81
        reply[3] = 0x80
        reply.replaceSubrange(6..<12, with: [0, isA ? 2 : 0, 0, 0, 0, 0])
        if isA {
            for last: UInt8 in [8, 9] { reply += [0xC0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4, 8, 8, 8, last] }
        }
        bench.reply(reply, to: exchange, room: &room)
    }
}

private let clients: [Client] = ["2001:db8:6::c0", "2001:db9::1", "10.0.0.7", "192.0.2.9"].flatMap { text in
    guard let address = IPAddress(text) else { fatalError("the literal is valid") }
    return [Client(address: address, transport: .udp), Client(address: address, transport: .tcp)]
}
