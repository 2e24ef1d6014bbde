internal import DNS64
internal import NAT64
internal import Policy

/// What a reload has to do.
public struct ConfigurationDifference: Hashable, Sendable {
    /// Keys whose values changed, sorted: `dns64.upstreams`. What ``needsRestart`` names is among them.
    public var changed: [String] = []
    /// Keys whose new values wait for a restart, sorted.
    public var needsRestart: [String] = []
}

extension ValidatedConfiguration {
    /// What changed since an older configuration, and which of it only a restart can put in force.
    public func difference(from old: ValidatedConfiguration) -> ConfigurationDifference {
        var difference = ConfigurationDifference()
        difference.changed = Self.keys.filter { !$0.agree(self, old) }.map(\.key).sorted()
        difference.needsRestart = difference.changed.filter(Self.needsRestart)
        return difference
    }

    /// Whether two configurations agree on a key.
    typealias Comparison = @Sendable (ValidatedConfiguration, ValidatedConfiguration) -> Bool

    private static func same<Value: Equatable & SendableMetatype>(
        _ path: any KeyPath<ValidatedConfiguration, Value> & Sendable
    ) -> Comparison {
        { $0[keyPath: path] == $1[keyPath: path] }
    }

    /// What is set aside at start: names of things that exist once, numbers of threads, memory, and everything of the
    /// translator that its tables are laid out by.
    static func needsRestart(_ key: String) -> Bool {
        let others: Set = [
            "dns64.cache-size", "dns64.workers", "dns64.poll-before-sleep",
            "dns64.limits.connections", "dns64.limits.connections-per-client",
            "dns64.limits.questions-per-connection", "dns64.limits.connection-idle", "dns64.limits.handshake",
        ]
        let atOnce: Set = [
            "nat64.prefixes", "nat64.pool", "nat64.ports", "nat64.map", "nat64.static", "nat64.drain-time",
        ]
        return key.hasPrefix("nat64.") && !atOnce.contains(key) || key.hasPrefix("control.")
            || key.hasPrefix("state.")
            || others.contains(key)
    }

    /// This configuration with everything that only a restart can change as it was in an older one.
    public func keepingUntilRestart(_ old: ValidatedConfiguration) -> ValidatedConfiguration {
        var kept = self
        kept.device = old.device
        kept.nat64 = old.nat64
        kept.pool.deterministic = old.pool.deterministic
        kept.pollBeforeSleep = old.pollBeforeSleep
        kept.keepCPUsAwake = old.keepCPUsAwake
        kept.dns64.cacheSize = old.dns64.cacheSize
        kept.resolverWorkers = old.resolverWorkers
        kept.resolverPollBeforeSleep = old.resolverPollBeforeSleep
        kept.connectionLimits = old.connectionLimits
        kept.controlSocket = old.controlSocket
        kept.controlGroup = old.controlGroup
        kept.stateDirectory = old.stateDirectory
        return kept
    }

    /// Why an older configuration's settings that only a restart can change do not go together with this one; nothing
    /// if they do.
    public func obstacleUntilRestart(_ old: ValidatedConfiguration) -> String? {
        let computed = old.pool.deterministic.map(\.addresses)
        for range in pool.ownRanges {
            guard let other = computed.first(where: { $0.overlaps(range) }) else { continue }
            let both = range.clamped(to: other)
            return "nat64.pool: \(PoolSource.addresses(both)) is of the nat64.deterministic in force, which ends "
                + "with a restart only; restart the appliance (systemctl restart nat64-appliance) instead of reloading"
        }
        return nil
    }

