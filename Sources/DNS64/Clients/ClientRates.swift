import IPAddressing
public import PacketMemory
import Synchronization
import Timing

/// How many questions each client network asks in a second: one for all workers.
///
/// Two rows of moments, each network in one place of either: the moment at which all it asked would be paid for at the
/// rate it may have. A network is over its rate when both moments lie more than a second ahead, so that sharing a place
/// with another alone does no harm. Nothing is locked; two workers at one place may forget a question of it.
public final class ClientRates: Sendable {
    private let first: [4096 of Atomic<UInt64>]
    private let second: [4096 of Atomic<UInt64>]
    private let network: ClientNetwork
    /// Nanoseconds that one question costs; zero: no limit.
    private let cost: UInt64

    /// Starts with nothing asked.
    ///
    /// - Parameter secret: Decides which networks share a place.
    public init(_ settings: DNS64Settings, secret: KeyedHash) {
        first = [4096 of Atomic<UInt64>] { _ in Atomic(0) }
        second = [4096 of Atomic<UInt64>] { _ in Atomic(0) }
        network = ClientNetwork(length: settings.clientLength, secret: secret)
        cost = settings.questionsPerSecond > 0 ? max(1, 1_000_000_000 / UInt64(settings.questionsPerSecond)) : 0
    }

    /// Whether there is a limit at all.
    @inline(__always)
    var isLimited: Bool { cost > 0 }

    /// Whether a client may ask one more question now; counts it if so.
    func admits(_ client: IPAddress, at now: Moment) -> Bool {
        let hash = network(client)
        let (left, right) = (Int(hash & 4095), Int(hash >> 32 & 4095))
        let burst = now.nanoseconds &+ 1_000_000_000
        let (one, two) = (first[left].load(ordering: .relaxed), second[right].load(ordering: .relaxed))
        guard min(one, two) < burst else { return false }
        // No further ahead than one question beyond the burst, whoever else asks at the same place.
        first[left].store(min(max(one, now.nanoseconds), burst) &+ cost, ordering: .relaxed)
        second[right].store(min(max(two, now.nanoseconds), burst) &+ cost, ordering: .relaxed)
        return true
    }
}
