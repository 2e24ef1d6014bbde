internal import DNS64
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import PacketMemory
internal import Timing

extension Worker {
    /// How many batches one socket may bring before the others get their turn.
    private static var batchesAtOnce: Int { 4 }
    /// After a batch of more a worker sleeps at once rather than to poll: the next one gathers meanwhile.
    private static var thinBatch: Int { 4 }

    /// Takes the questions that wait on a listening socket, a batch at a time; what can be answered at once leaves
    /// with the batch. Nothing is allocated for those.
    mutating func hear(_ number: Int) {
        guard let listener = listeners[number] else { return }
        for _ in 0..<Self.batchesAtOnce {
            do throws(SystemError) {
                try inbox.fill(from: listener.socket)
            } catch {
                return
            }
            port.counters.datagramsReceived.count(inbox.count)
            polling.came(isThin: inbox.count <= Self.thinBatch)
            aim(at: number)
            for index in 0..<inbox.count { answerDatagram(index, from: number) }
            guard inbox.count == UDPInbox.capacity else { break }
        }
        flush()
    }

    /// For each datagram: nothing is allocated for one that is answered at once, and no reference counted.
    @inline(never)
    private mutating func answerDatagram(_ index: Int, from listener: Int) {
        if outbox.isFull { flush() }
        if logsOneIn != 0, isChosenForLog() { return answerAndLog(index, from: listener) }
        let ends = inbox.ends(index)
        let client = Client(address: ends.peer.address, transport: .udp, port: ends.peer.port.number)
        let outcome = engine.answer(
            index,
            of: inbox,
            from: client,
            waiter: waiters.next,
            policy: policy,
            at: now,
            into: &outbox
        )
        settle(outcome, index, ends, from: listener)
    }

    /// Does what an answer to a datagram asks for.
    @inline(__always)
    mutating func settle(
        _ outcome: QueryOutcome,
        _ index: Int,
        _ ends: UDPEnds,
        from listener: Int,
        isLogged: Bool = false
    ) {
        switch outcome {
        case .reply(let count): outbox.seal(count, to: ends)
        case .silence: break
        case .waiting: keep(index, ends, from: listener, isLogged: isLogged)
        }
    }

    /// Keeps the client of a datagram until its answer is known.
    @inline(never)
    private mutating func keep(_ index: Int, _ ends: UDPEnds, from listener: Int, isLogged: Bool) {
        var question = waiters.memory()
        question.writeBytes(inbox.datagram(index))
        let way = Waiter.Way.udp(listener: listener, ends: ends)
        waiters.keep(Waiter(way: way, question: question, since: now, isLogged: isLogged))
    }

    /// Answers a question that came by a connection.
    mutating func answer(_ question: TCPQuestion) {
        let way = Waiter.Way.tcp(
            question.connection,
            client: question.client,
            port: question.port,
            question.transport
        )
        ask(Waiter(way: way, question: question.message, since: now, isLogged: isChosenForLog()))
    }

    /// Asks the question of a client, or asks it again after the engine was replaced.
    mutating func ask(_ waiter: Waiter) {
        let client =
            switch waiter.way {
            case .tcp(_, let address, _, let transport): Client(address: address, transport: transport)
            case .udp(_, let ends):
                Client(address: ends.peer.address, transport: .udp, port: ends.peer.port.number)
            }
        engine.takesShortWay = !waiter.isLogged
        let outcome = engine.answer(
            waiter.question,
            from: client,
            waiter: waiters.next,
            policy: policy,
            at: now,
            into: &message
        )
        engine.takesShortWay = true
        switch outcome {
        case .reply(let count):
            if waiter.isLogged { log(count, to: waiter) }
            send(count, to: waiter.way)
        case .silence(let reason):
            if waiter.isLogged { log(reason, waiter) }
            refuse(waiter.way)
        case .waiting: waiters.keep(waiter)
        }
    }

    /// Sends what lies at the front of the message buffer to a client.
    mutating func send(_ count: Int, to way: Waiter.Way) {
        switch way {
        case .tcp(let connection, _, _, _):
            var answer = ByteBuffer()
            answer.reserveCapacity(count + 2)
            answer.writeInteger(UInt16(truncatingIfNeeded: count))
            answer.writeBytes(message.octets.extracting(0..<count))
            connections.post(TCPAnswer(connection: connection, octets: answer))
        case .udp(let listener, let ends):
            guard count <= UDPOutbox.largest else {
                port.counters.repliesLost.count()
                return
            }
            aim(at: listener)
            if outbox.isFull { flush() }
            outbox.seal(count, copiedFrom: message, to: ends)
        }
    }

    /// Lets go of a client that gets no answer.
    mutating func refuse(_ way: Waiter.Way) {
        guard case .tcp(let connection, _, _, _) = way else { return }
        connections.post(TCPAnswer(connection: connection, octets: nil))
    }

    /// Makes the outbox leave through this socket.
    private mutating func aim(at listener: Int) {
        guard outboxListener != listener else { return }
        flush()
        outboxListener = listener
    }

    /// Sends the outbox.
    @inline(never)
    mutating func flush() {
        guard outbox.count > 0 else { return }
        guard let listener = listeners[outboxListener] else {
            // The address is gone, and with it the way back.
            port.counters.repliesLost.count(outbox.count)
            outbox.forget()
            return
        }
        let lost = outbox.send(on: listener.socket)
        if lost > 0 { port.counters.repliesLost.count(lost) }
    }
}
