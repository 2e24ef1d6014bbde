internal import ControlAPI

/// A way into the control API: method, path and whether it changes anything.
package struct Route: Sendable {
    /// `GET`, `PUT`, `POST` or `DELETE`.
    package let method: String
    /// The path, as the OpenAPI document writes it.
    package let path: String
    /// Whether it changes anything, so that only root and the daemon's own user may use it.
    package let changes: Bool
    /// The query parameters it knows; any other is refused by name.
    package let parameters: [String]
    /// Reads the request and says what is to be done; does not block.
    let prepare: @Sendable (Call) throws(Problem) -> Work

    /// What is to be done: asks the appliance. May block.
    typealias Work = @Sendable () throws(Problem) -> Reply

    init(
        _ method: String,
        _ path: String,
        changes: Bool = false,
        parameters: [String] = [],
        prepare: @escaping @Sendable (Call) throws(Problem) -> Work
    ) {
        self.method = method
        self.path = path
        self.changes = changes
        self.parameters = parameters
        self.prepare = prepare
    }

    /// What stands for `{network}` in the path, if a request's path is this route's; empty if it has none.
    ///
    /// An IPv6 prefix holds a slash, and not everyone encodes it: so `{network}` takes the rest of the path.
    func match(_ segments: [String]) -> String? {
        let pattern = path.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        guard pattern.last == "{network}" else { return pattern.elementsEqual(segments, by: ==) ? "" : nil }
        let fixed = pattern.dropLast()
        guard segments.count > fixed.count, fixed.elementsEqual(segments.prefix(fixed.count), by: ==) else {
            return nil
        }
        return segments.dropFirst(fixed.count).joined(separator: "/")
    }
}

/// A request on its way through its route.
struct Call: Sendable {
    let appliance: any ControlledAppliance
    let parameters: [String: String]
    let network: String
    let body: [UInt8]
}

/// What becomes of a request.
enum Answer: Sendable {
    /// The reply is known already.
    case now(Reply)
    /// The appliance has to be asked first. May block.
    case later(@Sendable () -> Reply)
}

