import DNSWire
import IPAddressing
import Timing

/// A client's question that waits for upstreams.
struct Waiter {
    var id = WaiterID(0)
    var query = ClientQuery()
    /// The client's network.
    var client: UInt64 = 0
    /// What had been decided when it began to wait.
    var story = AnswerStory()
    var next: Slots<Waiter>.Reference?
}

/// What makes questions equal, so that they are pursued once. The hash stands for the name, which is compared besides, and
/// for the rules by which it is asked (``NameRules/salt(_:)``).
struct PursuitKey: Hashable {
    var hash: UInt64
    var type: UInt16
    var variant: UInt8
    var plan: UInt8
    /// Which exclusion set holds for the clients.
    var treatment: UInt16 = 0

    /// The name's hash is a secret one already, so that nobody can choose names that meet: it is not hashed once more.
    /// Types of one name, which a client can choose, are next to each other rather than in one place.
    func _rawHashValue(seed: Int) -> Int {
        let rest = UInt64(type) | UInt64(treatment) << 16 | UInt64(variant) << 32 | UInt64(plan) << 40
        return Int(truncatingIfNeeded: hash ^ rest &* 0x9E37_79B9_7F4A_7C15) ^ seed
    }

    /// The same for a hasher.
    func hash(into hasher: inout Hasher) { hasher.combine(_rawHashValue(seed: 0)) }
}

extension PursuitKey {
    /// The key of a question of ours to upstreams.
    init(_ question: borrowing Question, _ hash: UInt64, _ variant: AnswerVariant) {
        self.init(hash: hash, type: question.type.rawValue, variant: variant.rawValue, plan: 0)
    }
}

/// A question that clients wait for, however many they are: it rests on one answer of upstreams, or on two.
struct Inquiry {
    /// One of the answers.
    struct Part {
        var answer: StoredAnswer?
        var transaction: Slots<Transaction>.Reference?
        /// Whether the answer is too old and given for want of a fresh one.
        var isStale = false
        /// Who gave it.
        var answerer: AnswerStory.Answerer?
    }

    var key = PursuitKey(hash: 0, type: 0, variant: 0, plan: 0)
    /// What upstreams are asked.
    var question = Question(.root, .a)
    var plan = Plan.native
    var one = Part()
    var two = Part()
    /// Whether the AAAA answer is no longer awaited: RFC 6147 section 5.1.3.
    var gaveUpOne = false
    /// The exclusion set of the clients.
    var excluded: [IPv6Prefix] = []
    /// Questions for the addresses of services that are awaited besides.
    var sides: [Slots<Transaction>.Reference] = []
    /// Whether those are no longer awaited.
    var gaveUpSides = false
    var firstWaiter: Slots<Waiter>.Reference?
    var lastWaiter: Slots<Waiter>.Reference?
}

/// One question of ours to upstreams, until one of them has answered it or patience is at its end.
struct Transaction {
    var key = PursuitKey(hash: 0, type: 0, variant: 0, plan: 0)
    var question = Question(.root, .a)
    var variant: AnswerVariant = []
    /// In which view of the rules it is asked.
    var view = 0
    /// The chain so far that upstreams left unfinished.
    var chain: [Alias] = []
    /// Where the upstreams stand in the rules, nowhere if nobody is asked; and the network of the client that the question
    /// is asked for.
    var group: Int?
    var client: UInt64?
    /// What an upstream said of the failure.
    var error: ExtendedError?
    /// Whether our recursor found that there are only bogus answers.
    var isBogus = false
    var listeners = Few<Slots<Inquiry>.Reference>()
    var exchanges = Few<Slots<Exchange>.Reference>()
    /// How often each upstream was asked over UDP.
    var sends = [16 of UInt8](repeating: 0)
    /// Upstreams that were asked over TCP, that gave an error, and that are asked without EDNS, as bits.
    var overTCP: UInt16 = 0
    var failed: UInt16 = 0
    var plain: UInt16 = 0
    /// Upstreams that are asked without a cookie, and that wanted another one, as bits.
    var cookieless: UInt16 = 0
    var wantedCookie: UInt16 = 0
    var started = Moment.start
    /// Whether another worker pursues the question, so that its answer is awaited from there.
    var isElsewhere = false
    /// When the question is sent again, or no longer left to the other worker.
    var retryAt = Moment.start
    var retryAfter = Moment.Span.zero
}

/// One message of ours that is or will be on its way to an upstream.
struct Exchange {
    var transaction: Slots<Transaction>.Reference?
    var group = 0
    /// The place in the group.
    var upstream = 0
    /// Which letters are written in upper case; zero for none.
    var spelling: UInt64 = 0
    /// Whether it goes as it is because others with random letters were not answered.
    var isPlainlySpelled = false
    var transport = UpstreamTransport.udp
    var identifier: UInt16 = 0
    var sentAt = Moment.start
    var isSent = false
    var usesEDNS = true
    /// Whether it has our cookie, and which.
    var hasCookie = false
    var cookie: UInt64 = 0
    /// Whether it was sent to learn how the upstream does.
    var isProbe = false
    /// Whether it was counted as unanswered already.
    var isOverdue = false
}

/// What a deadline is about.
enum Deadline {
    case transaction(Slots<Transaction>.Reference)
    case inquiry(Slots<Inquiry>.Reference)
    /// What is too old is given now.
    case stale(Slots<Inquiry>.Reference)
    case exchange(Slots<Exchange>.Reference)
    /// Nobody is asked; the transaction ends here.
    case end(Slots<Transaction>.Reference)
}
