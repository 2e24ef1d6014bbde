/// Why a text is not handed to TOMLKit.
struct ScanProblem: Error, Equatable {
    var position: TextPosition
    /// A sentence about what stands there.
    var message: String
}

/// Finds the places of keys and values, and guards TOMLKit.
///
/// It knows where keys, strings, lists and tables begin and end, but not what makes a number, nor which keys exclude
/// one another: that is left to TOMLKit. TOMLKit's parser takes some things on trust: it asserts that a table header
/// begins with a key, aborts on some malformed times, recurses as deep as a text nests, and hands out C strings that NUL
/// would cut short. So it is given only texts that were scanned to their end.
struct KeyScanner {
    /// How many tables and lists may stand in one another. The deepest thing a configuration needs is 4.
    static let deepest = 24

    let octets: [UInt8]
    private(set) var index = 0
    private var line = 1
    private var column = 1
    private let root = KeyPlaces()

    private init(_ octets: [UInt8]) { self.octets = octets }

    /// Scans a text.
    static func places(in octets: [UInt8]) throws(ScanProblem) -> KeyPlaces {
        var scanner = KeyScanner(octets)
        try scanner.scan()
        return scanner.root
    }

    // MARK: octets

    var position: TextPosition { TextPosition(line: line, column: column) }

    func peek(_ ahead: Int = 0) -> UInt8? { index + ahead < octets.count ? octets[index + ahead] : nil }

    /// Whether one of these stands here.
    func at(_ characters: StaticString) -> Bool {
        guard let octet = peek() else { return false }
        return characters.description.utf8.contains(octet)
    }

    /// Goes on by so many characters.
    mutating func advance(_ count: Int = 1) {
        for _ in 0..<count where index < octets.count {
            if octets[index] == UInt8(ascii: "\n") {
                line += 1
                column = 1
            } else {
                column += 1
            }
            index += 1
            // Continuation octets belong to the character before them.
            while index < octets.count, octets[index] & 0xC0 == 0x80 { index += 1 }
        }
    }

    func problem(_ message: String, at place: TextPosition? = nil) -> ScanProblem {
        ScanProblem(position: place ?? position, message: message)
    }

    /// What stands here, for a message.
    private var seen: String {
        guard let octet = peek() else { return "the file ends" }
        if octet == UInt8(ascii: "\n") || octet == UInt8(ascii: "\r") { return "the line ends" }
        let character = String(decoding: octets[index...].prefix(4), as: UTF8.self).unicodeScalars.first
        return character.map { "\(quoted(String($0))) stands" } ?? "the file ends"
    }

    private mutating func skipBlanks() { while at(" \t") { advance() } }

    private mutating func skipBlanksAndLines() {
        while true {
            skipBlanks()
            if at("#") { while let octet = peek(), octet != UInt8(ascii: "\n") { advance() } }
            if at("\r"), peek(1) == UInt8(ascii: "\n") { advance() }
            guard at("\n") else { return }
            advance()
        }
    }

    /// After a header or a value the line is over.
    private mutating func expectEndOfLine() throws(ScanProblem) {
        skipBlanks()
        guard peek() == nil || at("#\n") || at("\r") && peek(1) == UInt8(ascii: "\n") else {
            throw problem("\(seen) where the line should end; write each key and each table on a line of its own")
        }
    }

    private mutating func expect(_ character: StaticString, _ advice: String) throws(ScanProblem) {
        guard at(character) else { throw problem("\(seen) where \(character) belongs; \(advice)") }
        advance()
    }

    // MARK: statements

    private mutating func scan() throws(ScanProblem) {
        var current = root
        var depth = 0
        while true {
            skipBlanksAndLines()
            guard peek() != nil else { return }
            if at("[") {
                (current, depth) = try scanHeader()
            } else {
                try scanPair(in: current, depth: depth)
            }
            try expectEndOfLine()
        }
    }

    /// `[a.b]` or `[[a.b]]`.
    private mutating func scanHeader() throws(ScanProblem) -> (KeyPlaces, depth: Int) {
        advance()
        let isList = at("[")
        if isList { advance() }
        let path = try scanPath(depth: 0)
        let advice = isList ? "write [[name]]" : "write [name]"
        try expect("]", advice)
        if isList { try expect("]", advice) }
        var node = root
        for (name, position) in path.dropLast() { node = node.child(name, at: position).entered }
        guard let (name, position) = path.last else { throw problem("\(seen) where a key belongs") }
        let last = node.child(name, at: position)
        if last.value == nil { last.value = position }
        return (isList ? last.appendElement(at: position) : last.entered, path.count)
    }

    /// `a.b = value`.
    private mutating func scanPair(in table: KeyPlaces, depth: Int) throws(ScanProblem) {
        let path = try scanPath(depth: depth)
        try expect("=", "write key = value")
        skipBlanks()
        var node = table
        for (name, position) in path { node = node.child(name, at: position) }
        try scanValue(of: node, depth: depth + path.count)
    }