/// All routes, and the way from a request to its reply.
///
/// What came from outside is read first, by a thread that has no privileges; the appliance is asked after that, by
/// another.
package struct Routes: Sendable {
    /// What is shown and switched.
    let appliance: any ControlledAppliance
    /// The user the daemon runs as.
    let daemonUser: UInt32

    /// Every route there is; the OpenAPI document lists the same.
    package static let all: [Route] = [
        Route("GET", "/v1/status") { call throws(Problem) in
            { () throws(Problem) in Reply(call.appliance.status()) }
        },
        Route("GET", "/v1/sessions", parameters: filterParameters + ["peer", "state"]) { call throws(Problem) in
            let (filter, cursor, limit) = try (call.filter(), call.parameters["cursor"], call.limit())
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    Reply(try call.appliance.sessions(filter: filter, cursor: cursor, limit: limit))
                }
            }
        },
        Route("GET", "/v1/bindings", parameters: filterParameters) { call throws(Problem) in
            let (filter, cursor, limit) = try (call.filter(), call.parameters["cursor"], call.limit())
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    Reply(try call.appliance.bindings(filter: filter, cursor: cursor, limit: limit))
                }
            }
        },
        Route("GET", "/v1/port-blocks", parameters: ["client", "external", "limit", "cursor"]) { call throws(Problem) in
            let (filter, cursor, limit) = try (call.filter(), call.parameters["cursor"], call.limit())
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    Reply(try call.appliance.portBlocks(filter: filter, cursor: cursor, limit: limit))
                }
            }
        },
        Route("GET", "/v1/port-holder", parameters: ["external", "time"]) { call throws(Problem) in
            let (external, time) = (try call.required("external"), try call.time())
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    Reply(try call.appliance.portHolder(external: external, at: time))
                }
            }
        },
        Route("GET", "/v1/static-bindings") { call throws(Problem) in
            { () throws(Problem) in Reply(call.appliance.staticBindings()) }
        },
        Route("PUT", "/v1/static-bindings", changes: true) { call throws(Problem) in
            let change = try call.decoded(StaticBindingChange.self)
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    try call.appliance.addStaticBinding(change)
                    return Reply(call.appliance.staticBindings())
                }
            }
        },
        Route(
            "DELETE",
            "/v1/static-bindings",
            changes: true,
            parameters: ["protocol", "external"]
        ) { call throws(Problem) in
            let (transport, external) = (try call.required("protocol"), try call.required("external"))
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    try call.appliance.removeStaticBinding(transport: transport, external: external)
                    return Reply(call.appliance.staticBindings())
                }
            }
        },
        Route("GET", "/v1/views") { call throws(Problem) in
            { () throws(Problem) in Reply(call.appliance.views()) }
        },
        Route("PUT", "/v1/views", changes: true) { call throws(Problem) in
            try call.set(call.decoded(ViewChange.self))
        },
        Route("PUT", "/v1/views/{network}", changes: true) { call throws(Problem) in
            let wish = try call.decoded(Synthesis.self)
            return try call.set(ViewChange(network: call.network, synthesize: wish.synthesize))
        },
        Route("DELETE", "/v1/views/{network}", changes: true) { call throws(Problem) in
            try checkLength(ofNetwork: call.network)
            return { () throws(Problem) in
                try asking { () throws(ControlRefusal) in
                    try call.appliance.removeView(network: call.network)
                    return Reply(call.appliance.views())
                }
            }
        },
        Route("POST", "/v1/reload", changes: true) { call throws(Problem) in
            { () throws(Problem) in try reply(to: call.appliance.reload()) }
        },
        Route("GET", "/v1/version") { call throws(Problem) in
            { () throws(Problem) in Reply(VersionReport(version: call.appliance.version)) }
        },
        Route("GET", "/v1/openapi.json") { _ throws(Problem) in
            { () throws(Problem) in
                Reply(status: 200, contentType: "application/json", body: Array(OpenAPIDocument.text.utf8))
            }
        },
        Route("GET", "/metrics") { call throws(Problem) in
            { () throws(Problem) in
                let text = Metrics.text(call.appliance.status())
                return Reply(status: 200, contentType: Metrics.contentType, body: Array(text.utf8))
            }
        },
    ]

    private static let filterParameters = ["client", "external", "protocol", "limit", "cursor"]

    /// Reads a request and says what becomes of it; does not block.
    func answer(to request: Request) -> Answer {
        do throws(Problem) {
            let target = try RequestTarget(request.target)
            let matching = Self.all.filter { $0.match(target.segments) != nil }
            guard !matching.isEmpty else {
                throw Problem(
                    status: 404,
                    title: "No such path",
                    detail: "There is no such path; GET /v1/openapi.json lists those there are."
                )
            }
            // HEAD is GET without its body (RFC 9110 section 9.3.2).
            let method = request.method == "HEAD" ? "GET" : request.method
            guard let route = matching.first(where: { $0.method == method }) else {
                let allowed = matching.flatMap { $0.method == "GET" ? ["GET", "HEAD"] : [$0.method] }
                let problem = Problem(
                    status: 405,
                    title: "Method not allowed",
                    detail: "This path takes \(allowed.joined(separator: ", "))."
                )
                return .now(Reply(problem, allow: allowed))
            }
            guard !route.changes || request.peer.mayChange(daemon: daemonUser) else {
                throw Problem(
                    status: 403,
                    title: "Not permitted",
                    detail: "Members of the socket's group may read; changing is for root: call again with sudo."
                )
            }
            if let unknown = target.parameters.keys.sorted().first(where: { !route.parameters.contains($0) }) {
                let known = route.parameters.sorted().joined(separator: ", ")
                throw .badRequest(
                    "There is no parameter \"\(unknown)\" here; "
                        + (known.isEmpty ? "this path takes none." : "this path takes \(known).")
                )
            }
            let work = try route.prepare(
                Call(
                    appliance: appliance,
                    parameters: target.parameters,
                    network: route.match(target.segments) ?? "",
                    body: request.body
                )
            )
            return .later {
                do throws(Problem) {
                    return try work()
                } catch {
                    return Reply(error)
                }
            }
        } catch {
            return .now(Reply(error))
        }
    }
}

