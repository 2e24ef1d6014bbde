internal import IPAddressing
public import NAT64

extension ValidatedConfiguration {
    /// `[[nat64.static]]`; held against pool, prefixes and clients, which have been read.
    mutating func readStaticBindings(_ section: Section) {
        var total = 0
        var taken: [(StaticBinding, Place)] = []
        for section in section.sections("static") {
            let bindings = StaticReader.bindings(section)
            for binding in bindings {
                if let (key, complaint) = complaint(about: binding) {
                    section.problems.add(section.place(of: key), section.path(key), complaint)
                }
                if let (key, complaint) = Self.conflict(of: binding, at: section.place, with: taken) {
                    section.problems.add(section.place(of: key), section.path(key), complaint)
                }
                taken.append((binding, section.place))
                staticBindings.append(binding)
                total += binding.count
            }
            if total > StaticBinding.most, total - bindings.reduce(0, { $0 + $1.count }) <= StaticBinding.most {
                let message =
                    "makes \(total) static bindings in all, each port counted; the most is \(StaticBinding.most)"
                section.problems.add(section.place, section.name, message)
            }
        }
    }

    /// Why a static binding cannot stand beside those before it, with the key that says so; nothing if it can.
    private static func conflict(
        of binding: StaticBinding,
        at place: Place,
        with taken: [(StaticBinding, Place)]
    ) -> (key: String, complaint: String)? {
        for (other, otherPlace) in taken {
            let there = otherPlace.seen(from: place)
            if binding.overlapsOutside(other) {
                let port = max(binding.externalPorts.lowerBound, other.externalPorts.lowerBound)
                let what = "\(binding.transport.word) \(TransportAddress4(binding.external, port))"
                return ("ipv4", "overlaps the static binding \(there): both have \(what)")
            }
            if binding.overlapsInside(other) {
                let port = max(binding.clientPorts.lowerBound, other.clientPorts.lowerBound)
                let what = "\(binding.transport.word) \(TransportAddress6(binding.client, port))"
                let rule = "a client's port has one external address (RFC 6146 section 5.2)"
                return ("ipv6", "overlaps the static binding \(there): both have \(what), and \(rule)")
            }
        }
        return nil
    }

    /// Why a static binding could never work, with the key that says so; nothing if it could.
    ///
    /// What depends on this machine's links is seen when it is put in force.
    public func complaint(about binding: StaticBinding) -> (key: String, complaint: String)? {
        if let complaint = complaint(aboutExternal: binding) { return complaint }
        let client = binding.client
        if !client.mayBeClient { return ("ipv6", "\(client) is not the address of a host") }
        if let inside = prefixes.first(where: { $0.contains(client) }) {
            return ("ipv6", "\(client) lies under the translation prefix \(inside), where no client is")
        }
        if !clients.includesLinks, !clients.networks.contains(where: { $0.contains(.v6(client)) }) {
            return ("ipv6", "\(client) is not served; write its network in clients.allow")
        }
        return nil
    }

    private func complaint(aboutExternal binding: StaticBinding) -> (key: String, complaint: String)? {
        if pool.deterministic.contains(where: { $0.addresses.contains(binding.external) }) {
            return ("ipv4", "\(binding.external) is of nat64.deterministic, whose ports are computed")
        }
        // An interface's address is known later.
        guard !pool.sharesUplink, pool.sharedInterfaces.isEmpty else { return nil }
        guard !pool.ownRanges.contains(where: { $0.contains(binding.external) }) else { return nil }
        return ("ipv4", "\(binding.external) is not an address of nat64.pool; write it there as well")
    }
}

/// Reads one `[[nat64.static]]`, or one `[[static]]` of what was added at runtime.
enum StaticReader {
    /// The bindings, one for each protocol; fewer if something is wrong, which is told.
    static func bindings(_ section: Section) -> [StaticBinding] {
        let protocols = protocols(section)
        section.require("ipv4", "an address of the pool")
        section.require("ipv6", "the client's address")
        let external = section.text("ipv4", example: "203.0.113.1").flatMap { address4($0, section) }
        let client = section.text("ipv6", example: "2001:db8:6::5").flatMap { address6($0, section) }
        let ports = ends("port", least: 1, isWanted: protocols.contains { $0 != .icmpQuery }, "tcp and udp", section)
        let ids = ends("id", least: 0, isWanted: protocols.contains(.icmpQuery), "icmp", section)
        guard let external, let client else { return [] }
        return protocols.compactMap { transport in
            guard let (outside, inside) = transport == .icmpQuery ? ids : ports else { return nil }
            return StaticBinding(
                transport: transport,
                external: external,
                externalPorts: outside,
                client: client,
                clientPorts: inside
            )
        }
    }

