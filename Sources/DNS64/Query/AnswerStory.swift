public import DNSWire
public import IPAddressing

/// What became of one question, as it was decided: for whoever logs it.
public struct AnswerStory: Hashable, Sendable {
    /// A filter that was decided by.
    public enum Filter: Hashable, Sendable {
        /// One for a name, as its place in ``DNS64Settings/nameFilters``.
        case name(Int)
        /// One for addresses, as its place in ``DNS64Settings/addressFilters``.
        case address(Int)
    }

    /// Who gave what an answer is made of.
    public struct Answerer: Hashable, Sendable {
        /// The upstream.
        public var upstream: UpstreamID
        /// How its reply came.
        public var transport: UpstreamTransport
    }

    /// A bit for each ``ResolverCount`` that the question was counted as, at the place of its raw value.
    public internal(set) var bits: UInt64 = 0
    /// The forwarding rule of the name; -1 if there is none.
    var rule: Int32 = -1
    /// The filter that holds for the name or the answer; one that allows it, too.
    public internal(set) var filter: Filter?
    /// Who gave what the answer is made of; nothing if it was there, or made here.
    public internal(set) var answerer: Answerer?

    /// Nothing has been decided.
    init() {}

    /// Takes the bits of another story.
    public init(bits: UInt64) { self.bits = bits }

    /// Whether the question was counted as this.
    public func has(_ count: ResolverCount) -> Bool { bits >> UInt64(count.rawValue) & 1 != 0 }
}

/// Counts what is decided about the question at hand, and remembers it until the next one. One of these belongs to each
/// engine.
final class AnswerDecisions {
    private let counters: ResolverCounters
    private(set) var story = AnswerStory()

    init(_ counters: ResolverCounters) { self.counters = counters }

    /// Another question is at hand.
    @inline(__always)
    func begin() { story = AnswerStory() }

    @inline(__always)
    func count(_ count: ResolverCount) {
        counters.add(count)
        story.bits |= 1 << UInt64(count.rawValue)
    }

    /// An answer was made of the operator's own A records or addresses.
    func countSynthesizedOwn() {
        count(.synthesized)
        count(.synthesizedOwn)
    }

    @inline(__always)
    func note(rule: Int32) { story.rule = rule }

    func note(_ filter: AnswerStory.Filter) { story.filter = filter }

    /// The question at hand is again that of a client that waited.
    ///
    /// - Parameter earlier: What had been decided when it began to.
    func resume(_ earlier: AnswerStory, answeredBy answerer: AnswerStory.Answerer?) {
        story = earlier
        story.bits = 1 << UInt64(ResolverCount.waited.rawValue)
        story.answerer = answerer
    }
}

extension ResolverEngine {
    /// What became of the question answered last, at once or by the last ``ResolverAction/answer(_:count:)``.
    ///
    /// The short way tells nothing: see ``takesShortWay``.
    public var story: AnswerStory { decisions.story }

    /// The domain of the forwarding rule in a story.
    public func ruleDomain(of story: AnswerStory) -> Name? {
        story.rule < 0 ? nil : rules.domains[Int(story.rule)]
    }

    /// The name or network of the filter in a story, and what it says.
    public func filter(of story: AnswerStory) -> (name: Name?, network: IPPrefix?, action: FilterAction)? {
        switch story.filter {
        case nil: return nil
        case .name(let place):
            let filter = settings.nameFilters[place]
            return (filter.name, nil, filter.action)
        case .address(let place):
            let filter = settings.addressFilters[place]
            return (nil, filter.prefix, filter.action)
        }
    }

    /// Counts an answer that was put down in the query log, or one that there was no room for.
    public func countLogged(isKept: Bool) { counters.add(isKept ? .logged : .notLogged) }
}