/// The body of `PUT /v1/views/{network}`.
private struct Synthesis: Decodable {
    let synthesize: Bool
}

extension Call {
    /// The entries that are wanted.
    fileprivate func filter() throws(Problem) -> EntryFilter {
        if let transport = parameters["protocol"], !["tcp", "udp", "icmp"].contains(transport) {
            throw .badRequest("protocol: \"\(transport)\" is not tcp, udp or icmp.")
        }
        for (name, value) in parameters.sorted(by: { $0.key < $1.key }) where value.isEmpty || value.utf8.count > 128 {
            throw .badRequest("\(name): the value must be 1 to 128 octets long.")
        }
        let state = parameters["state"].map { text in
            String(text.uppercased().map { $0 == "-" || $0 == "_" ? " " : $0 })
        }
        return EntryFilter(
            client: parameters["client"],
            peer: parameters["peer"],
            external: parameters["external"],
            transport: parameters["protocol"],
            state: state
        )
    }

    /// A parameter without which there is nothing to do.
    fileprivate func required(_ name: String) throws(Problem) -> String {
        guard let value = parameters[name], (1...128).contains(value.utf8.count) else {
            throw .badRequest("\(name): the parameter is missing, empty or longer than 128 octets.")
        }
        return value
    }

    /// The moment that is asked about; nothing means now.
    fileprivate func time() throws(Problem) -> UTCTime? {
        guard let text = parameters["time"] else { return nil }
        guard let time = UTCTime(text) else {
            throw .badRequest("time: write 2026-11-26T04:11:01Z, or seconds since 1970.")
        }
        return time
    }

    /// The most entries wanted.
    fileprivate func limit() throws(Problem) -> Int {
        guard let text = parameters["limit"] else { return ControlDefaults.pageLength }
        guard let limit = Int(text), (1...ControlDefaults.longestPage).contains(limit) else {
            throw .badRequest("limit: \"\(text)\" is not a number from 1 to \(ControlDefaults.longestPage).")
        }
        return limit
    }

    /// The body as JSON.
    fileprivate func decoded<Value: Decodable>(_ type: Value.Type) throws(Problem) -> Value {
        do {
            return try WireFormat.decode(type, from: body)
        } catch {
            let example =
                switch type {
                case is ViewChange.Type: #"{"network": "2001:db8::/64", "synthesize": true}"#
                case is StaticBindingChange.Type:
                    #"{"transport": "tcp", "external": "203.0.113.1:443", "client": "[2001:db8::5]:443"}"#
                default: #"{"synthesize": true}"#
                }
            throw .badRequest("The body must be JSON such as \(example).")
        }
    }

    /// Switches DNS64 for a network and shows what is in force then.
    fileprivate func set(_ change: ViewChange) throws(Problem) -> Route.Work {
        try checkLength(ofNetwork: change.network)
        return { () throws(Problem) in
            try asking { () throws(ControlRefusal) in
                try appliance.setView(change)
                return Reply(appliance.views())
            }
        }
    }
}

private func checkLength(ofNetwork text: String) throws(Problem) {
    guard (1...64).contains(text.utf8.count) else {
        throw .badRequest("network: a prefix such as 2001:db8:6:2::/64 is wanted.")
    }
}

/// A reload that was refused is a problem, with the single ones inside.
private func reply(to report: ReloadReport) throws(Problem) -> Reply {
    guard !report.applied else { return Reply(report) }
    throw Problem(
        status: 422,
        title: "Configuration refused",
        detail: "The settings in force stay as they were; put the problems right and reload again.",
        problems: report.problems
    )
}

/// Turns the appliance's refusal into a problem.
private func asking(_ body: () throws(ControlRefusal) -> Reply) throws(Problem) -> Reply {
    do throws(ControlRefusal) {
        return try body()
    } catch {
        throw Problem(error)
    }
}
