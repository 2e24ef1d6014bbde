internal import Configuration
internal import DNS64
internal import IPAddressing
internal import NAT64
internal import Netlink
internal import Policy
internal import Recursion
internal import Resolver

extension ValidatedConfiguration {
    /// What the resolver is told.
    var resolverSettings: ResolverSettings {
        var settings = ResolverSettings()
        settings.dns64 = dns64
        switch upstreams {
        case .system: settings.usesSystemUpstreams = true
        case .addresses(let addresses):
            settings.usesSystemUpstreams = false
            settings.dns64.upstreams = addresses
        }
        settings.recursion.validates = validates
        settings.recursion.trustAnchorFile = trustAnchorFile
        settings.recursion.rootHintsFile = rootHintsFile
        settings.recursion.memory = recursionMemory
        settings.tcp.connections = connectionLimits.connections
        settings.tcp.connectionsPerClient = connectionLimits.perClient
        settings.tcp.questionsPerConnection = connectionLimits.questions
        settings.tcp.idle = connectionLimits.idle
        settings.tcp.handshake = connectionLimits.handshake
        settings.listen = listen.addresses
        settings.listenTLS = listenTLS.addresses
        settings.listenHTTPS = listenHTTPS.addresses
        settings.certificate = certificateFiles
        settings.name = resolverName
        settings.discovers = discovery
        settings.upstreamAuthorities = upstreamAuthorities
        settings.queryLog = queryLogSettings
        settings.workers = resolverWorkers ?? 0
        settings.pollBeforeSleep = resolverPollBeforeSleep
        settings.dropsPrivileges = true
        return settings
    }

    private var queryLogSettings: QueryLogSettings? {
        var settings: QueryLogSettings
        switch queryLog.destination {
        case .nowhere: return nil
        case .standardOutput: settings = QueryLogSettings(to: .standardOutput)
        case .file(let path): settings = QueryLogSettings(to: .file(path))
        }
        settings.oneIn = queryLog.oneIn
        settings.ipv4Length = queryLog.ipv4Length
        settings.ipv6Length = queryLog.ipv6Length
        settings.buffer = queryLog.buffer
        return settings
    }

    private var certificateFiles: CertificateFiles? {
        guard let certificate, let certificateKey else { return nil }
        return CertificateFiles(chain: certificate, key: certificateKey)
    }

    /// What the translator is told, once the pool is known.
    func translatorSettings(_ pool: ResolvedPool) -> NAT64Settings {
        var settings = nat64
        settings.pool = pool.entries
        return settings
    }

    /// What is to stand in the kernel's tables; nothing without a pool.
    func networkPlan(_ pool: ResolvedPool, _ facts: UplinkFacts, _ policy: Policy) -> NetworkPlan? {
        guard !pool.entries.isEmpty else { return nil }
        // No smaller than any link, so that the kernel never has to cut a packet on its way to the translator.
        let mtu = nat64.mtu.map { UInt32($0) } ?? facts.largestMTU ?? 1500
        return NetworkPlan(
            device: device,
            mtu: min(max(mtu, 1280), 65_521),
            prefixes: prefixes.map(\.block),
            pool: pool.ownPrefixes,
            shared: pool.shares.map { share in
                NetworkPlan.SharedAddress(
                    interface: share.interface,
                    address: share.address,
                    ports: self.pool.sharedPorts,
                    furtherEntrances: facts.entrances(under: policy).filter { $0 != share.interface }
                )
            },
            standIns: facts.standIns(for: pool).map(\.address)
        )
    }
}

extension PoolSpecification {
    /// Fills in the addresses of this machine's interfaces.
    ///
    /// - Parameter shares: The addresses that are shared so far. Of an interface's addresses these come first, because
    ///   sessions would end with them: a renewed address may stand behind another, and still be the same. Only what the
    ///   default route names as its source comes before.
    func resolve(by facts: UplinkFacts, keeping shares: [ResolvedPool.Share] = []) -> ResolvedPool {
        let kept = Set(shares.map(\.address)).subtracting(
            facts.ownAddresses.filter(\.isDeprecated).compactMap(\.address.ipv4)
        )
        func keptFirst(_ addresses: [IPv4Address]) -> [IPv4Address] {
            addresses.filter(kept.contains) + addresses.filter { !kept.contains($0) }
        }
        let uplink = facts.ipv4.map { uplink in
            let addresses = uplink.addresses.compactMap(\.ipv4)
            return Uplink(
                interface: uplink.addressLink.name,
                addresses: uplink.preferredSource == nil ? keptFirst(addresses) : addresses
            )
        }
        let interfaces = facts.links.map { link in
            let addresses = facts.ownAddresses.filter { $0.link == link.index }.compactMap(\.address.ipv4)
            return Uplink(interface: link.name, addresses: keptFirst(addresses))
        }
        return resolvePool(uplink: uplink, interfaces: interfaces, broadcasts: facts.broadcastAddresses)
    }
}

extension IPAddress {
    /// The address if it is of IPv4.
    var ipv4: IPv4Address? {
        guard case .v4(let address) = self else { return nil }
        return address
    }

    /// The address if it is of IPv6.
    var ipv6: IPv6Address? {
        guard case .v6(let address) = self else { return nil }
        return address
    }
}

extension UplinkFacts {
    /// Interfaces where answers of clients' peers come in: those of all default routes, for the networks decide by which of
    /// these they answer, and those with an IPv4 network that clients may reach.
    func entrances(under policy: Policy) -> [String] {
        links.filter { link in
            guard link.isUp, !link.isLoopback else { return false }
            if ipv4Links.contains(where: { $0.index == link.index }) { return true }
            return ownAddresses.contains { own in
                guard own.link == link.index, let address = own.address.ipv4 else { return false }
                return policy.prefixes.indices.contains { policy.mayReach(address, under: $0) }
            }
        }
        .map(\.name)
    }

    /// What the host sees instead of each address that it shares: addresses it does not have itself.
    func standIns(for pool: ResolvedPool) -> [HostSide.StandIn] {
        let free = HostSide.candidates.filter { candidate in !ownAddresses.contains { $0.address == .v4(candidate) } }
        return zip(pool.shares, free).map { HostSide.StandIn(shared: $0.address, address: $1) }
    }

    /// What the translator must know about the links, and about the host whose addresses are in the pool.
    ///
    /// - Parameter device: What stands in the kernel's tables, the device among it; nothing without a pool. An IPv6 packet
    ///   has to pass the device as well as the link, and an operator may have given it less.
    func environment(sharing pool: ResolvedPool, behind device: NetworkPlan?) -> Environment {
        let globals = ownAddresses.filter { $0.isUsable && !$0.isLoopback && !$0.isDeprecated }
            .compactMap(\.address.ipv6).filter { !$0.isLinkLocal }
        // The source of our ICMPv6 errors: routers between us and a client may drop a unique local one (RFC 4193).
        let widest = globals.first { $0.high >> 57 != 0xFC >> 1 } ?? globals.first
        return Environment(
            ipv6MTU: min(ipv6Links.map { Int($0.mtu) }.max() ?? 1500, device.map { Int($0.mtu) } ?? .max),
            ipv4MTU: ipv4.map { Int($0.link.mtu) } ?? 1500,
            ipv6Address: widest,
            hostSide: pool.shares.isEmpty
                ? HostSide()
                : HostSide(standIns: standIns(for: pool), ownAddresses: ownAddresses.compactMap(\.address.ipv4))
        )
    }
}
