internal import CUnbound
internal import DNSWire
private import Glibc
internal import Linux
internal import PacketMemory

/// The recursor at work: one thread, which takes questions from its doors and sends back what libunbound finds.
@safe
final class RecursorLoop {
    /// The most questions under way.
    static let mostPending = 2048
    /// The part of the memory that answers may take which wait for room in the sockets.
    private static let partForWaiting = 16
    /// Messages taken from one door before the others get their turn.
    private static let burst = 64

    private static let untilRemoved = Int16(CUNBOUND_READ.rawValue | CUNBOUND_PERSIST.rawValue)

    private static let whenRoom = Int16(CUNBOUND_WRITE.rawValue | CUNBOUND_PERSIST.rawValue)

    private let base: OpaquePointer
    private var usual: UnboundContext?
    /// For those who check for themselves (CD=1): RFC 4035 section 3.2.2.
    private var unchecked: UnboundContext?
    private var doors: [Door] = []
    private var memory = OctetBuffer(count: RecursionFrame.most)
    private let mostPending: Int
    private let hasLandlock: Bool
    private var pending = 0
    private var refused: UInt64 = 0
    private var openDoors: Int

    /// Sets everything up and asks nothing yet.
    ///
    /// - Parameters:
    ///   - doors: The descriptors of the doors.
    ///   - mostPending: The most questions under way; whoever asks more hears at once that it is too much.
    ///   - hasLandlock: What a pulse says of it.
    init(
        _ settings: RecursionSettings,
        doors: Range<Int32>,
        mostPending: Int = RecursorLoop.mostPending,
        hasLandlock: Bool
    ) throws(RecursorFailure) {
        self.mostPending = mostPending
        self.hasLandlock = hasLandlock
        guard let base = unsafe event_base_new() else { throw RecursorFailure(reason: "no event loop") }
        unsafe self.base = base
        do throws(UnboundError) {
            usual = try unsafe UnboundContext(settings, validates: settings.validates, loop: base)
            unchecked =
                settings.validates ? try unsafe UnboundContext(settings, validates: false, loop: base) : usual
        } catch {
            throw RecursorFailure(reason: error.description)
        }
        openDoors = doors.count
        let most = settings.memory / Self.partForWaiting / max(1, doors.count)
        do throws(SystemError) {
            for number in doors {
                let outbox = Outbox(try MessageSocket(adopting: number), mostOctets: most)
                self.doors.append(Door(self.doors.count, outbox, of: self))
            }
        } catch {
            throw RecursorFailure(reason: error.description)
        }
    }

    deinit {
        for door in doors {
            if let event = unsafe door.questions { unsafe event_free(event) }
            if let event = unsafe door.room { unsafe event_free(event) }
        }
        unsafe event_base_free(base)
    }

    /// Works until every door is closed from outside. Questions that are under way then are given up.
    func run() throws(RecursorFailure) {
        for door in doors {
            // The door lives as long as the events, which end with this.
            let caller = unsafe Unmanaged.passUnretained(door).toOpaque()
            let number = door.outbox.socket.number
            unsafe door.questions = event_new(base, number, Self.untilRemoved, Self.rang, caller)
            unsafe door.room = event_new(base, number, Self.whenRoom, Self.hasRoom, caller)
            guard let event = unsafe door.questions, unsafe door.room != nil, unsafe event_add(event, nil) == 0 else {
                throw RecursorFailure(reason: "cannot watch a door")
            }
        }
        unsafe _ = event_base_dispatch(base)
        // libunbound answers what it gives up, which needs somebody to take it.
        (usual, unchecked) = (nil, nil)
    }

    // MARK: Doors

    private static let rang: cunbound_event_callback = { _, _, caller in
        guard let caller = unsafe caller else { return }
        let door = unsafe Unmanaged<Door>.fromOpaque(caller).takeUnretainedValue()
        door.recursor.hear(door)
    }

    private static let hasRoom: cunbound_event_callback = { _, _, caller in
        guard let caller = unsafe caller else { return }
        let door = unsafe Unmanaged<Door>.fromOpaque(caller).takeUnretainedValue()
        door.recursor.flush(door)
    }

    private func hear(_ door: Door) {
        for _ in 0..<Self.burst {
            guard door.outbox.isEmpty else { return }
            var octets = memory.mutableOctets
            switch door.outbox.socket.receive(into: &octets) {
            case .message(let count): take(count, from: door)
            case .nothing: return
            case .ended:
                unsafe _ = event_del(door.questions)
                openDoors -= 1
                if openDoors == 0 { unsafe _ = event_base_loopbreak(base) }
                return
            }
        }
    }

    private func flush(_ door: Door) {
        door.outbox.flush()
        guard door.outbox.isEmpty else { return }
        unsafe _ = event_del(door.room)
        unsafe _ = event_add(door.questions, nil)
    }

    private func send(_ reply: [UInt8], to frame: [UInt8], through door: Door) {
        let hadRoom = door.outbox.isEmpty
        if !door.outbox.send(reply, orElse: PendingQuestion.refusal(of: frame)) { refused += 1 }
        guard hadRoom, !door.outbox.isEmpty else { return }
        unsafe _ = event_del(door.questions)
        unsafe _ = event_add(door.room, nil)
    }

    // MARK: Questions

    private func take(_ count: Int, from door: Door) {
        if count == RecursionFrame.start { return showLife(at: door) }
        guard count > RecursionFrame.start else { return }
        do throws(WireProblem) {
            let frame = unsafe memory.withUnsafePointer {
                unsafe Array(UnsafeRawBufferPointer(start: $0, count: count))
            }
            guard let (question, flags, frame) = try Self.read(frame) else { return }
            guard pending < mostPending else {
                refused += 1
                return send(PendingQuestion.refusal(of: frame), to: frame, through: door)
            }
            ask(question, PendingQuestion(frame: frame, door: door.number, recursor: self), flags)
        } catch {
            // Not a question; the resolver never sends such a thing.
        }
    }

    private func showLife(at door: Door) {
        let pulse = RecursorPulse(refused: refused, hasLandlock: hasLandlock).octets
        send(pulse, to: pulse, through: door)
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
            try unsafe context?.resolve(
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

    private static let answered: UnboundContext.Answer = { data, _, packet, count, security, why, _ in
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
        send(reply, to: asked.frame, through: doors[asked.door])
    }
}

/// Why the recursor cannot work.
struct RecursorFailure: Error {
    var reason: String
}

extension Name {
    /// The name as zone files write it, every octet that is not a letter, a digit or a hyphen as a number
    /// (RFC 1035 section 5.1), with a zero at the end. A char has no sign on some architectures.
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
        return text.map { CChar(truncatingIfNeeded: $0) } + [0]
    }
}
