internal import IPAddressing
internal import NAT64
internal import Timing

extension ValidatedConfiguration {
    /// `[nat64]` and the tables below it.
    mutating func readTranslator(_ section: Section) {
        if let name = section.text("device", example: "nat64") {
            if let complaint = InterfaceName.complaint(about: name.text)
                ?? (name.text == "lo" ? "lo is the loopback" : nil)
            {
                section.refuse(name, "device", "cannot name the device: \(complaint)")
            } else {
                device = name.text
            }
        }
        prefixes = PrefixReader.prefixes(section) ?? prefixes
        pool = PoolSpecification(reading: section)
        if pool.sharedInterfaces.contains(device), let value = section.value("pool") {
            section.problems.add(
                value.place,
                section.path("pool"),
                "\"share:\(device)\" names the translator's own device"
            )
        }
        nat64.workers = section.integer("workers", in: 1...256, why: "the number of queues a TUN can have")
        pollBeforeSleep = section.pollBeforeSleep() ?? pollBeforeSleep
        keepCPUsAwake = section.keepCPUsAwake() ?? keepCPUsAwake
        readTranslation(section)
        let holdDown = section.duration("port-hold-down", in: 0...86_400)
        nat64.portHoldDown = holdDown ?? nat64.portHoldDown
        drainTime = section.duration("drain-time", in: 0...604_800) ?? drainTime
        nat64.overloadsPorts = section.flag("port-overloading") ?? nat64.overloadsPorts
        readPortBlockSize(section)
        readFiltering(section)
        readLifetimes(section.section("lifetimes"))
        readLimits(section.section("limits"))
    }

    /// `port-block-size`; held against `port-overloading`, which has been read.
    private mutating func readPortBlockSize(_ section: Section) {
        guard let size = section.integer("port-block-size", in: 0...4096) else { return }
        if size > 0, size < 64 || size & (size - 1) != 0 {
            let message = "\(size) is neither 0 nor a power of two from 64 to 4096"
            section.problems.add(section.place(of: "port-block-size"), section.path("port-block-size"), message)
        } else if size > 0, nat64.overloadsPorts {
            let message = "does not go with port-overloading: the ports of a block are one client network's alone"
            section.problems.add(section.place(of: "port-block-size"), section.path("port-block-size"), message)
        } else {
            nat64.portBlockSize = size
        }
    }

    private mutating func readTranslation(_ section: Section) {
        var translation = nat64.translation
        let lowest = section.integer(
            "lowest-ipv6-mtu",
            in: 1280...65_535,
            why: "and RFC 7915 section 4 allows nothing below 1280"
        )
        translation.lowestIPv6MTU = lowest ?? translation.lowestIPv6MTU
        nat64.mtu = section.integer("mtu", in: 1280...65_535, why: "and IPv6 needs 1280 (RFC 8200 section 5)")
        if let mtu = nat64.mtu, translation.lowestIPv6MTU > mtu, let value = section.value("lowest-ipv6-mtu") {
            section.refuse(value, "lowest-ipv6-mtu", "is more than nat64.mtu, which is \(mtu); lower it or raise mtu")
        }
        let sums: TranslationSettings.ZeroChecksum? =
            section.word("udp-zero-checksum", of: ["compute": .compute, "drop": .drop])
        translation.udpZeroChecksum = sums ?? translation.udpZeroChecksum
        translation.clampsSegmentSize = section.flag("clamp-segment-size") ?? translation.clampsSegmentSize
        translation.translatesEcho = section.flag("icmp-echo") ?? translation.translatesEcho
        translation.sendsICMPErrors = section.flag("icmp-errors") ?? translation.sendsICMPErrors
        translation.reportsRefusedInbound = section.flag("report-refused") ?? translation.reportsRefusedInbound
        let source: TranslationSettings.ErrorSource? =
            section.word("icmp-error-source", of: ["router": .router, "destination": .destination])
        translation.errorSource = source ?? translation.errorSource
        if let errors = section.integer("icmp-errors-per-second", in: 0...1_000_000) {
            translation.icmpErrorsPerSecond = errors
            if errors > 0 { translation.icmpErrorBurst = min(translation.icmpErrorBurst, errors) }
        }
        if let value = section.value("traffic-class") {
            switch value.kind {
            case .string("copy"): translation.fixedTrafficClass = nil
            case .integer(let octet) where (0...255).contains(octet): translation.fixedTrafficClass = UInt8(octet)
            default: section.refuse(value, "traffic-class", "is neither \"copy\" nor a number from 0 to 255")
            }
        }
        nat64.translation = translation
    }

    private mutating func readFiltering(_ section: Section) {
        let outside = section.flag("connections-from-outside") ?? nat64.filtering.admitsConnectionsFromOutside
        if let value = section.value("filtering"), case .table = value.kind {
            let table = section.section("filtering")
            nat64.filtering.udp = table.filteringRule("udp") ?? nat64.filtering.udp
            nat64.filtering.tcp = table.filteringRule("tcp") ?? nat64.filtering.tcp
            nat64.filtering.icmp = table.filteringRule("icmp") ?? nat64.filtering.icmp
        } else if let rule = section.filteringRule("filtering") {
            nat64.filtering = Filtering(rule)
        }
        nat64.filtering.admitsConnectionsFromOutside = outside
    }

