internal import DNS64
private import Glibc
internal import Linux
internal import PacketMemory

/// Questions to upstreams by UDP, and their replies: a batch out, a batch in.
extension Worker {
    /// How many batches one socket may bring before the others get their turn: whoever guesses the port may send many
    /// wrong replies.
    private static var batchesAtOnce: Int { 4 }

    /// Puts the question at the front of the message buffer to those that leave next.
    ///
    /// - Parameter route: The number of the upstream's route.
    mutating func seal(_ exchange: ExchangeID, _ route: Int, _ count: Int) throws(SystemError) {
        guard count <= UDPQuestions.largest else { throw SystemError(call: "ask by UDP", code: EMSGSIZE) }
        if questions.isFull { post() }
        let identifier = message.octets.uint16(at: 0)
        let number = try choosePort(route, identifier)
        let line = exchanges.ports[number]
        if line !== questionsLine { post() }
        questionsLine = line
        questionsPort = number
        questions.add(count, of: message)
        questionsSealed.append(exchange)
        exchanges.insert(exchange, .udp(port: number))
        exchanges.ports.add(exchange, identifier, to: number)
        if let line { engine.sends(exchange, from: line.localPort) }
    }

    private mutating func choosePort(_ route: Int, _ identifier: UInt16) throws(SystemError) -> Int {
        let choice = random.next()
        if let known = exchanges.ports.choose(route, identifier, after: questionsPort, choice) { return known }
        if exchanges.ports.count >= exchanges.limit { exchanges.ports.closeIdle() }
        let number = try exchanges.ports.open(route, routes[route], at: now)
        guard let opened = exchanges.ports[number] else { return number }
        do throws(SystemError) {
            let token = Token.upstreamPort(number, opened.generation)
            try port.poll.add(opened.socket.number, for: .readable, token: token)
        } catch {
            exchanges.ports.retire(number)
            throw error
        }
        return number
    }

    /// Sends the questions that are sealed.
    mutating func post() {
        defer {
            questions.clear()
            questionsLine = nil
            questionsSealed.removeAll(keepingCapacity: true)
        }
        var place = 0
        while place < questions.count {
            // Once it is closed its questions are over, and its number may be that of a socket to another upstream.
            guard let line = questionsLine, line === exchanges.ports[questionsPort] else { return }
            do throws(SystemError) {
                place += try questions.post(from: place, on: line.socket)
            } catch {
                guard case .local = ExchangeFailure(error) else { return fail(port: questionsPort, error) }
                for exchange in questionsSealed[place...] where exchanges[exchange] != nil { fail(exchange, error) }
                return
            }
        }
    }

    /// Takes the replies that wait on a socket.
    mutating func hearUpstreamPort(_ number: Int, _ generation: UInt32) {
        for _ in 0..<Self.batchesAtOnce {
            guard let line = exchanges.ports[number], line.generation == generation else { return }
            do throws(SystemError) {
                try inbox.fill(from: line.socket)
            } catch {
                return fail(port: number, error)
            }
            inbox.markCutMessages()
            for index in 0..<inbox.count { takeReply(index, line) }
            guard inbox.count == UDPInbox.capacity else { return }
        }
    }

    private mutating func takeReply(_ index: Int, _ line: UpstreamPort) {
        guard let identifier = inbox.identifier(index), let exchange = exchange(identifier, line) else { return }
        let outcome = engine.take(index, of: inbox, for: exchange, at: now)
        if case .taken = outcome { exchanges.remove(exchange) }
    }

    /// The question of a reply. One that belongs to none is held against another question of the socket: the engine
    /// says what is wrong, and counts it.
    private mutating func exchange(_ identifier: UInt16, _ line: UpstreamPort) -> ExchangeID? {
        if let known = line.exchange(identifier) { return known }
        let asked = line.exchanges
        for exchange in asked where exchanges[exchange] != nil { return exchange }
        return asked.last
    }

    /// What the network says of one question is true of all that wait at the same socket.
    private mutating func fail(port number: Int, _ error: SystemError) {
        guard let line = exchanges.ports[number] else { return }
        exchanges.ports.retire(number)
        for exchange in line.exchanges where exchanges[exchange] != nil { fail(exchange, error) }
    }
}
