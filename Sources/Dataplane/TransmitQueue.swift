internal import NAT64
internal import PacketMemory
internal import PacketWire

/// What one burst of reads has become, waiting to be written in the order in which it came.
///
/// Segments of one TCP flow that continue each other are chained to one super-packet, by the rules of the kernel's own
/// GRO (`TransmitQueue+Merge.swift`). Payload stays where it was read: a chain is written from its pieces.
struct TransmitQueue: ~Copyable {
    /// The most packets of a burst, and so segments of a chain.
    static let capacity = 64
    /// TCP flows of a burst that can still be continued; the oldest makes room.
    static let runCapacity = 16

    /// A packet of the burst.
    struct Packet: BitwiseCopyable {
        var frame = PacketFrame(start: 0, count: 0)
        /// The packet that continues this one; -1 is none.
        var next: Int32 = -1
        /// Continues an earlier packet and is written with it.
        var isContinuation = false
        /// Octets of IP and TCP header, which only the first of a chain keeps.
        var headers: UInt16 = 0
        /// Octets of the whole chain that starts here.
        var chainOctets = 0
    }

    /// A chain that can still be continued. No flow has two.
    struct Run: BitwiseCopyable {
        var head = 0
        var tail = 0
        var ports: UInt32 = 0
        /// The sequence number that continues it.
        var next: UInt32 = 0
        var segmentSize = 0
        var segments = 0
        /// The checksum of the first segment has been looked at.
        var isVerified = false
    }

    var packets: [64 of Packet] = .init(repeating: Packet())
    var runs: [16 of Run] = .init(repeating: Run())
    var runCount = 0
    private var oldestRun = 0
    /// How many packets wait.
    private(set) var count = 0

    /// Takes a packet that is to stay alone.
    @inline(__always)
    mutating func append(_ frame: PacketFrame) {
        precondition(count < Self.capacity)
        packets[count] = Packet(frame: frame)
        count &+= 1
    }

    /// Forgets everything, which has been written.
    @inline(__always)
    mutating func removeAll() {
        count = 0
        runCount = 0
    }

    @inline(__always)
    mutating func open(_ run: Run) {
        guard runCount == Self.runCapacity else {
            runs[runCount] = run
            runCount &+= 1
            return
        }
        runs[oldestRun] = run
        oldestRun = (oldestRun &+ 1) % Self.runCapacity
    }

    @inline(__always)
    mutating func close(_ place: Int) {
        runCount &-= 1
        runs[place] = runs[runCount]
    }
}
