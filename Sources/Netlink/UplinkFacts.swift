public import IPAddressing

/// Where this host stands in its networks.
public struct UplinkFacts: Hashable, Sendable {
    /// The way out for IPv4: the link of the default route that is preferred; nothing without one.
    public let ipv4: Uplink?
    /// The links of all default routes for IPv4, which answers may come in by, whichever route is preferred.
    public let ipv4Links: [Link]
    /// All links but the TUN.
    public let links: [Link]
    /// Links that are up, are neither loopback nor the TUN, and have an IPv6 address of more than the link's own.
    public let ipv6Links: [Link]
    /// The networks on this host's links, which `clients = links` stands for: global and unique local IPv6, and IPv4
    /// but for what is link-local; sorted by text.
    public let networks: [IPPrefix]
    /// This host's own addresses, those of the TUN left out.
    public let ownAddresses: [OwnAddress]
    /// The IPv4 addresses by which the kernel reaches every host of a network on a link, with that link's name.
    public let broadcastAddresses: [IPv4Address: String]

    /// A way out.
    public struct Uplink: Hashable, Sendable {
        /// The link.
        public let link: Link
        /// The link that has the addresses: another one where the way out has none, or the route names one of another
        /// link's as the source, as hosts have it whose address is on the loopback interface.
        public let addressLink: Link
        /// That link's addresses of the family that others can reach, the one the kernel prefers as a source first.
        public let addresses: [IPAddress]
        /// The one of these that the default route names as the source; nothing where it leaves the choice to the kernel.
        public let preferredSource: IPAddress?
    }

    /// An address of this host, for those who listen on it.
    public struct OwnAddress: Hashable, Sendable {
        /// The address.
        public let address: IPAddress
        /// The link that has it: the scope of a link-local address.
        public let link: LinkIndex
        /// Whether it can be bound: duplicate address detection has succeeded and the link is up.
        public let isUsable: Bool
        /// Whether new uses should prefer another.
        public let isDeprecated: Bool
        /// Whether only this host can reach it.
        public let isLoopback: Bool
    }

    /// The largest packet of any link but loopback and the TUN, in octets, for the TUN's own mtu.
    public var largestMTU: UInt32? { links.filter { $0.isUp && !$0.isLoopback }.map(\.mtu).max() }

    /// Reads the facts.
    ///
    /// - Parameter device: The name of the TUN, which is none of the host's links here.
    init(
        reading connection: borrowing NetlinkConnection,
        without device: String?
    ) throws(NetlinkError) {
        let all = try connection.links()
        let links = all.filter { $0.name != device }
        let addresses = try connection.addresses().filter { address in links.contains { $0.index == address.link } }
        let defaults4 = try connection.routes4(.init(table: .main, kind: .unicast, length: 0))
        let onLink =
            try connection.routes6(.init(table: .main, origin: .kernel, kind: .unicast))
            + connection.routes6(.init(table: .main, origin: .routerAdvertisement, kind: .unicast))
        var broadcasts: [IPv4Address: String] = [:]
        for route in try connection.routes4(.init(table: .local, kind: .broadcast)) {
            let link = links.first { $0.index == route.link }
            guard let link, case .v4(let network) = route.destination else { continue }
            broadcasts[network.address] = link.name
        }
        broadcastAddresses = broadcasts
        self.links = links
        var waysOut = Set(defaults4.filter { !$0.isDead }.flatMap { [$0.link].compactMap(\.self) + $0.furtherLinks })
        let byMain = Self.uplink(defaults4, links: links, addresses: addresses)
        let followed = connection.wayOut(through: all.first { $0.name == device }, from: byMain?.addresses.first)
        if let followed, let link = followed.link, links.contains(where: { $0.index == link }),
            !waysOut.contains(link)
        {
            ipv4 = Self.uplink([followed], links: links, addresses: addresses) ?? byMain
            waysOut.insert(link)
        } else {
            ipv4 = byMain
        }
        ipv4Links = links.filter { waysOut.contains($0.index) }
        ipv6Links = links.filter { link in
            link.isUp && !link.isLoopback
                && addresses.contains { $0.link == link.index && $0.address.family == Family.v6 && $0.isRoutable }
        }
        networks = Self.networks(links: links, addresses: addresses, onLink: onLink)
        ownAddresses = addresses.compactMap { address in
            guard let link = links.first(where: { $0.index == address.link }) else { return nil }
            return OwnAddress(
                address: address.address,
                link: link.index,
                isUsable: link.isUp && address.flags.isDisjoint(with: [.tentative, .duplicate]),
                isDeprecated: address.flags.contains(.deprecated),
                isLoopback: link.isLoopback
            )
        }
    }

