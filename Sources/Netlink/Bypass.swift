public import IPAddressing

/// A network on a link whose packets for a translation prefix the kernel does not lead to the device, because a rule sends
/// them by another table than the one that has the prefix's route.
public struct Bypass: Hashable, Sendable {
    /// The link that they come in by.
    public let interface: String
    /// The translation prefix.
    public let prefix: IPv6Prefix
    /// The link that they leave by; nothing where they go nowhere.
    public let wayOut: String?
}

extension NetworkInstallation {
    /// Rules that single out one of many prefixes are nobody's, and many thousand links answer alike: each question is a
    /// call of the kernel, and whoever asks for the status waits for all of them.
    private static var mostPrefixes: Int { 8 }
    private static var mostQuestions: Int { 512 }

    /// The networks on this machine's links whose packets pass the device by. The kernel itself is asked, for each link and
    /// prefix: no reading of rules could be as right.
    ///
    /// - Parameter isClient: Whether this address is in a network of clients.
    public func bypasses(
        of plan: NetworkPlan,
        facts: UplinkFacts,
        isClient: (IPv6Address) -> Bool
    ) throws(NetlinkError) -> [Bypass] {
        guard let device = try link(named: plan.device) else { return [] }
        var found: [Bypass] = []
        var questions = Self.mostQuestions
        for own in facts.ownAddresses where own.isUsable && !own.isLoopback {
            guard case .v6(let address) = own.address, !address.isLinkLocal, isClient(address) else { continue }
            guard let interface = facts.links.first(where: { $0.index == own.link })?.name else { continue }
            let told = Set(found.filter { $0.interface == interface }.map(\.prefix))
            for prefix in plan.prefixes.prefix(Self.mostPrefixes) where !told.contains(prefix) {
                guard questions > 0 else { return found }
                questions -= 1
                let way = connection.way(to: .v6(prefix.address), from: own.address, comingIn: own.link)
                // What goes back by where it came from is an uplink, whose addresses have a table of their own.
                guard way?.link != device.index, way?.link != own.link else { continue }
                let wayOut = facts.links.first { $0.index == way?.link }?.name
                found.append(Bypass(interface: interface, prefix: prefix, wayOut: wayOut))
            }
        }
        return found
    }
}
