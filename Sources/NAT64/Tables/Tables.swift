import IPAddressing
import PacketMemory
import Policy
import Synchronization
import Timing

/// The state of the translator: pool, bindings and sessions (RFC 6146 sections 3.1 and 3.2).
///
/// Cut into 64 shards, each with a lock and memory of its own; any thread may call any method. The shard of a client
/// transport address, the port tried first for it, and the pool address of its network follow from the keyed hash, so
/// that they are found again after a restart with the same secret. A packet takes one lock, allocates nothing and
/// counts no references.
@safe
public final class Tables: @unchecked Sendable {
    /// How many shards there are, whatever the number of workers.
    static let shardCount = 64

    let settings: NAT64Settings
    let pool: Pool
    let networks: ClientNetworks
    let lifetimes: LifetimeTicks
    let secret: KeyedHash
    /// Sessions whose SYN is kept, in all shards.
    let heldSyns = Atomic<Int>(0)
    /// The bucket of the expiry wheels up to which all shards have been looked at.
    let sweptThrough = Atomic<UInt32>(0)
    /// Where the next slice of expiry begins.
    let nextToSweep = Atomic<UInt32>(0)
    /// The most sessions there have been at the end of a sweep.
    let mostSessions = Atomic<Int>(0)
    let prefixes: PrefixList
    private let filterRules: [3 of Filtering.Rule]
    private let memory: ReservedMemory
    private let stride: Int

    /// Lays out empty tables.
    ///
    /// - Parameters:
    ///   - settings: The pool and the limits.
    ///   - secret: Under which clients are hashed.
    ///   - prefixes: The prefixes in force, so that sessions find theirs again when the list changes.
    init(settings: NAT64Settings, secret: KeyedHash, prefixes: [TranslationPrefix] = []) {
        self.prefixes = PrefixList(prefixes)
        precondition(MemoryLayout<Session>.size == 32 && MemoryLayout<Binding>.size == 64, "the layout of the tables")
        self.settings = settings
        self.secret = secret
        pool = Pool(settings.pool)
        networks = ClientNetworks(settings.limits)
        lifetimes = LifetimeTicks(settings.lifetimes, holdDown: settings.portHoldDown)
        let filtering = settings.filtering
        filterRules = [filtering.udp, filtering.tcp, filtering.icmp]
        stride = Shard.octets
        memory = .mustReserve(Self.shardCount * stride, for: "the shards")
        let bindings = Self.share(of: settings.maximumBindings)
        let further = Self.share(of: settings.maximumFurtherSessions)
        for index in 0..<Self.shardCount {
            shard(index).initialize(bindings: bindings, further: further)
        }
    }

    deinit {
        for index in 0..<Self.shardCount { shard(index).deinitialize() }
    }

    /// What a shard has room for when all have room for `total`: a little more than its part, since the hash does not
    /// fill them all alike.
    private static func share(of total: Int) -> Int {
        let part = max(total, 0) / shardCount
        return min(part + part / 32 + 16, 1 << 26)
    }

    /// A shard by its number, 0 to 63.
    @inline(__always)
    func shard(_ index: Int) -> Shard {
        unsafe Shard(memory.base + index &* stride)
    }

    /// Which outside hosts may send to bindings of a protocol.
    @inline(__always)
    func rule(for transport: TransportProtocol) -> Filtering.Rule { filterRules[Int(transport.rawValue)] }
}

// MARK: Hashes

extension Tables {
    /// The hash of a client transport address: bits 0 to 5 are its shard, 6 to 31 choose its port, the rest is what the
    /// shard's index knows it by.
    @inline(__always)
    func hash(_ client: TransportAddress6, _ transport: TransportProtocol) -> UInt64 {
        secret(client.address.high, client.address.low, UInt64(client.port.number) | UInt64(transport.rawValue) << 16)
    }

    /// The hash of the network of a client.
    func networkHash(_ client: IPv6Address) -> UInt64 {
        let mask = IPv6Prefix.mask(settings.limits.clientLength)
        return secret(client.high & mask.high, client.low & mask.low, 1 << 32)
    }

    /// What the shard's second index knows a record of a binding by.
    @inline(__always)
    func furtherHash(_ binding: BindingID, _ peer: TransportAddress4, _ kind: Session.Kind) -> UInt32 {
        let first = UInt64(binding.index) << 32 | UInt64(peer.address.bits)
        return UInt32(truncatingIfNeeded: secret(first, UInt64(peer.port.number) | UInt64(kind.rawValue) << 16))
    }

    /// What the shard's second index knows an unbound session by.
    func unboundHash(_ external: TransportAddress4, _ peer: TransportAddress4) -> UInt32 {
        let first = UInt64(external.address.bits) << 32 | UInt64(peer.address.bits)
        let second = UInt64(peer.port.number) | UInt64(external.port.number) << 32
        return UInt32(truncatingIfNeeded: secret(first, second | UInt64(Session.Kind.unbound.rawValue) << 16))
    }

    /// The shard where an external port is at home.
    @inline(__always)
    func homeShard(of port: Port) -> Shard { shard(Int(port.number >> 6) & 63) }
}
