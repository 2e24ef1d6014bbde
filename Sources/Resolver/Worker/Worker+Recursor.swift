internal import DNS64
private import Glibc
internal import Linux
internal import NIOCore
internal import PacketMemory
internal import Recursion

/// A worker's end of the socket to the recursor.
final class RecursorDoor: Sendable {
    let socket: MessageSocket
    private let watch: WatchBell

    init(socket: consuming MessageSocket, watch: WatchBell) {
        self.socket = socket
        self.watch = watch
    }

    /// Says that the other end is closed, so that another recursor is started at once.
    func tellEnd() { watch.ring() }
}

/// A question as it goes to the recursor, kept until it is answered: should the recursor end meanwhile, it is put to the
/// next, once. What ends every recursor it is put to is not put to a third.
final class RecursorQuestion {
    private let frame: ByteBuffer
    private var wasRepeated = false

    init(_ frame: ByteBuffer) { self.frame = frame }

    /// - Returns: Whether there was room for it.
    func put(to door: RecursorDoor) throws(SystemError) -> Bool {
        let frame = frame
        return try door.socket.send(frame.readableBytesSpan)
    }

    /// Puts it to the next recursor.
    ///
    /// - Returns: Whether that is worth while.
    func repeated(to door: RecursorDoor) -> Bool {
        guard !wasRepeated else { return false }
        wasRepeated = true
        do throws(SystemError) {
            return try put(to: door)
        } catch {
            // Ended already.
            return false
        }
    }
}

/// Questions to the recursor: each is preceded by the name of its exchange, which comes back with the reply.
extension Worker {
    /// Goes through another door, with the questions that the recursor before has not answered. Without a door, nobody
    /// will answer them soon.
    mutating func adopt(_ door: RecursorDoor?) {
        hearRecursor()
        leaveRecursor()
        awaitsRecursor = false
        guard let door else { return failQuestionsToRecursor() }
        do throws(SystemError) {
            try port.poll.add(door.socket.number, for: .readable, token: Token.recursor)
            recursor = door
        } catch {
            // As if it had ended; there will be another.
            return failQuestionsToRecursor()
        }
        repeatQuestions(to: door)
    }

    private mutating func repeatQuestions(to door: RecursorDoor) {
        for exchange in exchanges.atRecursor {
            guard case .recursor(let question) = exchanges[exchange] else { continue }
            if !question.repeated(to: door) { fail(atRecursor: exchange) }
        }
    }

    /// Puts the question at the front of the message buffer to the recursor.
    mutating func askRecursor(_ exchange: ExchangeID, _ count: Int) throws(SystemError) {
        // While there is none, and none to come soon, it is as a connection that was reset.
        guard recursor != nil || awaitsRecursor else { throw SystemError(call: "ask the recursor", code: EPIPE) }
        var frame = ByteBuffer()
        frame.reserveCapacity(RecursionFrame.start + count)
        frame.writeInteger(exchange.number)
        frame.writeBytes(message.octets.extracting(0..<count))
        let question = RecursorQuestion(frame)
        if let recursor {
            do throws(SystemError) {
                guard try question.put(to: recursor) else {
                    throw SystemError(call: "ask the recursor", code: EAGAIN)
                }
            } catch {
                // It has just ended; then the next is asked.
                guard error.code == EPIPE || error.code == ECONNRESET else { throw error }
            }
        }
        exchanges.insert(exchange, .recursor(question))
    }

    /// Takes what the recursor has found, and some more of it the next time.
    mutating func hearRecursor() {
        for _ in 0..<64 {
            guard let recursor else { return }
            var octets = arrival.mutableOctets
            switch recursor.socket.receive(into: &octets) {
            case .nothing: return
            case .ended:
                leaveRecursor()
                awaitsRecursor = true
                return recursor.tellEnd()
            case .message(let count):
                guard count > RecursionFrame.start else { continue }
                let exchange = ExchangeID(arrival.octets.uint64(at: 0))
                guard case .recursor = exchanges[exchange] else { continue }
                let outcome = engine.take(RecursionFrame.start..<count, of: arrival, for: exchange, at: now)
                if case .taken = outcome { exchanges.remove(exchange) }
            }
        }
    }

    private mutating func leaveRecursor() {
        guard let gone = recursor else { return }
        recursor = nil
        do throws(SystemError) {
            try port.poll.remove(gone.socket.number)
        } catch {
            // Closing it does the same.
        }
    }

    private mutating func failQuestionsToRecursor() {
        for exchange in exchanges.atRecursor { fail(atRecursor: exchange) }
    }

    private mutating func fail(atRecursor exchange: ExchangeID) {
        exchanges.remove(exchange)
        engine.failed(exchange, .closed, at: now)
    }
}
