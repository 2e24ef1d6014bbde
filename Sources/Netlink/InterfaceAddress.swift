internal import CNetlink
internal import IPAddressing

/// An address on a link.
struct InterfaceAddress: Hashable, Sendable {
    /// The link that has it.
    let link: LinkIndex
    /// The address itself.
    let address: IPAddress
    /// How many of its bits, or of its peer's, name the network.
    let prefixLength: Int
    /// The other end of a point-to-point address.
    let peer: IPAddress?
    /// How far the address has meaning.
    let scope: Scope
    /// What the kernel says about its state.
    let flags: Flags
    /// Who added it; `unspecified` before kernel 5.18.
    let origin: RouteProtocol
    /// Whether it goes away by itself unless somebody renews it, as addresses from router advertisements and DHCP do.
    let isTemporary: Bool

    /// The network the address says is on its link.
    var network: IPPrefix {
        switch peer ?? address {
        case .v4(let address): .v4(IPv4Prefix(address, length: prefixLength))
        case .v6(let address): .v6(IPv6Prefix(address, length: prefixLength))
        }
    }

    /// How far an address or a route has meaning, as the kernel numbers it.
    struct Scope: Hashable, Sendable {
        /// The number: 0 the world, 253 the link, 254 the host.
        let number: UInt8
        /// Everywhere.
        static let global = Scope(number: 0)
        /// On its link.
        static let link = Scope(number: 253)
    }

    /// The kernel's IFA_F flags that matter here.
    struct Flags: OptionSet, Hashable, Sendable {
        /// All bits, as the kernel has them.
        let rawValue: UInt32
        /// Takes the kernel's bits.
        init(rawValue: UInt32) { self.rawValue = rawValue }
        /// IPv4: another address of the same network came first. IPv6: a privacy address.
        static let secondary = Flags(rawValue: 0x01)
        /// Duplicate address detection failed: somebody else has the address.
        static let duplicate = Flags(rawValue: 0x08)
        /// Not to be used for new connections.
        static let deprecated = Flags(rawValue: 0x20)
        /// Duplicate address detection has not finished: the address cannot be bound yet.
        static let tentative = Flags(rawValue: 0x40)
        /// The kernel made no route for its network.
        static let noNetworkRoute = Flags(rawValue: 0x200)
    }

    init?(_ entry: cnetlink_address) {
        guard entry.family == Family.v4 || entry.family == Family.v6,
            entry.length <= (entry.family == Family.v4 ? 32 : 128)
        else { return nil }
        link = LinkIndex(entry.link)
        address = IPAddress(entry.local, family: entry.family)
        prefixLength = Int(entry.length)
        peer = entry.has_peer ? IPAddress(entry.peer, family: entry.family) : nil
        scope = Scope(number: entry.scope)
        flags = Flags(rawValue: entry.flags)
        origin = RouteProtocol(number: entry.protocol)
        isTemporary = entry.valid_seconds != UInt32.max
    }

    /// A point-to-point address of ours: the pool lies behind the peer, whose route we make ourselves.
    init(_ address: IPv4Address, peer: IPv4Prefix, on link: LinkIndex) {
        self.link = link
        self.address = .v4(address)
        prefixLength = peer.length
        self.peer = .v4(peer.address)
        scope = .link
        flags = [.noNetworkRoute]
        origin = .ours
        isTemporary = false
    }

    var entry: cnetlink_address {
        var entry = cnetlink_address()
        entry.link = link.number
        entry.flags = flags.rawValue
        entry.family = address.family
        entry.length = UInt8(prefixLength)
        entry.scope = scope.number
        entry.protocol = origin.number
        entry.local = address.words
        if let peer {
            entry.has_peer = true
            entry.peer = peer.words
        }
        return entry
    }
}
