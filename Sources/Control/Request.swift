internal import ControlAPI

/// A request, whole: what the routes work on.
struct Request: Sendable {
    /// The method in capitals.
    var method: String
    /// The target as it came: path and query.
    var target: String
    /// The body; empty if there was none.
    var body: [UInt8]
    /// Who asks.
    var peer: Peer
}

/// A reply, whole.
struct Reply: Equatable, Sendable {
    /// The HTTP status.
    var status: Int
    /// The media type of the body.
    var contentType: String
    /// The body.
    var body: [UInt8]
    /// The methods that would have been right; only beside 405.
    var allow: [String] = []

    /// A value as JSON.
    init(_ value: some Encodable) {
        do {
            self.init(status: 200, contentType: "application/json", body: try WireFormat.encode(value) + [0x0A])
        } catch {
            self.init(Problem(status: 500, title: "Report not writable", detail: "\(error)."))
        }
    }

    /// Octets of a media type.
    init(status: Int, contentType: String, body: [UInt8]) {
        self.status = status
        self.contentType = contentType
        self.body = body
    }

    /// A problem, as RFC 9457 writes it.
    init(_ problem: Problem, allow: [String] = []) {
        let body = (try? WireFormat.encode(problem)) ?? []
        self.init(status: problem.status, contentType: "application/problem+json", body: body + [0x0A])
        self.allow = allow
    }
}

extension Problem {
    /// The request cannot be understood.
    static func badRequest(_ detail: String) -> Problem {
        Problem(status: 400, title: "Request not understood", detail: detail)
    }

    /// The appliance refused.
    init(_ refusal: ControlRefusal) {
        let title =
            switch refusal.kind {
            case .badRequest: "Request not understood"
            case .notFound: "No such thing"
            case .conflict: "Refused"
            case .failed: "Failed"
            case .unavailable: "Not now"
            }
        self.init(status: refusal.kind.rawValue, title: title, detail: refusal.sentence)
    }
}
