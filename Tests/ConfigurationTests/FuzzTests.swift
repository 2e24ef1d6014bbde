import Testing

@testable import Configuration

/// A generator of pseudo-random numbers with a seed, so that a failure can be repeated: SplitMix64.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }
}

@Suite("Mutated configuration files")
struct FuzzTests {
    #if DEBUG
    static let rounds = 10_000
    #else
    static let rounds = 100_000
    #endif

    static let pieces: [[UInt8]] =
        [
            "[", "]", "[[", "]]", "{", "}", "\"", "\"\"\"", "'", "'''", "\\", "\\u0000", "\\u00e4", "\\U0001F600", "\n",
            "\r\n", "\t", "#", ",",
            "=", ".", "..", "-", "+", "_", "0x", "1e9", "inf", "nan", "1979-05-27T07:32:00Z", "true", "false", "nat64",
            "prefixes", "::/0",
            "64:ff9b::/96", "0.0.0.0/0", "9223372036854775807", "-9223372036854775808", "99999999999999999999",
            "a.b.c.d", "[a.b]", "é", "😀",
            "[[dns64.view]]", "pool = ", "share:", "2h4m", "64MiB", "{a={a={a=", "[[[[[[", "07:32:00", "1979-", "= [",
            "= {", "-", "e+", "0o7", "0b1",
            "\u{FEFF}", "\u{2028}",
        ].map { Array($0.utf8) } + [[0xFF], [0xC3], [0], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80]]

    private func mutate(_ octets: inout [UInt8], _ random: inout SeededRandom) {
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let start = Int.random(in: 0...octets.count, using: &random)
            let end = min(octets.count, start + Int.random(in: 0...12, using: &random))
            switch UInt8.random(in: 0..<6, using: &random) {
            case 0: octets.insert(contentsOf: Self.pieces.randomElement(using: &random) ?? [], at: start)
            case 1: octets.removeSubrange(start..<end)
            case 2: octets.replaceSubrange(start..<end, with: Self.pieces.randomElement(using: &random) ?? [])
            case 3 where start < octets.count: octets[start] = UInt8.random(in: 0...255, using: &random)
            case 4: octets.insert(contentsOf: octets[start..<end], at: Int.random(in: 0...octets.count, using: &random))
            default: octets.removeLast(min(octets.count, Int.random(in: 0...40, using: &random)))
            }
        }
    }

    @Test("are accepted or refused with a place, and never crash the reader")
    func mutatedFiles() throws {
        let packaged = try file("etc/appliance.toml").split(separator: "\n")
        let keys = packaged.filter { $0.hasPrefix("#") && $0.dropFirst().first != " " }.map { $0.dropFirst() }
        let sections = packaged.filter {
            $0.hasPrefix("[") || ($0.hasPrefix("#") && $0.dropFirst().first != " " && $0.count > 1)
        }
        .map { $0.hasPrefix("#") ? $0.dropFirst() : $0 }
        let seeds = [sections.joined(separator: "\n")] + BadFile.all.map(\.text) + keys.map { String($0) }
        var random = SeededRandom(state: 20_261_125)
        var accepted = 0
        for round in 0..<Self.rounds {
            var octets = Array((seeds.randomElement(using: &random) ?? "").utf8)
            mutate(&octets, &random)
            do throws(ConfigurationProblems) {
                _ = try Configuration.check(octets: octets, name: "f")
                accepted += 1
            } catch {
                let sound =
                    !error.problems.isEmpty
                    && error.problems.allSatisfy { problem in
                        problem.place.line > 0 && problem.place.column > 0 && !problem.message.isEmpty
                            && !problem.description.contains("\n")
                    }
                if !sound { Issue.record("round \(round): \(error) for \(String(decoding: octets, as: UTF8.self))") }
            }
            _ = RuntimeViews.parse(octets, name: "f")
        }
        #expect(accepted > 0)
    }

    @Test("texts made of pieces of TOML are accepted or refused, and never crash the reader")
    func texts() {
        let pieces =
            Self.pieces
            + ["[a]\n", "[[a]]\n", "[a.b]\n", "a = 1\n", "a.b = [{}]\n", "b = {}\n", "b.c = \"\"\n", "a", "b"].map {
                Array($0.utf8)
            }
        var random = SeededRandom(state: 4712)
        for _ in 0..<Self.rounds {
            let count = Int.random(in: 1...16, using: &random)
            let octets = (0..<count).flatMap { _ in pieces.randomElement(using: &random) ?? [] }
            _ = try? Configuration.check(octets: octets, name: "f")
        }
    }

    @Test("every beginning of a file is read without a crash")
    func everyBeginning() throws {
        let octets = Array(BadFile.all.map(\.text).joined(separator: "\n").utf8.prefix(2000))
        for count in 0...octets.count {
            _ = try? Configuration.check(octets: Array(octets[..<count]), name: "f")
            _ = try? KeyScanner.places(in: Array(octets[..<count]))
        }
    }
}
