internal import Glibc
internal import IPAddressing

/// Puts a ``NetworkPlan`` into the kernel's tables, keeps it there, and takes it out again.
///
/// What is there is compared with what is wanted, and the difference is made; so a first start, a start after a crash,
/// a changed plan and a repair are all the same. Only what carries our protocol number or our mark is ever changed.
public struct NetworkInstallation: ~Copyable, Sendable {
    let connection: NetlinkConnection
    /// Links whose clsact discipline was made by us.
    private var madeClsact: Set<LinkIndex> = []

    /// Opens a connection to the network namespace of the calling thread.
    public init() throws(NetlinkError) {
        connection = try NetlinkConnection()
    }

    /// Puts the plan in place, and reads it back to be sure.
    ///
    /// New things are made before those of a former plan or run are removed. When a step fails, what was made is
    /// undone.
    public mutating func install(_ plan: NetworkPlan) throws(NetworkProblem) -> NetworkReport {
        guard !plan.prefixes.isEmpty, !plan.pool.isEmpty || !plan.shared.isEmpty else { throw .nothingToTranslate }
        var report = NetworkReport()
        do throws(NetworkProblem) {
            try settle(plan, stopsAtProblems: true, report: &report)
        } catch {
            undo(report.made, device: plan.device)
            throw error
        }
        return report
    }

    /// Puts back what is missing and removes what the kernel added, as far as it can be done.
    ///
    /// - Returns: What was done, and the problems that remain; an unchanged report without problems says all is well.
    /// - Throws: Only when the tables cannot be read or the device is gone.
    public mutating func repair(_ plan: NetworkPlan) throws(NetworkProblem) -> NetworkReport {
        var report = NetworkReport()
        try settle(plan, stopsAtProblems: false, report: &report)
        return report
    }

    /// Removes everything of ours, also what a run that was killed left behind, and whether the device is still there
    /// or not.
    ///
    /// - Throws: The last step that was refused, after all have been tried.
    public mutating func withdraw(device: String) throws(NetworkProblem) -> NetworkReport {
        var report = NetworkReport()
        var failure: NetworkProblem?
        let state = try read(device: device, pool: [], breadth: .everywhere)
        for item in state.ours.sorted(by: { $0.rank > $1.rank }) where !item.isOfDevice {
            do throws(NetlinkError) {
                try remove(item, in: state)
                report.removed.append(item)
            } catch {
                failure = .refused(error, item)
            }
        }
        if let failure { throw failure }
        return report
    }

    /// The link of this name, if there is one: what ``NetworkWatch`` wants to know of the TUN.
    public func link(named name: String) throws(NetlinkError) -> Link? {
        try connection.links().first { $0.name == name }
    }

    /// Where this host stands in its networks.
    ///
    /// - Parameter device: The name of the TUN, which is none of the host's links here.
    public func uplinkFacts(without device: String) throws(NetlinkError) -> UplinkFacts {
        try UplinkFacts(reading: connection, without: device)
    }

    /// Kernel settings that are not as a plan needs them.
    public func forwardingReport(
        of plan: NetworkPlan,
        facts: UplinkFacts
    ) throws(NetlinkError) -> ForwardingReport {
        try ForwardingReport(reading: connection, plan: plan, facts: facts)
    }

    private func read(
        device: String,
        pool: [IPv4Prefix],
        breadth: NetworkState.Breadth
    ) throws(NetworkProblem) -> NetworkState {
        do throws(NetlinkError) {
            return try NetworkState(
                reading: connection,
                device: device,
                pool: pool,
                breadth: breadth,
                madeClsact: madeClsact
            )
        } catch {
            throw .refused(error, nil)
        }
    }

    /// Making one thing can bring another (an address brings the kernel's broadcast route), so we look again until
    /// nothing is left to do.
    private static let mostPasses = 6

    private mutating func settle(
        _ plan: NetworkPlan,
        stopsAtProblems: Bool,
        report: inout NetworkReport
    ) throws(NetworkProblem) {
        let breadth: NetworkState.Breadth = stopsAtProblems ? .everywhere : .interfaces(plan.filtered)
        var setbacks = Setbacks(stopAtOnce: stopsAtProblems)
        var difference = NetworkDifference()
        for pass in 0..<Self.mostPasses {
            let state = try read(device: plan.device, pool: plan.pool, breadth: breadth)
            guard state.device != nil else { throw .deviceMissing(plan.device) }
            madeClsact.formUnion(state.madeClsact)
            let wanted = plan.wanted(in: state)
            let obstacles = try conflicts(of: plan, in: state) + wanted.problems
            if stopsAtProblems, let problem = obstacles.first { throw problem }
            setbacks.leaveAlone(contestedBy: obstacles, table: plan.table)
            difference = NetworkDifference(from: state, to: wanted.items, without: setbacks.givenUp)
            if pass == 0 { report.found = wanted.items.filter { !difference.missing.contains($0) } }
            report.problems = obstacles + setbacks.problems
            report.notices = wanted.notices + setbacks.notices
            if difference.isEmpty { return }
            try apply(difference, in: state, setbacks: &setbacks, report: &report)
        }
        if stopsAtProblems { throw .notInPlace(difference.missing + difference.surplus) }
        report.problems.append(.notInPlace(difference.missing + difference.surplus))
    }

