internal import CUnbound
internal import DNSWire
private import Glibc
internal import Linux
internal import PacketMemory

/// The recursor at work: one thread, which takes questions from its doors and sends back what libunbound finds.
@safe
final class RecursorLoop {
    /// The most questions under way; whoever asks more is not answered, as by a server that is too busy.
    private static let mostPending = 2048
    /// Messages taken from one door before the others get their turn.
    private static let burst = 64

    private static let untilRemoved = Int16(CUNBOUND_READ.rawValue | CUNBOUND_PERSIST.rawValue)

    private let base: OpaquePointer
    private let usual: UnboundContext
    /// For those who check for themselves (CD=1): RFC 4035 section 3.2.2.
    private let unchecked: UnboundContext
    private var doors: [MessageSocketBox]
    private var events = unsafe [OpaquePointer]()
    private var memory = OctetBuffer(count: RecursionFrame.most)
    private var pending = 0
    private var openDoors: Int

    /// A door, kept where an array can hold it.
    private final class MessageSocketBox {
        let socket: MessageSocket
        init(_ socket: consuming MessageSocket) { self.socket = socket }
    }

    /// Sets everything up and asks nothing yet.
    ///
    /// - Parameter doors: The descriptors of the doors.
    init(_ settings: RecursionSettings, doors: Range<Int32>) throws(RecursorFailure) {
        guard let base = unsafe event_base_new() else { throw RecursorFailure(reason: "no event loop") }
        unsafe self.base = base
        do throws(UnboundError) {
            usual = try unsafe UnboundContext(settings, validates: settings.validates, loop: base)
            unchecked =
                settings.validates ? try unsafe UnboundContext(settings, validates: false, loop: base) : usual
        } catch {
            throw RecursorFailure(reason: error.description)
        }
        do throws(SystemError) {
            var boxes: [MessageSocketBox] = []
            for number in doors { boxes.append(MessageSocketBox(try MessageSocket(adopting: number))) }
            self.doors = boxes
        } catch {
            throw RecursorFailure(reason: error.description)
        }
        openDoors = self.doors.count
    }

    /// Works until every door is closed from outside.
    func run() throws(RecursorFailure) {
        for door in doors.indices {
            let caller = unsafe Unmanaged.passRetained(Doorbell(door: door, recursor: self)).toOpaque()
            let event = unsafe event_new(base, doors[door].socket.number, Self.untilRemoved, Self.rang, caller)
            guard let event = unsafe event, unsafe event_add(event, nil) == 0 else {
                throw RecursorFailure(reason: "cannot watch a door")
            }
            unsafe events.append(event)
        }
        unsafe _ = event_base_dispatch(base)
    }

    private final class Doorbell {
        let door: Int
        unowned let recursor: RecursorLoop
        init(door: Int, recursor: RecursorLoop) {
            self.door = door
            self.recursor = recursor
        }
    }

    private static let rang: cunbound_event_callback = { _, _, caller in
        guard let caller = unsafe caller else { return }
        let bell = unsafe Unmanaged<Doorbell>.fromOpaque(caller).takeUnretainedValue()
        bell.recursor.hear(bell.door)
    }

    // MARK: Questions

    private func hear(_ door: Int) {
        for _ in 0..<Self.burst {
            var octets = memory.mutableOctets
            switch doors[door].socket.receive(into: &octets) {
            case .message(let count): take(count, from: door)
            case .nothing: return
            case .ended:
                unsafe _ = event_del(events[door])
                openDoors -= 1
                if openDoors == 0 { unsafe _ = event_base_loopbreak(base) }
                return
            }
        }
    }

    private func take(_ count: Int, from door: Int) {
        // The resolver wants to know whether there is life.
        if count == RecursionFrame.start { return echo(door) }
        guard pending < Self.mostPending, count > RecursionFrame.start else { return }
        do throws(WireProblem) {
            let frame = unsafe memory.withUnsafePointer {
                unsafe Array(UnsafeRawBufferPointer(start: $0, count: count))
            }
            guard let (question, flags, frame) = try Self.read(frame) else { return }
            ask(question, PendingQuestion(frame: frame, door: door, recursor: self), flags)
        } catch {
            // Not a question; the resolver never sends such a thing.
        }
    }

