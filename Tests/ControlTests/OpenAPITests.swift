import Control
import ControlAPI
import Testing

@Suite("The OpenAPI document")
struct OpenAPITests {
    private let document: JSONValue

    init() throws { document = try WireFormat.decode(JSONValue.self, from: Array(OpenAPIDocument.text.utf8)) }

    @Test("it lists the server's routes, all of them and no others, with their parameters")
    func routes() {
        var described: Set<String> = []
        for (path, item) in document["paths"]?.object ?? [:] {
            for (method, operation) in item.object where method != "parameters" {
                let names = operation["parameters"]?.array.compactMap { $0["name"]?.string }.sorted() ?? []
                described.insert("\(method.uppercased()) \(path) \(names)")
            }
        }
        let served = Set(Routes.all.map { "\($0.method) \($0.path) \($0.parameters.sorted())" })
        #expect(described == served)
        #expect(served.count == 16)
    }

    @Test("everything that only looks is a GET, and everything that changes something is not")
    func changes() {
        for route in Routes.all { #expect(route.changes == (route.method != "GET"), "\(route.path)") }
    }

    @Test("every reference leads somewhere and every schema is used")
    func references() {
        var found: Set<String> = []
        func walk(_ value: JSONValue) {
            if let reference = value["$ref"]?.string { found.insert(reference) }
            value.object.values.forEach(walk)
            value.array.forEach(walk)
        }
        walk(document)
        var defined: Set<String> = []
        for kind in ["schemas", "responses"] {
            for name in (document["components"]?[kind]?.object ?? [:]).keys {
                defined.insert("#/components/\(kind)/\(name)")
            }
        }
        #expect(found == defined)
    }

    @Test(
        "F21-T3 what the types are written as is what the schemas say, field for field",
        arguments: [
            ("StatusReport", json(StatusReport.working)), ("StatusReport", json(StatusReport.degraded)),
            ("StatusReport", json(StatusReport.down)),
            ("SessionPage", json(SessionPage(sessions: [0, 1].map(FakeAppliance.session), next: "x"))),
            (
                "BindingPage",
                json(
                    BindingPage(
                        bindings: [BindingEntry(transport: "udp", client: "c", external: "e", sessions: 1)],
                        next: nil
                    )
                )
            ),
            ("StaticBindingList", json(FakeAppliance().staticBindings())),
            (
                "StaticBindingChange",
                json(StaticBindingChange(transport: "tcp", external: "e", client: "c", replace: true))
            ),
            ("ViewList", json(FakeAppliance().views())),
            ("ViewChange", json(ViewChange(network: "n", synthesize: true))),
            ("ReloadReport", json(FakeAppliance().reload())), ("VersionReport", json(VersionReport(version: "1"))),
            ("Problem", json(Problem(status: 400, title: "t", detail: "d", problems: ["p"]))),
        ]
    )
    func schemas(name: String, value: JSONValue) {
        #expect(
            complaints(about: value, as: .object(["$ref": .string("#/components/schemas/\(name)")]), at: name) == []
        )
    }

    @Test("the check of schemas finds a missing, an unknown and a wrong field")
    func checkChecks() {
        let reference = JSONValue.object(["$ref": .string("#/components/schemas/ViewChange")])
        let wrong = JSONValue.object(["synthesize": .string("yes"), "netwrk": .string("n")])
        #expect(
            complaints(about: wrong, as: reference, at: "x") == [
                "x: network is missing", "x.netwrk is not described", "x.synthesize is no boolean",
            ]
        )
    }

    @Test("the server hands it out")
    func served() throws {
        let bench = try Bench()
        let answer = bench.raw("GET /v1/openapi.json HTTP/1.1\r\nhost: x\r\n\r\n")
        #expect(answer.hasPrefix("HTTP/1.1 200 "))
        #expect(answer.hasSuffix(OpenAPIDocument.text))
    }

    /// Where a value is not what a schema says; stricter than OpenAPI, for what is not described counts as wrong.
    private func complaints(about value: JSONValue, as schema: JSONValue, at place: String) -> [String] {
        if let reference = schema["$ref"]?.string {
            let name = String(reference.split(separator: "/").last ?? "")
            guard let named = document["components"]?["schemas"]?[name] else { return ["\(place): no schema \(name)"] }
            return complaints(about: value, as: named, at: place)
        }
        let type = schema["type"]?.string ?? ""
        switch (type, value) {
        case ("boolean", .bool), ("number", .number): return []
        case ("integer", .number(let number)): return number == number.rounded() ? [] : ["\(place) is no integer"]
        case ("string", .string):
            let choices = schema["enum"]?.array ?? []
            return choices.isEmpty || choices.contains(value) ? [] : ["\(place) is not one of \(choices)"]
        case ("array", .array(let items)):
            return items.enumerated().flatMap {
                complaints(about: $0.element, as: schema["items"] ?? .null, at: "\(place)[\($0.offset)]")
            }
        case ("object", .object(let members)):
            let properties = schema["properties"]?.object ?? [:]
            let missing = (schema["required"]?.array ?? []).compactMap(\.string).filter { members[$0] == nil }
            return missing.map { "\(place): \($0) is missing" }
                + members.sorted { $0.key < $1.key }.flatMap { name, member in
                    properties[name].map { complaints(about: member, as: $0, at: "\(place).\(name)") }
                        ?? ["\(place).\(name) is not described"]
                }
        default: return ["\(place) is no \(type)"]
        }
    }
}

private func json(_ value: some Encodable) -> JSONValue {
    guard let octets = try? WireFormat.encode(value), let read = try? WireFormat.decode(JSONValue.self, from: octets)
    else {
        return .null
    }
    return read
}
