public import Linux
public import NAT64
private import Synchronization
public import Timing

/// The NAT64 engine at work: a thread for each queue of the TUN.
public final class Dataplane: Sendable {
    private let device: TunDevice
    private let pulses: [WorkerPulse]
    private let threads = Mutex<[PlainThread]>([])
    private let stopped = Atomic<Bool>(false)
    private let translator: Translator
    private let poll: PollBeforeSleep
    private let keepCPUsAwake: KeepCPUsAwake
    private let load: Workload
    private let memory: MemoryThread
    /// Why the kernel did not take the steering program; nil if it did, or there is one queue.
    public let steeringProblem: SystemError?
    /// Whether a program chooses the queue of each packet.
    public var isSteered: Bool { workerCount > 1 && steeringProblem == nil }

    /// Takes a device over and gets ready to translate on it.
    ///
    /// - Parameters:
    ///   - steering: The program for the translator's secret; without one it is loaded now.
    ///   - poll: How long workers look for packets before they sleep.
    ///   - keepCPUsAwake: Whether CPUs are kept from sleeping while polls go on finding packets.
    ///   - onRecords: Called from a worker's thread when a client network has taken a block of ports, so that it is put on
    ///     record before much is sent by it.
    ///   - onLoss: Called from a worker's thread when its queue has gone, with the device or for another reason.
    /// - Throws: If the kernel has no descriptor left.
    public init(
        device: consuming TunDevice,
        translator: Translator,
        steering: Steering? = nil,
        poll: PollBeforeSleep = .automatic,
        keepCPUsAwake: KeepCPUsAwake = .automatic,
        onRecords: @escaping @Sendable () -> Void = {},
        onLoss: @escaping @Sendable () -> Void
    ) throws(SystemError) {
        let memory = try MemoryThread(translator)
        self.memory = memory
        self.poll = poll
        self.keepCPUsAwake = keepCPUsAwake
        let steering = steering ?? Steering(secret: translator.secret)
        steeringProblem = device.queueCount > 1 ? steering.attach(to: device) : nil
        load = Workload(workers: device.queueCount, cpus: PlainThread.allowedCPUs)
        pulses = (0..<device.queueCount).map { _ in
            WorkerPulse(onRecords: onRecords, onMemory: { memory.wake() }, onLoss: onLoss)
        }
        self.device = device
        self.translator = translator
    }

    /// Starts the threads, or none. They inherit the caller's network namespace and give up every privilege.
    public func start() throws(SystemError) {
        do throws(SystemError) {
            try memory.start()
            try startWorkers()
        } catch {
            stop()
            throw error
        }
    }

    private func startWorkers() throws(SystemError) {
        for index in pulses.indices {
            let thread = try PlainThread(name: "nat64-\(index)") { [self] in
                let wakefulness = Wakefulness(makeRequest())
                Capabilities.dropAll()
                var worker = Worker(
                    queue: device.descriptor(ofQueue: index),
                    translator: translator.makeWorker(),
                    place: Worker.Place(index: index, count: pulses.count),
                    poll: poll,
                    wakefulness: wakefulness,
                    pulse: pulses[index],
                    load: load
                )
                worker.run(until: stopped)
            }
            threads.withLock { $0.append(thread) }
        }
    }

    /// The most CPUs of a machine that are kept awake without being told to: each of them takes power.
    private static let fewCPUs = 4

    /// What keeps the CPUs awake, if it is wanted on a machine like this and allowed.
    private func makeRequest() -> WakefulCPUs? {
        let isWanted =
            switch keepCPUsAwake {
            case .automatic: PlainThread.onlineCPUs <= Self.fewCPUs
            case .always: true
            case .never: false
            }
        return isWanted ? try? WakefulCPUs() : nil
    }

    /// Stops the threads and waits for them; the device goes with the last reference to this object.
    public func stop() {
        stopped.store(true, ordering: .relaxed)
        let running = threads.withLock { threads in
            defer { threads = [] }
            return threads
        }
        for thread in running { thread.join() }
        memory.stop()
    }

    /// The device's name.
    public var deviceName: String { device.name }
    /// What the kernel leaves to us and we to the kernel.
    public var offloads: TunDevice.Offloads { device.offloads }
    /// How many queues, and threads, there are.
    public var workerCount: Int { pulses.count }
    /// A number for each worker that grows while the worker lives.
    public var heartbeats: [UInt64] { pulses.map(\.heartbeat) }
    /// The error number with which a queue was lost; nil while all are there.
    public var loss: Int32? { pulses.lazy.map(\.loss).first { $0 != 0 } }
    /// Packets that the kernel handed over but nobody can read.
    public var unreadable: UInt64 { pulses.reduce(0) { $0 + $1.unreadableCount } }
    /// Packets that the kernel did not take back.
    public var unwritten: UInt64 { pulses.reduce(0) { $0 + $1.unwrittenCount } }
    /// TCP segments that came one by one and left together in a super-packet.
    public var mergedSegments: UInt64 { pulses.reduce(0) { $0 &+ $1.mergedCount } }
    /// Milliseconds for which CPUs were kept awake, of each worker's asking.
    public var awakeMilliseconds: UInt64 { pulses.reduce(0) { $0 &+ $1.awakeTime } / 1_000_000 }
    /// For each worker the packets it got that are of its own shards, and others; nil with one worker.
    public var steering: [(hits: UInt64, misses: UInt64)]? {
        workerCount > 1 ? pulses.map(\.steeringCounts) : nil
    }
    /// The worker to which the kernel leads a shard's packets: the rest of a division.
    public func worker(ofShard shard: Int) -> Int { shard % max(workerCount, 1) }
    /// The kernel's reason for the last packet it did not take.
    public var lastWriteError: SystemError? {
        pulses.lazy.map(\.lastWriteErrorCode).first { $0 != 0 }.map {
            SystemError(call: "write \(deviceName)", code: $0)
        }
    }
}
