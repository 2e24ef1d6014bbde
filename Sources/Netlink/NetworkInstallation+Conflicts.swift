internal import IPAddressing

extension NetworkInstallation {
    /// What of other people's stands in the way of a plan.
    func conflicts(of plan: NetworkPlan, in state: NetworkState) throws(NetworkProblem) -> [NetworkProblem] {
        do throws(NetlinkError) {
            return addressesInPool(of: plan, in: state) + (try broadcastAddressesInPool(of: plan, in: state))
                + (try foreignRoutes(of: plan, in: state))
        } catch {
            throw .refused(error, nil)
        }
    }

    private func addressesInPool(of plan: NetworkPlan, in state: NetworkState) -> [NetworkProblem] {
        state.addresses.compactMap { found in
            guard case .v4(let address) = found.address, found.link != state.device?.index,
                let prefix = plan.pool.first(where: { $0.contains(address) })
            else { return nil }
            let interface = state.name(of: found.link) ?? "link \(found.link)"
            return .addressInPool(address, interface: interface, pool: prefix)
        }
    }

    /// What is sent to the last address of a network on a link is for every host there, so the kernel takes it for this host
    /// before it looks for a route to the TUN.
    private func broadcastAddressesInPool(
        of plan: NetworkPlan,
        in state: NetworkState
    ) throws(NetlinkError) -> [NetworkProblem] {
        try connection.routes4(.init(table: .local, kind: .broadcast)).compactMap { route in
            guard case .v4(let found) = route.destination, route.link != state.device?.index,
                let prefix = plan.pool.first(where: { $0.contains(found.address) })
            else { return nil }
            let interface = state.name(of: route.link) ?? "a link"
            return .broadcastAddressInPool(found.address, interface: interface, pool: prefix)
        }
    }

    /// Routes for exactly our destinations in our table that are not ours.
    ///
    /// More specific ones are left alone: whoever sends a part of a prefix elsewhere means to. Less specific ones and
    /// discard routes with a worse metric do no harm: ours are looked at first, and those when ours are gone.
    private func foreignRoutes(
        of plan: NetworkPlan,
        in state: NetworkState
    ) throws(NetlinkError) -> [NetworkProblem] {
        let destinations = Set(plan.destinations)
        var routes: [Route] = []
        for length in Set(plan.routed4.map(\.length)).sorted() {
            routes += try connection.routes4(.init(table: plan.table, length: length))
        }
        for length in Set(plan.prefixes.map(\.length)).sorted() {
            routes += try connection.routes6(.init(table: plan.table, length: length))
        }
        return routes.filter { route in
            destinations.contains(route.destination) && !(route.origin == .ours && route.link == state.device?.index)
                && !route.standsBehindOurs
        }
        .map { .conflict(RouteConflict(route: $0, interface: state.name(of: $0.link))) }
    }
}