    private static func uplink(_ routes: [Route], links: [Link], addresses: [InterfaceAddress]) -> Uplink? {
        var best: (route: Route, link: Link)?
        for route in routes {
            guard !route.isDead, let link = links.first(where: { $0.index == route.link }), link.isUp else { continue }
            if let known = best, known.route.metric <= route.metric { continue }
            best = (route, link)
        }
        guard let (route, link) = best else { return nil }
        let family = route.destination.address.family
        let routable = addresses.filter { $0.address.family == family && $0.isRoutable }
        let named = routable.first { $0.address == route.preferredSource }
        let ofLoopback = routable.filter { address in links.contains { $0.index == address.link && $0.isLoopback } }
        let hasOwn = routable.contains { $0.link == link.index }
        // Of several of the loopback interface none is more the host's than another.
        let standIn = !hasOwn && ofLoopback.count == 1 ? ofLoopback.first : nil
        let other = named?.link != link.index ? named ?? standIn : nil
        let addressLink = other.flatMap { other in links.first { $0.index == other.link } } ?? link
        let reachable = other.map { [$0] } ?? routable.filter { $0.link == link.index }
        let plain = reachable.filter { $0.flags.isDisjoint(with: [.secondary, .deprecated]) }
        let rest = reachable.filter { !$0.flags.isDisjoint(with: [.secondary, .deprecated]) }
        var order = (plain + rest).map(\.address)
        let source = route.preferredSource.flatMap { order.contains($0) ? $0 : nil }
        if let source, let index = order.firstIndex(of: source) { order.insert(order.remove(at: index), at: 0) }
        return Uplink(link: link, addressLink: addressLink, addresses: order, preferredSource: source)
    }

    private static func networks(links: [Link], addresses: [InterfaceAddress], onLink: [Route]) -> [IPPrefix] {
        let open = Set(links.filter { $0.isUp && !$0.isLoopback }.map(\.index))
        var networks: Set<IPPrefix> = []
        for address in addresses where open.contains(address.link) && address.isRoutable {
            networks.insert(address.network)
        }
        // An address from DHCPv6 stands alone; its network is known from the router advertisement's route.
        for route in onLink {
            guard route.gateway == nil, let link = route.link, open.contains(link),
                case .v6(let prefix) = route.destination,
                prefix.length > 0, !prefix.address.isLinkLocal, !prefix.address.isMulticast
            else { continue }
            networks.insert(route.destination)
        }
        return networks.sorted { $0.description < $1.description }
    }
}

extension NetlinkConnection {
    /// An address of the internet that stands for all of it: a root name server's, to which nobody has a route of its own.
    private static var outside: IPAddress { .v4(IPv4Address(198, 41, 0, 4)) }

    /// The default route that the kernel follows, by all its rules and tables: a VPN has a rule and a table of its own, or a
    /// route for each half of the internet, and other hosts have their default routes in tables that rules select.
    ///
    /// Where there is a route for a smaller part, as routers have that know the whole internet, it is none.
    ///
    /// - Parameters:
    ///   - device: The TUN, if there is one, by which translated packets come in. Rules may treat them otherwise than
    ///     the host's own.
    ///   - source: The address they bear then.
    fileprivate func wayOut(through device: Link?, from source: IPAddress?) -> Route? {
        var route: Route?
        if let device, let source {
            route = way(to: Self.outside, from: source, comingIn: device.index, wantsRoute: true)
        }
        route = route ?? way(to: Self.outside, wantsRoute: true)
        return route.flatMap { $0.destination.length <= 1 ? $0 : nil }
    }
}

extension InterfaceAddress {
    /// Whether hosts beyond the link can reach the address: not link-local, and nobody else has it.
    fileprivate var isRoutable: Bool {
        guard !flags.contains(.duplicate) else { return false }
        return switch address {
        case .v4(let address): address.bits >> 16 != 0xA9FE && address.bits >> 24 != 127
        case .v6(let address): !address.isLinkLocal && address != .loopback
        }
    }
}