    /// Every key of the vocabulary with how its values compare.
    static let keys: [(key: String, agree: Comparison)] = [
        ("nat64.device", same(\.device)),
        ("nat64.prefixes", same(\.prefixes)),
        ("nat64.map", same(\.maps)),
        ("nat64.static", same(\.staticBindings)),
        ("nat64.deterministic", same(\.nat64.deterministic)),
        ("nat64.pool", same(\.pool.sources)),
        ("nat64.ports", { $0.pool.ports == $1.pool.ports && $0.pool.sharedPorts == $1.pool.sharedPorts }),
        ("nat64.workers", same(\.nat64.workers)),
        ("nat64.poll-before-sleep", same(\.pollBeforeSleep)),
        ("nat64.keep-cpus-awake", same(\.keepCPUsAwake)),
        (
            "nat64.filtering",
            {
                let (left, right) = ($0.nat64.filtering, $1.nat64.filtering)
                return left.tcp == right.tcp && left.udp == right.udp && left.icmp == right.icmp
            }
        ),
        ("nat64.connections-from-outside", same(\.nat64.filtering.admitsConnectionsFromOutside)),
        ("nat64.lowest-ipv6-mtu", same(\.nat64.translation.lowestIPv6MTU)),
        ("nat64.mtu", same(\.nat64.mtu)),
        ("nat64.clamp-segment-size", same(\.nat64.translation.clampsSegmentSize)),
        ("nat64.icmp-echo", same(\.nat64.translation.translatesEcho)),
        ("nat64.icmp-errors", same(\.nat64.translation.sendsICMPErrors)),
        ("nat64.report-refused", same(\.nat64.translation.reportsRefusedInbound)),
        ("nat64.traffic-class", same(\.nat64.translation.fixedTrafficClass)),
        ("nat64.udp-zero-checksum", same(\.nat64.translation.udpZeroChecksum)),
        ("nat64.icmp-errors-per-second", same(\.nat64.translation.icmpErrorsPerSecond)),
        ("nat64.icmp-error-source", same(\.nat64.translation.errorSource)),
        ("nat64.port-hold-down", same(\.nat64.portHoldDown)),
        ("nat64.port-overloading", same(\.nat64.overloadsPorts)),
        ("nat64.port-block-size", same(\.nat64.portBlockSize)),
        ("nat64.drain-time", same(\.drainTime)),
        ("nat64.lifetimes.udp", same(\.nat64.lifetimes.udp)),
        ("nat64.lifetimes.icmp", same(\.nat64.lifetimes.icmp)),
        ("nat64.lifetimes.tcp-established", same(\.nat64.lifetimes.tcpEstablished)),
        ("nat64.lifetimes.tcp-transitory", same(\.nat64.lifetimes.tcpTransitory)),
        ("nat64.lifetimes.tcp-incoming-syn", same(\.nat64.lifetimes.tcpIncomingSyn)),
        ("nat64.lifetimes.tcp-opening", same(\.nat64.lifetimes.tcpOpening)),
        ("nat64.lifetimes.short-after-reset", same(\.nat64.lifetimes.shortAfterReset)),
        ("nat64.lifetimes.fragment", same(\.nat64.translation.fragmentLifetime)),
        ("nat64.limits.client-length", same(\.nat64.limits.clientLength)),
        ("nat64.limits.sessions-per-client", same(\.nat64.limits.sessionsPerClient)),
        ("nat64.limits.sessions-per-binding", same(\.nat64.limits.sessionsPerBinding)),
        ("nat64.limits.ports-per-client", same(\.nat64.limits.portsPerClient)),
        ("nat64.limits.port-blocks-per-client", same(\.nat64.limits.portBlocksPerClient)),
        ("nat64.limits.new-bindings-per-second", same(\.nat64.limits.newBindingsPerSecond)),
        ("nat64.limits.ports-for-new-clients", same(\.nat64.limits.portsForNewClients)),
        ("nat64.limits.spill-to-other-addresses", same(\.nat64.limits.spillsToOtherAddresses)),
        ("nat64.limits.bindings", same(\.nat64.maximumBindings)),
        ("nat64.limits.further-sessions", same(\.nat64.maximumFurtherSessions)),
        ("nat64.limits.fragment-memory", same(\.nat64.translation.fragmentMemory)),
        ("nat64.limits.fragmented-datagrams", same(\.nat64.translation.fragmentedDatagrams)),
        ("nat64.limits.held-syns", same(\.nat64.translation.heldSYNs)),
        ("nat64.limits.held-ports", same(\.nat64.mostHeldPorts)),
        ("clients.allow", same(\.clients)),
        ("destinations.allow", same(\.destinations.allow)),
        ("destinations.refuse", same(\.destinations.refuse)),
        ("dns64.listen", same(\.listen)),
        ("dns64.listen-tls", same(\.listenTLS)),
        ("dns64.listen-https", same(\.listenHTTPS)),
        ("dns64.certificate", same(\.certificate)),
        ("dns64.key", same(\.certificateKey)),
        ("dns64.name", same(\.resolverName)),
        ("dns64.discovery", same(\.discovery)),
        ("dns64.discovery-ttl", same(\.dns64.discoveryTTL)),
        ("dns64.upstream-ca", same(\.upstreamAuthorities)),
        ("dns64.upstreams", same(\.upstreams)),
        ("dns64.dnssec", same(\.validates)),
        ("dns64.trust-anchor-file", same(\.trustAnchorFile)),
        ("dns64.root-hints-file", same(\.rootHintsFile)),
        ("dns64.recursion-memory", same(\.recursionMemory)),
        ("dns64.synthesize", same(\.synthesize)),
        ("dns64.synthesize-over-ipv4", same(\.synthesizeOverIPv4)),
        ("dns64.exclude-aaaa", same(\.dns64.excludeAAAA)),
        ("dns64.exclude-domains", same(\.dns64.excludedDomains)),
        ("dns64.break-dnssec", same(\.dns64.breakDNSSEC)),
        ("dns64.cache-size", same(\.dns64.cacheSize)),
        ("dns64.workers", same(\.resolverWorkers)),
        ("dns64.poll-before-sleep", same(\.resolverPollBeforeSleep)),
        ("dns64.serve-stale", same(\.dns64.servesStale)),
        ("dns64.prefetch", same(\.dns64.prefetches)),
        ("dns64.cookies", same(\.dns64.cookies)),
        ("dns64.cookie-secrets", same(\.dns64.cookieSecrets)),
        ("dns64.random-case", same(\.dns64.randomizesCase)),
        ("dns64.limits.client-length", same(\.dns64.clientLength)),
        ("dns64.limits.client-share", same(\.dns64.clientShare)),
        ("dns64.limits.questions-per-second", same(\.dns64.questionsPerSecond)),
        ("dns64.limits.over-limit", same(\.dns64.dropsOverLimit)),
        ("dns64.limits.connections", same(\.connectionLimits.connections)),
        ("dns64.limits.connections-per-client", same(\.connectionLimits.perClient)),
        ("dns64.limits.questions-per-connection", same(\.connectionLimits.questions)),
        ("dns64.limits.connection-idle", same(\.connectionLimits.idle)),
        ("dns64.limits.handshake", same(\.connectionLimits.handshake)),
        ("dns64.query-log.to", same(\.queryLog.destination)),
        ("dns64.query-log.one-in", same(\.queryLog.oneIn)),
        ("dns64.query-log.ipv4-length", same(\.queryLog.ipv4Length)),
        ("dns64.query-log.ipv6-length", same(\.queryLog.ipv6Length)),
        ("dns64.query-log.buffer", same(\.queryLog.buffer)),
        ("dns64.view", { $0.views == $1.views && $0.dns64.views == $1.dns64.views }),
        ("dns64.rule", same(\.dns64.rules)),
        ("dns64.local", same(\.dns64.localRecords)),
        (
            "dns64.filter",
            { $0.dns64.nameFilters == $1.dns64.nameFilters && $0.dns64.addressFilters == $1.dns64.addressFilters }
        ),
        ("control.socket", same(\.controlSocket)),
        ("control.group", same(\.controlGroup)),
        ("state.directory", same(\.stateDirectory)),
        ("log.level", same(\.logLevel)),
    ]
}