    private mutating func scanPath(depth: Int) throws(ScanProblem) -> [(String, TextPosition)] {
        var path: [(String, TextPosition)] = []
        while true {
            skipBlanks()
            let start = position
            guard depth + path.count < Self.deepest else { throw tooDeep }
            path.append((try scanKey(), start))
            skipBlanks()
            guard at(".") else { return path }
            advance()
        }
    }

    private var tooDeep: ScanProblem {
        problem("more than \(Self.deepest) tables or lists stand in one another; no key of ours needs more than 4")
    }

    private mutating func scanKey() throws(ScanProblem) -> String {
        if at("\"'") { return try scanString(mayBeLong: false) }
        let start = index
        while let octet = peek(), Self.isBare(octet) { advance() }
        guard index > start else {
            throw problem(
                "\(seen) where a key belongs; keys are letters, digits, \"-\" and \"_\", or texts in quotation marks"
            )
        }
        return String(decoding: octets[start..<index], as: UTF8.self)
    }

    private static func isBare(_ octet: UInt8) -> Bool {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }

    // MARK: values

    private mutating func scanValue(of node: KeyPlaces, depth: Int) throws(ScanProblem) {
        node.value = position
        switch peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "'"): _ = try scanString(mayBeLong: true)
        case UInt8(ascii: "["): try scanList(of: node, depth: depth + 1)
        case UInt8(ascii: "{"): try scanInlineTable(of: node, depth: depth + 1)
        default: try scanWord()
        }
    }

    /// `true`, `false` and numbers. Dates and times are not taken: no key has one, and TOMLKit's parser aborts the
    /// process on some that are malformed.
    private mutating func scanWord() throws(ScanProblem) {
        let start = index
        let place = position
        while let octet = peek(), Self.isBare(octet) || at("+.:/") { advance() }
        guard index > start else {
            throw problem("\(seen) where a value belongs; texts stand in quotation marks, lists in [ ]")
        }
        let word = octets[start..<index]
        guard Self.isNumber(word) || word.elementsEqual("true".utf8) || word.elementsEqual("false".utf8) else {
            let text = quoted(String(decoding: word, as: UTF8.self))
            throw problem("\(text) is no number, true or false; write texts in quotation marks", at: place)
        }
    }

    /// Whether the octets look like a number; TOMLKit says whether they are one, and which.
    private static func isNumber(_ word: ArraySlice<UInt8>) -> Bool {
        let digits = word.drop { $0 == UInt8(ascii: "+") || $0 == UInt8(ascii: "-") }
        guard word.count - digits.count <= 1, let first = digits.first, isDigit(first) else {
            return word.count - digits.count <= 1 && ["inf", "nan"].contains(String(decoding: digits, as: UTF8.self))
        }
        if first == UInt8(ascii: "0"), let base = digits.dropFirst().first, "xob".utf8.contains(base) {
            let rest = digits.dropFirst(2)
            return !rest.isEmpty && rest.allSatisfy { isHexadecimal($0) || $0 == UInt8(ascii: "_") }
        }
        let parts = digits.split(maxSplits: 1, omittingEmptySubsequences: false) { $0 | 0x20 == UInt8(ascii: "e") }
        let mantissa = parts[0].split(maxSplits: 1, omittingEmptySubsequences: false) { $0 == UInt8(ascii: ".") }
        guard mantissa.allSatisfy(isDigits) else { return false }
        guard parts.count == 2 else { return true }
        let sign = parts[1].first == UInt8(ascii: "-") || parts[1].first == UInt8(ascii: "+") ? 1 : 0
        return isDigits(parts[1].dropFirst(sign))
    }

    private static func isDigits(_ text: ArraySlice<UInt8>) -> Bool {
        !text.isEmpty && text.allSatisfy { isDigit($0) || $0 == UInt8(ascii: "_") }
    }

    private static func isDigit(_ octet: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet) }

    private mutating func scanList(of node: KeyPlaces, depth: Int) throws(ScanProblem) {
        guard depth <= Self.deepest else { throw tooDeep }
        advance()
        while true {
            skipBlanksAndLines()
            if at("]") { break }
            try scanValue(of: node.appendElement(at: position), depth: depth)
            skipBlanksAndLines()
            if at("]") { break }
            guard at(",") else {
                throw problem("\(seen) where \",\" or \"]\" belongs; elements of a list are parted by \",\"")
            }
            advance()
        }
        advance()
    }

    private mutating func scanInlineTable(of node: KeyPlaces, depth: Int) throws(ScanProblem) {
        guard depth <= Self.deepest else { throw tooDeep }
        advance()
        skipBlanks()
        while !at("}") {
            try scanPair(in: node, depth: depth)
            skipBlanks()
            if at("}") { break }
            guard at(",") else {
                throw problem("\(seen) where \",\" or \"}\" belongs; a table in { } stands on one line")
            }
            advance()
            skipBlanks()
            guard !at("}") else { throw problem("a table in { } may not end in \",\"; take the comma out") }
        }
        advance()
    }
}
