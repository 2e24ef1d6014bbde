import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// How a client's question is to be answered.
enum Plan: UInt8 {
    /// As the upstream answers.
    case native
    /// With AAAA records made from A records where there are no others.
    case synthesis
    /// As the upstream answers, because synthesis is suspended.
    case suspended
    /// As the upstream answers, with the addresses of the services added.
    case service
    /// As the PTR of a synthetic address, or the alias that leads to it.
    case reverse

    /// What upstreams are asked, or are asked first.
    @inline(__always)
    func type(for query: borrowing ClientQuery) -> RecordType { self == .reverse ? .ptr : query.question.type }
}

/// Turns what is known about a question into the answer for one client: the same out of the cache and after a wait.
struct KnownAnswers {
    let answering: Answering
    let local: LocalAnswers
    let rules: NameRules
    /// The exclusion set of clients whose view has none of its own.
    let excludedByDefault: [IPv6Prefix]
    let breakDNSSEC: Bool
    let decisions: AnswerDecisions

    /// RFC 6147 section 5.1.7: the longest TTL of a synthetic record when no SOA record was seen.
    static let ttlWithoutSOA: UInt32 = 600

    /// The two answers that a question may rest on, each as its place in a span, -1 if it is not known.
    struct Places {
        /// Of the question itself; for the PTR of a synthetic address, of the one below in-addr.arpa.
        var one: Int
        /// Of the A question beside an AAAA question.
        var two: Int
        /// Whether nobody waits for the first answer any longer.
        var gaveUpOne = false
    }

    /// Writes the answer; nothing if more must be known.
    @inline(__always)
    func write(
        _ query: borrowing ClientQuery,
        _ plan: Plan,
        _ places: Places,
        _ one: borrowing RawSpan,
        _ two: borrowing RawSpan,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        switch plan {
        case .synthesis:
            return writeAAAA(query, places, one, two, policy: policy, at: now, into: &reply)
        case .native, .service:
            guard places.one >= 0 else { return nil }
            let image = AnswerImage(one, at: places.one)
            if query.question.type == .aaaa {
                return writeUnsynthesized(query, one, image, policy: policy, at: now, into: &reply)
            }
            if let count = writeFiltered(query, one, image, policy: policy, into: &reply) { return count }
            return answering.native(query, one, image, age: image.age(at: now), into: &reply)
        case .suspended:
            guard places.one >= 0 else { return nil }
            let image = AnswerImage(one, at: places.one)
            decisions.count(.suspended)
            if let count = writeFiltered(query, one, image, policy: policy, isSuspended: true, into: &reply) {
                return count
            }
            // That there is no address will be untrue as soon as packets pass again: nobody is to remember it (RFC 2308
            // section 5).
            let isPassing = image.kind == .noData
            let age = isPassing ? UInt32.max : image.age(at: now)
            return answering.native(query, one, image, age: age, error: isPassing ? .notReady : nil, into: &reply)
        case .reverse:
            guard places.one >= 0 else { return nil }
            guard case .address(let address, let apex) = ReversePlace(query.question.name, policy: policy) else {
                // The Policy changed while the question waited.
                return answering.empty(query, .serverFailure, into: &reply)
            }
            let image = AnswerImage(one, at: places.one)
            if let count = writeFiltered(query, one, image, policy: policy, into: &reply) { return count }
            decisions.count(.reverse)
            return local.pointer(
                query,
                to: .reverse(of: address),
                apex: apex,
                one,
                image,
                age: image.age(at: now),
                into: &reply
            )
        }
    }

    /// An answer to AAAA for a client that gets no synthetic records; excluded ones it does not get either.
    private func writeUnsynthesized(
        _ query: borrowing ClientQuery,
        _ one: borrowing RawSpan,
        _ image: AnswerImage,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        decisions.count(query.isExcluded ? .excludedDomain : .notSynthesized)
        if let count = writeFiltered(query, one, image, policy: policy, into: &reply) { return count }
        let age = image.age(at: now)
        let excluded = excluded(query, policy)
        guard image.kind == .positive, answering.usable(one, image, excluded: excluded) < image.addressCount else {
            return answering.native(query, one, image, age: age, into: &reply)
        }
        return answering.filtered(query, one, image, age: age, excluded: excluded, into: &reply)
    }

