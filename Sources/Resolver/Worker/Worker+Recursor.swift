internal import DNS64
private import Glibc
internal import Linux
internal import PacketMemory
internal import Recursion

/// A worker's end of the socket to the recursor.
final class RecursorDoor: Sendable {
    let socket: MessageSocket

    init(socket: consuming MessageSocket) { self.socket = socket }
}

/// Questions to the recursor: each is preceded by the name of its exchange, which comes back with the reply.
extension Worker {
    /// Goes through another door. What went through the old one is not answered any more.
    mutating func adopt(_ door: RecursorDoor?) {
        closeRecursor()
        guard let door else { return }
        do throws(SystemError) {
            try port.poll.add(door.socket.number, for: .readable, token: Token.recursor)
            recursor = door
        } catch {
            // As if it had ended; there will be another.
        }
    }

    /// Puts the question at the front of the message buffer to the recursor.
    mutating func askRecursor(_ exchange: ExchangeID, _ count: Int) throws(SystemError) {
        // While there is none it is as a connection that was reset.
        guard let recursor else { throw SystemError(call: "ask the recursor", code: EPIPE) }
        var frame = OctetBuffer(count: RecursionFrame.start + count)
        var octets = frame.mutableOctets
        octets.store(exchange.number, at: 0)
        octets.copy(message.octets, from: 0, to: RecursionFrame.start, count: count)
        guard try recursor.socket.send(frame.octets) else {
            throw SystemError(call: "ask the recursor", code: EAGAIN)
        }
        exchanges.insert(exchange, .recursor)
    }

    /// Takes what the recursor has found, and some more of it the next time.
    mutating func hearRecursor() {
        for _ in 0..<64 {
            guard let recursor else { return }
            var octets = arrival.mutableOctets
            switch recursor.socket.receive(into: &octets) {
            case .nothing: return
            case .ended: return closeRecursor()
            case .message(let count):
                guard count > RecursionFrame.start else { continue }
                let exchange = ExchangeID(arrival.octets.uint64(at: 0))
                guard case .recursor = exchanges[exchange] else { continue }
                let outcome = engine.take(RecursionFrame.start..<count, of: arrival, for: exchange, at: now)
                if case .taken = outcome { exchanges.remove(exchange) }
            }
        }
    }

    private mutating func closeRecursor() {
        guard let gone = recursor else { return }
        recursor = nil
        do throws(SystemError) {
            try port.poll.remove(gone.socket.number)
        } catch {
            // Closing it does the same.
        }
        for exchange in exchanges.atRecursor {
            exchanges.remove(exchange)
            engine.failed(exchange, .closed, at: now)
        }
    }
}
