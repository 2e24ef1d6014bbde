internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import Linux
internal import NIOCore
internal import Synchronization
internal import Timing

/// A question that came by a connection.
struct TCPQuestion: Sendable {
    var connection: TCPConnectionID
    var client: IPAddress
    /// The client's port; zero if the kernel could not say.
    var port: UInt16 = 0
    var message: ByteBuffer
    /// How it came.
    var transport = Client.Transport.tcp
}

/// What came of a question to an upstream over TLS.
struct EncryptedReply: Sendable {
    enum Outcome: Sendable {
        case message(ByteBuffer)
        case failure(ExchangeFailure)
    }

    /// Which engine of the worker asked.
    var era: UInt64
    var exchange: ExchangeID
    var outcome: Outcome
}

/// Settings as they go to every worker, which makes a new engine of them.
struct EngineSettings: Sendable {
    var settings: DNS64Settings
    /// The settings' rules, made ready once for all workers.
    var rules: NameRules
    /// What client networks ask, of all workers together.
    var rates: ClientRates
    /// What all workers know of the rules' upstreams.
    var standings: UpstreamStandings
    /// The routes of the rules' upstreams, one for one.
    var routes: [UpstreamRoute]
    /// One for each worker.
    var counters: [ResolverCounters]
    /// One in so many answers is logged; none if it is zero.
    var logsOneIn = 0
    /// What the last worker to take the settings up is to do.
    var forgetting: Forgetting
}

/// Names whose cached answers may come from upstreams that are no longer asked about them.
final class Forgetting: Sendable {
    private let names: [Name]
    private let behind: Atomic<Int>

    init(_ names: [Name], workers: Int) {
        self.names = names
        behind = Atomic(workers)
    }

    /// Called by each worker when it asks the old upstreams no more: the last one forgets.
    func workerIsReady(_ cache: AnswerCache) {
        guard behind.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 else { return }
        cache.forget(names)
    }
}

/// A listening socket of one worker.
final class Listener: Sendable {
    let socket: UDPSocket

    init(socket: consuming UDPSocket) { self.socket = socket }
}

/// What a worker is told by other threads.
enum WorkerLetter: Sendable {
    /// Answer a question that came by a connection.
    case question(TCPQuestion)
    /// Take what an upstream says, or the news that it says nothing.
    case reply(EncryptedReply)
    /// Keep a listening socket that is, or will at once be, watched by the poll. All workers know an address by the
    /// same number.
    case listen(number: Int, Listener)
    /// Close the socket of this number.
    case hush(number: Int)
    /// Go on with these settings and the same cache.
    case settings(EngineSettings)
    /// Take an answer that another worker has found.
    case news(AnswerNews)
    /// Reach the recursor through this door from now on, or not at all.
    case recursor(RecursorDoor?)
    /// Look whether the Policy has changed.
    case policy
    /// End.
    case stop
}

/// Rings when a worker has taken up a Policy.
struct Adoption: ~Copyable, Sendable {
    private let bell: Bell

    init(bell: consuming Bell) { self.bell = bell }

    func tell() { bell.ring() }

    /// Waits for the next ring; rings that nobody waited for may end the wait early.
    func await(atMost patience: Moment.Span) {
        if DescriptorIO.waitReadable(bell.number, atMost: patience) { bell.hush() }
    }
}

/// What other threads see of a worker.
final class WorkerPort: Sendable {
    let number: Int
    let mailbox: Mailbox<WorkerLetter>
    /// Watches the mailbox and all sockets of the worker, which alone waits on it. The listening sockets are put into it
    /// by who opens them, and can say so if the kernel refuses.
    let poll: EventPoll
    /// Counts up at least once a second while the worker lives.
    let heartbeat = Atomic<UInt64>(0)
    /// The generation of the Policy by which it answers.
    let adopted = Atomic<UInt64>(0)
    /// Rings when another generation is adopted.
    let adoption: Adoption
    let counters = TransportCounters()
    /// What it counts by view.
    let views = Mutex(ViewCounters())
    /// Answers of the worker that wait for the query log.
    let queries = QueryPage()

    init(number: Int) throws(SystemError) {
        self.number = number
        mailbox = try Mailbox()
        poll = try EventPoll()
        adoption = Adoption(bell: try Bell())
        try poll.add(mailbox.number, for: .readable, token: Token.mailbox)
    }
}

/// What one worker counts of its sockets. The worker writes, any thread reads.
final class TransportCounters: Sendable {
    let datagramsReceived = Atomic<UInt64>(0)
    let repliesLost = Atomic<UInt64>(0)
    let socketsGivenUp = Atomic<UInt64>(0)
    let socketsRefused = Atomic<UInt64>(0)
    let waiting = Atomic<UInt64>(0)
    let asking = Atomic<UInt64>(0)
}

extension Atomic<UInt64> {
    /// Counts up. There is only one writer, so nothing needs to be locked.
    func count(_ amount: Int = 1) {
        store(load(ordering: .relaxed) &+ UInt64(amount), ordering: .relaxed)
    }
}