    /// Makes what is missing, then removes what is too much.
    private mutating func apply(
        _ difference: NetworkDifference,
        in state: NetworkState,
        setbacks: inout Setbacks,
        report: inout NetworkReport
    ) throws(NetworkProblem) {
        for item in difference.missing {
            do throws(NetlinkError) {
                try make(item, in: state)
                if !report.made.contains(item) { report.made.append(item) }
            } catch {
                try setbacks.note(item, error)
            }
        }
        for item in difference.surplus {
            do throws(NetlinkError) {
                try remove(item, in: state)
                if !report.removed.contains(item) { report.removed.append(item) }
            } catch {
                try setbacks.note(item, error)
            }
        }
    }

    /// Takes back what a failed installation made. The failure that led here is the one to report.
    private mutating func undo(_ made: [NetworkItem], device: String) {
        guard let state = try? read(device: device, pool: [], breadth: .everywhere) else { return }
        for item in made.sorted(by: { $0.rank > $1.rank }) where state.ours.contains(item) {
            try? remove(item, in: state)
        }
    }
}

extension NetworkInstallation {
    private mutating func make(_ item: NetworkItem, in state: NetworkState) throws(NetlinkError) {
        guard let device = state.device?.index else { return }
        switch item {
        case .noLinkLocalAddress: try connection.withholdLinkLocalAddress(from: device)
        case .mtu(let octets): try connection.set(device, mtu: octets)
        case .setting(let sysctl, let value): try sysctl.write(value)
        case .up: try connection.set(device, up: true)
        case .address(let address, let peer):
            try connection.add(InterfaceAddress(address, peer: peer, on: device))
        case .route(let prefix, let table):
            try connection.add(
                Route(to: prefix, over: device, table: table, metric: Route.metricOfOurs(to: prefix))
            )
        case .proxyNeighbour(let address, let interface):
            guard let link = state.link(named: interface) else { return }
            try connection.add(ProxyNeighbour(.v4(address), on: link.index))
        case .clsact(let interface):
            guard let link = state.link(named: interface) else { return }
            try connection.addClsact(to: link.index)
            madeClsact.insert(link.index)
        case .filter(let interface, let filter):
            guard let link = state.link(named: interface) else { return }
            let mark = madeClsact.contains(link.index) ? ShareFilter.Mark.madeClsact : ShareFilter.Mark.foundClsact
            try connection.add(filter.filter(on: link.index, to: device, mark: mark))
        case .broadcastRoute: break
        }
    }

    private mutating func remove(_ item: NetworkItem, in state: NetworkState) throws(NetlinkError) {
        do throws(NetlinkError) {
            try removeIfThere(item, in: state)
        } catch {
            // Gone already, or gone with its link: that is what was wanted.
            guard [ENODEV, ENXIO, ESRCH, ENOENT, EADDRNOTAVAIL].contains(error.code) else { throw error }
        }
    }

    private mutating func removeIfThere(_ item: NetworkItem, in state: NetworkState) throws(NetlinkError) {
        switch item {
        case .noLinkLocalAddress, .mtu, .setting: break
        case .up:
            if let device = state.device?.index { try connection.set(device, up: false) }
        case .address(let address, let peer):
            guard let device = state.device?.index else { return }
            try connection.delete(InterfaceAddress(address, peer: peer, on: device))
        case .route(let prefix, let table):
            guard let device = state.device?.index else { return }
            try connection.delete(Route(to: prefix, over: device, table: table))
        case .broadcastRoute(let address):
            guard let device = state.device?.index else { return }
            try connection.delete(Route(broadcast: address, over: device))
        case .proxyNeighbour(let address, let interface):
            guard let link = state.link(named: interface) else { return }
            try connection.delete(ProxyNeighbour(.v4(address), on: link.index))
        case .clsact(let interface):
            guard let link = state.link(named: interface) else { return }
            try connection.deleteClsact(of: link.index)
            madeClsact.remove(link.index)
        case .filter(let interface, let filter):
            guard let link = state.link(named: interface) else { return }
            let standing = try connection.filters(of: link.index).filter { $0.preference == filter.preference }
            let ours = standing.filter { ShareFilter($0, device: state.device?.index) == filter }
            for found in ours { try connection.delete(found) }
            // The last rule leaves its table behind, under our preference.
            if let last = ours.first, ours.count == standing.count { try connection.deletePreference(of: last) }
        }
    }
}
