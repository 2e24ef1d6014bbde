public import IPAddressing

/// The host as a peer of its own clients, where its address is shared.
///
/// A client that reaches a port of the host would appear there with the host's own address, and the answer would never
/// leave the host. So what goes to an address of the host from a shared one bears a stand-in as its source, an address
/// of RFC 7335 that is routed to the translator, and what comes to the stand-in is taken as if it had come to the
/// shared address. All else is as between client and any peer: tables, filtering, errors, fragments.
public struct HostSide: Hashable, Sendable {
    /// A shared address and the one that stands in for it towards the host.
    public struct StandIn: Hashable, Sendable {
        /// The address that clients share with the host.
        public var shared: IPv4Address
        /// The source that the host sees; one of ``candidates``.
        public var address: IPv4Address

        /// Puts the two together.
        public init(shared: IPv4Address, address: IPv4Address) {
            self.shared = shared
            self.address = address
        }
    }

    /// One for each shared address, at most as many as there are ``candidates``; without one, clients with this shared
    /// address do not reach the host.
    public var standIns: [StandIn]
    /// The host's own IPv4 addresses, of which the first ``mostOwnAddresses`` count.
    public var ownAddresses: [IPv4Address]

    /// Describes the host; without stand-ins nothing is ever changed.
    public init(standIns: [StandIn] = [], ownAddresses: [IPv4Address] = []) {
        self.standIns = standIns
        self.ownAddresses = ownAddresses
    }

    /// The addresses that can stand in, the one to prefer first: those of the IPv4 Service Continuity Prefix
    /// 192.0.0.0/29 (RFC 7335) that DS-Lite leaves free (RFC 6333 section 10.3).
    public static let candidates = (3...7).reversed().map { IPv4Address(192, 0, 0, $0) }
    /// How many addresses of the host are known to a worker.
    public static let mostOwnAddresses = 64
}

/// A worker's own copy of the ``HostSide``.
struct HostSideView {
    /// How many stand-ins there are; zero switches everything off.
    private(set) var count = 0
    private var shared: [5 of IPv4Address] = .init(repeating: IPv4Address(bits: 0))
    private var standIns: [5 of IPv4Address] = .init(repeating: IPv4Address(bits: 0))
    /// A bit for each value that the lowest six bits of an own address have.
    private var signature: UInt64 = 0
    private var ownCount = 0
    private var own: [64 of IPv4Address] = .init(repeating: IPv4Address(bits: 0))

    init(_ side: HostSide) {
        for pair in side.standIns.prefix(shared.count) {
            shared[count] = pair.shared
            standIns[count] = pair.address
            count += 1
        }
        for address in side.ownAddresses.prefix(HostSide.mostOwnAddresses) {
            own[ownCount] = address
            signature |= 1 << UInt64(address.bits & 63)
            ownCount += 1
        }
    }

    /// Whether an address may be the host's own; most others are told apart by this alone.
    @inline(__always)
    func mayOwn(_ address: IPv4Address) -> Bool { signature >> UInt64(address.bits & 63) & 1 != 0 }

    /// Whether an address is the host's own.
    @inline(never)
    func owns(_ address: IPv4Address) -> Bool {
        var index = 0
        while index < ownCount {
            if own[index] == address { return true }
            index &+= 1
        }
        return false
    }

    /// Whether an address may stand in for a shared one.
    @inline(__always)
    func mayStandIn(_ address: IPv4Address) -> Bool { address.bits & ~7 == 0xC000_0000 }

    /// What the host sees instead of a shared address.
    func standIn(for address: IPv4Address) -> IPv4Address? {
        var index = 0
        while index < count {
            if shared[index] == address { return standIns[index] }
            index &+= 1
        }
        return nil
    }

    /// The shared address that an address stands in for.
    func shared(behind address: IPv4Address) -> IPv4Address? {
        var index = 0
        while index < count {
            if standIns[index] == address { return shared[index] }
            index &+= 1
        }
        return nil
    }
}
