public import IPAddressing
public import NAT64

/// One element of `pool`, as the operator wrote it.
public enum PoolSource: Hashable, Sendable, CustomStringConvertible {
    /// Addresses of our own, which no host may have.
    case addresses(ClosedRange<IPv4Address>)
    /// The IPv4 address of an interface, shared with the host on a range of ports.
    case share(interface: String)

    /// As it is written in the file.
    public var description: String {
        switch self {
        case .share(let interface): return "share:\(interface)"
        case .addresses(let range):
            if range.lowerBound == range.upperBound { return range.lowerBound.description }
            let blocks = range.prefixes
            return blocks.count == 1 ? blocks[0].description : "\(range.lowerBound)-\(range.upperBound)"
        }
    }
}

/// The pool as it stands in the file, before the addresses of interfaces are known.
public struct PoolSpecification: Hashable, Sendable {
    /// The elements in the order of the file; empty means: share the uplink's own address.
    public var sources: [PoolSource] = []
    /// The ports of the pool's own addresses.
    public var ports: ClosedRange<Port> = PoolEntry.usualPorts
    /// The ports of addresses shared with the host; the default lies above those the kernel gives its own sockets.
    public var sharedPorts: ClosedRange<Port> = PoolEntry.sharedPorts

    /// The addresses of clients whose ports are computed, which are nobody else's.
    public var deterministic: [PoolEntry] = []

    /// The pool of an empty file.
    public init() {}

    /// The interfaces that share their address by name.
    public var sharedInterfaces: [String] {
        sources.compactMap { if case .share(let interface) = $0 { interface } else { nil } }
    }

    /// The addresses that are the pool's own.
    public var ownRanges: [ClosedRange<IPv4Address>] {
        sources.compactMap { if case .addresses(let range) = $0 { range } else { nil } }
    }

    /// Whether the uplink must be known before there is a pool.
    public var sharesUplink: Bool { sources.isEmpty }
}

extension ClosedRange<IPv4Address> {
    /// The fewest prefixes that together hold these addresses and no other, lowest first.
    public var prefixes: [IPv4Prefix] {
        var result: [IPv4Prefix] = []
        var next = UInt64(lowerBound.bits)
        let end = UInt64(upperBound.bits)
        while next <= end {
            var size = next == 0 ? 1 << 32 : next & (~next + 1)
            while next + size - 1 > end { size >>= 1 }
            let length = 32 - size.trailingZeroBitCount
            result.append(IPv4Prefix(IPv4Address(bits: UInt32(next)), length: length))
            next += size
        }
        return result
    }
}

extension ClosedRange<IPv4Address> {
    /// What is left of the range without some of its addresses.
    ///
    /// - Parameter left: Those left out, lowest first.
    fileprivate func without(_ left: [IPv4Address]) -> [ClosedRange] {
        var result: [ClosedRange] = []
        var next = UInt64(lowerBound.bits)
        for end in left.map({ UInt64($0.bits) }) + [UInt64(upperBound.bits) + 1] {
            if next < end {
                result.append(IPv4Address(bits: UInt32(next))...IPv4Address(bits: UInt32(end - 1)))
            }
            next = end + 1
        }
        return result
    }
}

/// An interface of this machine with an IPv4 address that can be shared.
public struct Uplink: Hashable, Sendable {
    /// The interface's name.
    public var interface: String
    /// Its IPv4 addresses, the one to prefer first.
    public var addresses: [IPv4Address]

    /// Describes an interface.
    public init(interface: String, addresses: [IPv4Address]) {
        self.interface = interface
        self.addresses = addresses
    }
}

/// The pool once the addresses of interfaces are known.
public struct ResolvedPool: Hashable, Sendable {
    /// An address that is shared with the host.
    public struct Share: Hashable, Sendable {
        /// The interface that has it.
        public var interface: String
        /// The address.
        public var address: IPv4Address
    }

    /// What the NAT64 engine uses, shared addresses included.
    public var entries: [PoolEntry] = []
    /// The pool's own addresses, which become the peer of a point-to-point address on the TUN.
    public var ownPrefixes: [IPv4Prefix] = []
    /// The addresses whose ports are led to the TUN.
    public var shares: [Share] = []
    /// What keeps shared interfaces, or addresses, out of the pool at the moment, a sentence each. The pool works without
    /// them, unless it is empty then.
    public var complaints: [String] = []
}

extension PoolSpecification {
    /// Fills in the addresses of interfaces.
    ///
    /// - Parameters:
    ///   - uplink: The interface that has the default route, for a pool that names none.
    ///   - interfaces: The interfaces of this machine, for those shared by name.
    ///   - broadcasts: Broadcast addresses of networks on this machine's links, with the interface. What is sent to one is
    ///     for every host there, this one included, so that it can stand for no client.
    public func resolvePool(
        uplink: Uplink?,
        interfaces: [Uplink] = [],
        broadcasts: [IPv4Address: String] = [:]
    ) -> ResolvedPool {
        var pool = ResolvedPool()
        for range in ownRanges {
            let left = broadcasts.keys.filter(range.contains).sorted()
            for range in range.without(left) {
                pool.entries.append(PoolEntry(addresses: range, ports: ports))
                pool.ownPrefixes += range.prefixes
            }
            pool.complaints += left.map { address in
                "\(address) is the broadcast address of a network on \(broadcasts[address] ?? "a link") and can stand for "
                    + "no client: leave it out of nat64.pool, with a range that ends before it"
            }
        }
        for entry in deterministic {
            pool.entries.append(entry)
            pool.ownPrefixes += entry.addresses.prefixes
        }
        if sharesUplink {
            if let uplink {
                share(uplink, into: &pool)
            } else {
                pool.complaints.append(
                    "no interface has an IPv4 default route, so there is no address to share: "
                        + "set nat64.pool, or give the uplink a route"
                )
            }
        }
        for name in sharedInterfaces {
            if let interface = ([uplink].compactMap(\.self) + interfaces).first(where: { $0.interface == name }) {
                share(interface, into: &pool)
            } else {
                pool.complaints.append("nat64.pool shares \(name), and there is no such interface")
            }
        }
        return pool
    }

    private func share(_ interface: Uplink, into pool: inout ResolvedPool) {
        let usable = interface.addresses.first { address in
            !SpecialPurpose.neverRouted.contains { $0.contains(address) }
        }
        guard let address = usable else {
            pool.complaints.append(
                "\(interface.interface) has no IPv4 address to share: "
                    + "give it one, or set nat64.pool to addresses of its own, or to \"share:NAME\" for one that another "
                    + "interface has"
            )
            return
        }
        if let own = ownRanges.first(where: { $0.contains(address) }) {
            pool.complaints.append(
                "\(interface.interface) has \(address), which nat64.pool also lists as an address of its own "
                    + "(\(PoolSource.addresses(own))): take it out there"
            )
            return
        }
        guard !pool.shares.contains(where: { $0.address == address }) else { return }
        pool.entries.append(PoolEntry(addresses: address...address, ports: sharedPorts, sharedWithHost: true))
        pool.shares.append(ResolvedPool.Share(interface: interface.interface, address: address))
    }
}
