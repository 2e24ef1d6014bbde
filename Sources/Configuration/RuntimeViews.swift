public import IPAddressing
public import Policy

/// What `appliance-ctl dns64 enable` and `disable` switched. Kept in the state folder as `views.toml`, so that it
/// survives a restart.
public struct RuntimeViews: Hashable, Sendable {
    /// Whether DNS64 is on, by network.
    public private(set) var switches: [IPPrefix: Bool] = [:]

    /// Nothing is switched.
    public init() {}

    /// The switches as views, in a stable order.
    public var views: [View] {
        switches.map { View(network: $0.key, synthesize: $0.value, origin: .runtime) }
            .sorted { $0.network.description < $1.network.description }
    }

    /// Switches DNS64 for a network.
    public mutating func set(_ network: IPPrefix, synthesize: Bool) { switches[network] = synthesize }

    /// Forgets what was switched for a network.
    ///
    /// - Returns: Whether there was anything to forget.
    @discardableResult
    public mutating func remove(_ network: IPPrefix) -> Bool { switches.removeValue(forKey: network) != nil }
}

extension RuntimeViews {
    /// The text of `views.toml`.
    public var text: String {
        var text = "# What appliance-ctl dns64 switched at runtime. Written by the appliance, read at its start.\n"
        for view in views {
            text += "\n[[view]]\nnetwork = \"\(view.network)\"\nsynthesize = \(view.synthesize)\n"
        }
        return text
    }

    /// Reads `views.toml`.
    ///
    /// A damaged file must not keep the appliance from starting: what can be read is used, the rest is told.
    ///
    /// - Returns: The switches, and what was wrong with the file; nothing if it was sound.
    public static func parse(_ octets: [UInt8], name: String) -> (views: RuntimeViews, problems: ConfigurationProblems?)
    {
        let problems = ProblemList()
        var result = RuntimeViews()
        do throws(ConfigurationProblem) {
            let table = try TOMLText.table(from: octets, at: Place(file: name))
            for entry in table.entries {
                guard entry.key == "view", case .list(let elements) = entry.value.kind else {
                    problems.add(entry.place, "", "\(quoted(entry.key)) is not [[view]]; it is left out")
                    continue
                }
                for element in elements { result.take(element, problems) }
            }
        } catch {
            problems.add(error)
        }
        return (result, problems.isEmpty ? nil : ConfigurationProblems(problems.problems))
    }

    private mutating func take(_ element: PlacedValue, _ problems: ProblemList) {
        guard case .table(let table) = element.kind,
            case .string(let text)? = table["network"]?.value.kind,
            case .boolean(let synthesize)? = table["synthesize"]?.value.kind
        else {
            problems.add(element.place, "view", "has no network with synthesize = true or false; it is left out")
            return
        }
        guard let network = IPPrefix(text) else {
            problems.add(element.place, "view.network", "\(quoted(text)) is not a prefix; it is left out")
            return
        }
        set(network, synthesize: synthesize)
    }
}
