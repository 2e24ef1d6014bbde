private import Glibc
internal import Linux
internal import NAT64
internal import PacketMemory
internal import Synchronization
internal import Timing

/// One queue of the TUN and the thread that works it: read until the queue is empty or the burst is full, translate,
/// chain the segments of a flow, write; then a slice of expiry; then poll a while or sleep.
///
/// A packet stays where it was read: the translator writes the new header in front of the payload, and one write
/// sends both.
struct Worker: ~Copyable {
    /// Between two slices of expiry while packets come; lifetimes are seconds.
    private static let expiryPause = Moment.Span.milliseconds(2)
    /// The longest sleep, so that lifetimes end and the heartbeat goes on without traffic.
    private static let nap = Moment.Span.milliseconds(250)
    /// The longest automatic poll: an answer of a near host comes within it. It needs a CPU that the workers leave over.
    private static let longestPoll = Moment.Span(nanoseconds: 50_000)
    /// A sleep that such a poll would have covered, the time to wake up included.
    private static let shortSleep = Moment.Span(nanoseconds: 120_000)

    private let queue: Int32
    private let place: Place
    private let pulse: WorkerPulse
    private let load: Workload
    private var meter: Workload.Meter
    private var translator: TranslatorWorker
    private var polling: Polling
    private var wakefulness: Wakefulness
    private var arrivals = Arrivals()
    private var departures = TransmitQueue()
    private var pieces: [64 of DescriptorIO.Piece] = .init(repeating: DescriptorIO.Piece(offset: 0, count: 0))

    /// Which of how many workers it is.
    struct Place {
        let index: Int
        let count: Int

        /// Whether the kernel's rule, the rest of a division, leads a shard to this worker.
        @inline(__always)
        func owns(_ shard: Int) -> Bool {
            UInt32(truncatingIfNeeded: shard) % UInt32(truncatingIfNeeded: max(count, 1)) == index
        }
    }

    init(
        queue: Int32,
        translator: consuming TranslatorWorker,
        place: Place,
        poll: PollBeforeSleep,
        wakefulness: consuming Wakefulness,
        pulse: WorkerPulse,
        load: Workload
    ) {
        self.queue = queue
        self.place = place
        self.translator = translator
        self.pulse = pulse
        self.load = load
        meter = Workload.Meter(worker: place.index)
        polling = Polling(poll, longest: Self.longestPoll, shortSleep: Self.shortSleep)
        self.wakefulness = wakefulness
    }

    /// Where the packets of a burst lie, in the order in which they were read.
    private struct Arrivals: ~Copyable {
        var frames: [64 of PacketFrame] = .init(repeating: PacketFrame(start: 0, count: 0))
        var ahead: [64 of LookAhead] = .init(repeating: LookAhead())
        var count = 0
    }

    /// Works until told to stop or until the device is gone.
    mutating func run(until stopped: borrowing Atomic<Bool>) {
        var arena = OctetBuffer(count: Arena.octets)
        var memory = arena.mutableOctets
        var extra = OctetBuffer(count: Arena.slot)
        var scratch = extra.mutableOctets
        var nextExpiry = Moment.start
        // When the queue was first found empty.
        var idle: Moment?
        // When the burst was read that was passed on last, until that time is counted.
        var working: Moment?
        while !stopped.load(ordering: .relaxed) {
            var isThin = false
            let failure = readBurst(into: &memory, isThin: &isThin)
            guard failure == EAGAIN || failure == EINTR else { return pulse.lose(code: failure) }
            let now = MonotonicClock.now()
            if let start = working { meter.add(now - start, at: now, to: load) }
            let worked = arrivals.count > 0
            working = worked ? now : nil
            if worked {
                polling.came(isThin: isThin)
                if idle != nil {
                    polling.found(at: now)
                    if polling.isSteady { wakefulness.keep(at: now, pulse: pulse) }
                    idle = nil
                }
                passBurst(&memory, &scratch, at: now)
                if translator.takePortBlockNews() { pulse.tell() }
                if translator.takeMemoryNeed() { pulse.wantMemory() }
            }
            var isBehind = false
            if now >= nextExpiry {
                isBehind = translator.tick(at: now)
                sendExtras(&memory, &scratch, at: now)
                nextExpiry = isBehind ? now : now + Self.expiryPause
            }
            wakefulness.look(at: now, pulse: pulse)
            pulse.beat()
            // More lifetimes have ended than one look takes care of: packets first, and then on with it.
            if isBehind { continue }
            // A thin burst was followed by an empty queue: no need to look again before the sleep.
            if worked, !isThin || polling.window > .zero { continue }
            if idle == nil {
                polling.begin(at: now, hasCPU: load.leavesCPU(at: now))
            } else {
                polling.looked(at: now)
            }
            let since = idle ?? now
            if now - since < polling.window {
                idle = since
                continue
            }
            if idle != nil { polling.missed() }
            idle = nil
            var asleep = now
            if let start = working {
                asleep = MonotonicClock.now()
                meter.add(asleep - start, at: asleep, to: load)
                working = nil
            }
            let didWake = DescriptorIO.waitReadable(queue, atMost: wakefulness.isKept ? Wakefulness.pause : Self.nap)
            polling.slept(MonotonicClock.now() - asleep, didWake: didWake)
        }
    }

