import IPAddressing
import Policy

/// SplitMix64: small, quick and the same everywhere, so that a seed tells the whole run.
struct RandomNumbers: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }
}

/// A value that the test has written itself and that cannot be missing.
func known<Value>(_ value: Value?) -> Value {
    guard let value else { preconditionFailure("the test does not say what it means") }
    return value
}

func prefix(_ text: String) -> TranslationPrefix {
    known(IPv6Prefix(text).flatMap { try? TranslationPrefix($0) })
}

/// Policies and addresses at random, with everything that is special far more frequent than in the wild.
extension RandomNumbers {
    /// One of each length, and the well-known one; none overlaps another.
    static let prefixes = [
        prefix("64:ff9b::/96"), prefix("64:ff9b:1:fffe::/96"), prefix("2001:db8:64::/96"), prefix("2001:db8:65:1::/64"),
        prefix("2001:db8:66:200::/56"), prefix("2001:db8:67::/48"), prefix("2001:dc8:100::/40"), prefix("2a0b::/32"),
    ]

    /// Networks of clients, some inside others.
    static let networks = [
        "2001:db8:6::/48", "2001:db8:6:1::/64", "2001:db8:6:1::8/125", "2001:db8:7::/48", "fd06::/16", "fd06:1::/32",
        "192.0.2.0/24",
    ].map { known(IPPrefix($0)) }

    /// Clients in and outside those networks.
    static let clients = [
        "2001:db8:6::1", "2001:db8:6:1::1", "2001:db8:6:1::9", "2001:db8:6:2::1", "2001:db8:7::1", "2001:db8:8::1",
        "fd06::1", "fd06:1::1", "fd07::1",
    ].map { known(IPv6Address($0)) }

    mutating func address() -> IPv4Address {
        let bits = UInt32(truncatingIfNeeded: next())
        guard chance(70), let block = SpecialPurpose.all.randomElement(using: &self) else {
            return IPv4Address(bits: bits)
        }
        // The edges of a range are where mistakes are; one step outside of them as well.
        let (low, high) = (block.range.lowerBound.bits, block.range.upperBound.bits)
        switch Int.random(in: 0..<6, using: &self) {
        case 0: return IPv4Address(bits: low)
        case 1: return IPv4Address(bits: high)
        case 2: return IPv4Address(bits: low &- 1)
        case 3: return IPv4Address(bits: high &+ 1)
        default: return IPv4Address(bits: UInt32.random(in: low...high, using: &self))
        }
    }

    /// Up to four records; none is the pool's own address, which leads to other clients and not to the outside.
    mutating func records() -> [IPv4Address] {
        var records: [IPv4Address] = []
        for _ in 0..<Int.random(in: 1...4, using: &self) {
            let record = address()
            if record != Halves.pool, !records.contains(record) { records.append(record) }
        }
        return records.isEmpty ? [IPv4Address(5, 6, 7, 8)] : records
    }

    mutating func rules() -> DestinationRules {
        var lists: [[IPv4Prefix]] = [[], []]
        for index in 0..<2 where chance(60) {
            for _ in 0..<Int.random(in: 1...4, using: &self) {
                if index == 0, chance(50), let whole = SpecialPurpose.all.randomElement(using: &self) {
                    lists[index].append(whole)
                } else {
                    lists[index].append(IPv4Prefix(address(), length: Int.random(in: 4...32, using: &self)))
                }
            }
        }
        return DestinationRules(allow: lists[0], refuse: lists[1])
    }

    /// - Parameter keeping: Prefixes that it has for sure.
    mutating func policy(_ generation: UInt64, keeping: [TranslationPrefix] = []) -> Policy {
        let others = Self.prefixes.filter { !keeping.contains($0) }.shuffled(using: &self)
        let least = keeping.isEmpty ? 1 : 0
        let prefixes = (keeping + others.prefix(Int.random(in: least...3, using: &self))).shuffled(using: &self)
        let networks = Self.networks.shuffled(using: &self).prefix(Int.random(in: 1...4, using: &self))
        let views = Self.networks.filter { _ in chance(20) }.map { network in
            View(network: network, synthesize: chance(50), origin: .file)
        }
        return Policy(
            generation: generation,
            prefixes: prefixes,
            clients: ClientAccess(networks: Array(networks)),
            destinations: rules(),
            views: Views(synthesizeByDefault: chance(90), synthesizeOverIPv4: chance(50), views: views)
        )
    }
}
