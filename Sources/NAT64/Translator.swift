public import IPAddressing
public import PacketMemory
public import Policy
import Synchronization
public import Timing

/// A stateful NAT64 after RFC 6146: what all workers share.
///
/// Does no input or output, reads no clock and draws no random numbers. Each thread that carries packets makes a
/// ``TranslatorWorker`` of its own.
public final class Translator: Sendable {
    /// Bindings, sessions and the pool.
    public let tables: Tables
    let settings: TranslationSettings
    let fragments: FragmentStore
    let heldSYNs: HeldSYNs
    let identification: Identification
    let errorLimit: ErrorLimit
    private let shared: Mutex<Shared>
    /// Counts up whenever ``shared`` changes; workers look at it per packet.
    let generation = Atomic<UInt64>(1)

    private struct Shared {
        var policy: Policy
        var environment: Environment
        var workers: [WorkerCounters] = []
    }

    /// Sets up tables and memory; nothing is allocated after this and ``makeWorker()``.
    ///
    /// - Parameters:
    ///   - secret: The key of all hashes; the same secret finds the same bindings again.
    public init(
        settings: NAT64Settings,
        policy: Policy,
        secret: KeyedHash,
        environment: Environment = Environment()
    ) {
        self.settings = settings.translation
        tables = Tables(settings: settings, secret: secret, prefixes: policy.prefixes)
        let sources = SourceNetwork(clientLength: settings.limits.clientLength, secret: secret)
        fragments = FragmentStore(settings: settings.translation, sources: sources, secret: secret)
        heldSYNs = HeldSYNs(capacity: settings.translation.heldSYNs, secret: secret)
        identification = Identification(secret: secret)
        errorLimit = ErrorLimit(
            perSecond: settings.translation.icmpErrorsPerSecond,
            burst: settings.translation.icmpErrorBurst,
            sources: sources
        )
        shared = Mutex(Shared(policy: policy, environment: environment))
    }

    /// Gives prefixes that are to come in force numbers, as ``adopt(policy:)`` does.
    ///
    /// - Returns: Whether there is one for each. There is not while workers may still know too many prefixes that were in
    ///   force before; nothing is translated under a prefix without one.
    public func admit(prefixes: [TranslationPrefix]) -> Bool { tables.prefixes.admit(prefixes, seen: oldestView) }

    /// Puts another Policy in force; sessions it refuses end. One call at a time.
    public func adopt(policy: Policy) {
        _ = admit(prefixes: policy.prefixes)
        shared.withLock { $0.policy = policy }
        generation.wrappingAdd(1, ordering: .releasing)
        tables.adopt(policy: policy)
        tables.prefixes.rest(allBut: policy.prefixes, from: nextGeneration())
    }

    /// Puts the operator's static bindings in force, all of them and no others. One call at a time.
    ///
    /// - Returns: The runs of which at least one binding is not in force, with the first reason.
    public func adopt(
        staticBindings: [StaticBinding],
        at now: Moment
    ) -> [(binding: StaticBinding, refusal: StaticBindingRefusal)] {
        tables.adopt(staticBindings, at: now)
    }

    /// Tells the translator that the machine around it has changed.
    public func adopt(environment: Environment) {
        shared.withLock { $0.environment = environment }
        generation.wrappingAdd(1, ordering: .releasing)
    }

    /// The Policy in force.
    public var policy: Policy { shared.withLock { $0.policy } }

    /// A worker for one thread; its counters count until the translator ends.
    public func makeWorker() -> TranslatorWorker {
        let counters = WorkerCounters()
        shared.withLock { $0.workers.append(counters) }
        return TranslatorWorker(translator: self, counters: counters)
    }

    /// What all workers have done so far.
    public var counters: TranslationCounters {
        shared.withLock { shared in
            var sum = TranslationCounters()
            for worker in shared.workers { sum.add(worker) }
            return sum
        }
    }

    /// Makes every worker look again at what all share.
    ///
    /// - Returns: The generation of the view it gets.
    func nextGeneration() -> UInt64 { generation.wrappingAdd(1, ordering: .sequentiallyConsistent).newValue }

    /// The oldest generation of the view that any worker works by.
    var oldestView: UInt64 {
        shared.withLock { $0.workers.map { $0.view.load(ordering: .acquiring) }.min() ?? .max }
    }

    func currentView() -> WorkerView {
        shared.withLock {
            WorkerView(
                policy: $0.policy,
                environment: $0.environment,
                settings: settings,
                numbered: tables.prefixes,
                own: tables.pool.layout.own
            )
        }
    }
}

/// The translator as one thread uses it.
///
/// After every ``translate(_:_:at:)`` the caller takes what else is to be sent with ``nextExtra(into:_:at:)`` until
/// there is nothing, and between batches it calls ``tick(at:)``.
public struct TranslatorWorker: ~Copyable, Sendable {
    let translator: Translator
    let tables: Tables
    let counters: WorkerCounters
    let recentPairs = RecentPairs()
    var view: WorkerView
    var generation: UInt64
    /// What must be remembered about the packet at hand until its verdict.
    var arrival = Arrival()
    /// What was found out about the packet at hand before its turn.
    var ahead = LookAhead()
    var split: Split
    var datagrams: Datagrams
    var tail: Tail
    var released = ReleasedFragments()
    /// First fragments of datagrams that have run out of time, whose senders are to be told.
    var abandoned = ReleasedFragments()
    /// A fragment from the store is translated, which the store knows already.
    var isReplaying = false
    var tasks: LateTasks