    /// Reads until the queue is empty or the burst is full.
    ///
    /// - Parameter isThin: Becomes true if the queue is empty and little was in it.
    /// - Returns: The error number that ended it; EAGAIN if the burst is full.
    @inline(__always)
    private mutating func readBurst(into memory: inout MutableRawSpan, isThin: inout Bool) -> Int32 {
        var room = Arena(sharesCPUs: place.count > 1)
        arrivals.count = 0
        while let start = room.next {
            let count = read(into: &memory, at: start &- VirtioHeader.length)
            if count >= VirtioHeader.length {
                let frame = PacketFrame(start: start, count: count &- VirtioHeader.length)
                arrivals.frames[arrivals.count] = frame
                arrivals.count &+= 1
                room.take(frame.count)
            } else if count == -Int(EINVAL) || count > 0 {
                // A packet that the kernel could not put into the words of its own header; it has dropped it.
                pulse.countUnreadable()
            } else {
                isThin = room.isThin
                return Int32(truncatingIfNeeded: -count)
            }
        }
        return EAGAIN
    }

    @inline(__always)
    private func read(into memory: inout MutableRawSpan, at offset: Int) -> Int {
        let count = Arena.slot &- PacketFrame.margin
        precondition(offset >= 0 && offset &+ count <= memory.byteCount)
        return unsafe memory.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return unsafe DescriptorIO.read(queue, into: base + offset, count: count)
        }
    }

    /// Translates what was read and writes what becomes of it. What look-ups will need is asked for beforehand, for all
    /// packets at once.
    @inline(__always)
    private mutating func passBurst(
        _ memory: inout MutableRawSpan,
        _ scratch: inout MutableRawSpan,
        at now: Moment
    ) {
        var index = 0
        while index < arrivals.count {
            arrivals.ahead[index] = translator.lookAhead(memory, arrivals.frames[index])
            index &+= 1
        }
        if place.count > 1 { countSteering() }
        index = 0
        while index < arrivals.count {
            translator.fetch(&arrivals.ahead[index])
            index &+= 1
        }
        index = 0
        while index < arrivals.count {
            pass(arrivals.frames[index], arrivals.ahead[index], &memory, &scratch, at: now)
            index &+= 1
        }
        sendDepartures(&memory)
    }

    // Mutating: else the whole worker would be copied for the call.
    private mutating func countSteering() {
        var hits = 0
        var misses = 0
        var index = 0
        while index < arrivals.count {
            if let shard = arrivals.ahead[index].shard {
                if place.owns(shard) { hits &+= 1 } else { misses &+= 1 }
            }
            index &+= 1
        }
        pulse.countSteering(hits: hits, misses: misses)
    }

    @inline(__always)
    private mutating func pass(
        _ arrival: PacketFrame,
        _ ahead: LookAhead,
        _ memory: inout MutableRawSpan,
        _ scratch: inout MutableRawSpan,
        at now: Moment
    ) {
        guard let offload = VirtioHeader.decode(memory, at: arrival.start &- VirtioHeader.length) else {
            return pulse.countUnreadable()
        }
        var frame = PacketFrame(start: arrival.start, count: arrival.count, offload: offload)
        switch translator.translate(&memory, &frame, at: now, ahead: ahead) {
        case .send: departures.add(frame, &memory)
        case .answer, .handBack: departures.append(frame)
        case .kept, .drop: break
        }
        sendExtras(&memory, &scratch, at: now)
    }

    /// Sends what the translator made besides the packet at hand: fragments, what waited, probes. What came before
    /// goes before.
    @inline(__always)
    private mutating func sendExtras(
        _ memory: inout MutableRawSpan,
        _ scratch: inout MutableRawSpan,
        at now: Moment
    ) {
        var frame = PacketFrame(start: PacketFrame.margin, count: 0)
        while translator.nextExtra(into: &scratch, &frame, at: now) {
            sendDepartures(&memory)
            write(frame, frame.offload, &scratch)
        }
    }

    private mutating func sendDepartures(_ memory: inout MutableRawSpan) {
        var index = 0
        while index < departures.count {
            let packet = departures.packets[index]
            if !packet.isContinuation {
                if packet.next < 0 {
                    write(packet.frame, packet.frame.offload, &memory)
                } else {
                    writeChain(index, &memory)
                }
            }
            index &+= 1
        }
        departures.removeAll()
    }

    @inline(__always)
    private func write(_ frame: PacketFrame, _ offload: Offload, _ memory: inout MutableRawSpan) {
        let offset = frame.start &- VirtioHeader.length
        VirtioHeader.encode(offload, into: &memory, at: offset)
        let length = frame.count &+ VirtioHeader.length
        precondition(offset >= 0 && offset &+ length <= memory.byteCount)
        let written = unsafe memory.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return unsafe DescriptorIO.write(queue, from: base + offset, count: length)
        }
        if written < 0 { pulse.countUnwritten(code: Int32(truncatingIfNeeded: -written)) }
    }

    /// Writes a chain of segments as one super-packet, each payload from where it lies.
    private mutating func writeChain(_ first: Int, _ memory: inout MutableRawSpan) {
        let offload = departures.completeChain(first, &memory)
        let head = departures.packets[first].frame
        let offset = head.start &- VirtioHeader.length
        VirtioHeader.encode(offload, into: &memory, at: offset)
        pieces[0] = DescriptorIO.Piece(offset: offset, count: head.count &+ VirtioHeader.length)
        var count = 1
        var index = departures.packets[first].next
        while index >= 0 {
            let packet = departures.packets[Int(index)]
            let headers = Int(packet.headers)
            precondition(packet.frame.start &+ packet.frame.count <= memory.byteCount && headers <= packet.frame.count)
            pieces[count] = DescriptorIO.Piece(
                offset: packet.frame.start &+ headers,
                count: packet.frame.count &- headers
            )
            count &+= 1
            index = packet.next
        }
        let gathered = pieces.span.extracting(0..<count)
        let written = unsafe memory.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return unsafe DescriptorIO.write(queue, from: base, pieces: gathered)
        }
        if written < 0 { pulse.countUnwritten(code: Int32(truncatingIfNeeded: -written)) }
        pulse.countMerged(count)
    }
}
