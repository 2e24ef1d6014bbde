import Testing

@testable import Configuration

@Suite("Places of keys and values")
struct KeyPlacesTests {
    /// Every key and element with its place, in the order of the text: `a.b@1:3=1:7`.
    private func places(_ text: String) throws -> [String] {
        var found: [(TextPosition, String)] = []
        func walk(_ node: KeyPlaces, _ path: String) {
            for (name, child) in node.names { note(child, path.isEmpty ? name : "\(path).\(name)") }
            for (index, child) in node.elements.enumerated() { note(child, "\(path)[\(index)]") }
        }
        func note(_ node: KeyPlaces, _ path: String) {
            let key = node.key ?? TextPosition(line: 0, column: 0)
            let value = node.value.map { "=\($0.line):\($0.column)" } ?? ""
            found.append((key, "\(path)@\(key.line):\(key.column)\(value)"))
            walk(node, path)
        }
        walk(try KeyScanner.places(in: Array(text.utf8)), "")
        return found.sorted { ($0.0.line, $0.0.column, $0.1) < ($1.0.line, $1.0.column, $1.1) }.map(\.1)
    }

    @Test(
        "stand where the operator sees them",
        arguments: [
            ("a = 1", ["a@1:1=1:5"]),
            ("# note\n\n  a   =\t 'x' # note", ["a@3:3=3:10"]),
            ("[t]\na = 1", ["t@1:2=1:2", "t.a@2:1=2:5"]),
            ("[ t . u ]\na = 1", ["t@1:3", "t.u@1:7=1:7", "t.u.a@2:1=2:5"]),
            ("t.u.a = 1", ["t@1:1", "t.u@1:3", "t.u.a@1:5=1:9"]),
            ("\"quoted key\".'b' = true", ["quoted key@1:1", "quoted key.b@1:14=1:20"]),
            ("a = [1, 2,\n  3, # note\n]", ["a@1:1=1:5", "a[0]@1:6=1:6", "a[1]@1:9=1:9", "a[2]@2:3=2:3"]),
            ("a = [[1], []]", ["a@1:1=1:5", "a[0]@1:6=1:6", "a[0][0]@1:7=1:7", "a[1]@1:11=1:11"]),
            ("a = { x = 1, y.z = 2 }", ["a@1:1=1:5", "a.x@1:7=1:11", "a.y@1:14", "a.y.z@1:16=1:20"]),
            ("a = {}\nb = 1", ["a@1:1=1:5", "b@2:1=2:5"]),
            (
                "[[v]]\na = 1\n[[v]]\na = 2",
                ["v@1:3=1:3", "v[0]@1:3=1:3", "v[0].a@2:1=2:5", "v[1]@3:3=3:3", "v[1].a@4:1=4:5"]
            ),
            ("[[v]]\n[v.w]\na = 1", ["v@1:3=1:3", "v[0]@1:3=1:3", "v[0].w@2:4=2:4", "v[0].w.a@3:1=3:5"]),
            ("a = \"ä\\\"] # no note\"\r\nb = '\\'\r\nc = 1", ["a@1:1=1:5", "b@2:1=2:5", "c@3:1=3:5"]),
            ("\"é\" = 'ß' # ü\nb = 1", ["é@1:1=1:7", "b@2:1=2:5"]),
            ("a = \"\"\"x\n\\\"\"\" y\"\"\"\"\"\nb = '''\n'x'''\nc = 1", ["a@1:1=1:5", "b@3:1=3:5", "c@5:1=5:5"]),
            (
                "a = -1_0.5e-3 # what\nb = [1e3,nan]",
                ["a@1:1=1:5", "b@2:1=2:5", "b[0]@2:6=2:6", "b[1]@2:10=2:10"]
            ),
        ]
    )
    func placesAreRight(text: String, expected: [String]) throws {
        // The scanner knows only TOML; TOMLKit must agree that this is some.
        #expect(throws: Never.self) { try TOMLText.table(from: Array(text.utf8), at: Place(file: "a.toml")) }
        #expect(try places(text) == expected)
    }

    @Test(
        "a text that would let a recursive reader run out of stack is refused before TOMLKit sees it",
        arguments: [
            ("a = ", "[", ""), ("a = ", "{a=", ""), ("", "a.", "a = 1"), ("[", "a.", "a]"), ("[[", "a.", "a]]"),
            ("a = {", "a.", "a = 1}"), ("a = ", "[{a=", ""), ("a = ", "[\n", ""),
        ]
    )
    func deepNestingIsRefused(before: String, repeated: String, after: String) {
        let told = problems(of: before + String(repeating: repeated, count: 1_000_000) + after)
        #expect(told.count == 1)
        #expect(
            told.first?.hasSuffix("more than 24 tables or lists stand in one another; no key of ours needs more than 4")
                == true
        )
    }

    @Test("tables of a header and of the keys below it count together")
    func headersAndKeysCountTogether() {
        let path = "a.b.c.d.e.f.g.h.i.j.k.l.m"
        let told = problems(of: "[\(path)]\n\(path) = 1")
        #expect(told.first?.contains("more than 24 tables") == true)
    }

    @Test("as many tables as are allowed are read")
    func allowedNestingIsRead() {
        let keys = Array(repeating: "a", count: KeyScanner.deepest).joined(separator: ".")
        #expect(problems(of: "\(keys) = 1").first?.hasPrefix("a.toml:1:1: a: no such table") == true)
    }
}
