public import IPAddressing

/// Who asks, and how the question came.
public struct Client: Hashable, Sendable {
    /// How a question came; decides how large the answer may be.
    @frozen
    public enum Transport: UInt8, Hashable, Sendable {
        /// One datagram; the answer may have to be truncated.
        case udp
        /// A connection; an answer may have 65,535 octets.
        case tcp
        /// An encrypted connection (RFC 7858).
        case tls
        /// A request of HTTP (RFC 8484).
        case https

        /// Whether nobody between can read the messages, so that their length is hidden too (RFC 7830 section 6).
        public var isEncrypted: Bool { self == .tls || self == .https }
    }

    /// Where the question came from.
    public var address: IPAddress
    /// How it came.
    public var transport: Transport
    /// The port a datagram came from, by which a question of ours is known that has come round; 0 for connections.
    public var port: UInt16

    /// Describes a client.
    public init(address: IPAddress, transport: Transport, port: UInt16 = 0) {
        self.address = address
        self.transport = transport
        self.port = port
    }
}

/// What the transport calls a client's question until it is answered; the engine only hands it back.
public struct WaiterID: Hashable, Sendable {
    /// Any number that the transport likes.
    public var number: UInt64

    /// Wraps the number.
    public init(_ number: UInt64) { self.number = number }
}

/// One message of ours to one upstream, for which a reply is awaited. Never used twice by one engine.
public struct ExchangeID: Hashable, Sendable {
    /// The slot in the low, its generation in the high half.
    public var number: UInt64

    /// Wraps the number.
    public init(_ number: UInt64) { self.number = number }
}

/// An upstream, as its place in ``NameRules/upstreams``.
public struct UpstreamID: Hashable, Sendable {
    /// The place.
    public var index: Int

    /// Wraps the place.
    public init(_ index: Int) { self.index = index }
}

/// How a question goes to an upstream.
@frozen
public enum UpstreamTransport: UInt8, Hashable, Sendable {
    /// A datagram from a random port to the upstream's port; only datagrams from there to that port are replies.
    case udp
    /// A connection to the upstream's port; a message is preceded by its length, which the engine neither writes
    /// nor reads.
    case tcp
    /// An encrypted and authenticated connection that many questions share; never anything else instead.
    case tls
}

/// What became of a client's question at once.
public enum QueryOutcome: Hashable, Sendable {
    /// The answer lies at the front of `reply`, this many octets long.
    case reply(count: Int)
    /// Nothing is to be sent.
    case silence(SilenceReason)
    /// The answer comes later, as ``ResolverAction/answer(_:count:)``.
    case waiting
}

/// Why a question gets no answer at all.
@frozen
public enum SilenceReason: UInt8, Hashable, Sendable, CaseIterable {
    /// Shorter than the header of a message.
    case shorterThanHeader
    /// A reply and no question; answering could make two servers talk for ever.
    case notAQuestion
    /// The buffer for the reply is too small for any reply.
    case noRoom
    /// The client network asks more than it may, and the settings say to drop what it asks.
    case overRate
}

/// What became of an upstream's reply.
public enum ReplyOutcome: Hashable, Sendable {
    /// The exchange is over; the transport may forget it.
    case taken
    /// Not a reply to this exchange, which goes on.
    case ignored(IgnoredReply)
}

/// Why a reply was not believed: RFC 5452 section 9.1.
@frozen
public enum IgnoredReply: UInt8, Hashable, Sendable, CaseIterable {
    /// The exchange is over or never was.
    case late
    /// Shorter than a header, or not a reply, or of another kind of message.
    case notAReply
    /// The identifier is another one.
    case identifier
    /// The question is another one.
    case question
    /// The letters of the name are written in another case than they were sent in.
    case spelling
    /// The cookie is another one than was sent, or is missing where there should be one: RFC 7873 section 5.3.
    case cookie
}

/// What the transport is to do next.
public enum ResolverAction: Hashable, Sendable {
    /// Send the message at the front of the buffer, this many octets long, and bring the reply to
    /// ``ResolverEngine/receive(reply:for:at:)``.
    case ask(ExchangeID, upstream: UpstreamID, transport: UpstreamTransport, count: Int)
    /// Nobody waits for this exchange any more.
    case cancel(ExchangeID)
    /// Send the answer at the front of the buffer, this many octets long, to this waiting client.
    case answer(WaiterID, count: Int)
    /// Bring this to ``ResolverEngine/hear(_:at:)`` of each of these workers' engines.
    case tell(WorkerSet, AnswerNews)
}

/// Why an exchange failed without a reply.
@frozen
public enum ExchangeFailure: UInt8, Hashable, Sendable, CaseIterable {
    /// The upstream's host refused the datagram or the connection.
    case refused
    /// No route, or an ICMP error.
    case unreachable
    /// The connection ended before the reply was whole.
    case closed
    /// No socket, no port, no memory on our side; says nothing about the upstream.
    case local
}
