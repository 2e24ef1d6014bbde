public import IPAddressing
public import NAT64

/// The static bindings that `appliance-ctl bindings add` made. Kept in the state folder as `bindings.toml`, so that
/// they survive a restart.
public struct RuntimeBindings: Hashable, Sendable {
    /// The bindings, in the order in which they were added; none overlaps another.
    public private(set) var bindings: [StaticBinding] = []

    /// There are none.
    public init() {}

    /// Adds a binding; one that is there already is not added again.
    public mutating func add(_ binding: StaticBinding) {
        if !bindings.contains(binding) { bindings.append(binding) }
    }

    /// Takes a binding out.
    public mutating func remove(_ binding: StaticBinding) { bindings.removeAll { $0 == binding } }
}

extension RuntimeBindings {
    /// The text of `bindings.toml`.
    public var text: String {
        var text = "# What appliance-ctl bindings added at runtime. Written by the appliance, read at its start.\n"
        for binding in bindings {
            let what = binding.transport == .icmpQuery ? "id" : "port"
            text += """

                [[static]]
                protocol = "\(binding.transport.word)"
                ipv4 = "\(binding.external)"
                ipv4-\(what) = "\(binding.externalPorts.text)"
                ipv6 = "\(binding.client)"
                ipv6-\(what) = "\(binding.clientPorts.text)"

                """
        }
        return text
    }

    /// Reads `bindings.toml`.
    ///
    /// A damaged file must not keep the appliance from starting: what can be read is used, the rest is told.
    ///
    /// - Returns: The bindings, and what was wrong with the file; nothing if it was sound.
    public static func parse(
        _ octets: [UInt8],
        name: String
    ) -> (bindings: RuntimeBindings, problems: ConfigurationProblems?) {
        let problems = ProblemList()
        var result = RuntimeBindings()
        do throws(ConfigurationProblem) {
            let table = try TOMLText.table(from: octets, at: Place(file: name))
            for entry in table.entries {
                guard entry.key == "static", case .list(let elements) = entry.value.kind else {
                    problems.add(entry.place, "", "\(quoted(entry.key)) is not [[static]]; it is left out")
                    continue
                }
                for case .table(let table) in elements.map(\.kind) {
                    let section = Section(name: "nat64.static", table: table, place: entry.place, problems: problems)
                    for binding in StaticReader.bindings(section) { result.add(binding) }
                }
            }
        } catch {
            problems.add(error)
        }
        return (result, problems.isEmpty ? nil : ConfigurationProblems(problems.problems))
    }
}

/// How people write a static binding: `tcp 203.0.113.1:8000-8010 [2001:db8:6::5]:8000-8010`.
public enum StaticBindingText {
    /// Why a text is no static binding: a sentence.
    public struct Complaint: Error, Hashable, Sendable {
        /// What was found and what would be right.
        public let sentence: String
    }

    /// An external address with its ports.
    public typealias External = (address: IPv4Address, ports: ClosedRange<Port>)

    /// Reads a binding.
    ///
    /// - Throws: What is wrong with it.
    public static func binding(
        protocol word: String,
        external: String,
        client: String
    ) throws(Complaint) -> StaticBinding {
        let transport = try transport(word)
        let outside = try self.external(external, transport)
        let (host, ports) = parts(client)
        guard let address = host.flatMap({ IPv6Address($0) }), let ports, isFit(ports, transport) else {
            throw Complaint(
                sentence: "\(quoted(client)) is no IPv6 address with a port or a range of ports; "
                    + "write [2001:db8:6::5]:443 or [2001:db8:6::5]:8000-8010."
            )
        }
        let binding = StaticBinding(
            transport: transport,
            external: outside.address,
            externalPorts: outside.ports,
            client: address,
            clientPorts: ports
        )
        guard let binding else {
            throw Complaint(
                sentence: "Both ranges must be of one length; \(outside.ports.text) has \(outside.ports.length) ports "
                    + "and \(ports.text) has \(ports.length)."
            )
        }
        return binding
    }

    /// Reads `tcp`, `udp` or `icmp`.
    public static func transport(_ word: String) throws(Complaint) -> TransportProtocol {
        if let transport = TransportProtocol(word: word) { return transport }
        throw Complaint(sentence: "\(quoted(word)) is not tcp, udp or icmp.")
    }

    /// Reads the external side: `203.0.113.1:443` or `203.0.113.1:8000-8010`.
    public static func external(_ text: String, _ transport: TransportProtocol) throws(Complaint) -> External {
        let (host, ports) = parts(text)
        guard let address = host.flatMap({ IPv4Address($0) }), let ports, isFit(ports, transport) else {
            throw Complaint(
                sentence: "\(quoted(text)) is no IPv4 address with a port or a range of ports; "
                    + "write 203.0.113.1:443 or 203.0.113.1:8000-8010."
            )
        }
        return (address, ports)
    }

    private static func parts(_ text: String) -> (host: String?, ports: ClosedRange<Port>?) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")) else { return (nil, nil) }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
        } else if host.utf8.contains(UInt8(ascii: ":")) {
            return (nil, nil)
        }
        let range = PortRangeText.range(String(text[text.utf8.index(after: colon)...]))
        return (String(host), range.map { Port($0.lowerBound)...Port($0.upperBound) })
    }

    private static func isFit(_ ports: ClosedRange<Port>, _ transport: TransportProtocol) -> Bool {
        transport == .icmpQuery || ports.lowerBound.number > 0
    }
}

extension StaticBinding {
    /// The external side as people write it.
    public var externalText: String { "\(external):\(externalPorts.text)" }

    /// The client's side as people write it.
    public var clientText: String { "[\(client)]:\(clientPorts.text)" }
}
