internal import IPAddressing

/// Kernel settings that translated packets need and that are not as they should be.
///
/// The daemon does not change settings of the host; the package has a sysctl.d file, and an administrator may have
/// another.
public struct ForwardingReport: Hashable, Sendable {
    /// What is missing, the most important first; empty when all is well.
    public let findings: [Finding]

    /// A setting that is not as it should be.
    public struct Finding: Hashable, Sendable, CustomStringConvertible {
        /// The setting.
        public let sysctl: Sysctl
        /// Its value; nothing when the kernel has no such setting, or hides it.
        public let found: String?
        /// The value that would be right.
        public let wanted: String
        /// What goes wrong meanwhile.
        public let consequence: String
        /// Whether nothing can be translated until it is put right; the others touch some packets only.
        public let stopsTranslation: Bool

        /// The line of sysctl.d(5) that puts it right.
        public var line: String { sysctl.line(wanted) }

        /// `net.ipv4.ip_forward is 0: ...; set net.ipv4.ip_forward = 1`.
        public var description: String {
            "\(sysctl) is \(found ?? "not readable"): \(consequence); set \(line)"
        }
    }

    /// Reads the settings of the calling thread's network namespace.
    init(
        reading connection: borrowing NetlinkConnection,
        plan: NetworkPlan,
        facts: UplinkFacts
    ) throws(NetlinkError) {
        let addresses = try connection.addresses()
        let defaults = try connection.routes6(.init(table: .main, kind: .unicast, length: 0))
        var findings = Self.forwarding(plan: plan, facts: facts, addresses: addresses)
        findings += Self.device(plan)
        findings += Self.routerAdvertisements(facts: facts, addresses: addresses, defaults: defaults)
        findings += Self.ports(plan)
        self.findings = findings
    }

    private static func forwarding(
        plan: NetworkPlan,
        facts: UplinkFacts,
        addresses: [InterfaceAddress]
    ) -> [Finding] {
        var findings: [Finding] = []
        let all4 = Sysctl.ipv4("ip_forward")
        if let found = all4.read(), found != "1" {
            findings.append(
                Finding(
                    sysctl: all4,
                    found: found,
                    wanted: "1",
                    consequence: "translated packets are not forwarded to IPv4 networks",
                    stopsTranslation: true
                )
            )
        } else {
            // The switch of each interface decides; `ip_forward` sets them all once, when it is written.
            let asked = plan.neighbourhoods(links: facts.links, addresses: addresses).map(\.interface)
            let uplink = plan.pool.isEmpty ? [] : [facts.ipv4?.link.name].compactMap { $0 }
            for name in Set(asked + uplink).sorted() {
                let sysctl = Sysctl.ipv4(interface: name, "forwarding")
                guard let found = sysctl.read(), found != "1" else { continue }
                findings.append(
                    Finding(
                        sysctl: sysctl,
                        found: found,
                        wanted: "1",
                        consequence: "packets to the pool that come in on \(name), and ARP for it, go unanswered",
                        stopsTranslation: true
                    )
                )
            }
        }
        let all6 = Sysctl.ipv6(interface: "all", "forwarding")
        if let found = all6.read(), found == "0" {
            findings.append(
                Finding(
                    sysctl: all6,
                    found: found,
                    wanted: "1",
                    consequence: "packets of IPv6 clients are not forwarded to the translator",
                    stopsTranslation: true
                )
            )
        }
        return findings
    }

    private static func device(_ plan: NetworkPlan) -> [Finding] {
        var findings: [Finding] = []
        let own = Sysctl.ipv4(interface: plan.device, "rp_filter")
        if let value = own.number(), max(value, Sysctl.ipv4(interface: "all", "rp_filter").number() ?? 0) == 1 {
            findings.append(
                Finding(
                    sysctl: own,
                    found: String(value),
                    wanted: "2",
                    consequence: "strict reverse-path filtering drops what the translator sends to IPv4",
                    stopsTranslation: !plan.shared.isEmpty
                )
            )
        }
        let local = Sysctl.ipv4(interface: plan.device, "accept_local")
        if !plan.shared.isEmpty, local.number() == 0,
            Sysctl.ipv4(interface: "all", "accept_local").number() == 0
        {
            findings.append(
                Finding(
                    sysctl: local,
                    found: "0",
                    wanted: "1",
                    consequence: "the host drops what the translator sends from the shared address",
                    stopsTranslation: true
                )
            )
        }
        return findings
    }

    /// With forwarding on, 1 no longer means "accept": the default route and the addresses that came from router
    /// advertisements run out.
    private static func routerAdvertisements(
        facts: UplinkFacts,
        addresses: [InterfaceAddress],
        defaults: [Route]
    ) -> [Finding] {
        facts.links.compactMap { link in
            guard link.isUp, !link.isLoopback else { return nil }
            let accept = Sysctl.ipv6(interface: link.name, "accept_ra")
            let forwarding = Sysctl.ipv6(interface: link.name, "forwarding")
            guard accept.number() == 1, let on = forwarding.number(), on != 0 else { return nil }
            let hasRoute = defaults.contains { $0.link == link.index && $0.origin == .routerAdvertisement }
            let hasAddress = addresses.contains {
                guard case .v6 = $0.address else { return false }
                return $0.link == link.index && $0.isTemporary
            }
            // When all is gone already, the link that leads to IPv4 is the likeliest to have had it.
            let isSuspect = defaults.isEmpty && facts.ipv4?.link.index == link.index
            guard hasRoute || hasAddress || isSuspect else { return nil }
            let consequence =
                "router advertisements on \(link.name) are not accepted while forwarding is on, so "
                + (isSuspect ? "there is no IPv6 default route" : "the IPv6 default route runs out")
            return Finding(
                sysctl: accept,
                found: "1",
                wanted: "2",
                consequence: consequence,
                stopsTranslation: false
            )
        }
    }

    /// Ports of a shared address that the kernel may give to the host's own connections.
    private static func ports(_ plan: NetworkPlan) -> [Finding] {
        guard let range = Sysctl.ipv4("ip_local_port_range").read() else { return [] }
        let ends = range.split(separator: " ").compactMap { Int($0) }
        guard ends.count == 2, ends[0] <= ends[1] else { return [] }
        let reserved = Sysctl.ipv4("ip_local_reserved_ports")
        let kept = reserved.read() ?? ""
        for share in plan.shared {
            let ours = Int(share.ports.lowerBound.number)...Int(share.ports.upperBound.number)
            let local = ends[0]...ends[1]
            guard ours.overlaps(local) else { continue }
            let contested = ours.clamped(to: local)
            let isReserved = kept.split(separator: ",").contains { part in
                let limits = part.split(separator: "-").compactMap { Int($0) }
                guard let first = limits.first, let last = limits.last else { return false }
                return first <= contested.lowerBound && contested.upperBound <= last
            }
            guard !isReserved else { continue }
            let mine = "\(ours.lowerBound)-\(ours.upperBound)"
            return [
                Finding(
                    sysctl: reserved,
                    found: kept.isEmpty ? "empty" : kept,
                    wanted: kept.isEmpty ? mine : "\(kept),\(mine)",
                    consequence: "the host may take ports \(contested.lowerBound)-\(contested.upperBound) of"
                        + " \(share.address) for itself and not hear the answers",
                    stopsTranslation: false
                )
            ]
        }
        return []
    }
}
