import PacketMemory

/// Names in messages.
extension Name {
    /// Where a name ends in a message: behind its root label, or behind its first pointer.
    ///
    /// - Throws: What is wrong with the part of the name that lies here; where a pointer leads is not followed.
    public static func end(in message: borrowing RawSpan, at start: Int) throws(WireProblem) -> Int {
        var offset = start
        while true {
            guard offset < message.byteCount else { throw .nameCut }
            let length = message.octet(at: offset)
            switch length {
            case 0: return offset + 1
            case 1...63: offset += 1 + Int(length)
            case 0xC0...:
                guard offset + 2 <= message.byteCount else { throw .nameCut }
                return offset + 2
            default: throw .labelType
            }
            guard offset - start <= 254 else { throw .nameTooLong }
        }
    }

    /// Reads a name from a message, following its pointers.
    ///
    /// Every pointer must lead to before the place where the octets read so far began, so there are no loops; and there
    /// are no more of them than a name can have labels, so that pointers to pointers cost no more than a long name.
    public init(in message: borrowing RawSpan, at start: Int) throws(WireProblem) {
        self.init()
        var written = 0
        var offset = start
        // Labels from here on are read, but not yet written.
        var first = start
        var begin = start
        var pointers = 0
        while true {
            guard offset < message.byteCount else { throw .nameCut }
            let length = message.octet(at: offset)
            switch length {
            case 0:
                append(message, first..<offset, at: written)
                setCount(written + offset - first + 1)
                return
            case 1...63:
                let size = 1 + Int(length)
                guard offset + size <= message.byteCount else { throw .nameCut }
                offset += size
                guard written + offset - first <= 254 else { throw .nameTooLong }
            case 0xC0...:
                guard offset + 2 <= message.byteCount else { throw .nameCut }
                let target = Int(message.uint16(at: offset) & 0x3FFF)
                guard target < begin, target >= MessageHeader.size, pointers < 128 else { throw .pointer }
                append(message, first..<offset, at: written)
                written += offset - first
                pointers += 1
                begin = target
                offset = target
                first = target
            default: throw .labelType
            }
        }
    }

    /// Copies octets of a message behind what was written, a word at a time.
    @inline(__always)
    private mutating func append(_ message: borrowing RawSpan, _ octets: Range<Int>, at end: Int) {
        var index = octets.lowerBound
        while index &+ 8 <= octets.upperBound {
            place(message.uint64(at: index), at: end &+ index &- octets.lowerBound)
            index &+= 8
        }
        guard index < octets.upperBound else { return }
        var last: UInt64 = 0
        for rest in index..<octets.upperBound { last = last &<< 8 | UInt64(message.octet(at: rest)) }
        last &<<= UInt64(64 &- 8 &* (octets.upperBound &- index))
        place(last, at: end &+ index &- octets.lowerBound)
    }

    /// Reads a name that must be written without pointers, as the one of a question is.
    ///
    /// - Parameter end: Gets the offset behind the name.
    public init(uncompressedIn message: borrowing RawSpan, at start: Int, end: inout Int) throws(WireProblem) {
        var offset = start
        while true {
            guard offset < message.byteCount else { throw .nameCut }
            let length = message.octet(at: offset)
            guard length != 0 else { break }
            guard length < 0xC0 else { throw .pointer }
            guard length <= 63 else { throw .labelType }
            offset += 1 + Int(length)
            guard offset - start <= 254 else { throw .nameTooLong }
        }
        self.init()
        let size = offset + 1 - start
        setCount(size)
        var index = 0
        while index &+ 8 <= size {
            setWord(index &>> 3, message.uint64(at: start &+ index))
            index &+= 8
        }
        while index < size {
            setOctet(index, message.octet(at: start &+ index))
            index &+= 1
        }
        end = start + size
    }

    /// Whether a message holds this name, spelled alike and without pointers, at an offset.
    public func isSpelled(in message: borrowing RawSpan, at start: Int) -> Bool {
        guard start + count <= message.byteCount else { return false }
        let words = words.span
        var index = 0
        while index &+ 8 <= count {
            guard message.uint64(at: start &+ index) == words[index &>> 3] else { return false }
            index &+= 8
        }
        while index < count {
            guard message.octet(at: start &+ index) == Self.octet(words, index) else { return false }
            index &+= 1
        }
        return true
    }

    /// Writes the name without compression; the span must have room for it.
    public func write(into message: inout MutableRawSpan, at start: Int) {
        var index = 0
        while index &+ 8 <= count {
            message.store(words[index &>> 3], at: start &+ index)
            index &+= 8
        }
        while index < count {
            message.store(octet(index), at: start &+ index)
            index &+= 1
        }
    }
}
