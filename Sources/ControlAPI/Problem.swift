/// Why a request was not done: the body of every reply that is not a success, as `application/problem+json`
/// (RFC 9457).
public struct Problem: Codable, Error, Equatable, Sendable {
    /// The HTTP status that came with it.
    public var status: Int
    /// What kind of problem it is, in a few words.
    public var title: String
    /// What is wrong with this very request, and what to do: a sentence.
    public var detail: String
    /// The single problems if there are several, one a line: those of a configuration file.
    public var problems: [String]?

    /// Describes a problem.
    public init(status: Int, title: String, detail: String, problems: [String]? = nil) {
        self.status = status
        self.title = title
        self.detail = detail
        self.problems = problems
    }
}
