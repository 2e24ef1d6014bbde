import Synchronization

/// What one worker has done: written by that worker alone, read by anyone.
///
/// One writer per counter makes a load and a store enough; nothing on the packet path needs a locked instruction.
final class WorkerCounters: Sendable {
    let packets6to4 = Atomic<UInt64>(0)
    let octets6to4 = Atomic<UInt64>(0)
    let packets4to6 = Atomic<UInt64>(0)
    let octets4to6 = Atomic<UInt64>(0)
    let hairpinned = Atomic<UInt64>(0)
    let handedBack = Atomic<UInt64>(0)
    let kept = Atomic<UInt64>(0)
    let fragmented = Atomic<UInt64>(0)
    let errorsTranslated = Atomic<UInt64>(0)
    let errorsSent6 = Atomic<UInt64>(0)
    let errorsSent4 = Atomic<UInt64>(0)
    let errorsSuppressed = Atomic<UInt64>(0)
    let probes = Atomic<UInt64>(0)
    let superPackets = Atomic<UInt64>(0)
    let drops = DropCounters()
    /// Packets sent so far that may not be fragmented.
    fileprivate let unfragmented = Atomic<UInt64>(0)
    /// The generation of the view the worker works by: it looks at nothing that was replaced before.
    let view = Atomic<UInt64>(0)

    init() {}
}

extension WorkerCounters {
    /// The identification of a packet that may not be fragmented, of a super-packet that of its first segment: the others
    /// have those behind it. It is no part of the worker itself, so that the short way of a packet changes nothing there
    /// and references can be left uncounted.
    @inline(__always)
    func nextUnfragmented(_ pieces: Int) -> UInt16 {
        let first = unfragmented.load(ordering: .relaxed)
        unfragmented.store(first &+ UInt64(truncatingIfNeeded: pieces), ordering: .relaxed)
        return UInt16(truncatingIfNeeded: first)
    }
}

/// A counter for each ``DropReason``.
struct DropCounters: ~Copyable, Sendable {
    /// Room for every reason there is and some to come.
    static let capacity = 64
    let slots: [64 of Atomic<UInt64>]

    init() { slots = InlineArray { _ in Atomic<UInt64>(0) } }
}

extension Atomic where Value == UInt64 {
    /// Adds to a counter that only the caller writes.
    @inline(__always)
    func count(_ amount: UInt64 = 1) {
        store(load(ordering: .relaxed) &+ amount, ordering: .relaxed)
    }
}

/// The sum over all workers at some moment.
public struct TranslationCounters: Hashable, Sendable {
    /// Packets translated from IPv6 to IPv4; a super-packet is one.
    public var packets6to4: UInt64 = 0
    /// Octets of those packets as they came in.
    public var octets6to4: UInt64 = 0
    /// Packets translated from IPv4 to IPv6; a super-packet is one.
    public var packets4to6: UInt64 = 0
    /// Octets of those packets as they came in.
    public var octets4to6: UInt64 = 0
    /// Packets from one client of ours to another.
    public var hairpinned: UInt64 = 0
    /// Packets for a shared address that were given back to the host.
    public var handedBack: UInt64 = 0
    /// Fragments and SYNs kept for later.
    public var kept: UInt64 = 0
    /// Fragments made of packets that did not fit.
    public var fragmented: UInt64 = 0
    /// ICMP errors of others that were translated; they also count as packets.
    public var errorsTranslated: UInt64 = 0
    /// ICMPv6 errors of our own.
    public var errorsSent6: UInt64 = 0
    /// ICMPv4 errors of our own.
    public var errorsSent4: UInt64 = 0
    /// ICMP errors of our own that the limit held back.
    public var errorsSuppressed: UInt64 = 0
    /// Probes of idle TCP sessions.
    public var probes: UInt64 = 0
    /// Super-packets among the packets translated.
    public var superPackets: UInt64 = 0
    /// Packets refused, by ``DropReason/rawValue``.
    public var drops = [UInt64](repeating: 0, count: DropReason.allCases.count)

    /// All zero.
    public init() {}

    /// How many packets were refused for a reason.
    public subscript(reason: DropReason) -> UInt64 { drops[Int(reason.rawValue)] }

    mutating func add(_ worker: WorkerCounters) {
        packets6to4 &+= worker.packets6to4.load(ordering: .relaxed)
        octets6to4 &+= worker.octets6to4.load(ordering: .relaxed)
        packets4to6 &+= worker.packets4to6.load(ordering: .relaxed)
        octets4to6 &+= worker.octets4to6.load(ordering: .relaxed)
        hairpinned &+= worker.hairpinned.load(ordering: .relaxed)
        handedBack &+= worker.handedBack.load(ordering: .relaxed)
        kept &+= worker.kept.load(ordering: .relaxed)
        fragmented &+= worker.fragmented.load(ordering: .relaxed)
        errorsTranslated &+= worker.errorsTranslated.load(ordering: .relaxed)
        errorsSent6 &+= worker.errorsSent6.load(ordering: .relaxed)
        errorsSent4 &+= worker.errorsSent4.load(ordering: .relaxed)
        errorsSuppressed &+= worker.errorsSuppressed.load(ordering: .relaxed)
        probes &+= worker.probes.load(ordering: .relaxed)
        superPackets &+= worker.superPackets.load(ordering: .relaxed)
        for reason in DropReason.allCases {
            let index = Int(reason.rawValue)
            drops[index] &+= worker.drops.slots[index].load(ordering: .relaxed)
        }
    }
}
