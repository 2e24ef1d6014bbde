internal import CNetlink
internal import Glibc
internal import IPAddressing

/// A connection to the kernel's link, address, route, neighbour and traffic control tables.
///
/// It speaks to the network namespace of the thread that opened it, wherever it is used later. Reading needs no
/// capability, changing needs CAP_NET_ADMIN in the thread that does it.
@safe
struct NetlinkConnection: ~Copyable, Sendable {
    /// A libnl socket is bound to no thread, and a value without copies is in the hands of one at a time.
    private nonisolated(unsafe) let handle: OpaquePointer

    /// Opens a connection.
    init() throws(NetlinkError) {
        var opened: OpaquePointer?
        let code = unsafe cnetlink_open(&opened)
        guard code == 0, let opened = unsafe opened else {
            throw NetlinkError(failing: "open a netlink socket", code: code)
        }
        unsafe handle = opened
    }

    deinit { unsafe cnetlink_close(handle) }

    private func check(_ code: Int32, _ operation: @autoclosure () -> String) throws(NetlinkError) {
        guard code < 0 else { return }
        var reason = unsafe String(cString: cnetlink_reason(handle))
        if -code == EPERM { reason += " (this needs CAP_NET_ADMIN)" }
        throw NetlinkError(operation: operation(), code: -code, reason: reason)
    }

    /// Reads a table, again when it changed meanwhile, so that the list is whole.
    private func list<Entry>(
        _ operation: String,
        _ read: (UnsafeMutableRawPointer) -> Int32
    ) throws(NetlinkError) -> [Entry] {
        var attempt = 1
        while true {
            var found: [Entry] = []
            let code = unsafe withUnsafeMutablePointer(to: &found) { unsafe read(UnsafeMutableRawPointer($0)) }
            if code == -EAGAIN, attempt < Self.mostAttempts {
                attempt += 1
                continue
            }
            try check(code, operation)
            return found
        }
    }

    private static let mostAttempts = 16

    // MARK: Tables

    /// All links, in the order of their numbers.
    func links() throws(NetlinkError) -> [Link] {
        let links: [Link] = try unsafe list("list links") { found in
            unsafe cnetlink_links(
                handle,
                { found, entry in if let entry = unsafe entry { unsafe gather(Link(entry.pointee), in: found) } },
                found
            )
        }
        return links.sorted { $0.index < $1.index }
    }

    /// The addresses of all links.
    func addresses() throws(NetlinkError) -> [InterfaceAddress] {
        try addresses(family: Family.v4) + addresses(family: Family.v6)
    }

    func addresses(family: UInt8) throws(NetlinkError) -> [InterfaceAddress] {
        try unsafe list("list addresses") { found in
            unsafe cnetlink_addresses(
                handle,
                family,
                { found, entry in
                    if let entry = unsafe entry { unsafe gather(InterfaceAddress(entry.pointee), in: found) }
                },
                found
            )
        }
    }

    /// What a list of routes is narrowed to.
    struct RouteQuestion: Hashable, Sendable {
        /// Only this table.
        var table: RoutingTable?
        /// Only routes over this link.
        var link: LinkIndex?
        /// Only this maker's routes.
        var origin: RouteProtocol?
        /// Only routes of this kind.
        var kind: Route.Kind?
        /// Only destinations of this prefix length.
        var length: Int?

        /// Asks for all routes, until narrowed.
        init(
            table: RoutingTable? = nil,
            link: LinkIndex? = nil,
            origin: RouteProtocol? = nil,
            kind: Route.Kind? = nil,
            length: Int? = nil
        ) {
            self.table = table
            self.link = link
            self.origin = origin
            self.kind = kind
            self.length = length
        }
    }

    /// The IPv4 routes that fit the question.
    func routes4(_ question: RouteQuestion) throws(NetlinkError) -> [Route] {
        try routes(question, family: Family.v4)
    }

    /// The IPv6 routes that fit the question.
    func routes6(_ question: RouteQuestion) throws(NetlinkError) -> [Route] {
        try routes(question, family: Family.v6)
    }

    private func routes(_ question: RouteQuestion, family: UInt8) throws(NetlinkError) -> [Route] {
        let filter = cnetlink_route_filter(
            table: question.table?.number ?? 0,
            link: question.link?.number ?? 0,
            family: family,
            protocol: question.origin?.number ?? 0,
            type: question.kind?.number ?? 0,
            length: question.length.map { UInt8(clamping: $0) } ?? 255
        )
        return try unsafe list("list routes") { found in
            unsafe cnetlink_routes(
                handle,
                filter,
                { found, entry in if let entry = unsafe entry { unsafe gather(Route(entry.pointee), in: found) } },
                found
            )
        }
    }

    /// Where the kernel would send a packet now, by all its rules and tables; nothing where it would send it nowhere.
    ///
    /// - Parameters:
    ///   - link: The link that it comes in by; without one it is the host's own.
    ///   - wantsRoute: Whether the route is wanted as it stands in its table (IPv4 alone), and not the packet's way, which
    ///     has the source that the kernel would choose.
    func way(
        to destination: IPAddress,
        from source: IPAddress? = nil,
        comingIn link: LinkIndex? = nil,
        wantsRoute: Bool = false
    ) -> Route? {
        let question = cnetlink_question(
            destination: destination.words,
            source: source?.words ?? cnetlink_ip(),
            link: link?.number ?? 0,
            family: destination.family,
            has_source: source != nil,
            wants_route: wantsRoute
        )
        let ways: [Route]? = try? unsafe list("ask for a way") { found in
            unsafe cnetlink_way(
                handle,
                question,
                { found, entry in if let entry = unsafe entry { unsafe gather(Route(entry.pointee), in: found) } },
                found
            )
        }
        return ways?.first { $0.kind == .unicast }
    }

