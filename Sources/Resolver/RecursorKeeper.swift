internal import Linux
internal import PacketMemory
internal import Recursion
internal import Timing

/// Sees to it that there is a recursor while one is wanted: starts it, and starts it again when it has ended or does not
/// answer, at once the first time and after growing pauses if it does not last.
struct RecursorKeeper {
    /// A recursor that was started, and ends with its last owner.
    private final class Process: Sendable {
        let recursor: Recursor
        init(_ recursor: consuming Recursor) { self.recursor = recursor }
    }

    /// What the keeper saw or did.
    enum Event {
        case started(process: Int32)
        case ended
        case hung
        case cannotStart(SystemError)
        /// The one that was started says that this kernel has no Landlock.
        case withoutLandlock
    }

    private static let shortestPause = Moment.Span.seconds(1)
    private static let longestPause = Moment.Span.seconds(30)
    /// How long a recursor must have worked for its end to count as the first.
    private static let soundLife = Moment.Span.seconds(60)
    /// How long a pulse may be unanswered. A recursor answers between two messages, however long names take it.
    private static let patience = Moment.Span.seconds(2)
    /// How long the first one may be, while the recursor reads its files.
    private static let patienceAtStart = Moment.Span.seconds(10)
    /// For how long clients are let wait for the next recursor; shorter than their patience with us.
    private static let worthWaiting = Moment.Span.milliseconds(1500)
    /// Over how long ``endsOfLate(at:)`` looks.
    private static let late = Moment.Span.seconds(600)
    /// So many ends are remembered.
    private static let endsRemembered = 64

    /// What a recursor is to do; nothing while none is wanted.
    private(set) var settings: RecursionSettings?
    /// How many recursors have ended by themselves or were ended because they did not answer.
    private(set) var ends: UInt64 = 0
    /// How many were ended because they did not answer.
    private(set) var hangs: UInt64 = 0
    /// Whether Landlock keeps recursors from files, as the first has said; nothing before.
    private(set) var hasLandlock: Bool?
    private let watch: WatchBell
    private var lastEnds: [Moment] = []
    /// What those that are gone have refused, and what the one at work has.
    private var refusedBefore: UInt64 = 0
    private var refusedNow: UInt64 = 0
    private var process: Process?
    /// The keeper's own way to the recursor.
    private var pulse: RecursorDoor?
    /// When the pulse was sent that was not answered yet.
    private var askedForLife: Moment?
    /// Whether any was answered.
    private var hasShownLife = false
    private var started = Moment.start
    private var pause = Moment.Span.zero
    private var notBefore = Moment.start
    private var workersAwaitAnother = true

    /// - Parameter watch: Rung when a worker sees that the recursor is gone.
    init(watch: WatchBell) { self.watch = watch }

    /// The number of the process that is at work.
    var number: Int32? { process?.recursor.process }

    /// How many questions recursors have refused, because they had as many under way as they may.
    var refused: UInt64 { refusedBefore + refusedNow }

    /// How many recursors have ended within the last ten minutes.
    func endsOfLate(at now: Moment) -> UInt64 { UInt64(lastEnds.count { now - $0 < Self.late }) }

    /// Wants a recursor with these settings, or none. One with others is ended; questions that it has are put to the
    /// next.
    mutating func want(_ wanted: RecursionSettings?, _ ports: [WorkerPort]) {
        guard wanted != settings else { return }
        settings = wanted
        (pause, notBefore) = (.zero, .start)
        letGo()
        if wanted == nil { for port in ports { port.mailbox.post(.recursor(nil)) } }
    }

    /// Looks whether the recursor has ended or does not answer, and whether it is time for another.
    mutating func look(_ ports: [WorkerPort], at now: Moment) -> [Event] {
        var events: [Event] = []
        if let end = end(at: now, &events) {
            letGo()
            ends += 1
            lastEnds.append(now)
            if lastEnds.count > Self.endsRemembered { lastEnds.removeFirst() }
            if now - started >= Self.soundLife { pause = .zero }
            postpone(at: now)
            events.append(end)
        }
        guard let settings else { return events }
        if process == nil, notBefore <= now {
            do throws(SystemError) {
                let number = try start(settings, ports)
                started = now
                workersAwaitAnother = true
                events.append(.started(process: number))
            } catch {
                letGo()
                postpone(at: now)
                events.append(.cannotStart(error))
            }
        }
        if process == nil, workersAwaitAnother, notBefore - now > Self.worthWaiting {
            workersAwaitAnother = false
            for port in ports { port.mailbox.post(.recursor(nil)) }
        }
        askForLife(at: now)
        return events
    }

    // MARK: Life

    /// Whether the recursor has ended, or must be ended.
    private mutating func end(at now: Moment, _ events: inout [Event]) -> Event? {
        guard let process else { return nil }
        if hasClosed(&events) || process.recursor.hasEnded() { return .ended }
        let patience = hasShownLife ? Self.patience : Self.patienceAtStart
        guard let asked = askedForLife, now - asked >= patience else { return nil }
        hangs += 1
        return .hung
    }

    /// Takes the pulses that came back. A recursor that ends closes its doors, the keeper's first, before the kernel
    /// says that it has ended.
    private mutating func hasClosed(_ events: inout [Event]) -> Bool {
        guard let pulse else { return false }
        var memory = OctetBuffer(count: RecursionFrame.start)
        while true {
            var octets = memory.mutableOctets
            switch pulse.socket.receive(into: &octets) {
            case .message(let count):
                askedForLife = nil
                // No other message comes through this door.
                if count >= RecursionFrame.start { take(RecursorPulse(memory.octets), &events) }
                hasShownLife = true
            case .nothing: return false
            case .ended: return true
            }
        }
    }

    private mutating func take(_ said: RecursorPulse, _ events: inout [Event]) {
        refusedNow = said.refused
        hasLandlock = said.hasLandlock
        if !hasShownLife, !said.hasLandlock { events.append(.withoutLandlock) }
    }

    private mutating func askForLife(at now: Moment) {
        guard let pulse, askedForLife == nil else { return }
        let memory = OctetBuffer(count: RecursionFrame.start)
        do throws(SystemError) {
            if try pulse.socket.send(memory.octets) { askedForLife = now }
        } catch {
            // It has ended, as the next look will find.
        }
    }

    /// Ends the recursor, if there is one.
    private mutating func letGo() {
        process = nil
        pulse = nil
        askedForLife = nil
        hasShownLife = false
        refusedBefore += refusedNow
        refusedNow = 0
    }

    private mutating func postpone(at now: Moment) {
        notBefore = now + pause
        let doubled = Moment.Span(nanoseconds: pause.nanoseconds * 2)
        pause = min(max(doubled, Self.shortestPause), Self.longestPause)
    }

    private mutating func start(_ settings: RecursionSettings, _ ports: [WorkerPort]) throws(SystemError) -> Int32 {
        var ours: [RecursorDoor] = []
        var theirs: [RecursorDoor] = []
        for _ in 0...ports.count {
            let (near, far) = try pair()
            ours.append(near)
            theirs.append(far)
        }
        let process = Process(try Recursor(settings, doors: theirs.map { $0.socket.number }))
        self.process = process
        // The first, so that it is the first to be closed.
        pulse = ours.removeFirst()
        for (port, door) in zip(ports, ours) { port.mailbox.post(.recursor(door)) }
        return process.recursor.process
    }

    private func pair() throws(SystemError) -> (RecursorDoor, RecursorDoor) {
        let pair = try MessageSocket.pair()
        return pair.split { (RecursorDoor(socket: $0, watch: watch), RecursorDoor(socket: $1, watch: watch)) }
    }
}
