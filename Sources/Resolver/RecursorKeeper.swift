internal import Linux
internal import Recursion
internal import Timing

/// Sees to it that there is a recursor while one is wanted: starts it, and starts it again when it has ended, at once
/// the first time and after growing pauses if it does not last.
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
        case cannotStart(SystemError)
    }

    private static let shortestPause = Moment.Span.seconds(1)
    private static let longestPause = Moment.Span.seconds(30)
    /// How long a recursor must have worked for its end to count as the first.
    private static let soundLife = Moment.Span.seconds(60)

    /// What a recursor is to do; nothing while none is wanted.
    private(set) var settings: RecursionSettings?
    /// How many recursors have ended by themselves.
    private(set) var ends: UInt64 = 0
    private var process: Process?
    private var started = Moment.start
    private var pause = Moment.Span.zero
    private var notBefore = Moment.start

    /// The number of the process that is at work.
    var number: Int32? { process?.recursor.process }

    /// Wants a recursor with these settings, or none. One with others is ended.
    mutating func want(_ wanted: RecursionSettings?, _ ports: [WorkerPort]) {
        guard wanted != settings else { return }
        settings = wanted
        (pause, notBefore) = (.zero, .start)
        guard process != nil else { return }
        process = nil
        for port in ports { port.mailbox.post(.recursor(nil)) }
    }

    /// Looks whether the recursor has ended, and whether it is time for another.
    mutating func look(_ ports: [WorkerPort], at now: Moment) -> [Event] {
        var events: [Event] = []
        if let process, process.recursor.hasEnded() {
            self.process = nil
            ends += 1
            if now - started >= Self.soundLife { pause = .zero }
            postpone(at: now)
            events.append(.ended)
        }
        guard let settings, process == nil, notBefore <= now else { return events }
        do throws(SystemError) {
            let number = try start(settings, ports)
            started = now
            events.append(.started(process: number))
        } catch {
            postpone(at: now)
            events.append(.cannotStart(error))
        }
        return events
    }

    private mutating func postpone(at now: Moment) {
        notBefore = now + pause
        let doubled = Moment.Span(nanoseconds: pause.nanoseconds * 2)
        pause = min(max(doubled, Self.shortestPause), Self.longestPause)
    }

    private mutating func start(_ settings: RecursionSettings, _ ports: [WorkerPort]) throws(SystemError) -> Int32 {
        var ours: [RecursorDoor] = []
        var theirs: [RecursorDoor] = []
        for _ in ports {
            let (near, far) = try Self.pair()
            ours.append(near)
            theirs.append(far)
        }
        let process = Process(try Recursor(settings, doors: theirs.map { $0.socket.number }))
        self.process = process
        for (port, door) in zip(ports, ours) { port.mailbox.post(.recursor(door)) }
        return process.recursor.process
    }

    private static func pair() throws(SystemError) -> (RecursorDoor, RecursorDoor) {
        let pair = try MessageSocket.pair()
        return pair.split { (RecursorDoor(socket: $0), RecursorDoor(socket: $1)) }
    }
}