    /// The IPv4 proxy neighbours of all links.
    func proxyNeighbours() throws(NetlinkError) -> [ProxyNeighbour] {
        try unsafe list("list proxy neighbours") { found in
            unsafe cnetlink_proxies(
                handle,
                Family.v4,
                { found, entry in
                    if let entry = unsafe entry { unsafe gather(ProxyNeighbour(entry.pointee), in: found) }
                },
                found
            )
        }
    }

    /// The queueing disciplines of all links.
    func queueingDisciplines() throws(NetlinkError) -> [QueueingDiscipline] {
        try unsafe list("list queueing disciplines") { found in
            unsafe cnetlink_qdiscs(
                handle,
                { found, entry in
                    if let entry = unsafe entry { unsafe gather(QueueingDiscipline(entry.pointee), in: found) }
                },
                found
            )
        }
    }

    /// The filters of a link that has a clsact or ingress discipline.
    func filters(of link: LinkIndex, egress: Bool = false) throws(NetlinkError) -> [TrafficFilter] {
        try unsafe list("list traffic filters") { found in
            unsafe cnetlink_filters(
                handle,
                link.number,
                egress,
                { found, entry in
                    if let entry = unsafe entry { unsafe gather(TrafficFilter(entry.pointee), in: found) }
                },
                found
            )
        }
    }

    // MARK: Changes

    /// Sets a link up or down.
    func set(_ link: LinkIndex, up: Bool) throws(NetlinkError) {
        try check(unsafe cnetlink_set_up(handle, link.number, up), "set link \(link) \(up ? "up" : "down")")
    }

    /// Sets the largest packet of a link, in octets.
    func set(_ link: LinkIndex, mtu: UInt32) throws(NetlinkError) {
        try check(unsafe cnetlink_set_mtu(handle, link.number, mtu), "set the mtu of link \(link) to \(mtu)")
    }

    /// Keeps the kernel from giving the link an IPv6 link-local address.
    func withholdLinkLocalAddress(from link: LinkIndex) throws(NetlinkError) {
        try check(unsafe cnetlink_set_no_link_local(handle, link.number), "withhold a link-local address")
    }

    /// Adds an address; one that is there already is refused with EEXIST.
    func add(_ address: InterfaceAddress) throws(NetlinkError) {
        var entry = address.entry
        try check(unsafe cnetlink_change_address(handle, true, &entry), "add address \(address.address)")
    }

    /// Deletes an address.
    func delete(_ address: InterfaceAddress) throws(NetlinkError) {
        var entry = address.entry
        try check(unsafe cnetlink_change_address(handle, false, &entry), "delete address \(address.address)")
    }

    /// Adds a route; one that is there already, by whomever, is refused with EEXIST.
    func add(_ route: Route) throws(NetlinkError) {
        var entry = route.entry
        let code = unsafe cnetlink_change_route(handle, true, &entry)
        try check(code, "add route \(route.destination)")
    }

    /// Deletes a route: destination, table, link, origin and kind must fit.
    func delete(_ route: Route) throws(NetlinkError) {
        var entry = route.entry
        let code = unsafe cnetlink_change_route(handle, false, &entry)
        try check(code, "delete route \(route.destination)")
    }

    /// Adds a proxy neighbour.
    func add(_ proxy: ProxyNeighbour) throws(NetlinkError) {
        var entry = proxy.entry
        try check(unsafe cnetlink_change_proxy(handle, true, &entry), "add proxy neighbour \(proxy.address)")
    }

    /// Deletes a proxy neighbour.
    func delete(_ proxy: ProxyNeighbour) throws(NetlinkError) {
        var entry = proxy.entry
        try check(unsafe cnetlink_change_proxy(handle, false, &entry), "delete proxy neighbour \(proxy.address)")
    }

    func addClsact(to link: LinkIndex) throws(NetlinkError) {
        try check(unsafe cnetlink_change_clsact(handle, true, link.number), "add clsact to link \(link)")
    }

    func deleteClsact(of link: LinkIndex) throws(NetlinkError) {
        try check(unsafe cnetlink_change_clsact(handle, false, link.number), "delete clsact of link \(link)")
    }

    func add(_ filter: TrafficFilter) throws(NetlinkError) {
        var entry = filter.entry
        let code = unsafe cnetlink_add_filter(handle, &entry)
        try check(code, "add a traffic filter of preference \(filter.preference) to link \(filter.link)")
    }

    func delete(_ filter: TrafficFilter) throws(NetlinkError) {
        var entry = filter.entry
        let code = unsafe cnetlink_delete_filter(handle, &entry)
        try check(code, "delete a traffic filter of preference \(filter.preference) of link \(filter.link)")
    }

    /// Deletes all that stands under a filter's preference, be it only an empty table.
    func deletePreference(of filter: TrafficFilter) throws(NetlinkError) {
        var whole = filter
        whole.handle = 0
        try delete(whole)
    }
}

/// Appends what C hands out to the array that `list` lent it.
private func gather<Entry>(_ entry: Entry?, in found: UnsafeMutableRawPointer?) {
    guard let entry, let found = unsafe found else { return }
    unsafe found.assumingMemoryBound(to: [Entry].self).pointee.append(entry)
}

extension NetlinkError {
    /// A failure of which only the number is known.
    init(failing operation: String, code: Int32) {
        let number = abs(code)
        self.init(operation: operation, code: number, reason: unsafe String(cString: strerror(number)))
    }
}
