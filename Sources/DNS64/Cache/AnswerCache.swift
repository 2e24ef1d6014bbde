public import DNSWire
public import PacketMemory
import Timing

/// What upstreams answered, shared by all workers: only real data, never synthetic.
///
/// It lies below DNS64: synthesis happens for each client when an answer is given, so views, prefixes and switches at
/// runtime need no flush. Its memory is taken at the start and never grows.
public final class AnswerCache: Sendable {
    /// How full a cache is.
    public struct Measures: Hashable, Sendable {
        /// How many answers it holds.
        public var answers = 0
        /// How many octets they take.
        public var octets = 0
        /// How many octets they may take.
        public var capacity = 0
        /// How many answers had to go to make room.
        public var evictions: UInt64 = 0
    }

    private let shards: [CacheShard]
    let secret: KeyedHash

    /// Makes an empty cache.
    ///
    /// - Parameters:
    ///   - size: How many octets it may take, the index included; at least 1 MiB is taken.
    ///   - secret: Keys the index.
    public init(size: Int, secret: KeyedHash) {
        self.secret = secret
        let size = max(size, 1 << 20)
        var count = 1
        while count < 64, size / (count * 2) >= 1 << 20 { count *= 2 }
        shards = (0..<count).map { _ in CacheShard(size: size / count) }
    }

    deinit {
        for shard in shards { shard.deallocate() }
    }

    /// The shard that keeps a name.
    @inline(__always)
    func shard(_ hash: UInt64) -> CacheShard { shards[Int(truncatingIfNeeded: hash &>> 48) & (shards.count &- 1)] }

    /// Forgets what is known about these names and all below them.
    public func forget(_ names: [Name]) {
        guard !names.isEmpty else { return }
        let table = NameTable(names)
        for shard in shards {
            shard.lock()
            shard.forget(table)
            shard.unlock()
        }
    }

    /// Claims a question for a worker. Equal questions of several workers are pursued by the first of them, which tells
    /// the others.
    ///
    /// - Parameters:
    ///   - awaitingNews: Whether a worker that comes later is to be told.
    ///   - until: When the claim is no longer believed.
    /// - Returns: Nothing if the worker is to pursue it; else when the claim of the one that does ends.
    func claim(
        _ key: PursuitKey,
        worker: Int,
        awaitingNews: Bool,
        until: Moment,
        at now: Moment
    ) -> Moment? {
        let shard = shard(key.hash)
        shard.lock()
        defer { shard.unlock() }
        return shard.claims.claim(key, worker: worker, awaitingNews: awaitingNews, until: until, at: now)
    }

    /// Remembers how a question of ours was sent.
    func note(_ key: PursuitKey, sentFrom port: UInt16, identifier: UInt16) {
        let shard = shard(key.hash)
        shard.lock()
        shard.claims.note(key, sentFrom: port, identifier: identifier)
        shard.unlock()
    }

    /// Whether a client's question is one of ours that is under way, come back: the same question from the same port
    /// under the same identifier. The identifier alone would be that of one client in 65,536.
    func isOwnQuestion(_ key: PursuitKey, from port: UInt16, identifier: UInt16, at now: Moment) -> Bool {
        let shard = shard(key.hash)
        shard.lock()
        defer { shard.unlock() }
        return shard.claims.isOwnQuestion(key, from: port, identifier: identifier, at: now)
    }

    /// The question is answered, or came to nothing.
    ///
    /// - Parameter answer: What is kept of it, if it may be kept at all.
    /// - Returns: Who is to be told.
    func finish(_ key: PursuitKey, with answer: StoredAnswer?, worker: Int) -> WorkerSet {
        let shard = shard(key.hash)
        shard.lock()
        defer { shard.unlock() }
        if let answer, answer.lifetime > 0 { shard.insert(answer) }
        return shard.claims.release(key, worker: worker)
    }

    /// How full the cache is now.
    public var measures: Measures {
        var sum = Measures()
        for shard in shards {
            shard.lock()
            let part = shard.measures
            shard.unlock()
            sum.answers += part.images
            sum.octets += part.octets
            sum.evictions += part.evictions
            sum.capacity += shard.capacity
        }
        return sum
    }

    /// Whether every shard is in order; for tests.
    package func checkInvariants() -> Bool {
        shards.allSatisfy { shard in
            shard.lock()
            defer { shard.unlock() }
            return shard.checkInvariants()
        }
    }
}
