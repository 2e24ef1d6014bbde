internal import IPAddressing

extension NetworkPlan {
    /// The items a plan comes to under given links and addresses, in the order they are made, and what stands against
    /// them.
    struct Wanted {
        var items: [NetworkItem] = []
        var notices: [NetworkNotice] = []
        var problems: [NetworkProblem] = []
    }

    /// What the plan wants in this state of links and addresses.
    func wanted(in state: NetworkState) -> Wanted {
        var wanted = Wanted()
        wanted.items = [.noLinkLocalAddress, .mtu(mtu)]
        wanted.items += settings
        wanted.items.append(.up)
        // The device needs an IPv4 address in any case: without one loose reverse-path filtering drops what it sends. The
        // pool is the far end of a point-to-point address.
        let peers = pool.isEmpty ? [IPv4Prefix(.dummy, length: 32)] : pool
        wanted.items += peers.map { .address(.dummy, peer: $0) }
        wanted.items += routed4.map { .route(.v4($0), table: table) }
        addProxyNeighbours(in: state, to: &wanted)
        addFilters(in: state, to: &wanted)
        wanted.items += prefixes.map { .route(.v6($0), table: table) }
        return wanted
    }

    private var settings: [NetworkItem] {
        // The kernel takes the greater of this and the setting of `all`. Packets from the TUN have sources that are
        // routed elsewhere: 0 lets them pass; over a strict 1 of `all` the loose 2 does.
        let strict = Sysctl.ipv4(interface: "all", "rp_filter").number() == 1
        var settings: [NetworkItem] = [
            .setting(.ipv6(interface: device, "disable_ipv6"), "0"),
            .setting(.ipv4(interface: device, "forwarding"), "1"),
            .setting(.ipv4(interface: device, "rp_filter"), strict ? "2" : "0"),
        ]
        // From a shared address the TUN sends packets whose source is this host's own.
        if !shared.isEmpty { settings.append(.setting(.ipv4(interface: device, "accept_local"), "1")) }
        return settings
    }

    /// Interfaces in whose subnet a pool prefix lies, so that neighbours there ask for pool addresses by ARP.
    func neighbourhoods(links: [Link], addresses: [InterfaceAddress]) -> [(prefix: IPv4Prefix, interface: String)] {
        var found: [(prefix: IPv4Prefix, interface: String)] = []
        for prefix in pool {
            for link in links
            where link.isUp && link.hasNeighbourDiscovery && !link.isLoopback && link.name != device {
                let lies = addresses.contains { address in
                    guard address.link == link.index, address.peer == nil, case .v4(let subnet) = address.network
                    else { return false }
                    return subnet.contains(prefix)
                }
                if lies { found.append((prefix, link.name)) }
            }
        }
        return found
    }

    private func addProxyNeighbours(in state: NetworkState, to wanted: inout Wanted) {
        var room = Self.mostProxyNeighbours
        for (prefix, interface) in neighbourhoods(links: state.links, addresses: state.addresses) {
            let count = prefix.length == 0 ? Int.max : 1 << (32 - prefix.length)
            guard count <= room else {
                wanted.notices.append(.proxyNeighboursLeftOut(prefix, interface: interface))
                continue
            }
            room -= count
            for offset in 0..<UInt32(count) {
                let address = IPv4Address(bits: prefix.address.bits + offset)
                wanted.items.append(.proxyNeighbour(address, interface: interface))
            }
        }
    }

    private func addFilters(in state: NetworkState, to wanted: inout Wanted) {
        var items: Set<NetworkItem> = []
        for share in shared {
            guard let link = state.link(named: share.interface) else {
                wanted.problems.append(.interfaceMissing(share.interface))
                continue
            }
            // Its filters stay: they match nothing meanwhile, and it may be back in a moment.
            if !state.addresses.contains(where: { $0.link == link.index && $0.address == .v4(share.address) }) {
                wanted.problems.append(.addressMissing(share.address, interface: share.interface))
            }
            for entrance in share.entrances + [Self.loopback] where state.link(named: entrance) != nil {
                guard !state.foreignFilters.contains(entrance) else {
                    if entrance == share.interface {
                        wanted.problems.append(.foreignFilters(interface: entrance))
                    } else {
                        wanted.notices.append(.entranceLeftOut(share.address, interface: entrance))
                    }
                    continue
                }
                items.insert(.clsact(interface: entrance))
                let beforeOthers = state.filtersBehindOurs.contains(entrance)
                let filters =
                    entrance == Self.loopback
                    ? ShareFilter.filters(ofOwnErrorsFor: share)
                    : ShareFilter.filters(for: share, beforeOthers: beforeOthers)
                for filter in filters { items.insert(.filter(interface: entrance, filter)) }
            }
        }
        // Per preference, so that with several addresses none is half done before another is begun.
        wanted.items += items.sorted { $0.rank < $1.rank }
    }
}