    private static func protocols(_ section: Section) -> [TransportProtocol] {
        let choices = "\"tcp\", \"udp\", \"icmp\", or a list of these"
        section.require("protocol", choices)
        guard let texts = section.texts("protocol", example: "tcp", empty: "write \(choices)") else { return [] }
        section.refuseRepeated(texts.map { ($0.text, $0) }, "protocol")
        return texts.compactMap { text in
            if let transport = TransportProtocol(word: text.text) { return transport }
            section.refuse(text, "protocol", "is not one of \"tcp\", \"udp\", \"icmp\"")
            return nil
        }
    }

    private static func address4(_ text: PlacedText, _ section: Section) -> IPv4Address? {
        if let address = IPv4Address(text.text) { return address }
        section.refuse(text, "ipv4", "is not an IPv4 address; write one of the pool, such as \"203.0.113.1\"")
        return nil
    }

    private static func address6(_ text: PlacedText, _ section: Section) -> IPv6Address? {
        if let address = IPv6Address(text.text) { return address }
        section.refuse(text, "ipv6", "is not an IPv6 address; write the client's, such as \"2001:db8:6::5\"")
        return nil
    }

    /// The ports, or identifiers, of both ends; those of the client are the same if nothing is written.
    private static func ends(
        _ what: String,
        least: UInt16,
        isWanted: Bool,
        _ protocols: String,
        _ section: Section
    ) -> (outside: ClosedRange<Port>, inside: ClosedRange<Port>)? {
        let (outsideKey, insideKey) = ("ipv4-\(what)", "ipv6-\(what)")
        guard isWanted else {
            for key in [outsideKey, insideKey] {
                guard let value = section.value(key), section.value("protocol") != nil else { continue }
                section.refuse(value, key, "is for \(protocols), which protocol does not name")
            }
            return nil
        }
        section.require(outsideKey, "a number, or a range such as \"8000-8010\"")
        let outside = section.numbers(outsideKey, least: least)
        let inside = section.numbers(insideKey, least: least)
        guard let outside else { return nil }
        guard section.value(insideKey) != nil else { return (outside, outside) }
        guard let inside else { return nil }
        let (left, right) = (outside.length, inside.length)
        guard left == right else {
            let message = "\(left) on the IPv4 side and \(right) here; both ranges must be of one length"
            section.problems.add(section.place(of: insideKey), section.path(insideKey), message)
            return nil
        }
        return (outside, inside)
    }
}

extension Section {
    /// Where a key's value stands; the table itself if the key is absent.
    func place(of key: String) -> Place { value(key)?.place ?? place }

    /// A number or a range of numbers, for ports and identifiers.
    fileprivate func numbers(_ key: String, least: UInt16) -> ClosedRange<Port>? {
        guard let value = value(key) else { return nil }
        let range: ClosedRange<UInt16>? =
            switch value.kind {
            case .integer(let number): UInt16(exactly: number).map { $0...$0 }
            case .string(let text): PortRangeText.range(text)
            default: nil
            }
        guard let range, range.lowerBound >= least else {
            refuse(value, key, "is no number from \(least) to 65535, nor a range such as \"8000-8010\"")
            return nil
        }
        return Port(range.lowerBound)...Port(range.upperBound)
    }
}

extension ClosedRange<Port> {
    /// As it is written in a file.
    var text: String { lowerBound == upperBound ? "\(lowerBound)" : "\(lowerBound)-\(upperBound)" }
}

extension TransportProtocol {
    /// Reads the protocol as the file writes it.
    init?(word: String) {
        switch word {
        case "tcp": self = .tcp
        case "udp": self = .udp
        case "icmp": self = .icmpQuery
        default: return nil
        }
    }

    /// The protocol as the file and the control API write it.
    public var word: String {
        switch self {
        case .udp: "udp"
        case .tcp: "tcp"
        case .icmpQuery: "icmp"
        }
    }
}
