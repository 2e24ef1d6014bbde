public import Timing

/// How long bindings and sessions live without traffic: RFC 6146 section 4.
public struct Lifetimes: Sendable, Hashable {
    /// UDP sessions: UDP_DEFAULT.
    public var udp: Moment.Span = .seconds(300)
    /// ICMP query sessions: ICMP_DEFAULT.
    public var icmp: Moment.Span = .seconds(60)
    /// Established TCP sessions: TCP_EST. After it the client is probed and the session lives for ``tcpTransitory``
    /// more, which makes the 2 hours and 4 minutes of RFC 5382, requirement 5.
    public var tcpEstablished: Moment.Span = .seconds(7200)
    /// TCP sessions that close, or may be dead: TCP_TRANS.
    public var tcpTransitory: Moment.Span = .seconds(240)
    /// TCP sessions that open: TCP_TRANS too, but RFC 7857 section 2.1 wants it set apart.
    public var tcpOpening: Moment.Span = .seconds(240)
    /// Whether a session that one side has closed lives only for ``tcpTransitory`` once a reset is seen, as RFC 6146
    /// does not have it: there it lives for ``tcpEstablished``.
    public var shortAfterReset = false
    /// SYNs from outside that wait for the client's: TCP_INCOMING_SYN.
    public var tcpIncomingSyn: Moment.Span = .seconds(6)

    /// Takes the defaults of RFC 6146 section 4.
    public init() {}

    /// The least each may be by RFC 6146 section 4, RFC 4787 (requirement 5), RFC 5382 (4, 5) and RFC 5508 (2);
    /// laboratories may go below by saying so.
    public static let least: Lifetimes = {
        var least = Lifetimes()
        least.udp = .seconds(120)
        return least
    }()
}

/// Which of the lifetimes an entry of the tables lives by.
enum LifetimeClass: UInt8, CaseIterable {
    /// The slot holds nothing that expires.
    case none
    /// UDP_DEFAULT.
    case udp
    /// ICMP_DEFAULT.
    case icmp
    /// TCP_EST.
    case established
    /// TCP_TRANS.
    case transitory
    /// TCP_TRANS while the session opens.
    case opening
    /// TCP_INCOMING_SYN.
    case incomingSyn
    /// How long a freed port is kept from other clients.
    case holdDown
}

/// The lifetimes in ticks, laid out so that a packet finds its own by one read.
struct LifetimeTicks {
    private let ticks: [8 of UInt32]

    init(_ lifetimes: Lifetimes, holdDown: Moment.Span) {
        ticks = [
            .max >> 1, Tick.count(covering: lifetimes.udp), Tick.count(covering: lifetimes.icmp),
            Tick.count(covering: lifetimes.tcpEstablished), Tick.count(covering: lifetimes.tcpTransitory),
            Tick.count(covering: lifetimes.tcpOpening), Tick.count(covering: lifetimes.tcpIncomingSyn),
            Tick.count(covering: holdDown),
        ]
    }

    @inline(__always)
    subscript(lifetime: LifetimeClass) -> UInt32 { ticks[Int(lifetime.rawValue)] }
}
