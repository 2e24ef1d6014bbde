import DNSWire
import PacketMemory
import Testing

@Suite("Names by words beside names octet by octet")
struct NameWordsTests {
    /// The labels of a name, the last with nothing behind it, without the root's empty one.
    private static func labels(_ words: inout SeededWords, room: Int) -> [[UInt8]] {
        var labels: [[UInt8]] = []
        var left = room
        while left > 1, Int.random(in: 0..<9, using: &words) != 0 {
            let size = Int.random(in: 1...min(63, left - 1), using: &words)
            let most = Bool.random(using: &words) ? min(9, size) : size
            labels.append((0..<most).map { _ in UInt8.random(in: 0...255, using: &words) })
            left -= most + 1
        }
        return labels
    }

    private static func wire(_ labels: some Sequence<[UInt8]>) -> [UInt8] {
        labels.flatMap { [UInt8($0.count)] + $0 }
    }

    private static func octets(_ name: Name) -> [UInt8] { (0..<name.count).map { name.octet($0) } }

    @Test("a name of any parts, each behind a pointer, is what its octets say, and so are all ends of it")
    func parts() throws {
        var words = SeededWords(17)
        let secret = KeyedHash(key0: 5, key1: 6)
        for round in 0..<1500 {
            // The last part first; each later one points to the one before it.
            var message = [UInt8](repeating: 0, count: 12 + round % 9)
            var labels: [[UInt8]] = []
            var start = message.count
            for part in 0..<Int.random(in: 1...4, using: &words) {
                let more = Self.labels(&words, room: 254 - Self.wire(labels).count)
                let before = start
                start = message.count
                message += Self.wire(more)
                message += part == 0 ? [0] : [0xC0 | UInt8(before >> 8), UInt8(before & 255)]
                labels = more + labels
            }
            let name = try Name(in: message.span.bytes, at: start)
            #expect(Self.octets(name) == Self.wire(labels) + [0])
            #expect(name.labelCount == labels.count)
            for first in 0...labels.count {
                let offset = Self.wire(labels[..<first]).count
                let end = name.suffix(from: offset)
                #expect(Self.octets(end) == Self.wire(labels[first...]) + [0])
                #expect(end.hash(secret) == name.hash(from: offset, secret))
                #expect(name.isAtOrBelow(end) && name.isAtOrBelow(end.folded))
                // Octets past the end are zero, so that a name that was put together is one that was read.
                var rest = 0
                let again = try Name(
                    uncompressedIn: (Self.wire(labels[first...]) + [0]).span.bytes,
                    at: 0,
                    end: &rest
                )
                #expect(again == end && again.isSpelledLike(end))
                guard first < labels.count else { continue }
                var other = Array(labels[first...])
                other[other.count - 1][0] ^= 1
                let stranger = try Name(
                    in: ([UInt8](repeating: 0, count: 12) + Self.wire(other) + [0]).span.bytes,
                    at: 12
                )
                #expect(!name.isAtOrBelow(stranger))
            }
        }
    }

    @Test("what is written with pointers is read as it was, whatever names came before")
    func written() throws {
        var words = SeededWords(23)
        for _ in 0..<300 {
            var buffer = OctetBuffer(count: 8192)
            var message = buffer.mutableOctets
            var writer = MessageWriter(limit: 8192)
            var known: [[[UInt8]]] = [[]]
            var names: [[[UInt8]]] = []
            for number in 0..<12 {
                let end = known.randomElement(using: &words) ?? []
                let labels = Self.labels(&words, room: 254 - Self.wire(end).count) + end
                for first in labels.indices { known.append(Array(labels[first...])) }
                let wire = Self.wire(labels) + [0]
                let name = try Name(in: ([UInt8](repeating: 0, count: 12) + wire).span.bytes, at: 12)
                names.append(labels)
                if number == 0 {
                    #expect(writer.question(name, .a, .internet, into: &message))
                } else {
                    // The question's name once more, which is most names.
                    if number % 3 == 0 { names[number] = names[0] }
                    let wire = Self.wire(names[number]) + [0]
                    let owner = try Name(in: ([UInt8](repeating: 0, count: 12) + wire).span.bytes, at: 12)
                    let start = writer.position
                    #expect(writer.record(owner, .ns, ttl: 1, name: name, into: &message))
                    if number % 3 == 0, !names[0].isEmpty { #expect(message.uint16(at: start) == 0xC00C) }
                    #expect(writer.position - start <= 12 + wire.count + name.count)
                }
                known.append(labels)
            }
            var offset = try Question(buffer.octets).end
            for owner in names.dropFirst() {
                let record = try ResourceRecord(in: buffer.octets, at: offset)
                #expect(try Self.octets(Name(in: buffer.octets, at: record.owner)) == Self.wire(owner) + [0])
                #expect(try Name.end(in: buffer.octets, at: record.data) == record.end)
                offset = record.end
            }
            #expect(offset == writer.position)
        }
    }
}
