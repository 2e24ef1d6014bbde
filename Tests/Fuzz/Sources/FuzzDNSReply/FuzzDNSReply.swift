import DNS64
import FuzzedInput
import IPAddressing
import PacketMemory

/// Replies of upstreams to clients' questions, one after the other, each preceded by its length (two octets) and one octet that says
/// to which question it is, whether time passes after it, and (lowest bit clear) that identifier and question are put in front of it,
/// as an upstream would. The first octet of all says what is asked. Every client gets an answer that can be read to its end.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    memory.lend { room in
        bench.begin()
        var pieces = Pieces(octets(start, count))
        guard let what = pieces.octet() else { return }
        let question = questions[Int(what) % questions.count]
        bench.ask(question, from: client, room: &room)
        while let length = pieces.number(), let manner = pieces.octet(), !bench.asked.isEmpty {
            let under = bench.asked[Int(manner >> 1 & 7) % bench.asked.count]
            let message = message(pieces.piece(length), to: under.message, asItIs: manner & 1 != 0)
            switch manner >> 4 & 7 {
            case 7: bench.fail(under.exchange, ExchangeFailure(rawValue: UInt8(length & 3)) ?? .local, room: &room)
            default: bench.reply(message, to: under.exchange, room: &room)
            }
            if manner & 0x80 != 0 { bench.advance(room: &room) }
        }
        bench.advance(toEnd: true, room: &room)
        // What went into the cache is good too.
        bench.ask(question, from: client, room: &room)
        bench.advance(toEnd: true, room: &room)
    }
    return 0
}

nonisolated(unsafe) private let memory = Scratch(count: 65_535)
nonisolated(unsafe) private var bench = Bench()

/// A reply out of an input: header behind the identifier, then, behind the question that was asked, the rest.
private func message(_ body: ArraySlice<UInt8>, to question: [UInt8], asItIs: Bool) -> [UInt8] {
    guard !asItIs else { return Array(body) }
    var position = 12
    while position < question.count, question[position] != 0 { position += Int(question[position]) + 1 }
    let end = min(position + 5, question.count)
    var message = question.prefix(2) + Array(body.prefix(10)) + question[12..<end] + Array(body.dropFirst(10))
    if message.count > 5 {
        message[2] |= 0x80
        message[4] = 0
        message[5] = 1
    }
    return Array(message)
}

/// Questions for v4.example.net, with EDNS: AAAA, A, the PTR of a synthetic address, MX, and AAAA with the wish for signatures.
private let questions: [[UInt8]] = [
    query(name("v4.example.net"), type: 28), query(name("v4.example.net"), type: 1),
    query(name("2.0.b.0.b.0.b.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.b.9.f.f.4.6.0.0.ip6.arpa"), type: 12),
    query(name("v4.example.net"), type: 15), query(name("v4.example.net"), type: 28, wantsDNSSEC: true),
]

private func query(_ name: [UInt8], type: UInt8, wantsDNSSEC: Bool = false) -> [UInt8] {
    [0x12, 0x34, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 1] + name + [0, type, 0, 1]
        + [0, 0, 41, 0x04, 0xD0, 0, 0, wantsDNSSEC ? 0x80 : 0, 0, 0, 0]
}

private func name(_ text: String) -> [UInt8] {
    text.split(separator: ".").flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
}

private let client: Client = {
    guard let address = IPAddress("2001:db8:6::c0") else { fatalError("the literal is valid") }
    return Client(address: address, transport: .udp)
}()
