internal import IPAddressing

/// What stands in the kernel's tables, as far as it matters to a plan.
struct NetworkState {
    /// All links.
    var links: [Link] = []
    /// The IPv4 addresses of all links.
    var addresses: [InterfaceAddress] = []
    /// The TUN, if it exists.
    var device: Link?
    /// Items that are there, by whomever they were made.
    var present: Set<NetworkItem> = []
    /// Items of ours that are there; not always all of `present`.
    var ours: Set<NetworkItem> = []
    /// Interfaces that have filters of somebody else, or of a second appliance, with our preferences.
    var foreignFilters: Set<String> = []
    /// Interfaces that have filters of somebody else, to be asked after ours.
    var filtersBehindOurs: Set<String> = []
    /// Links whose clsact discipline we made, as their filters tell.
    var madeClsact: Set<LinkIndex> = []

    func link(named name: String) -> Link? { links.first { $0.name == name } }

    func name(of index: LinkIndex?) -> String? { links.first { $0.index == index }?.name }

    private mutating func note(_ item: NetworkItem) {
        present.insert(item)
        ours.insert(item)
    }
}

extension NetworkState {
    /// Where to look for filters and disciplines of ours.
    enum Breadth {
        /// At these interfaces.
        case interfaces(Set<String>)
        /// At every link: a former run may have shared another interface's address.
        case everywhere
    }

    /// Reads the tables.
    ///
    /// - Parameters:
    ///   - pool: Broadcast routes of the kernel in these prefixes count as items.
    ///   - madeClsact: Links whose clsact discipline we know to have made.
    init(
        reading connection: borrowing NetlinkConnection,
        device name: String,
        pool: [IPv4Prefix],
        breadth: Breadth,
        madeClsact known: Set<LinkIndex>
    ) throws(NetlinkError) {
        links = try connection.links()
        addresses = try connection.addresses(family: Family.v4)
        device = link(named: name)
        madeClsact = known
        if let device { try readDevice(connection, device, pool: pool) }
        try readProxyNeighbours(connection)
        try readFilters(connection, breadth: breadth)
    }

    private mutating func readDevice(
        _ connection: borrowing NetlinkConnection,
        _ device: Link,
        pool: [IPv4Prefix]
    ) throws(NetlinkError) {
        note(.mtu(device.mtu))
        if device.isUp { note(.up) }
        if !device.makesLinkLocalAddress { note(.noLinkLocalAddress) }
        for address in addresses where address.link == device.index {
            guard case .v4(let local) = address.address, case .v4(let peer) = address.network else { continue }
            // Kernels before 5.18 forget who added an address; this combination is ours then.
            let isOurs =
                address.origin == .ours
                || address.origin == .unspecified && address.scope == .link && address.flags.contains(.noNetworkRoute)
            present.insert(.address(local, peer: peer))
            if isOurs { ours.insert(.address(local, peer: peer)) }
        }
        let question = NetlinkConnection.RouteQuestion(link: device.index, origin: .ours)
        for route in try connection.routes4(question) + connection.routes6(question) where route.kind == .unicast {
            note(.route(route.destination, table: route.table))
        }
        let broadcast = NetlinkConnection.RouteQuestion(table: .local, link: device.index, kind: .broadcast)
        for route in try connection.routes4(broadcast) {
            guard case .v4(let destination) = route.destination, destination.length == 32,
                pool.contains(where: { $0.contains(destination.address) })
            else { continue }
            note(.broadcastRoute(destination.address))
        }
    }

    private mutating func readProxyNeighbours(_ connection: borrowing NetlinkConnection) throws(NetlinkError) {
        // A second appliance in the same namespace has entries of its own, and routes for them.
        let others = try connection.routes4(.init(origin: .ours)).filter { $0.link != device?.index }
        for proxy in try connection.proxyNeighbours() {
            guard case .v4(let address) = proxy.address, let interface = self.name(of: proxy.link) else { continue }
            present.insert(.proxyNeighbour(address, interface: interface))
            guard proxy.origin == .ours, !others.contains(where: { $0.destination.contains(proxy.address) }) else {
                continue
            }
            ours.insert(.proxyNeighbour(address, interface: interface))
        }
    }

    private mutating func readFilters(
        _ connection: borrowing NetlinkConnection,
        breadth: Breadth
    ) throws(NetlinkError) {
        let disciplines = try connection.queueingDisciplines().filter { $0.kind == "clsact" || $0.kind == "ingress" }
        for discipline in disciplines where discipline.link != device?.index {
            guard let interface = name(of: discipline.link) else { continue }
            if case .interfaces(let names) = breadth, !names.contains(interface) { continue }
            present.insert(.clsact(interface: interface))
            let filters = try connection.filters(of: discipline.link)
            let belongElsewhere = filters.contains(where: leadsToAnotherAppliance)
            var othersStand = belongElsewhere
            for filter in filters {
                guard !belongElsewhere, let share = ShareFilter(filter, device: device?.index) else {
                    othersStand = true
                    if ShareFilter.preferences.contains(filter.preference) { foreignFilters.insert(interface) }
                    if filter.preference > ShareFilter.preferences.upperBound { filtersBehindOurs.insert(interface) }
                    continue
                }
                note(.filter(interface: interface, share))
                if filter.classID == ShareFilter.Mark.madeClsact { madeClsact.insert(discipline.link) }
            }
            // The discipline is ours to remove when we made it and nobody else has come to use it.
            guard discipline.kind == "clsact", madeClsact.contains(discipline.link), !othersStand else { continue }
            if try connection.filters(of: discipline.link, egress: true).isEmpty {
                ours.insert(.clsact(interface: interface))
            }
        }
    }

    /// Whether a filter with our mark leads to a device that exists and is not ours.
    private func leadsToAnotherAppliance(_ filter: TrafficFilter) -> Bool {
        guard ShareFilter.Mark.isOurs(filter.classID), case .redirect(let target) = filter.action else { return false }
        return target != device?.index && links.contains { $0.index == target }
    }
}
