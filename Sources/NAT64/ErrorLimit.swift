import IPAddressing
import Synchronization
import Timing

/// How many ICMP errors of our own may go out: a token bucket for each side, shared by all workers (RFC 4443
/// section 2.4 (f), RFC 1812 section 4.3.2.8).
///
/// One source alone may have all of it. A source, or a network, that has had little of late may overdraw the bucket when
/// others have emptied it, so that a flood from one host does not keep Packet Too Big from everybody else.
final class ErrorLimit: Sendable {
    /// Who an error goes to.
    enum Receiver {
        case client(IPv6Address)
        case peer(IPv4Address)
    }

    private let clients = TokenBucket()
    private let peers = TokenBucket()
    private let hosts: [4096 of TokenBucket]
    private let networks: [4096 of TokenBucket]
    private let sources: SourceNetwork
    private let interval: UInt64
    private let burst: UInt64
    private let isUnlimited: Bool

    init(perSecond: Int, burst: Int, sources: SourceNetwork) {
        isUnlimited = perSecond <= 0
        interval = 1_000_000_000 / UInt64(max(perSecond, 1))
        self.burst = UInt64(max(burst, 1))
        self.sources = sources
        hosts = InlineArray { _ in TokenBucket() }
        networks = InlineArray { _ in TokenBucket() }
    }

    /// Whether one more error may go out now; takes a token if so.
    func admits(_ receiver: Receiver, at now: Moment) -> Bool {
        if isUnlimited { return true }
        let present = now.nanoseconds
        switch receiver {
        case .client(let address):
            let overdraft = overdraft(sources.hostHash(address), sources.hash(address), present)
            return clients.take(interval, most: burst &+ overdraft, at: present)
        case .peer(let address):
            let overdraft = overdraft(sources.hostHash(address), sources.hash(address), present)
            return peers.take(interval, most: burst &+ overdraft, at: present)
        }
    }

    /// By how many errors a source may overdraw: by half of the burst if its network has had no more than a quarter of
    /// all lately, by a quarter if at least the host itself has had no more than an eighth.
    private func overdraft(_ host: UInt64, _ network: UInt64, _ present: UInt64) -> UInt64 {
        let isModestHost = hosts[Int(host & 4095)].take(interval &* 8, most: (burst &+ 7) / 8, at: present)
        let isModestNetwork = networks[Int(network & 4095)].take(interval &* 4, most: (burst &+ 3) / 4, at: present)
        if isModestNetwork { return (burst &+ 1) / 2 }
        return isModestHost ? (burst &+ 3) / 4 : 0
    }
}

/// A token bucket kept as one number, the moment at which it would be full again, so that taking a token is one
/// exchange.
struct TokenBucket: ~Copyable, Sendable {
    private let fullAt = Atomic<UInt64>(0)

    /// Takes a token if fewer than `most` are out.
    ///
    /// - Parameters:
    ///   - interval: Nanoseconds in which a token comes back.
    ///   - present: Nanoseconds of the clock.
    func take(_ interval: UInt64, most: UInt64, at present: UInt64) -> Bool {
        var seen = fullAt.load(ordering: .relaxed)
        while true {
            let next = max(seen, present) &+ interval
            guard next &- present <= interval &* most else { return false }
            let (exchanged, original) = fullAt.compareExchange(expected: seen, desired: next, ordering: .relaxed)
            if exchanged { return true }
            seen = original
        }
    }
}
