/// What has to be done to come from what is there to what is wanted.
struct NetworkDifference {
    /// What is not there, in the order it is to be made.
    var missing: [NetworkItem] = []
    /// What of ours is there and not wanted, in the order it is to be removed.
    var surplus: [NetworkItem] = []

    var isEmpty: Bool { missing.isEmpty && surplus.isEmpty }

    init() {}

    init(from state: NetworkState, to wanted: [NetworkItem], without givenUp: Set<NetworkItem>) {
        let all = Set(wanted)
        missing = wanted.filter { !Self.isPresent($0, in: state) && !givenUp.contains($0) }
        surplus = state.ours.filter { item in
            !all.contains(item) && !item.isOfDevice && !givenUp.contains(item) && !Self.isContested(item, in: state)
        }
        .sorted { $0.rank > $1.rank }
    }

    private static func isPresent(_ item: NetworkItem, in state: NetworkState) -> Bool {
        guard case .setting(let sysctl, let value) = item else { return state.present.contains(item) }
        return sysctl.read() == value
    }

    /// Where somebody else's filters stand among ours, ours stay as they are until a person has decided.
    private static func isContested(_ item: NetworkItem, in state: NetworkState) -> Bool {
        switch item {
        case .filter(let interface, _), .clsact(let interface): state.foreignFilters.contains(interface)
        default: false
        }
    }
}

/// What could not be done on the way, and is not tried again in the same run.
struct Setbacks {
    /// Whether the first setback that matters ends the run.
    let stopAtOnce: Bool
    private(set) var givenUp: Set<NetworkItem> = []
    private(set) var problems: [NetworkProblem] = []
    private(set) var notices: [NetworkNotice] = []

    init(stopAtOnce: Bool) { self.stopAtOnce = stopAtOnce }

    /// Routes are not ours to make while somebody else has them.
    mutating func leaveAlone(contestedBy obstacles: [NetworkProblem], table: RoutingTable) {
        for case .conflict(let conflict) in obstacles {
            givenUp.insert(.route(conflict.route.destination, table: table))
        }
    }

    mutating func note(_ item: NetworkItem, _ error: NetlinkError) throws(NetworkProblem) {
        givenUp.insert(item)
        switch item {
        case .noLinkLocalAddress, .setting:
            // The plan holds without it, with a reservation.
            notices.append(.settingNotMade(item, error))
        default:
            if stopAtOnce { throw .refused(error, item) }
            problems.append(.refused(error, item))
        }
    }
}
