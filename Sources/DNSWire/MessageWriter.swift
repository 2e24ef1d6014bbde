public import IPAddressing
import PacketMemory

/// Writes a message from front to back and compresses names: RFC 1035 section 4.1.4. Names that differ in case are not
/// merged, so that each is read as it was spelled (RFC 4343 section 4.2 leaves that open).
///
/// The octets lie in a span of the caller's, which is handed to every call. When something does not fit, nothing of it
/// is written and the call says so; the caller decides what a cut message looks like.
public struct MessageWriter {
    /// Where the next octet goes.
    public private(set) var position: Int
    /// How many octets the message may have.
    public let limit: Int
    /// Where the TTL of the record written last lies.
    public private(set) var ttlPlace = 0
    /// Whether names written from now on may be pointed to. Turned off, whatever is written later can be moved as a
    /// whole without breaking a pointer.
    public var remembersNames = true

    private var known: [64 of UInt32]
    private var knownCount = 0

    /// Begins behind a header that the caller writes.
    public init(limit: Int) {
        position = MessageHeader.size
        self.limit = limit
        known = [64 of UInt32](repeating: 0)
    }

    /// Writes a question.
    public mutating func question(
        _ name: Name,
        _ type: RecordType,
        _ recordClass: RecordClass,
        into message: inout MutableRawSpan
    ) -> Bool {
        guard position + name.count + 4 <= limit else { return false }
        guard write(name, compress: true, into: &message) else { return false }
        message.store(type.rawValue, at: position)
        message.store(recordClass.rawValue, at: position + 2)
        position += 4
        return true
    }

    /// Writes an A record.
    public mutating func address(
        _ owner: Name,
        _ address: IPv4Address,
        ttl: UInt32,
        into message: inout MutableRawSpan
    ) -> Bool {
        let start = position
        guard let data = fixed(owner, .a, .internet, ttl: ttl, into: &message), data + 4 <= limit else {
            return undo(to: start)
        }
        message.store(address.bits, at: data)
        position = data + 4
        message.store(UInt16(4), at: data - 2)
        return true
    }

    /// Writes an AAAA record.
    public mutating func address(
        _ owner: Name,
        _ address: IPv6Address,
        ttl: UInt32,
        into message: inout MutableRawSpan
    ) -> Bool {
        let start = position
        guard let data = fixed(owner, .aaaa, .internet, ttl: ttl, into: &message), data + 16 <= limit else {
            return undo(to: start)
        }
        message.store(address.high, at: data)
        message.store(address.low, at: data + 8)
        position = data + 16
        message.store(UInt16(16), at: data - 2)
        return true
    }

    /// Writes a record whose data is at hand in wire form, without names that could be compressed.
    public mutating func record(
        _ owner: Name,
        _ type: RecordType,
        ttl: UInt32,
        data octets: borrowing Span<UInt8>,
        into message: inout MutableRawSpan
    ) -> Bool {
        let start = position
        guard octets.count <= 0xFFFF, let data = fixed(owner, type, .internet, ttl: ttl, into: &message),
            data + octets.count <= limit
        else { return undo(to: start) }
        for index in octets.indices { message.store(octets[index], at: data + index) }
        position = data + octets.count
        message.store(UInt16(octets.count), at: data - 2)
        return true
    }

    /// Writes a record whose data is one name, as that of CNAME, DNAME, NS and PTR is.
    public mutating func record(
        _ owner: Name,
        _ type: RecordType,
        ttl: UInt32,
        name: Name,
        into message: inout MutableRawSpan
    ) -> Bool {
        let start = position
        guard let data = fixed(owner, type, .internet, ttl: ttl, into: &message),
            write(name, compress: type != .dname, into: &message)
        else { return undo(to: start) }
        message.store(UInt16(position - data), at: data - 2)
        return true
    }

    /// Writes a SOA record.
    public mutating func startOfAuthority(
        _ owner: Name,
        ttl: UInt32,
        server: Name,
        mailbox: Name,
        numbers: (UInt32, UInt32, UInt32, UInt32, UInt32),
        into message: inout MutableRawSpan
    ) -> Bool {
        let start = position
        guard let data = fixed(owner, .soa, .internet, ttl: ttl, into: &message),
            write(server, compress: true, into: &message), write(mailbox, compress: true, into: &message),
            position + 20 <= limit
        else { return undo(to: start) }
        message.store(numbers.0, at: position)
        message.store(numbers.1, at: position + 4)
        message.store(numbers.2, at: position + 8)
        message.store(numbers.3, at: position + 12)
        message.store(numbers.4, at: position + 16)
        position += 20
        message.store(UInt16(position - data), at: data - 2)
        return true
    }

    /// Copies a record of another message, its names written anew.
    ///
    /// - Parameter owner: The owner, read already.
    /// - Throws: What is wrong with its data, before anything is written.
    public mutating func copy(
        _ record: ResourceRecord,
        owner: Name,
        ttl: UInt32,
        of source: borrowing RawSpan,
        into message: inout MutableRawSpan
    ) throws(WireProblem) -> Bool {
        let start = position
        // Before anything is written, so that of a record that cannot be read nothing is left.
        try RecordDataLayout.check(record, in: source)
        guard let data = fixed(owner, record.type, record.recordClass, ttl: ttl, into: &message) else {
            return undo(to: start)
        }
        var offset = record.data
        if let layout = RecordDataLayout(record.type) {
            guard append(source, from: offset, count: layout.prefix, into: &message) else { return undo(to: start) }
            offset += layout.prefix
            for _ in 0..<layout.names {
                let name = try Name(in: source, at: offset)
                guard write(name, compress: layout.mayCompress, into: &message) else { return undo(to: start) }
                offset = try Name.end(in: source, at: offset)
            }
        }
        guard append(source, from: offset, count: record.end - offset, into: &message), position - data <= 0xFFFF else {
            return undo(to: start)
        }
        message.store(UInt16(position - data), at: data - 2)
        return true
    }

