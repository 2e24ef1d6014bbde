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
    /// As the PTR of a synthetic address.
    case reverse
}

/// Turns what is known about a question into the answer for one client: the same out of the cache and after a wait.
struct KnownAnswers {
    let answering: Answering
    let local: LocalAnswers
    let rules: NameRules
    /// The exclusion set of clients whose view has none of its own.
    let excludedByDefault: [IPv6Prefix]
    let breakDNSSEC: Bool
    let counters: ResolverCounters

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
            counters.add(.suspended)
            if let count = writeFiltered(query, one, image, policy: policy, into: &reply) { return count }
            let error: ExtendedError? = image.kind == .noData ? .notReady : nil
            return answering.native(query, one, image, age: image.age(at: now), error: error, into: &reply)
        case .reverse:
            guard places.one >= 0 else { return nil }
            guard case .address(let address, let apex) = ReversePlace(query.question.name, policy: policy) else {
                // The Policy changed while the question waited.
                return answering.empty(query, .serverFailure, into: &reply)
            }
            let image = AnswerImage(one, at: places.one)
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
        counters.add(.notSynthesized)
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
            counters.add(.native)
            return writeNative(query, places.one, one, policy: policy, at: now, into: &reply)
        case .denial:
            let image = AnswerImage(two, at: places.two)
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
                counters.add(.synthesized)
                return count
            }
            counters.add(.nothingReachable)
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

    /// What the client gets instead of an answer with addresses that are filtered; nothing if none is.
    @inline(__always)
    private func writeFiltered(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        guard !rules.addresses.isEmpty, image.addressCount > 0, policy.treatments[query.treatment].filters else {
            return nil
        }
        return writeFilteredAddresses(query, octets, image, policy: policy, into: &reply)
    }

    /// Whether a filter may be for an address of an answer to A, or for one of the AAAA records made from it.
    @inline(__always)
    func isFiltered(
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ treatment: Int,
        _ type: RecordType,
        policy: Policy
    ) -> Bool {
        guard !rules.addresses.isEmpty, image.addressCount > 0, policy.treatments[treatment].filters else {
            return false
        }
        return hasFilteredAddress(octets, image, type, policy: policy)
    }

    @inline(never)
    private func hasFilteredAddress(
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ type: RecordType,
        policy: Policy
    ) -> Bool {
        for index in 0..<image.addressCount where filter(octets, image, index, type, policy: policy) >= 0 {
            return true
        }
        return false
    }

    /// The filter for one of an answer's addresses; -1 if none is.
    @inline(__always)
    private func filter(
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ index: Int,
        _ type: RecordType,
        policy: Policy
    ) -> Int {
        let isA = octets.uint16(at: image.base &+ 24) == RecordType.a.rawValue
        let stride = image.addressOwnerCount &+ (isA ? 14 : 26)
        let end = image.message &+ image.firstAddress &+ (index &+ 1) &* stride
        guard isA else {
            return rules.addresses.longest(
                IPv6Address(high: octets.uint64(at: end &- 16), low: octets.uint64(at: end &- 8))
            )
        }
        let address = IPv4Address(bits: octets.uint32(at: end &- 4))
        let place = rules.addresses.longest(IPAddress.v4(address).mapped)
        guard place < 0, type == .aaaa, rules.addresses.namesIPv6 else { return place }
        for number in 0..<policy.prefixes.count {
            let place = rules.addresses.longest(policy.prefixes[number].embed(address))
            if place >= 0 { return place }
        }
        return -1
    }

    @inline(never)
    private func writeFilteredAddresses(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        for index in 0..<image.addressCount {
            let place = filter(octets, image, index, query.question.type, policy: policy)
            guard place >= 0 else { continue }
            guard let count = local.filtered(query, rules.addressActions[place], policy: policy, into: &reply) else {
                continue
            }
            counters.add(.filtered)
            return count
        }
        return nil
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
