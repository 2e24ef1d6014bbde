private import Glibc
internal import Linux
internal import NAT64
internal import PacketMemory
internal import Synchronization
internal import Timing

/// One queue of the TUN and the thread that works it: read, translate, write, until the queue is empty; then a slice
/// of expiry, then sleep.
///
/// The packet stays where it was read: the translator writes the new header in front of the payload, and one write
/// sends both.
struct Worker: ~Copyable {
    /// Room for the largest super-packet between the margins that the translator may grow into.
    private static let slotOctets = PacketFrame.margin + 65_536 + 64 + PacketFrame.margin
    /// Where a packet is read to: behind the margin, with its virtio header in the margin's end.
    private static let start = PacketFrame.margin
    /// Packets between two looks at the clock and at the fate of the shard's lifetimes.
    private static let batch = 64
    /// Between two slices of expiry while packets come; lifetimes are seconds.
    private static let expiryPause = Moment.Span.milliseconds(2)
    /// The longest sleep, so that lifetimes end and the heartbeat goes on without traffic.
    private static let nap = Moment.Span.milliseconds(250)

    private let queue: Int32
    private let pulse: WorkerPulse
    private var translator: TranslatorWorker

    init(queue: Int32, translator: consuming TranslatorWorker, pulse: WorkerPulse) {
        self.queue = queue
        self.translator = translator
        self.pulse = pulse
    }

    /// Works until told to stop or until the device is gone.
    mutating func run(until stopped: borrowing Atomic<Bool>) {
        var slot = OctetBuffer(count: Self.slotOctets)
        var memory = slot.mutableOctets
        var nextExpiry = Moment.start
        while !stopped.load(ordering: .relaxed) {
            var now = MonotonicClock.now()
            var worked = 0
            while worked < Self.batch {
                let count = read(into: &memory)
                if count == -Int(EINVAL) {
                    // A packet that the kernel could not put into the words of its own header; it has dropped it.
                    pulse.countUnreadable()
                    worked += 1
                    continue
                }
                if count <= 0 {
                    guard count == -Int(EAGAIN) || count == -Int(EINTR) else {
                        pulse.lose(code: Int32(-count))
                        return
                    }
                    break
                }
                pass(&memory, count: count, at: now)
                worked += 1
                if worked & 15 == 0 { now = MonotonicClock.now() }
            }
            if now >= nextExpiry {
                translator.tick(at: now)
                sendExtras(&memory, at: now)
                nextExpiry = now + Self.expiryPause
            }
            pulse.beat()
            if worked == 0 { _ = DescriptorIO.waitReadable(queue, atMost: Self.nap) }
        }
    }

    @inline(__always)
    private func read(into memory: inout MutableRawSpan) -> Int {
        let offset = Self.start - VirtioHeader.length
        return unsafe memory.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return unsafe DescriptorIO.read(
                queue,
                into: base + offset,
                count: octets.count - PacketFrame.margin - offset
            )
        }
    }

    @inline(__always)
    private mutating func pass(_ memory: inout MutableRawSpan, count: Int, at now: Moment) {
        guard count >= VirtioHeader.length else { return pulse.countUnreadable() }
        guard let offload = VirtioHeader.decode(memory, at: Self.start - VirtioHeader.length) else {
            return pulse.countUnreadable()
        }
        var frame = PacketFrame(start: Self.start, count: count - VirtioHeader.length, offload: offload)
        switch translator.translate(&memory, &frame, at: now) {
        case .send, .answer, .handBack: Self.write(frame, &memory, to: queue, pulse)
        case .kept, .drop: break
        }
        sendExtras(&memory, at: now)
    }

    /// Sends what the translator made besides the packet at hand: fragments, what waited, probes.
    private mutating func sendExtras(_ memory: inout MutableRawSpan, at now: Moment) {
        var frame = PacketFrame(start: Self.start, count: 0)
        while translator.nextExtra(into: &memory, &frame, at: now) {
            Self.write(frame, &memory, to: queue, pulse)
        }
    }

    @inline(__always)
    private static func write(
        _ frame: PacketFrame,
        _ memory: inout MutableRawSpan,
        to queue: Int32,
        _ pulse: WorkerPulse
    ) {
        let offset = frame.start - VirtioHeader.length
        VirtioHeader.encode(frame.offload, into: &memory, at: offset)
        let length = frame.count + VirtioHeader.length
        precondition(offset >= 0 && offset + length <= memory.byteCount)
        let written = unsafe memory.withUnsafeMutableBytes { octets in
            guard let base = octets.baseAddress else { return 0 }
            return unsafe DescriptorIO.write(queue, from: base + offset, count: length)
        }
        if written < 0 { pulse.countUnwritten(code: Int32(-written)) }
    }
}