    private func echo(_ door: Int) {
        do throws(SystemError) {
            let pulse = unsafe memory.withUnsafePointer {
                unsafe Array(UnsafeRawBufferPointer(start: $0, count: RecursionFrame.start))
            }
            _ = try unsafe doors[door].socket.send(pulse.span.bytes)
        } catch {
            // The door closes; hear(_:) will see it.
        }
    }

    /// Reads the one question of a frame; the octets are those of the frame with nothing but the question.
    private static func read(_ octets: [UInt8]) throws(WireProblem) -> (Question, MessageHeader.Flags, [UInt8])? {
        let message = unsafe octets.span.bytes.extracting(RecursionFrame.start..<octets.count)
        let header = try MessageHeader(message)
        guard header.questionCount == 1 else { return nil }
        let question = try Question(message)
        var frame = Array(octets[..<(RecursionFrame.start + question.end)])
        for place in 6..<12 { frame[RecursionFrame.start + place] = 0 }
        return (question, header.flags, frame)
    }

    private func ask(_ question: Question, _ asked: PendingQuestion, _ flags: MessageHeader.Flags) {
        pending += 1
        let data = unsafe Unmanaged.passRetained(asked).toOpaque()
        let context = flags.contains(.checkingDisabled) ? unchecked : usual
        do throws(UnboundError) {
            try unsafe context.resolve(
                question.name.presentation,
                type: question.type.rawValue,
                recordClass: question.recordClass.rawValue,
                data: data,
                Self.answered
            )
        } catch {
            unsafe Unmanaged<PendingQuestion>.fromOpaque(data).release()
            answer(asked, nil, .insecure)
        }
    }

    private static let answered:
        @convention(c) (
            UnsafeMutableRawPointer?, Int32, UnsafeMutableRawPointer?, Int32, Int32, UnsafeMutablePointer<CChar>?, Int32
        ) -> Void = { data, _, packet, count, security, why, _ in
            guard let data = unsafe data else { return }
            let asked = unsafe Unmanaged<PendingQuestion>.fromOpaque(data).takeRetainedValue()
            var answer: [UInt8]?
            if let packet = unsafe packet, count > 0, count <= 65_535 {
                answer = unsafe Array(UnsafeRawBufferPointer(start: packet, count: Int(count)))
            }
            let verdict: PendingQuestion.Security =
                switch security {
                case 2: .secure
                case 1: unsafe .bogus(why.map { unsafe String(cString: $0) } ?? "")
                default: .insecure
                }
            asked.recursor.answer(asked, answer, verdict)
        }

    private func answer(_ asked: PendingQuestion, _ answer: [UInt8]?, _ security: PendingQuestion.Security) {
        pending -= 1
        let reply = PendingQuestion.reply(to: asked.frame, answer, security)
        do throws(SystemError) {
            _ = try unsafe doors[asked.door].socket.send(reply.span.bytes)
        } catch {
            // The door closes; hear(_:) will see it.
        }
    }
}

/// Why the recursor cannot work.
struct RecursorFailure: Error {
    var reason: String
}

extension Name {
    /// The name as zone files write it, every octet that is not a letter, a digit or a hyphen as a number
    /// (RFC 1035 section 5.1), with a zero at the end.
    var presentation: [CChar] {
        var text: [UInt8] = []
        var offset = 0
        while octet(offset) != 0 {
            let end = offset + 1 + Int(octet(offset))
            for place in offset + 1..<end {
                let octet = octet(place)
                switch octet {
                case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x5F: text.append(octet)
                default: text += [0x5C, 0x30 + octet / 100, 0x30 + octet / 10 % 10, 0x30 + octet % 10]
                }
            }
            text.append(0x2E)
            offset = end
        }
        if text.isEmpty { text.append(0x2E) }
        return text.map { CChar(bitPattern: $0) } + [0]
    }
}
