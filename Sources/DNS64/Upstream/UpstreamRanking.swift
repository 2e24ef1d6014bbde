import Timing

/// What a worker knows of its upstreams, and which of them it asks.
///
/// An upstream is well until two messages in a row were not answered although nothing was heard from it meanwhile, or
/// five replies in a row were errors. Then it goes behind the others and is only probed: a copy of a client's question
/// goes to it too, at growing intervals, and its first good reply makes it well again. All workers know that together
/// (``UpstreamStandings``); how near an upstream is each of them measures for itself.
struct UpstreamRanking {
    /// How many upstreams are used.
    static let most = 16
    private static let failuresUntilIll = 2
    private static let errorsUntilIll = 5
    static let shortestProbe = Moment.Span.seconds(1)
    private static let longestProbe = Moment.Span.seconds(30)
    /// How long it is believed that an upstream does not understand EDNS, if it said so, and if it is only guessed from
    /// its silence.
    private static let withoutEDNS = (said: Moment.Span.seconds(300), guessed: Moment.Span.seconds(30))
    /// After how many names in a row whose AAAA question nobody answered, although A was answered, none is expected.
    private static let missesUntilDeaf = 3
    private static let shortestPatienceForAAAA = Moment.Span.milliseconds(50)

    /// What changes with every reply.
    private struct Distance {
        var roundTrip: UInt64?
        var heard = Moment.start
    }

    private var distances: [Distance]
    private let standings: GroupStandings
    private let records: [UpstreamRecord]
    /// The cookies of each upstream.
    var cookies: [UpstreamCookie]

    /// - Parameters:
    ///   - standings: What all workers know of as many upstreams as there are records, or of the most that are used.
    ///   - records: What this worker counts.
    init(standings: GroupStandings, records: [UpstreamRecord]) {
        self.standings = standings
        self.records = records
        distances = [Distance](repeating: Distance(), count: standings.count)
        cookies = [UpstreamCookie](repeating: UpstreamCookie(), count: standings.count)
    }

    var count: Int { standings.count }

    /// The best upstream that the predicate admits: well ones first, among them the fastest. One that was never heard
    /// counts as fast, so that each is tried in its turn of the configuration.
    func best(where admits: (Int) -> Bool) -> Int? {
        var best: Int?
        for index in 0..<standings.count where admits(index) {
            guard let leader = best else {
                best = index
                continue
            }
            if isBetter(index, than: leader) { best = index }
        }
        return best
    }

    private func isBetter(_ index: Int, than leader: Int) -> Bool {
        let isWell = isWell(index)
        if isWell != self.isWell(leader) { return isWell }
        // A difference of a tenth or of a millisecond is none; the order of the configuration decides then.
        let (left, right) = (distances[index].roundTrip, distances[leader].roundTrip)
        guard let left, let right else { return left != nil && right == nil && standings[leader].failures > 0 }
        return left + left / 10 + 1_000_000 < right
    }

    private func isWell(_ index: Int) -> Bool {
        standings[index].failures < Self.failuresUntilIll && standings[index].errors < Self.errorsUntilIll
    }

    /// An upstream other than the one asked that should be asked as well, to learn whether it is well again.
    mutating func probe(besides asked: Int, at now: Moment) -> Int? {
        guard
            let index = (0..<standings.count).first(where: {
                $0 != asked && !isWell($0) && standings[$0].probeAt <= now
            })
        else { return nil }
        postponeProbe(index, at: now)
        return index
    }

    private mutating func postponeProbe(_ index: Int, at now: Moment) {
        standings[index].probeAt = now + standings[index].probeInterval
        let twice = Moment.Span(nanoseconds: standings[index].probeInterval.nanoseconds * 2)
        standings[index].probeInterval = min(twice, Self.longestProbe)
    }

