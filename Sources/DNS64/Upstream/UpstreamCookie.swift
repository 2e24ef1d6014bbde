import PacketMemory
import Timing

/// The cookies that a worker exchanges with one upstream: RFC 7873 section 5.3, RFC 9018 section 3.
///
/// Each worker has a random client cookie for each upstream and makes it anew every hour, because the routes decide what
/// our address is, and a cookie that outlived it would tell that both are the same host.
struct UpstreamCookie {
    /// How long a client cookie is used.
    private static let renewal = Moment.Span.seconds(3600)
    /// How long an upstream is asked without a cookie, if it was seen to do without, and if that is only guessed from
    /// its silence.
    private static let without = (seen: Moment.Span.seconds(300), guessed: Moment.Span.seconds(30))
    /// The shortest and the longest data of an option that holds a server cookie too: RFC 7873 section 4.
    static let lengths = (least: 16, most: 40)

    private var client: UInt64 = 0
    private var renewAt = Moment.start
    private var server = [4 of UInt64](repeating: 0)
    private var serverCount = 0
    private var withoutUntil = Moment.start
    /// Whether the upstream was seen to answer with cookies, so that a reply over UDP that has none is not its own.
    private(set) var isExpected = false

    /// Whether there is a server cookie to send.
    var hasServerCookie: Bool { serverCount > 0 }

    /// Whether the upstream is asked with a cookie.
    func isWanted(at now: Moment) -> Bool { now >= withoutUntil }

    /// The client cookie to be sent, made anew if it is old.
    ///
    /// - Parameter word: A random number.
    mutating func clientCookie(orNew word: @autoclosure () -> UInt64, at now: Moment) -> UInt64 {
        if client == 0 || now >= renewAt {
            client = max(1, word())
            renewAt = now + Self.renewal
            serverCount = 0
        }
        return client
    }

    /// Writes the option, and its length into the OPT record that ends where it begins and has no other option.
    ///
    /// - Returns: How many octets the option has.
    func write(into message: inout MutableRawSpan, at start: Int) -> Int {
        let count = 8 + serverCount
        message.store(UInt16(4 + count), at: start - 2)
        message.store(UInt32(10 << 16 | UInt32(count)), at: start)
        message.store(client, at: start + 4)
        for index in 0..<serverCount {
            let octet = UInt8(truncatingIfNeeded: server[index >> 3] >> UInt64(56 - index % 8 * 8))
            message.store(octet, at: start + 12 + index)
        }
        return 4 + count
    }

    /// Takes the server cookie of a reply whose client cookie is right.
    ///
    /// - Parameters:
    ///   - data: Where the option's data begins.
    ///   - count: How many octets it has, 16 to 40.
    mutating func learn(_ reply: borrowing RawSpan, at data: Int, count: Int) {
        isExpected = true
        withoutUntil = .start
        // Asked with the cookie before this one.
        guard reply.uint64(at: data) == client else { return }
        serverCount = count - 8
        server = [4 of UInt64](repeating: 0)
        for index in 0..<serverCount {
            server[index >> 3] |= UInt64(reply.octet(at: data + 8 + index)) << UInt64(56 - index % 8 * 8)
        }
    }

    /// The upstream answers without cookies, or is silent when it is sent one.
    mutating func foundWithout(isSeen: Bool, at now: Moment) {
        forget()
        withoutUntil = now + (isSeen ? Self.without.seen : Self.without.guessed)
    }

    /// Nothing is expected of the upstream any more: it may have changed while it was silent.
    mutating func forget() {
        isExpected = false
        serverCount = 0
    }
}

/// What a reply says to the cookie of its question.
enum CookieFinding {
    /// It has none.
    case none
    /// It is not ours, or cannot be read.
    case wrong
    /// It is ours; the server's lies behind it if the data has 16 octets or more.
    case right(data: Int, count: Int)

    /// Reads the option of a reply.
    ///
    /// - Parameters:
    ///   - data: Where its data begins.
    ///   - count: How many octets it has; zero if there is no option.
    ///   - client: The cookie that was sent.
    init(_ reply: borrowing RawSpan, data: Int, count: Int, sent client: UInt64) {
        if count == 0 {
            self = .none
        } else if count == 8 || count >= UpstreamCookie.lengths.least && count <= UpstreamCookie.lengths.most {
            self = reply.uint64(at: data) == client ? .right(data: data, count: count) : .wrong
        } else {
            self = .wrong
        }
    }
}
