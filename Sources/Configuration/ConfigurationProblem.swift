/// Where something stands in a file.
public struct Place: Hashable, Sendable {
    /// The name of the file as the operator gave it, or as the drop-in's directory lists it.
    public let file: String
    /// The line, from 1; 0 if the file as a whole is meant.
    public let line: Int
    /// The column in characters (Unicode scalars), from 1; 0 if the whole line is meant.
    public let column: Int
    /// In which order the files are read: 0 is the main file, drop-ins follow.
    let order: Int

    init(file: String, order: Int = 0, line: Int = 0, column: Int = 0) {
        self.file = file
        self.order = order
        self.line = line
        self.column = column
    }
}

extension Place: Comparable, CustomStringConvertible {
    /// Orders places as they are read: files in their order, lines and columns from the top.
    public static func < (left: Place, right: Place) -> Bool {
        (left.order, left.line, left.column) < (right.order, right.line, right.column)
    }

    /// `appliance.toml:12:8`, or the name of the file alone.
    public var description: String {
        if line == 0 { return file }
        return column == 0 ? "\(file):\(line)" : "\(file):\(line):\(column)"
    }
}

/// One thing that is wrong with a configuration, told so that it can be put right.
public struct ConfigurationProblem: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where the thing stands.
    public let place: Place
    /// The key with its tables, such as `nat64.lifetimes.udp`; empty if no key is meant.
    public let key: String
    /// What was found, what is wrong with it, what would be right.
    public let message: String

    init(_ place: Place, _ key: String, _ message: String) {
        self.place = place
        self.key = key
        self.message = message
    }

    /// `appliance.toml:12:8: nat64.lifetimes.udp: 60 is shorter than …`, always a single line.
    public var description: String {
        key.isEmpty ? "\(place): \(message)" : "\(place): \(key): \(message)"
    }
}

/// Everything that is wrong with a configuration, in the order in which it stands in the files.
public struct ConfigurationProblems: Error, Hashable, Sendable, CustomStringConvertible {
    /// The problems, sorted by place; never empty when thrown. After ``most`` the rest is only counted.
    public let problems: [ConfigurationProblem]
    /// More lines than anybody reads at once.
    static let most = 1000

    init(_ problems: [ConfigurationProblem]) {
        var seen: Set<ConfigurationProblem> = []
        let sorted = problems.enumerated()
            .sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
            .map(\.element)
            .filter { seen.insert($0).inserted }
        guard sorted.count > Self.most else {
            self.problems = sorted
            return
        }
        let next = sorted[Self.most]
        let rest = ConfigurationProblem(next.place, "", "and \(sorted.count - Self.most) more problems from here on")
        self.problems = sorted.prefix(Self.most) + [rest]
    }

    /// One line per problem.
    public var description: String { problems.map(\.description).joined(separator: "\n") }
}

/// Gathers problems while a configuration is read, so that all are told at once and not the first only.
final class ProblemList {
    private(set) var problems: [ConfigurationProblem] = []

    var isEmpty: Bool { problems.isEmpty }

    func add(_ place: Place, _ key: String, _ message: String) {
        problems.append(ConfigurationProblem(place, key, message))
    }

    func add(_ problem: ConfigurationProblem) { problems.append(problem) }
}
