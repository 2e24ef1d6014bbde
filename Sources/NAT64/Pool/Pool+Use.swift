import IPAddressing
import Synchronization

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
                    isDraining: range.isDraining
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
}

extension PoolUse {
    /// Whether another range goes on where this one ends, alike in all that is shown.
    fileprivate func continues(in other: PoolUse) -> Bool {
        UInt64(addresses.upperBound.bits) + 1 == UInt64(other.addresses.lowerBound.bits) && ports == other.ports
            && sharedWithHost == other.sharedWithHost && isDraining == other.isDraining
    }

    fileprivate mutating func add(_ other: PoolUse) {
        addresses = addresses.lowerBound...other.addresses.upperBound
        portsInUse += other.portsInUse
        portsInAll += other.portsInAll
    }
}
