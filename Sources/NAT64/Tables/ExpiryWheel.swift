/// Where the sessions of a shard wait for the end of their lifetime: a ring of buckets of a quarter of a second.
///
/// A packet does not touch it; it writes when its session was last used. When the bucket of a session comes round, the
/// session is either over or hung where its lifetime now ends. Lifetimes longer than the ring are looked at once a
/// round. Not one queue per lifetime value: there a session that was used since would go to the tail, and so live for
/// up to twice its lifetime.
@safe
struct ExpiryWheel {
    /// Ticks of a bucket, as a shift.
    static let bucketShift: UInt32 = 2
    /// How many buckets the ring has: nine minutes.
    static let bucketCount: UInt32 = 2048
    /// Octets of memory a wheel needs.
    static var octets: Int { Int(bucketCount) * MemoryLayout<SessionID>.stride }

    private let heads: UnsafeMutablePointer<SessionID>
    /// The number, counted from the start of the clock, of the last bucket that was emptied.
    private(set) var position: UInt32 = 0
    /// How many sessions hang in the ring.
    private(set) var count: UInt32 = 0

    /// - Parameter memory: ``octets`` of it, all zero, that outlive the wheel.
    @unsafe
    init(memory: UnsafeMutableRawPointer) { unsafe heads = memory.assumingMemoryBound(to: SessionID.self) }

    /// The number of the bucket a moment lies in.
    @inline(__always)
    static func bucket(of tick: Tick) -> UInt32 { tick.count >> bucketShift }

    /// The first session in a bucket.
    @inline(__always)
    func head(of bucket: UInt32) -> SessionID { unsafe heads[Int(bucket & (Self.bucketCount &- 1))] }

    @inline(__always)
    mutating func setHead(of bucket: UInt32, _ id: SessionID) {
        unsafe heads[Int(bucket & (Self.bucketCount &- 1))] = id
    }

    /// The bucket for a session that ends at a tick: the first that begins no earlier, as far as the ring reaches.
    @inline(__always)
    mutating func bucket(forEnd end: Tick, now: Tick) -> UInt32 {
        if count == 0 { position = Self.bucket(of: now) }
        let number = (end.count &+ 3) >> Self.bucketShift
        let ahead = Int32(bitPattern: (number &- position) << 2) >> 2
        return position &+ UInt32(max(1, min(ahead, Int32(Self.bucketCount) - 1)))
    }

    /// How many buckets ahead of the position a bucket of the ring lies.
    @inline(__always)
    func distance(to bucket: UInt16) -> UInt32 { (UInt32(bucket) &- position &- 1) & (Self.bucketCount &- 1) }

    /// Whether a bucket, counted from the start of the clock, lies after the position.
    @inline(__always)
    func isBehind(_ bucket: UInt32) -> Bool { Int32(bitPattern: (bucket &- position) << 2) > 0 }

    @inline(__always)
    mutating func added() { count &+= 1 }
    @inline(__always)
    mutating func removed() { count &-= 1 }

    /// Says that everything up to this bucket has been looked at.
    @inline(__always)
    mutating func advance(to bucket: UInt32) { position = bucket }
}