    init(translator: Translator, counters: WorkerCounters) {
        self.translator = translator
        tables = translator.tables
        self.counters = counters
        generation = translator.generation.load(ordering: .acquiring)
        counters.view.store(generation, ordering: .releasing)
        view = translator.currentView()
        split = Split()
        datagrams = Datagrams()
        tail = Tail()
        tasks = LateTasks()
    }

    deinit {
        var waiting = released
        _ = translator.fragments.discard(&waiting)
        waiting = abandoned
        _ = translator.fragments.discard(&waiting)
    }

    /// What must be remembered about the packet at hand until its verdict.
    struct Arrival {
        /// The packet is for a shared address and no session has claimed it yet.
        var belongsToHost = false
        /// The packet would end at the host's own hop, whose ICMP error never leaves the host because the address it
        /// goes to is the host's as well: we send it instead, from this address. Unspecified is none.
        var hostHop = IPv6Address.unspecified
        /// The octet at fault, or the MTU that would fit, for the ICMP error.
        var detail: UInt32 = 0
        /// How much of the packet an error may quote, for a super-packet that of its first segment.
        var quotable = Int.max
        /// Translated between two clients of ours.
        var isHairpin = false
        /// The packet came from the IPv6 side.
        var isIPv6 = false
        /// The host itself has sent the packet, to the stand-in of an address it shares.
        var isFromHost = false
    }

    /// Translates one packet: RFC 6146 section 3.
    ///
    /// - Parameters:
    ///   - memory: The slot. In front of the packet and behind it ``PacketFrame/margin`` octets are free.
    ///   - frame: Where the packet lies; afterwards, where what is to be sent lies.
    ///   - ahead: What ``lookAhead(_:_:)`` said of this packet, if it was asked.
    /// - Returns: What becomes of it. On ``Verdict/send`` and ``Verdict/answer(_:)`` memory and frame hold what is to
    ///   be sent; on the others the packet is as it was.
    public mutating func translate(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment,
        ahead: LookAhead = LookAhead()
    ) -> Verdict {
        if translator.generation.load(ordering: .relaxed) != generation { refreshView() }
        guard frame.count >= 20, frame.start >= PacketFrame.margin,
            frame.start &+ frame.count &+ PacketFrame.margin <= memory.byteCount
        else { return drop(.malformed) }
        switch memory.octet(at: frame.start) >> 4 {
        case 6: if !ahead.isUnbound, passKnownOutward(&memory, &frame, ahead, at: now) { return .send }
        case 4: if passKnownInward(&memory, &frame, at: now) { return .send }
        default: break
        }
        self.ahead = ahead
        return translateAny(&memory, &frame, at: now)
    }

    /// The long way, which any packet may go.
    @inline(never)
    mutating func translateAny(
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Verdict {
        arrival = Arrival()
        let octets = frame.count
        do throws(DropReason) {
            let verdict: Verdict
            let isSuper = frame.offload.segmentation != .none
            switch memory.octet(at: frame.start) >> 4 {
            case 6:
                arrival.isIPv6 = true
                verdict = try outward(&memory, &frame, at: now)
            case 4:
                if view.hostSide.count > 0, mayBeFromHost(memory, frame) {
                    arrival.isFromHost = turnFromHost(&memory, frame)
                }
                verdict = try inward(&memory, &frame, at: now)
            default:
                throw .malformed
            }
            countSuccess(verdict, octets: octets, isSuper: isSuper)
            if view.hostSide.count > 0, verdict == .send, mayBeForHost(memory, frame) {
                turnTowardsHost(&memory, frame)
            }
            return verdict
        } catch {
            return refuse(error, &memory, &frame, at: now)
        }
    }

    @inline(__always)
    private func countSuccess(_ verdict: Verdict, octets: Int, isSuper: Bool) {
        switch verdict {
        case .send:
            if arrival.isHairpin { counters.hairpinned.count() }
            if isSuper { counters.superPackets.count() }
            if arrival.isIPv6 {
                counters.packets6to4.count()
                counters.octets6to4.count(UInt64(truncatingIfNeeded: octets))
            } else {
                counters.packets4to6.count()
                counters.octets4to6.count(UInt64(truncatingIfNeeded: octets))
            }
        case .handBack: counters.handedBack.count()
        case .kept: counters.kept.count()
        case .answer, .drop: break
        }
    }

    @inline(never)
    mutating func refreshView() {
        generation = translator.generation.load(ordering: .acquiring)
        counters.view.store(generation, ordering: .releasing)
        view = translator.currentView()
    }

    /// Counts a refusal.
    func drop(_ reason: DropReason) -> Verdict {
        counters.drops.slots[Int(reason.rawValue)].count()
        return .drop(reason)
    }

    /// The way out of a packet that was refused: back to the host, back to the sender as an ICMP error, or nowhere.
    @inline(never)
    mutating func refuse(
        _ reason: DropReason,
        _ memory: inout MutableRawSpan,
        _ frame: inout PacketFrame,
        at now: Moment
    ) -> Verdict {
        if arrival.belongsToHost {
            counters.handedBack.count()
            return .handBack
        }
        counters.drops.slots[Int(reason.rawValue)].count()
        guard view.settings.sendsICMPErrors, answer(reason, &memory, &frame, at: now) else { return .drop(reason) }
        if view.hostSide.count > 0, mayBeForHost(memory, frame) { turnTowardsHost(&memory, frame) }
        return .answer(reason)
    }
}

extension Translator {
    /// Memory for fragments in use, in blocks of 2,048 octets, and fragmented datagrams followed.
    public var fragmentsInUse: (blocks: Int, datagrams: Int) { fragments.use }
}
