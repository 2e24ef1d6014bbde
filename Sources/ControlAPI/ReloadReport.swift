/// What became of a reload.
public struct ReloadReport: Codable, Equatable, Sendable {
    /// Whether the settings of the file are in force now; if not, those before still are, all of them.
    public var applied: Bool
    /// The keys whose values changed: `dns64.upstreams`.
    public var changed: [String]
    /// The keys whose new values wait for a restart.
    public var needsRestart: [String]
    /// Why the file was refused, one problem a line: place, key, what was found, what would be right.
    public var problems: [String]

    /// Describes a reload.
    public init(applied: Bool, changed: [String], needsRestart: [String], problems: [String]) {
        self.applied = applied
        self.changed = changed
        self.needsRestart = needsRestart
        self.problems = problems
    }
}

/// The version of the running daemon.
public struct VersionReport: Codable, Equatable, Sendable {
    /// Such as `1.4.0`.
    public var version: String
    /// The version of the control API.
    public var api: String

    /// Describes a version; the API is this module's own.
    public init(version: String) {
        self.version = version
        self.api = "v1"
    }
}
