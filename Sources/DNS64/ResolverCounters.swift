import Synchronization

/// What a worker counts, by name.
@frozen
public enum ResolverCount: Int, Hashable, Sendable, CaseIterable {
    /// Messages from clients.
    case queries
    /// Answers given at once out of the cache.
    case fromCache
    /// Answers given at once without the cache: names that are served here.
    case local
    /// Answers with AAAA records made from A records.
    case synthesized
    /// Of those, answers to which all AAAA records of upstreams are excluded.
    case synthesizedExcluded
    /// Of those, answers to AAAA questions that failed or were not answered in time.
    case synthesizedFailed
    /// Of those, answers made of the operator's own: of local A records, or of the IPv4 addresses of a filter.
    case synthesizedOwn
    /// Answers with AAAA records as upstreams gave them.
    case native
    /// AAAA questions whose A records may all not be reached: nothing was made of them.
    case nothingReachable
    /// AAAA questions about names without A records: nothing could be made.
    case noAddresses
    /// AAAA questions answered without synthesis, because the client's view or its wish for signatures says so.
    case notSynthesized
    /// AAAA questions answered without synthesis, because the name, or one that an alias led to, lies in an excluded
    /// domain.
    case excludedDomain
    /// AAAA questions answered without synthesis, because the data plane is down.
    case suspended
    /// PTR questions for synthetic addresses, answered as those for the IPv4 addresses in them.
    case reverse
    /// Answers cut to the client's size.
    case truncated
    /// Questions that waited for upstreams.
    case waited
    /// Questions that waited for upstream questions asked for others already.
    case merged
    /// Upstream questions that were not asked because another worker asked the same.
    case mergedAcross
    /// Messages that got no answer.
    case silence
    /// Refused: not a well-formed message.
    case refusedMalformed
    /// Refused: not exactly one question.
    case refusedQuestionCount
    /// Refused: another kind of message than a query.
    case refusedOperation
    /// Refused: a version of EDNS other than 0.
    case refusedVersion
    /// Refused: a class other than IN.
    case refusedClass
    /// Refused: a zone transfer, or a type that is none.
    case refusedType
    /// Refused: a client that is not served.
    case refusedClient
    /// Refused: not in the cache, and the client did not want it pursued.
    case refusedRecursion
    /// Refused: too many questions under way, or too many clients waiting.
    case refusedOverload
    /// Refused: too many questions of one client network under way, or too many of its clients waiting.
    case refusedShare
    /// Refused: no upstream is known for the name.
    case refusedNoUpstream
    /// Refused: a question of our own came back to us.
    case refusedLoop
    /// Truncated or left without an answer: more questions of one client network than it may ask in a second.
    case overRate
    /// Questions that got a cookie instead of an answer: of clients over their rate, and of all while many wait, that
    /// sent a cookie of their own and none of ours.
    case badCookies
    /// Answers given by local records and by rules that ask nobody.
    case operatorAnswers
    /// Answers changed by the filter.
    case filtered
    /// Of those, the answers in which an alias led to a name with a filter, or to a blocked one.
    case filteredAlias
    /// Answers given although they were too old, because no fresh ones were to be had.
    case stale
    /// Questions asked again before their answers were too old, or behind an answer that was.
    case refreshed
    /// AAAA records added to answers about services.
    case serviceAddresses
    /// Answers written down for the query log.
    case logged
    /// Answers left out of the query log, because it was full of others that could not be written yet.
    case notLogged
    /// Questions with a cookie that we made.
    case goodCookies
    /// Messages to upstreams.
    case upstreamQueries
    /// Of those, over TCP.
    case upstreamQueriesTCP
    /// Of those, over TLS.
    case upstreamQueriesEncrypted
    /// Messages to upstreams that were not answered in time.
    case upstreamTimeouts
    /// Replies of upstreams that were no answers: errors and malformed ones.
    case upstreamErrors
    /// Of those, replies that could not be read.
    case upstreamMalformed
    /// Replies to nothing that was asked, or asked no more.
    case ignoredLate
    /// Replies that were not believed: too short, no reply, or of another kind of message.
    case ignoredForm
    /// Replies that were not believed: the identifier was another one.
    case ignoredIdentifier
    /// Replies that were not believed: the question was another one.
    case ignoredQuestion
    /// Replies that were not believed: the letters of the name were written in another case.
    case ignoredSpelling
    /// Replies that were not believed: the cookie was another one, or was missing.
    case ignoredCookie
    /// Messages to upstreams with a cookie of theirs.
    case upstreamCookies
    /// Replies that asked for another cookie.
    case upstreamBadCookies
    /// Upstream questions that came to nothing.
    case failedQuestions

