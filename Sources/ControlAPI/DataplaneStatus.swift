/// The translating half of the report.
public struct DataplaneStatus: Codable, Equatable, Sendable {
    /// What it is doing.
    public var state: PartState
    /// The name of the TUN device.
    public var device: String
    /// The MTU of the TUN device, in octets.
    public var mtu: Int
    /// Queues of the device, each with a thread of its own.
    public var workers: Int
    /// Kinds of offload in use: `checksum`, `tcp4`, `tcp6`, `ecn`, `udp`.
    public var offloads: [String]
    /// Kinds of offload that this kernel refused.
    public var refusedOffloads: [String]
    /// The translation prefixes, the one to prefer first.
    public var prefixes: [String]
    /// The pool, in the order of the configuration.
    public var pool: [PoolEntry]
    /// Sessions alive.
    public var sessions: TableUse
    /// Bindings alive.
    public var bindings: TableUse
    /// Bindings among them that the operator wrote down, each port counted.
    public var staticBindings: UInt64
    /// Bindings whose port other clients have too, towards other peers (RFC 7857 section 3); nothing if there is none.
    public var overloadedBindings: UInt64?
    /// Blocks of ports that client networks have; nothing if ports are taken one by one.
    public var portBlocks: UInt64?
    /// Blocks of ports there are.
    public var portBlocksTotal: UInt64?
    /// Ports kept from clients because programs of the host have them; nothing if there are none.
    public var withheldPorts: UInt64?
    /// Packets of our clients on their way to IPv4.
    public var traffic6to4: Traffic
    /// Packets from IPv4 on their way to our clients.
    public var traffic4to6: Traffic
    /// Packets from one client of ours to another (RFC 6146 section 3.8).
    public var hairpinned: UInt64
    /// Packets that belong to the host itself and were given back to it; only where the pool shares its address.
    public var handedBack: UInt64
    /// Packets answered by the translator itself, with an ICMP error.
    public var answered: UInt64
    /// TCP segments that came one by one and left together in a super-packet.
    public var mergedSegments: UInt64
    /// Milliseconds for which workers kept the machine's CPUs awake, added up.
    public var awakeMilliseconds: UInt64
    /// Every reason for which a packet is dropped, in a fixed order, also those never met.
    public var drops: [ReasonCount]
    /// Times that a client network could not be held to its limits, because too many others were active.
    public var uncountedClients: UInt64
    /// How packets find their worker; nothing if nobody measured it.
    public var steering: SteeringStatus?

    /// Puts the half together.
    public init(
        state: PartState,
        device: String,
        mtu: Int,
        workers: Int,
        offloads: [String],
        refusedOffloads: [String] = [],
        prefixes: [String],
        pool: [PoolEntry],
        sessions: TableUse,
        bindings: TableUse,
        staticBindings: UInt64 = 0,
        overloadedBindings: UInt64? = nil,
        portBlocks: UInt64? = nil,
        portBlocksTotal: UInt64? = nil,
        withheldPorts: UInt64? = nil,
        traffic6to4: Traffic,
        traffic4to6: Traffic,
        hairpinned: UInt64,
        handedBack: UInt64,
        answered: UInt64,
        mergedSegments: UInt64 = 0,
        awakeMilliseconds: UInt64 = 0,
        drops: [ReasonCount],
        uncountedClients: UInt64 = 0,
        steering: SteeringStatus? = nil
    ) {
        self.state = state
        self.device = device
        self.mtu = mtu
        self.workers = workers
        self.offloads = offloads
        self.refusedOffloads = refusedOffloads
        self.prefixes = prefixes
        self.pool = pool
        self.sessions = sessions
        self.bindings = bindings
        self.staticBindings = staticBindings
        self.overloadedBindings = overloadedBindings
        self.portBlocks = portBlocks
        self.portBlocksTotal = portBlocksTotal
        self.withheldPorts = withheldPorts
        self.traffic6to4 = traffic6to4
        self.traffic4to6 = traffic4to6
        self.hairpinned = hairpinned
        self.handedBack = handedBack
        self.answered = answered
        self.mergedSegments = mergedSegments
        self.awakeMilliseconds = awakeMilliseconds
        self.drops = drops
        self.uncountedClients = uncountedClients
        self.steering = steering
    }
}

