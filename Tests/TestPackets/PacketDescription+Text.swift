import IPAddressing
import PacketWire

// The grammar: KIND SOURCE > DESTINATION, then words in any order, then the payload in quotation marks or the quoted
// packet in braces.
extension PacketDescription: CustomStringConvertible {
    /// Reads a line; nothing when it is not one.
    public init?(_ line: some StringProtocol) {
        var words = Words(line)
        guard let packet = PacketDescription(reading: &words), words.next() == nil else { return nil }
        self = packet
    }

    private init?(reading words: inout Words) {
        guard let name = words.next() else { return nil }
        var kind: Kind
        switch name {
        case "udp": kind = .udp
        case "tcp": kind = .tcp
        case "ping": kind = .ping
        case "pong": kind = .pong
        case "icmp":
            guard let code = words.next() else { return nil }
            let numbers = code.split(separator: "/").compactMap { UInt8($0) }
            guard numbers.count == 2 else { return nil }
            kind = .icmp(type: numbers[0], code: numbers[1])
        case "protocol":
            guard let number: UInt8 = words.number() else { return nil }
            kind = .other(number)
        default: return nil
        }
        guard let from = words.next().flatMap({ End($0) }), words.next() == ">",
            let to = words.next().flatMap({ End($0) })
        else { return nil }
        self.init(kind, from: from.address, to: to.address)
        if from.port != nil || to.port != nil { ports = [from.port ?? 0, to.port ?? 0] }
        while let word = words.next() {
            if word == "}" {
                words.putBack(word)
                return
            }
            guard read(word, &words) else { return nil }
        }
    }

    private mutating func read(_ word: String, _ words: inout Words) -> Bool {
        switch word {
        case "hops", "ttl": hops = words.number()
        case "class": trafficClass = words.number()
        case "df": dontFragment = true
        case "no-df": dontFragment = false
        case "ident": identification = words.number()
        case "offset": offset = words.number()
        case "more": more = true
        case "last": more = false
        case "whole": isWhole = true
        case "mss": segmentSize = words.number()
        case "id": identifier = words.number()
        case "seq": sequence = words.number()
        case "mtu", "pointer", "word":
            word == "pointer" && !isIPv6 ? setPointer(words.number()) : (self.word = words.number())
        case "size":
            guard let count: Int = words.number(), count >= 0 else { return false }
            payload = Self.filler(count)
        case "flags":
            guard let letters = words.next() else { return false }
            flags = Self.flags(letters)
        case "{":
            guard let inner = PacketDescription(reading: &words), words.next() == "}" else { return false }
            quote = [inner]
        default:
            guard word.first == "\"", word.last == "\"", word.count >= 2 else { return false }
            payload = Array(word.dropFirst().dropLast().utf8)
        }
        return true
    }

    private mutating func setPointer(_ pointer: UInt8?) { word = pointer.map { UInt32($0) << 24 } }

    private static let letters: [(Character, TCPFlags)] = [("S", .syn), ("A", .ack), ("F", .fin), ("R", .rst)]

    private static func flags(_ text: String) -> TCPFlags {
        letters.reduce(into: TCPFlags()) { flags, pair in
            if text.contains(pair.0) { flags.insert(pair.1) }
        }
    }

    /// The line.
    public var description: String {
        var words: [String] = []
        switch kind {
        case .udp: words.append("udp")
        case .tcp: words.append("tcp")
        case .ping: words.append("ping")
        case .pong: words.append("pong")
        case .icmp(let type, let code): words.append("icmp \(type)/\(code)")
        case .other(let number): words.append("protocol \(number)")
        }
        let ends =
            ports.count == 2
            ? [
                TransportAddress(source, Port(ports[0])).description,
                TransportAddress(destination, Port(ports[1])).description,
            ]
            : [source.description, destination.description]
        words.append(ends.joined(separator: " > "))
        if let hops { words.append(isIPv6 ? "hops \(hops)" : "ttl \(hops)") }
        if let trafficClass, trafficClass != 0 { words.append("class \(trafficClass)") }
        if dontFragment == true { words.append("df") }
        if let offset { words.append("offset \(offset)") }
        if let more { words.append(more ? "more" : "last") }
        if let identification, offset != nil { words.append("ident \(identification)") }
        if let flags {
            let letters = String(Self.letters.filter { flags.contains($0.1) }.map(\.0))
            words.append("flags " + (letters.isEmpty ? "-" : letters))
        }
        if let segmentSize { words.append("mss \(segmentSize)") }
        if let identifier { words.append("id \(identifier)") }
        if let sequence { words.append("seq \(sequence)") }
        if let word { words.append("word \(word)") }
        if let inner = quote.first {
            words.append("{ \(inner) }")
        } else if let payload, !payload.isEmpty {
            words.append(
                payload.count <= 32 && payload.allSatisfy { (35...126).contains($0) || $0 == 32 }
                    ? "\"" + String(decoding: payload, as: UTF8.self) + "\"" : "size \(payload.count)"
            )
        }
        return words.joined(separator: " ")
    }
}

/// One end of a packet: an address, with or without a port.
private struct End {
    let address: IPAddress
    let port: UInt16?

    init?(_ text: String) {
        guard let with0 = TransportAddress(text, defaultPort: Port(0)),
            let with1 = TransportAddress(text, defaultPort: Port(1))
        else { return nil }
        address = with0.address
        port = with0.port == with1.port ? with0.port.number : nil
    }
}

/// The words of a line; what stands in quotation marks is one word.
private struct Words {
    private var words: [String] = []

    init(_ line: some StringProtocol) {
        var word = ""
        var isQuoted = false
        for character in line {
            if character == "\"" { isQuoted.toggle() }
            if character == " ", !isQuoted {
                if !word.isEmpty { words.append(word) }
                word = ""
            } else {
                word.append(character)
            }
        }
        if !word.isEmpty { words.append(word) }
        words.reverse()
    }

    mutating func next() -> String? { words.popLast() }
    mutating func putBack(_ word: String) { words.append(word) }

    mutating func number<Number: FixedWidthInteger>() -> Number? {
        guard let word = next() else { return nil }
        return word.hasPrefix("0x") ? Number(word.dropFirst(2), radix: 16) : Number(word)
    }
}
