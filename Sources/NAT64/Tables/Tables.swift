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
    let sharedPorts: SharedPorts
    let networks: ClientNetworks
    /// Clients whose ports are computed.
    let computed: DeterministicMappings
    /// Whether there are blocks of ports.
    let usesBlocks: Bool
    let lifetimes: LifetimeTicks
    /// How many freed ports a shard keeps from other clients at once.
    let mostHeldInShard: Int
    let secret: KeyedHash
    /// Sessions whose SYN is kept, in all shards.
    let heldSyns: HeldSYNShares
    /// The bucket of the expiry wheels up to which all shards have been looked at.
    let sweptThrough = Atomic<UInt32>(0)
    /// Where the next slice of expiry begins.
    let nextToSweep = Atomic<UInt32>(0)
    /// The numbers of prefixes.
    let prefixes: PrefixList
    /// The Policy adopted last, and its generation, for packets that were under way at that moment.
    let adopted = Mutex<Policy?>(nil)
    let adoptedGeneration = Atomic<UInt64>(0)
    /// Ports that sockets of the host have, and whether a binding has one of them.
    let withheld = Mutex(WithheldPorts())
    let awaitsPorts = Atomic<Bool>(false)
    /// Bindings in all shards, live and held.
    let bindingCount = Atomic<Int>(0)
    /// Static bindings in all shards.
    let staticCount = Atomic<Int>(0)
    /// Bindings that were taken away while they had further sessions, since those were last looked for.
    let detachedCount = Atomic<Int>(0)
    /// Further sessions in all shards.
    let furtherCount = Atomic<Int>(0)
    let memory: TableMemory
    private let filterRules: [3 of Filtering.Rule]
    private let shards: ReservedMemory
    private let stride: Int

    /// Lays out empty tables.
    ///
    /// - Parameters:
    ///   - settings: The pool and the limits.
    ///   - secret: Under which clients are hashed.
    ///   - prefixes: The prefixes in force, which get the first numbers.
    init(settings: NAT64Settings, secret: KeyedHash, prefixes: [TranslationPrefix] = []) {
        self.prefixes = PrefixList(prefixes)
        precondition(MemoryLayout<Session>.size == 32 && MemoryLayout<Binding>.size == 64, "the layout of the tables")
        self.settings = settings
        self.secret = secret
        heldSyns = HeldSYNShares(
            limit: settings.translation.heldSYNs,
            networks: SourceNetwork(clientLength: settings.limits.clientLength, secret: secret)
        )
        sharedPorts = SharedPorts(
            claims: settings.overloadsPorts ? settings.maximumBindings + settings.maximumFurtherSessions : 0
        )
        networks = ClientNetworks(settings.limits)
        computed = DeterministicMappings(settings.deterministic)
        usesBlocks = settings.portBlockSize > 0 || !settings.deterministic.isEmpty
        lifetimes = LifetimeTicks(settings.lifetimes, holdDown: settings.portHoldDown)
        mostHeldInShard = settings.mostHeldPorts > 0 ? max(settings.mostHeldPorts / Self.shardCount, 1) : .max
        let filtering = settings.filtering
        filterRules = [filtering.udp, filtering.tcp, filtering.icmp]
        memory = TableMemory(
            bindings: max(settings.maximumBindings, 0),
            further: max(settings.maximumFurtherSessions, 0),
            waiting: max(settings.translation.heldSYNs, 0)
        )
        pool = Pool(settings.pool, overloads: settings.overloadsPorts, memory.ahead)
        stride = Shard.octets
        shards = .mustReserve(Self.shardCount * stride, for: "the shards")
        for index in 0..<Self.shardCount { shard(index).initialize(index, in: memory) }
    }

    deinit {
        for index in 0..<Self.shardCount { shard(index).deinitialize() }
    }

    /// A shard by its number, 0 to 63.
    @inline(__always)
    func shard(_ index: Int) -> Shard {
        unsafe Shard(shards.base + index &* stride)
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

    /// The hash of a client, whatever its port.
    func hostHash(_ client: IPv6Address) -> UInt64 { secret(client.high, client.low, 2 << 32) }

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
