internal import DNS64
private import IPAddressing
internal import Linux
internal import Timing

/// A datagram socket from a random port to one upstream, and the questions that went through it.
///
/// Invariant: no two questions have the same identifier, `waiting` counts those that are under way.
final class UpstreamPort {
    /// How many questions go through one socket at most.
    static let mostQuestions = 128

    let socket: UDPSocket
    /// Where its questions come from; 0 if that is not known.
    let localPort: UInt16
    /// The number of the upstream's route.
    let route: Int
    let opened: Moment
    /// Tells the socket from earlier ones with its number.
    let generation: UInt32
    /// Those of the exchanges, one for one; apart from them because they are searched.
    private var identifiers: [UInt16] = []
    /// All questions that ever went through it.
    private(set) var exchanges: [ExchangeID] = []
    /// How many questions are not over.
    var waiting = 0
    /// Whether further questions may go through it.
    var isInUse = true

    init(to route: UpstreamRoute, number: Int, generation: UInt32, at now: Moment) throws(SystemError) {
        socket = try UDPSocket(connectedTo: route.endpoint, scope: route.scope, from: route.source)
        localPort = socket.name?.port.number ?? 0
        self.route = number
        opened = now
        self.generation = generation
    }

    /// Whether a question with this identifier may go through the socket.
    func takes(_ identifier: UInt16) -> Bool {
        identifiers.count < Self.mostQuestions && !identifiers.contains(identifier)
    }

    func add(_ exchange: ExchangeID, _ identifier: UInt16) {
        identifiers.append(identifier)
        exchanges.append(exchange)
        waiting += 1
        isInUse = isInUse && identifiers.count < Self.mostQuestions
    }

    /// The question a reply with this identifier belongs to, also if it is over; nil if there was none.
    func exchange(_ identifier: UInt16) -> ExchangeID? {
        identifiers.firstIndex(of: identifier).map { exchanges[$0] }
    }
}

/// The datagram sockets towards the upstreams, by number.
///
/// A question leaves through a socket that nobody can tell beforehand: RFC 5452 section 9.2. While an upstream has fewer
/// than ``spread`` sockets, each question opens one; beyond that it takes one of these by chance, and those that leave
/// together take the same. A socket takes no questions after ``lifetime`` or after ``UpstreamPort/mostQuestions``, and
/// is closed when the last is over. So the port and an identifier of 16 bits must be guessed within the life of a
/// question, as if each had a socket of its own; below some hundred questions a second each has.
struct UpstreamPorts {
    /// How many sockets an upstream has before one of them is taken again.
    let spread: Int
    /// How long a socket takes questions: so long at least, and at most twice as long.
    static let lifetime = Moment.Span.milliseconds(1000)

    private var slots: [UpstreamPort?] = []
    private var free: [Int] = []
    private var generation: UInt32 = 0
    /// The sockets that take questions, by the route's number.
    private var inUse: [[Int]] = []
    /// How many sockets there are.
    private(set) var count = 0

    /// - Parameter limit: How many sockets there may be for all upstreams.
    init(limit: Int) { spread = min(512, max(1, limit / 4)) }

    subscript(number: Int) -> UpstreamPort? { number >= 0 && number < slots.count ? slots[number] : nil }

    /// A socket in use by which a question may go to an upstream; nil if one must be opened.
    ///
    /// - Parameters:
    ///   - last: The socket that was chosen last; questions of one burst that may leave together do.
    ///   - choice: Random.
    func choose(_ route: Int, _ identifier: UInt16, after last: Int, _ choice: UInt64) -> Int? {
        guard route < inUse.count, inUse[route].count >= spread else { return nil }
        if let port = self[last], port.route == route, port.isInUse, port.takes(identifier) { return last }
        let number = inUse[route][Int(choice % UInt64(inUse[route].count))]
        return self[number]?.takes(identifier) == true ? number : nil
    }

    /// Opens a socket to an upstream; returns its number.
    mutating func open(_ route: Int, _ way: UpstreamRoute, at now: Moment) throws(SystemError) -> Int {
        generation = (generation &+ 1) & 0x0FFF_FFFF
        let port = try UpstreamPort(to: way, number: route, generation: generation, at: now)
        let number = free.popLast() ?? slots.count
        if number == slots.count { slots.append(nil) }
        slots[number] = port
        count += 1
        if route >= inUse.count { inUse.append(contentsOf: repeatElement([], count: route + 1 - inUse.count)) }
        inUse[route].append(number)
        return number
    }

    /// Takes note of a question that leaves through a socket.
    mutating func add(_ exchange: ExchangeID, _ identifier: UInt16, to number: Int) {
        guard let port = self[number] else { return }
        port.add(exchange, identifier)
        if !port.isInUse { inUse[port.route].removeAll { $0 == number } }
    }

    /// Takes note that a question is over.
    mutating func leave(_ number: Int) {
        guard let port = self[number] else { return }
        port.waiting -= 1
        if !port.isInUse, port.waiting == 0 { close(number) }
    }

    /// Lets no further questions through a socket, and closes it if none waits.
    mutating func retire(_ number: Int) {
        guard let port = self[number] else { return }
        if port.isInUse {
            port.isInUse = false
            inUse[port.route].removeAll { $0 == number }
        }
        if port.waiting == 0 { close(number) }
    }

    /// Retires the sockets that were opened before a moment.
    mutating func retire(openedBefore moment: Moment) {
        for number in slots.indices {
            if let port = slots[number], port.isInUse, port.opened < moment { retire(number) }
        }
    }

    /// Closes the sockets without a question, for want of descriptors.
    mutating func closeIdle() {
        for number in slots.indices {
            if let port = slots[number], port.waiting == 0 { retire(number) }
        }
    }

    /// Closes all.
    mutating func removeAll() {
        for number in slots.indices where slots[number] != nil { close(number) }
        for route in inUse.indices { inUse[route] = [] }
    }

    private mutating func close(_ number: Int) {
        slots[number] = nil
        free.append(number)
        count -= 1
    }
}
