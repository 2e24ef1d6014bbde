public import IPAddressing
import Synchronization

/// A port of a pool address for one protocol.
public struct PoolPort: Hashable, Sendable {
    /// The protocol.
    public var transport: TransportProtocol
    /// The address and the port.
    public var external: TransportAddress4

    /// Puts the two together.
    public init(transport: TransportProtocol, external: TransportAddress4) {
        self.transport = transport
        self.external = external
    }
}

/// Ports that are kept from clients because sockets of the host have them.
struct WithheldPorts {
    /// Those that are kept, with the number of their address.
    var kept: [PoolPort: Int] = [:]
    /// Those that a binding still has, and that are kept from the moment it gives them back.
    var awaited: [PoolPort: Int] = [:]
}

// Sharing an address with the host: its programs may have bound ports of our range. None of this is for the packet path.
extension Tables {
    /// Keeps these ports from ever being given to a client, and gives back those kept before that are not among them.
    /// A packet to one of them belongs to no binding, and so to the host. One call at a time.
    ///
    /// A binding that has such a port already keeps it until it ends; the port passes to the host then.
    ///
    /// - Parameter wanted: Ports of addresses that are shared with the host; others are passed over.
    /// - Returns: How many are kept, and those that a binding has.
    @discardableResult
    public func withhold(_ wanted: Set<PoolPort>) -> (kept: Int, awaited: Set<PoolPort>) {
        let numbers = Dictionary(
            uniqueKeysWithValues: wanted.compactMap { port in number(of: port).map { (port, $0) } }
        )
        return withheld.withLock { withheld in
            for (port, number) in withheld.kept where numbers[port] != number {
                withheld.kept[port] = nil
                pool.give(back: port.external.port, number, port.transport)
            }
            withheld.awaited = [:]
            for (port, number) in numbers where withheld.kept[port] == nil {
                if pool.reserve(port.external.port, number, port.transport) {
                    withheld.kept[port] = number
                } else {
                    withheld.awaited[port] = number
                }
            }
            withheld.kept.reserveCapacity(withheld.kept.count + withheld.awaited.count)
            awaitsPorts.store(!withheld.awaited.isEmpty, ordering: .relaxed)
            return (withheld.kept.count, Set(withheld.awaited.keys))
        }
    }

    /// Whether a port is kept because a socket of the host has it.
    func isWithheld(_ external: TransportAddress4, _ transport: TransportProtocol) -> Bool {
        withheld.withLock { $0.kept[PoolPort(transport: transport, external: external)] != nil }
    }

    /// Whether a socket of the host has a port that a binding has as well.
    // Asked for a SYN that filtering refuses, and before a port on hold is given back to its client; nothing is written.
    @_semantics("no_performance_analysis")
    @inline(never)
    func isAwaited(_ external: TransportAddress4, _ transport: TransportProtocol, _ number: Int) -> Bool {
        guard awaitsPorts.load(ordering: .relaxed) else { return false }
        let port = PoolPort(transport: transport, external: external)
        return withheld.withLock { $0.awaited[port] == number }
    }

    /// The number of a port's address, if it is shared with the host and the port is ours.
    private func number(of port: PoolPort) -> Int? {
        guard let place = pool.find(port.external.address), place.isShared, !place.isDraining,
            pool.membership(of: port.external) == .pool
        else { return nil }
        return place.number
    }

    /// Gives the port of a binding back, or keeps it if a socket of the host has it as well.
    @inline(__always)
    func release(_ port: Port, _ number: Int, _ transport: TransportProtocol, of address: IPv4Address) {
        if awaitsPorts.load(ordering: .relaxed), keeps(port, number, transport, of: address) { return }
        pool.give(back: port, number, transport)
    }

    // Asked while a binding has a port of the host's, once for each that ends. There is room for what is written. The
    // check for allocations cannot see that and looks away.
    @_semantics("no_performance_analysis")
    @inline(never)
    private func keeps(_ port: Port, _ number: Int, _ transport: TransportProtocol, of address: IPv4Address) -> Bool {
        let port = PoolPort(transport: transport, external: TransportAddress4(address, port))
        return withheld.withLock { withheld in
            guard withheld.awaited[port] == number else { return false }
            withheld.awaited[port] = nil
            withheld.kept[port] = number
            return true
        }
    }
}