    /// How long to wait for an upstream before the question is sent again.
    func patience(_ index: Int, _ settings: DNS64Settings) -> Moment.Span {
        guard let roundTrip = distances[index].roundTrip else {
            return standings.count > 1 ? settings.shortestRetry : settings.longestRetry
        }
        let wait = Moment.Span(nanoseconds: roundTrip * 4)
        return min(max(wait, settings.shortestRetry), settings.longestRetry)
    }

    /// Whether these upstreams are known to drop AAAA questions.
    var isDeaf: Bool { standings.missesOfAAAA >= Self.missesUntilDeaf }

    /// How long the A answer waits for the AAAA answer: no longer than about a round trip while these upstreams are known
    /// to drop AAAA questions (RFC 4074 section 4.1). They are asked nevertheless, and the first reply ends that.
    ///
    /// - Parameter took: How long the A answer took.
    func patienceForAAAA(afterA took: Moment.Span, _ settings: DNS64Settings) -> Moment.Span {
        guard isDeaf else { return settings.patienceForAAAA }
        let roundTrip = best { _ in true }.flatMap { distances[$0].roundTrip } ?? 0
        let wait = Moment.Span(nanoseconds: max(took.nanoseconds, roundTrip) * 3)
        return min(max(wait, Self.shortestPatienceForAAAA), settings.patienceForAAAA)
    }

    /// A question for AAAA was not answered in its full time, the one for A was.
    func missedAAAA() { standings.missesOfAAAA = min(standings.missesOfAAAA + 1, Self.missesUntilDeaf) }

    /// A question for AAAA was answered.
    func heardAAAA() { standings.missesOfAAAA = 0 }

    /// Whether an upstream is asked without EDNS.
    func isPlain(_ index: Int, at now: Moment) -> Bool { now < standings[index].plainUntil }

    /// Whether an upstream was heard since a moment.
    func wasHeard(_ index: Int, since moment: Moment) -> Bool { distances[index].heard > moment }

    mutating func sent(_ index: Int) { records[index].addQuery() }

    /// A reply came that took this long.
    mutating func heard(_ index: Int, after span: Moment.Span, at now: Moment) {
        let sample = span.nanoseconds
        let before = distances[index].roundTrip
        distances[index].roundTrip = before.map { $0 - $0 / 8 + sample / 8 } ?? sample
        distances[index].heard = now
        standings[index].forgetFailures()
        standings[index].probeInterval = Self.shortestProbe
        records[index].addReply()
        publish(index)
    }

    /// The reply was an answer, or an error.
    mutating func answered(_ index: Int, isError: Bool, at now: Moment) {
        if isError {
            records[index].addError()
            if standings[index].addError() == Self.errorsUntilIll { postponeProbe(index, at: now) }
            publish(index)
        } else if standings[index].errors != 0 {
            standings[index].forgetErrors()
            publish(index)
        }
    }

    /// A message was not answered in time, or did not reach its host.
    mutating func failed(_ index: Int, at now: Moment) {
        records[index].addFailure()
        let wasWell = isWell(index)
        if standings[index].addFailure() >= Self.failuresUntilIll, wasWell {
            postponeProbe(index, at: now)
            cookies[index].forget()
        }
        publish(index)
    }

    /// It answers only what has no OPT record: RFC 6891 section 6.2.2.
    mutating func foundPlain(_ index: Int, said: Bool, at now: Moment) {
        standings[index].plainUntil = now + (said ? Self.withoutEDNS.said : Self.withoutEDNS.guessed)
    }

    /// Whether an upstream is known to change the case of letters, so that names are sent to it as they are.
    func foldsCase(_ index: Int, at now: Moment) -> Bool { now < standings[index].foldsUntil }

    /// It answers only names that are sent as they are.
    mutating func foundFolding(_ index: Int, at now: Moment) {
        standings[index].foldsUntil = now + Self.withoutEDNS.said
    }

    private func publish(_ index: Int) {
        records[index].set(isWell: isWell(index), roundTrip: distances[index].roundTrip.map { $0 / 1000 })
    }
}