    private mutating func readLifetimes(_ section: Section) {
        let unsafeShort = section.flag("unsafe-short") ?? false
        let least = Lifetimes.least
        let lifetime = { (key: String, least: Moment.Span, rule: String) -> Moment.Span? in
            section.lifetime(key, least: least.seconds, rule: rule, unsafeShort: unsafeShort)
        }
        var lifetimes = nat64.lifetimes
        lifetimes.udp = lifetime("udp", least.udp, "RFC 6146 section 4 (UDP_MIN)") ?? lifetimes.udp
        lifetimes.icmp = lifetime("icmp", least.icmp, "RFC 6146 section 4 (ICMP_DEFAULT)") ?? lifetimes.icmp
        let established = lifetime("tcp-established", least.tcpEstablished, "RFC 6146 section 4 (TCP_EST)")
        lifetimes.tcpEstablished = established ?? lifetimes.tcpEstablished
        let transitory = lifetime("tcp-transitory", least.tcpTransitory, "RFC 6146 section 4 (TCP_TRANS)")
        lifetimes.tcpTransitory = transitory ?? lifetimes.tcpTransitory
        let opening = lifetime("tcp-opening", least.tcpOpening, "RFC 6146 section 4 (TCP_TRANS)")
        lifetimes.tcpOpening = opening ?? transitory ?? lifetimes.tcpOpening
        lifetimes.shortAfterReset = section.flag("short-after-reset") ?? lifetimes.shortAfterReset
        let syn = lifetime("tcp-incoming-syn", least.tcpIncomingSyn, "RFC 6146 section 4 (TCP_INCOMING_SYN)")
        lifetimes.tcpIncomingSyn = syn ?? lifetimes.tcpIncomingSyn
        nat64.lifetimes = lifetimes
        let fragment = lifetime("fragment", .seconds(2), "RFC 6146 section 4 (FRAGMENT_MIN)")
        nat64.translation.fragmentLifetime = fragment ?? nat64.translation.fragmentLifetime
    }

    private mutating func readLimits(_ section: Section) {
        let most = Int64(Limits.most)
        var limits = nat64.limits
        limits.clientLength = section.integer("client-length", in: 1...128) ?? limits.clientLength
        limits.sessionsPerClient = section.integer("sessions-per-client", in: 0...most) ?? limits.sessionsPerClient
        let ofBinding = section.integer("sessions-per-binding", in: 0...most)
        limits.sessionsPerBinding = ofBinding ?? limits.sessionsPerBinding
        limits.portsPerClient = section.integer("ports-per-client", in: 0...most) ?? limits.portsPerClient
        let blocks = section.integer("port-blocks-per-client", in: 1...1024)
        limits.portBlocksPerClient = blocks ?? limits.portBlocksPerClient
        let rate = section.integer("new-bindings-per-second", in: 0...most)
        limits.newBindingsPerSecond = rate ?? limits.newBindingsPerSecond
        let kept = section.integer("ports-for-new-clients", in: 0...Int64(Limits.mostPortsForNewClients))
        limits.portsForNewClients = kept ?? limits.portsForNewClients
        limits.spillsToOtherAddresses = section.flag("spill-to-other-addresses") ?? limits.spillsToOtherAddresses
        nat64.limits = limits
        let counts: ClosedRange<Int64> = 4096...67_108_864
        nat64.maximumBindings = section.integer("bindings", in: counts) ?? nat64.maximumBindings
        nat64.maximumFurtherSessions = section.integer("further-sessions", in: counts) ?? nat64.maximumFurtherSessions
        readShared(section)
    }
}

extension ValidatedConfiguration {
    /// Memory that everybody's packets share.
    private mutating func readShared(_ section: Section) {
        var translation = nat64.translation
        let memory = section.size("fragment-memory", in: (1 << 20)...(1 << 30), words: "\"1MiB\" to \"1GiB\"")
        translation.fragmentMemory = memory ?? translation.fragmentMemory
        let datagrams = section.integer("fragmented-datagrams", in: 64...1_000_000)
        translation.fragmentedDatagrams = datagrams ?? translation.fragmentedDatagrams
        translation.heldSYNs = section.integer("held-syns", in: 16...65_536) ?? translation.heldSYNs
        nat64.translation = translation
        guard let ports = section.integer("held-ports", in: 0...67_108_864) else { return }
        if (1..<64).contains(ports) {
            let message = "\(ports) is neither 0, for no limit, nor 64 or more"
            section.problems.add(section.place(of: "held-ports"), section.path("held-ports"), message)
        } else {
            nat64.mostHeldPorts = ports
        }
    }
}

extension Section {
    fileprivate func filteringRule(_ key: String) -> Filtering.Rule? {
        word(
            key,
            of: [
                "address-dependent": .addressDependent, "endpoint-independent": .endpointIndependent,
                "address-and-port-dependent": .addressAndPortDependent,
            ]
        )
    }

    /// The longest lifetime: a week.
    private static var longest: UInt64 { 604_800 }

    /// A lifetime that the RFCs allow, or any from a second on in a laboratory.
    fileprivate func lifetime(_ key: String, least: UInt64, rule: String, unsafeShort: Bool) -> Moment.Span? {
        guard let (seconds, value) = duration(key) else { return nil }
        guard seconds >= 1 else {
            refuse(value, key, "is no time at all; write \(least) seconds or more")
            return nil
        }
        guard seconds >= least || unsafeShort else {
            let way = "write \(least) or more, or set unsafe-short = true in a laboratory"
            refuse(value, key, "is shorter than \(least) seconds, the least \(rule) allows; \(way)")
            return nil
        }
        guard seconds <= Self.longest else {
            refuse(value, key, "is longer than a week; write \(Self.longest) seconds or less")
            return nil
        }
        return .seconds(seconds)
    }
}