    /// Writes a name, the longest known end of it as a pointer.
    private mutating func write(_ name: Name, compress: Bool, into message: inout MutableRawSpan) -> Bool {
        // Through a span, so that a look at an octet does not copy the name.
        let words = name.words.span
        // Most names are that of the question, which is the first one known.
        if compress, knownCount > 0, known[0] & 0xFFFF == MessageHeader.size,
            Self.holds(message, at: MessageHeader.size, words, from: 0), !name.isRoot
        {
            guard position + 2 <= limit else { return false }
            message.store(UInt16(0xC000) | UInt16(MessageHeader.size), at: position)
            position += 2
            return true
        }
        var starts = [128 of UInt8](repeating: 0)
        var labels = 0
        var offset = 0
        while Name.octet(words, offset) != 0 {
            starts[labels] = UInt8(offset)
            labels += 1
            offset += 1 + Int(Name.octet(words, offset))
        }
        // Hashes of the ends of the name, from the last label to the whole.
        var hashes = [128 of UInt16](repeating: 0)
        var hash: UInt64 = 0
        var label = labels
        while label > 0 {
            label -= 1
            let begin = Int(starts[label])
            let end = begin + 1 + Int(Name.octet(words, begin))
            var index = begin
            while index < end {
                let unused = UInt64(8 &* max(0, index &+ 8 &- end))
                hash = (hash ^ Name.word(words, at: index) &>> unused) &* 0x9E37_79B9_7F4A_7C15
                hash ^= hash &>> 32
                index &+= 8
            }
            hashes[label] = UInt16(truncatingIfNeeded: hash)
        }
        var cut = labels
        var target = 0
        if compress {
            for index in 0..<labels {
                if let place = find(words, from: Int(starts[index]), hash: hashes[index], in: message) {
                    cut = index
                    target = place
                    break
                }
            }
        }
        let literal = cut < labels ? Int(starts[cut]) : name.count - 1
        let size = literal + (cut < labels ? 2 : 1)
        guard position + size <= limit else { return false }
        var copied = 0
        while copied &+ 8 <= literal {
            message.store(words[copied &>> 3], at: position &+ copied)
            copied &+= 8
        }
        while copied < literal {
            message.store(Name.octet(words, copied), at: position &+ copied)
            copied &+= 1
        }
        if cut < labels {
            message.store(UInt16(0xC000) | UInt16(target), at: position + literal)
        } else {
            message.store(UInt8(0), at: position + literal)
        }
        if remembersNames {
            for index in 0..<cut {
                let place = position + Int(starts[index])
                guard place < 0x4000, knownCount < 64 else { break }
                known[knownCount] = UInt32(hashes[index]) &<< 16 | UInt32(place)
                knownCount += 1
            }
        }
        position += size
        return true
    }

    private func find(_ words: Span<UInt64>, from start: Int, hash: UInt16, in message: borrowing MutableRawSpan)
        -> Int?
    {
        for entry in 0..<knownCount where UInt16(known[entry] &>> 16) == hash {
            let place = Int(known[entry] & 0xFFFF)
            if Self.holds(message, at: place, words, from: start) { return place }
        }
        return nil
    }

    /// Whether the end of a name stands in the message; what stands there was written by us and is well formed.
    private static func holds(
        _ message: borrowing MutableRawSpan,
        at place: Int,
        _ words: Span<UInt64>,
        from start: Int
    ) -> Bool {
        var offset = place
        var index = start
        while true {
            let length = message.octet(at: offset)
            if length >= 0xC0 {
                offset = Int(message.uint16(at: offset) & 0x3FFF)
                continue
            }
            guard length == Name.octet(words, index) else { return false }
            if length == 0 { return true }
            for step in 1...Int(length)
            where message.octet(at: offset + step) != Name.octet(words, index + step) { return false }
            offset += 1 + Int(length)
            index += 1 + Int(length)
        }
    }

    /// Writes owner and fixed part; the length of the data is written later, before the offset returned.
    private mutating func fixed(
        _ owner: Name,
        _ type: RecordType,
        _ recordClass: RecordClass,
        ttl: UInt32,
        into message: inout MutableRawSpan
    ) -> Int? {
        guard write(owner, compress: true, into: &message), position + 10 <= limit else { return nil }
        message.store(type.rawValue, at: position)
        message.store(recordClass.rawValue, at: position + 2)
        message.store(ttl, at: position + 4)
        message.store(UInt16(0), at: position + 8)
        ttlPlace = position + 4
        position += 10
        return position
    }

    private mutating func append(
        _ source: borrowing RawSpan,
        from: Int,
        count: Int,
        into message: inout MutableRawSpan
    ) -> Bool {
        guard count >= 0, position + count <= limit else { return false }
        message.copy(source, from: from, to: position, count: count)
        position += count
        return true
    }

    private mutating func undo(to start: Int) -> Bool {
        position = start
        while knownCount > 0, Int(known[knownCount - 1] & 0xFFFF) >= start { knownCount -= 1 }
        return false
    }
}
