/// What the appliance knows about itself at one moment: the one report that `appliance-ctl status` shows as text,
/// `GET /v1/status` as JSON and `GET /metrics` as Prometheus text.
///
/// Fields are only added between minor versions, never renamed or taken away.
public struct StatusReport: Codable, Equatable, Sendable {
    /// The version of the running daemon, such as `1.4.0`.
    public var version: String
    /// Whole seconds since the daemon was ready.
    public var uptimeSeconds: UInt64
    /// Whether it works, in a word.
    public var verdict: Verdict
    /// Everything that is wrong or worth knowing, the gravest first; empty if all is well.
    public var findings: [Finding]
    /// The translating half.
    public var dataplane: DataplaneStatus
    /// What stands in the kernel on our behalf, and the way out.
    public var network: NetworkStatus
    /// The resolving half.
    public var resolver: ResolverStatus
    /// Where DNS64 is on and off.
    public var views: ViewList
    /// Where the settings come from.
    public var configuration: ConfigurationStatus

    /// Puts a report together; the verdict follows from the findings.
    public init(
        version: String,
        uptimeSeconds: UInt64,
        findings: [Finding],
        dataplane: DataplaneStatus,
        network: NetworkStatus,
        resolver: ResolverStatus,
        views: ViewList,
        configuration: ConfigurationStatus
    ) {
        self.version = version
        self.uptimeSeconds = uptimeSeconds
        self.verdict = Verdict(of: findings)
        self.findings = findings.sorted { $0.severity.rank < $1.severity.rank }
        self.dataplane = dataplane
        self.network = network
        self.resolver = resolver
        self.views = views
        self.configuration = configuration
    }
}

/// Whether the appliance does what it is for, in a word.
public enum Verdict: String, Codable, CaseIterable, Sendable {
    /// Names resolve and packets pass.
    case working
    /// The main job runs, but something is wrong.
    case degraded
    /// Clients cannot reach the IPv4 internet through this box.
    case down

    /// The verdict that follows from a list of findings: the gravest decides.
    public init(of findings: [Finding]) {
        if findings.contains(where: { $0.severity == .failure }) {
            self = .down
        } else if findings.contains(where: { $0.severity == .warning }) {
            self = .degraded
        } else {
            self = .working
        }
    }
}

/// One thing that is wrong or worth knowing, told so that it can be put right.
public struct Finding: Codable, Equatable, Sendable {
    /// How grave a finding is.
    public enum Severity: String, Codable, CaseIterable, Sendable {
        /// The main job does not run: the verdict is down.
        case failure
        /// The main job runs with a fault: the verdict is degraded.
        case warning
        /// Worth knowing; the verdict stays as it is.
        case note

        /// Order of telling: the gravest is 0.
        var rank: Int {
            switch self {
            case .failure: 0
            case .warning: 1
            case .note: 2
            }
        }
    }

    /// A name for programs, in kebab case, that does not change: `upstream-silent`.
    public var code: String
    /// How grave it is.
    public var severity: Severity
    /// What is wrong: a sentence.
    public var problem: String
    /// What to do about it: a sentence.
    public var remedy: String

    /// Puts a finding into words.
    public init(code: String, severity: Severity, problem: String, remedy: String) {
        self.code = code
        self.severity = severity
        self.problem = problem
        self.remedy = remedy
    }
}

/// What a part of the appliance is doing.
public enum PartState: String, Codable, CaseIterable, Sendable {
    /// On its way up.
    case starting
    /// At work.
    case running
    /// On its way down, or not configured.
    case stopped
    /// Ended by an error; a finding says which.
    case failed
}

/// Where the settings in force come from.
public struct ConfigurationStatus: Codable, Equatable, Sendable {
    /// What became of the last reload.
    public struct LastReload: Codable, Equatable, Sendable {
        /// Whole seconds since it was asked for.
        public var secondsAgo: UInt64
        /// Whether its settings are in force; if not, those before it still are.
        public var applied: Bool
        /// Why not, one problem a line.
        public var problems: [String]

        /// Describes a reload.
        public init(secondsAgo: UInt64, applied: Bool, problems: [String]) {
            self.secondsAgo = secondsAgo
            self.applied = applied
            self.problems = problems
        }
    }

    /// The configuration file, or nothing if all is as built in.
    public var file: String?
    /// Drop-ins read after it, in the order in which they were read.
    public var dropIns: [String]
    /// Counts up with every change of policy since the start.
    public var policyGeneration: UInt64
    /// The networks that are served.
    public var clients: [String]
    /// The last reload, if there was one since the start.
    public var lastReload: LastReload?

    /// Describes where the settings come from.
    public init(
        file: String?,
        dropIns: [String] = [],
        policyGeneration: UInt64,
        clients: [String],
        lastReload: LastReload? = nil
    ) {
        self.file = file
        self.dropIns = dropIns
        self.policyGeneration = policyGeneration
        self.clients = clients
        self.lastReload = lastReload
    }
}

/// A reason with the number of times it was met.
public struct ReasonCount: Codable, Equatable, Sendable {
    /// The reason in kebab case: `pool-exhausted`.
    public var name: String
    /// How often since the start.
    public var count: UInt64
    /// What it means to an operator: a sentence.
    public var explanation: String

    /// Describes a counter.
    public init(name: String, count: UInt64, explanation: String) {
        self.name = name
        self.count = count
        self.explanation = explanation
    }
}
