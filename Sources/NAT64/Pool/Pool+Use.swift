import IPAddressing
import Synchronization
import Timing

extension Pool {
    /// How much of each range is in use, the lowest address first.
    func use() -> [PoolUse] {
        changes.withLock { _ in
            var uses: [PoolUse] = []
            for range in layout.all {
                var used = 0
                for number in range.numbers {
                    for transport in TransportProtocol.allCases { used += space(number, transport).used }
                }
                let use = PoolUse(
                    addresses: range.addresses,
                    ports: Port(range.ports.first)...Port(range.ports.end),
                    sharedWithHost: range.sharedWithHost,
                    portsInUse: used,
                    portsInAll: UInt64(range.count) * UInt64(range.ports.count + range.ports.sharedCount) * 3,
                    drainingSince: range.drainingSince
                )
                if let last = uses.last, last.continues(in: use) {
                    uses[uses.count - 1].add(use)
                } else {
                    uses.append(use)
                }
            }
            return uses
        }
    }

    /// Whether a transport address is one that a single client is given for itself.
    func givesToOne(_ external: TransportAddress4) -> Bool {
        guard let place = layout.find(external.address), !place.isDraining else { return false }
        let port = external.port.number
        return layout.withRange(at: place.range) { port >= $0.ports.first && port <= $0.ports.last }
    }

    /// The addresses that have drained for a time and have ports in use or held still.
    ///
    /// - Parameter sharing: As for ``dropDrained(besides:)``.
    func drained(
        for span: Moment.Span,
        at moment: Moment,
        besides sharing: () -> Set<IPv4Address>
    ) -> Set<IPv4Address> {
        changes.withLock { _ in
            guard layout.isDraining else { return [] }
            var addresses: Set<IPv4Address> = []
            lazy var shared = sharing()
            for range in layout.all {
                guard let since = range.drainingSince, moment - since >= span else { continue }
                for (offset, number) in range.numbers.enumerated() {
                    let address = IPv4Address(bits: range.addresses.lowerBound.bits + UInt32(offset))
                    let hasPorts = TransportProtocol.allCases.contains { space(number, $0).used > 0 }
                    if hasPorts || shared.contains(address) { addresses.insert(address) }
                }
            }
            return addresses
        }
    }
}

extension PoolUse {
    /// Whether another range goes on where this one ends, alike in all that is shown.
    fileprivate func continues(in other: PoolUse) -> Bool {
        UInt64(addresses.upperBound.bits) + 1 == UInt64(other.addresses.lowerBound.bits) && ports == other.ports
            && sharedWithHost == other.sharedWithHost && drainingSince == other.drainingSince
    }

    fileprivate mutating func add(_ other: PoolUse) {
        addresses = addresses.lowerBound...other.addresses.upperBound
        portsInUse += other.portsInUse
        portsInAll += other.portsInAll
    }
}