    /// The name in `status` and metrics: words in lower case joined by hyphens.
    public var name: String {
        var text = ""
        for scalar in String(describing: self).unicodeScalars {
            if scalar.properties.isUppercase, text.last != "-", !text.hasSuffix("TC"),
                !(text.hasSuffix("T") && scalar == "C")
            {
                text += "-"
            }
            text.unicodeScalars.append(scalar)
        }
        return text.lowercased()
    }
}

/// What one worker counts. One thread writes, any thread reads.
public final class ResolverCounters: Sendable {
    private let counts: [64 of Atomic<UInt64>]
    /// One per upstream of the settings.
    public let upstreams: [UpstreamRecord]

    /// Starts every count at zero.
    ///
    /// - Parameter upstreams: How many upstreams the settings name, those of rules included.
    public init(upstreams: Int) {
        counts = [64 of Atomic<UInt64>] { _ in Atomic(0) }
        self.upstreams = (0..<upstreams).map { _ in UpstreamRecord() }
    }

    /// How often something was counted.
    public subscript(_ count: ResolverCount) -> UInt64 { counts[count.rawValue].load(ordering: .relaxed) }

    @inline(__always)
    func add(_ count: ResolverCount) {
        let before = counts[count.rawValue].load(ordering: .relaxed)
        counts[count.rawValue].store(before &+ 1, ordering: .relaxed)
    }
}

/// What one worker knows of one upstream. One thread writes, any thread reads.
public final class UpstreamRecord: Sendable {
    /// How an upstream does.
    public struct Snapshot: Hashable, Sendable {
        /// Whether it is asked first-hand; otherwise it is only probed.
        public var isWell = true
        /// Smoothed round trip in microseconds; nothing before its first reply.
        public var roundTrip: UInt64?
        /// Messages sent to it.
        public var queries: UInt64 = 0
        /// Replies from it.
        public var replies: UInt64 = 0
        /// Messages it did not answer in time, or that did not reach it.
        public var failures: UInt64 = 0
        /// Replies that were errors.
        public var errors: UInt64 = 0

        /// Nothing known yet.
        public init() {}
    }

    private let well = Atomic<Bool>(true)
    private let roundTrip = Atomic<UInt64>(.max)
    private let queries = Atomic<UInt64>(0)
    private let replies = Atomic<UInt64>(0)
    private let failures = Atomic<UInt64>(0)
    private let errors = Atomic<UInt64>(0)

    /// How it does now.
    public var snapshot: Snapshot {
        var result = Snapshot()
        result.isWell = well.load(ordering: .relaxed)
        let time = roundTrip.load(ordering: .relaxed)
        result.roundTrip = time == .max ? nil : time
        result.queries = queries.load(ordering: .relaxed)
        result.replies = replies.load(ordering: .relaxed)
        result.failures = failures.load(ordering: .relaxed)
        result.errors = errors.load(ordering: .relaxed)
        return result
    }

    func set(isWell: Bool, roundTrip: UInt64?) {
        well.store(isWell, ordering: .relaxed)
        self.roundTrip.store(roundTrip ?? .max, ordering: .relaxed)
    }
    func addQuery() { queries.store(queries.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
    func addReply() { replies.store(replies.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
    func addFailure() { failures.store(failures.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
    func addError() { errors.store(errors.load(ordering: .relaxed) &+ 1, ordering: .relaxed) }
}
