internal import Control
internal import IPAddressing
internal import NAT64

/// A filter of sessions and bindings, read once and asked for every entry.
struct EntryMatcher {
    private var client: (prefix: IPPrefix, port: Port?)?
    private var peer: (prefix: IPPrefix, port: Port?)?
    private var external: (prefix: IPPrefix, port: Port?)?
    private let transport: String?
    private let state: String?

    /// Reads the filter's texts.
    init(_ filter: EntryFilter) throws(ControlRefusal) {
        client = try Self.read(filter.client, isIPv6: true, "IPv6 client", "2001:db8:6::/64 or [2001:db8:6::1]:40000")
        peer = try Self.read(filter.peer, isIPv6: false, "IPv4 peer", "192.0.2.0/24 or 192.0.2.1:443")
        external = try Self.read(
            filter.external,
            isIPv6: false,
            "external IPv4 address",
            "203.0.113.1 or 203.0.113.1:1024"
        )
        if let state = filter.state, !TCPState.allCases.contains(where: { "\($0.name)" == state }) {
            let words = TCPState.allCases.dropFirst().map(\.word).joined(separator: ", ")
            throw ControlRefusal(.badRequest, "\"\(state)\" is no TCP state; write one of \(words).")
        }
        transport = filter.transport
        state = filter.state
    }

    private static func read(
        _ text: String?,
        isIPv6: Bool,
        _ name: String,
        _ example: String
    ) throws(ControlRefusal) -> (IPPrefix, Port?)? {
        guard let text else { return nil }
        // An address of the other family would be agreed with by nothing, and the empty list be taken for the truth.
        switch (IPPrefix(text), TransportAddress(text)) {
        case (.v6(let prefix)?, _) where isIPv6: return (.v6(prefix), nil)
        case (.v4(let prefix)?, _) where !isIPv6: return (.v4(prefix), nil)
        case (nil, .v6(let pair)?) where isIPv6: return (.v6(IPv6Prefix(pair.address, length: 128)), pair.port)
        case (nil, .v4(let pair)?) where !isIPv6: return (.v4(IPv4Prefix(pair.address, length: 32)), pair.port)
        default: break
        }
        throw ControlRefusal(.badRequest, "\"\(text)\" is no \(name); write \(example).")
    }

    /// Whether an entry agrees with every part of the filter that was given.
    func matches(
        transport: String,
        client: TransportAddress6,
        peer: TransportAddress4?,
        external: TransportAddress4,
        state: String?
    ) -> Bool {
        guard self.transport == nil || self.transport == transport, self.state == nil || self.state == state,
            Self.agrees(self.client, .v6(client.address), client.port),
            Self.agrees(self.external, .v4(external.address), external.port)
        else { return false }
        guard let peer else { return self.peer == nil }
        return Self.agrees(self.peer, .v4(peer.address), peer.port)
    }

    /// Whether a block of ports agrees: it has the external port, or is at the address, and is of the client, or of a
    /// network that has the client or is a part of the wanted one.
    func matches(_ block: PortBlock) -> Bool {
        if let external {
            guard external.prefix.contains(.v4(block.address)), external.port.map(block.ports.contains) ?? true else {
                return false
            }
        }
        guard let client else { return true }
        guard case .v6(let wanted) = client.prefix else { return false }
        return wanted.contains(block.client.address) || block.client.contains(wanted.address)
    }

    private static func agrees(_ wanted: (prefix: IPPrefix, port: Port?)?, _ address: IPAddress, _ port: Port) -> Bool {
        guard let wanted else { return true }
        return wanted.prefix.contains(address) && (wanted.port == nil || wanted.port == port)
    }
}

extension TCPState {
    /// The state as it is asked for: `v4-fin-rcv`.
    fileprivate var word: String { String("\(name)".lowercased().map { $0 == " " ? "-" : $0 }) }
}