/// A part of the pool: a prefix, a range, an address.
public struct PoolEntry: Codable, Equatable, Sendable {
    /// The addresses as the configuration writes them: `192.0.2.64/28`, or the address itself if it is shared.
    public var addresses: String
    /// The interface whose own address this is, shared with the host; nothing if the addresses are ours alone.
    public var sharedInterface: String?
    /// The ports of each address: `1024-65535`.
    public var ports: String
    /// Ports in use, over all addresses and protocols.
    public var portsInUse: UInt64
    /// Ports there are, over all addresses and protocols.
    public var portsTotal: UInt64
    /// Whether the addresses were taken out of the pool and only wait for their last bindings to end; nothing means no.
    public var isDraining: Bool?
    /// How many seconds those bindings have left; nothing if there is no limit.
    public var drainSecondsLeft: UInt64?

    /// Describes a part of the pool.
    public init(
        addresses: String,
        sharedInterface: String? = nil,
        ports: String,
        portsInUse: UInt64,
        portsTotal: UInt64,
        isDraining: Bool? = nil,
        drainSecondsLeft: UInt64? = nil
    ) {
        self.addresses = addresses
        self.sharedInterface = sharedInterface
        self.ports = ports
        self.portsInUse = portsInUse
        self.portsTotal = portsTotal
        self.isDraining = isDraining
        self.drainSecondsLeft = drainSecondsLeft
    }
}

/// How full a table is.
public struct TableUse: Codable, Equatable, Sendable {
    /// Entries of TCP.
    public var tcp: UInt64
    /// Entries of UDP.
    public var udp: UInt64
    /// Entries of ICMP queries.
    public var icmp: UInt64
    /// Entries the table has room for, of all protocols together; nothing if only memory limits it.
    public var limit: UInt64?
    /// Entries made since the start; nothing if nobody counts them.
    public var made: UInt64?

    /// Entries of all protocols.
    public var total: UInt64 { tcp &+ udp &+ icmp }

    /// Describes a table.
    public init(tcp: UInt64, udp: UInt64, icmp: UInt64, limit: UInt64? = nil, made: UInt64? = nil) {
        self.tcp = tcp
        self.udp = udp
        self.icmp = icmp
        self.limit = limit
        self.made = made
    }
}

/// Translated packets of one direction.
public struct Traffic: Codable, Equatable, Sendable {
    /// Packets since the start; a super-packet of the device's offloads counts as one.
    public var packets: UInt64
    /// Octets since the start, as IP counts them on the side they came from.
    public var octets: UInt64
    /// Packets per second of late; nothing until two samples were taken.
    public var packetsPerSecond: Double?
    /// Octets per second of late.
    public var octetsPerSecond: Double?

    /// Describes a direction.
    public init(packets: UInt64, octets: UInt64, packetsPerSecond: Double? = nil, octetsPerSecond: Double? = nil) {
        self.packets = packets
        self.octets = octets
        self.packetsPerSecond = packetsPerSecond.finite
        self.octetsPerSecond = octetsPerSecond.finite
    }
}

/// How packets find the worker that owns their shard.
public struct SteeringStatus: Codable, Equatable, Sendable {
    /// Whether a steering program is loaded; without one the device's own hash spreads the packets.
    public var programLoaded: Bool
    /// Why there is no program: a sentence.
    public var reason: String?
    /// Packets that had to wait for the lock of a shard; nothing if nobody counts them.
    public var lockWaits: UInt64?
    /// Packets that met the worker of their own shard; nothing with one worker.
    public var hits: UInt64?
    /// Packets that met another; nothing with one worker.
    public var misses: UInt64?
    /// The same for each worker; nothing with one.
    public var workers: [WorkerSteering]?

    /// Describes the steering; the hits and misses of all are those of the workers.
    public init(
        programLoaded: Bool,
        reason: String? = nil,
        lockWaits: UInt64? = nil,
        workers: [WorkerSteering]? = nil
    ) {
        self.programLoaded = programLoaded
        self.reason = reason
        self.lockWaits = lockWaits
        hits = workers.map { $0.reduce(0) { $0 &+ $1.hits } }
        misses = workers.map { $0.reduce(0) { $0 &+ $1.misses } }
        self.workers = workers
    }
}

/// What came to a worker, and how contended the shards are that are its own.
public struct WorkerSteering: Codable, Equatable, Sendable {
    /// Packets that came to it and are of its own shards.
    public var hits: UInt64
    /// Packets that came to it and are of another's shards.
    public var misses: UInt64
    /// Packets, of any worker, that had to wait for the lock of one of its shards.
    public var lockWaits: UInt64

    /// Describes a worker.
    public init(hits: UInt64, misses: UInt64, lockWaits: UInt64) {
        self.hits = hits
        self.misses = misses
        self.lockWaits = lockWaits
    }
}