    /// RFC 6147 section 5.1.
    @inline(__always)
    private func writeAAAA(
        _ query: borrowing ClientQuery,
        _ places: Places,
        _ one: borrowing RawSpan,
        _ two: borrowing RawSpan,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let aaaa =
            places.one < 0
            ? (places.gaveUpOne ? Finding.failure : .unknown) : finding(query, one, places.one, policy: policy)
        // No exclusion is for A records.
        let a = places.two < 0 ? Finding.unknown : finding(two, places.two, excluded: excludedByDefault)
        switch Synthesis.step(aaaa: aaaa, a: a) {
        case .wait: return nil
        case .native:
            decisions.count(.native)
            return writeNative(query, places.one, one, policy: policy, at: now, into: &reply)
        case .denial:
            decisions.count(.noAddresses)
            let image = AnswerImage(two, at: places.two)
            if let count = writeFiltered(query, two, image, policy: policy, into: &reply) { return count }
            // The proof for who wants one is that of the question asked.
            if image.kind == .noData, query.wantsDNSSEC, aaaa == .noData, AnswerImage(one, at: places.one).isValidated {
                return writeNative(query, places.one, one, policy: policy, at: now, into: &reply)
            }
            return answering.native(query, two, image, age: image.age(at: now), into: &reply)
        case .synthesize:
            var largest = Self.ttlWithoutSOA
            var isValidated = false
            if aaaa == .noData {
                let denial = AnswerImage(one, at: places.one)
                isValidated = denial.isValidated && a == .secure
                if denial.denialTTL != AnswerImage.noDenialTTL {
                    let age = denial.age(at: now)
                    largest = Answering.left(of: denial.denialTTL, after: age, query)
                }
            }
            let image = AnswerImage(two, at: places.two)
            if let count = writeFiltered(query, two, image, policy: policy, into: &reply) { return count }
            if isExcludedByAlias(query, two, image) {
                decisions.count(.excludedDomain)
                return writeNative(query, places.one, one, policy: policy, at: now, into: &reply)
            }
            if let count = answering.synthetic(
                query,
                two,
                image,
                age: image.age(at: now),
                largestTTL: largest,
                isValidated: isValidated,
                policy: policy,
                into: &reply
            ) {
                decisions.count(.synthesized)
                if aaaa == .excluded { decisions.count(.synthesizedExcluded) }
                if aaaa == .failure { decisions.count(.synthesizedFailed) }
                return count
            }
            decisions.count(.nothingReachable)
            return writeNative(query, places.one, one, policy: policy, at: now, into: &reply)
        }
    }

    private func writeNative(
        _ query: borrowing ClientQuery,
        _ place: Int,
        _ one: borrowing RawSpan,
        policy: Policy,
        at now: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        guard place >= 0 else {
            return answering.empty(query, .serverFailure, error: .noReachableAuthority, into: &reply)
        }
        let image = AnswerImage(one, at: place)
        if let count = writeFiltered(query, one, image, policy: policy, into: &reply) { return count }
        let age = image.age(at: now)
        let excluded = excluded(query, policy)
        guard image.kind == .positive, answering.usable(one, image, excluded: excluded) < image.addressCount else {
            return answering.native(query, one, image, age: age, into: &reply)
        }
        return answering.filtered(query, one, image, age: age, excluded: excluded, into: &reply)
    }

    /// What an answer to AAAA is to a client; nothing is retained where no view has exclusions of its own.
    @inline(__always)
    private func finding(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ place: Int,
        policy: Policy
    ) -> Finding {
        if policy.treatsAlike { return finding(octets, place, excluded: excludedByDefault) }
        return findingInView(query.treatment, octets, place, policy: policy)
    }

    @inline(never)
    private func findingInView(
        _ treatment: Int,
        _ octets: borrowing RawSpan,
        _ place: Int,
        policy: Policy
    ) -> Finding {
        finding(octets, place, excluded: policy.treatments[treatment].excludeAAAA ?? excludedByDefault)
    }

    /// The exclusion set that holds for a client.
    @inline(__always)
    func excluded(_ query: borrowing ClientQuery, _ policy: Policy) -> [IPv6Prefix] {
        policy.treatsAlike
            ? excludedByDefault : policy.treatments[query.treatment].excludeAAAA ?? excludedByDefault
    }

    @inline(__always)
    func finding(_ octets: borrowing RawSpan, _ place: Int, excluded: [IPv6Prefix]) -> Finding {
        let image = AnswerImage(octets, at: place)
        switch image.kind {
        case .positive:
            guard octets.uint16(at: place &+ 24) == RecordType.aaaa.rawValue else {
                return image.isValidated ? .secure : .records
            }
            return answering.usable(octets, image, excluded: excluded) > 0 ? .records : .excluded
        case .noData:
            // What we validated ourselves the client may take on our word: RFC 6147 section 5.5, case 2.
            return image.flags & (AnswerImage.signed | AnswerImage.validated) == AnswerImage.signed && !breakDNSSEC
                ? .signedDenial : .noData
        case .nameError: return .nameError
        case .failure: return image.isValidated ? .bogus : .failure
        }
    }
}
