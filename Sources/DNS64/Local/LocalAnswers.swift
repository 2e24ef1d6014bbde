import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// Answers to questions about names that mean the same everywhere or only here, given without asking anybody.
struct LocalAnswers {
    let answering: Answering
    private let rules: NameRules
    private let discoveryTTL: UInt32
    let designatedResolvers: [DesignatedResolver]

    /// The mailbox in SOA records of ours: nobody's.
    static let nobody = Name("nobody.invalid.") ?? .root
    /// How long the denials of RFC 6303 section 3 hold, in seconds.
    static let denialTTL: UInt32 = 10_800

    init(
        _ answering: Answering,
        rules: NameRules,
        discoveryTTL: UInt32,
        designated: [DesignatedResolver] = []
    ) {
        designatedResolvers = designated
        self.answering = answering
        self.rules = rules
        self.discoveryTTL = discoveryTTL
    }

    /// The answer's count of octets; nothing if the name is not served here.
    ///
    /// For clients without DNS64 ipv4only.arpa is like any other name (RFC 8880 section 7.1). A forwarding rule for one
    /// of the zones, or for a name in it, goes before the zone (RFC 6303 section 3).
    ///
    /// - Parameter rule: The forwarding rule of the name; -1 without one.
    @inline(__always)
    func answer(
        _ query: borrowing ClientQuery,
        policy: Policy,
        rule: Int32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        // All of these names end in one of four labels, so that nearly every question is done with here.
        switch query.question.name.foldedLast {
        case FoldedLabel.arpa, FoldedLabel.localhost, FoldedLabel.invalid, FoldedLabel.onion:
            return answerSpecial(query, policy: policy, rule: rule, into: &reply)
        default: return nil
        }
    }

    @inline(never)
    private func answerSpecial(
        _ query: borrowing ClientQuery,
        policy: Policy,
        rule: Int32,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let name = query.question.name
        let domain = rule < 0 ? Name.root : rules.domains[Int(rule)]
        if name.isAtOrBelow(LocalZone.localhost.apex) { return localhost(query, into: &reply) }
        if let zone = LocalZone.nowhere.first(where: { name.isAtOrBelow($0.apex) }) {
            return denial(query, zone: zone.apex, .nameError, into: &reply)
        }
        if name.isAtOrBelow(LocalZone.designated.apex) { return designated(query, into: &reply) }
        if name.isAtOrBelow(LocalZone.discovery.apex) {
            return query.synthesizes ? discovery(query, policy: policy, into: &reply) : nil
        }
        if name.isAtOrBelow(LocalZone.home.apex) {
            if domain.isAtOrBelow(LocalZone.home.apex) { return nil }
            // RFC 8375 section 4: the proof that the zone is not signed comes from outside.
            if query.question.type == .ds { return nil }
            return emptyZone(query, LocalZone.home.apex, into: &reply)
        }
        if ReverseName6.endsInIP6(name) {
            if query.synthesizes, !isUnderOwnPrefix(domain, policy: policy) {
                switch ReversePlace(name, policy: policy) {
                case .outside: break
                case .address(let address, let apex):
                    return reverse(query, address, zone: name.suffix(from: apex), into: &reply)
                case .apex(let offset): return apex(query, zone: name.suffix(from: offset), into: &reply)
                case .between(let offset): return denial(query, zone: name.suffix(from: offset), .noError, into: &reply)
                case .below(let offset): return denial(query, zone: name.suffix(from: offset), .nameError, into: &reply)
                }
            }
            guard let zone = LocalZone.reverse6.first(where: { name.isAtOrBelow($0.apex) }),
                !domain.isAtOrBelow(zone.apex)
            else { return nil }
            // A prefix of the site's own in such a range has names that somebody knows.
            return policy.prefixes.contains { zone.holds($0) } ? nil : emptyZone(query, zone.apex, into: &reply)
        }
        guard let zone = LocalZone.reverse4.first(where: { name.isAtOrBelow($0.apex) }), let range = zone.range,
            !policy.destinations.allow.contains(where: { $0.overlaps(range) }), !domain.isAtOrBelow(zone.apex)
        else { return nil }
        return emptyZone(query, zone.apex, into: &reply)
    }

    /// Whether a forwarding rule is for the reverse zone of one of our prefixes, or for a part of it.
    func isUnderOwnPrefix(_ domain: Name, policy: Policy) -> Bool {
        !domain.isRoot && ReverseName6.endsInIP6(domain) && ReversePlace(domain, policy: policy) != .outside
    }

    /// RFC 6761 section 6.3: localhost and everything below it is this host, which is the client's own.
    private func localhost(_ query: borrowing ClientQuery, into reply: inout MutableRawSpan) -> Int {
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        switch query.question.type {
        case .a: page.address(query.question.name, IPv4Address(127, 0, 0, 1), ttl: Self.denialTTL, into: &reply)
        case .aaaa: page.address(query.question.name, IPv6Address.loopback, ttl: Self.denialTTL, into: &reply)
        default: return denial(query, zone: LocalZone.localhost.apex, .noError, into: &reply)
        }
        return page.finish(query, answering, into: &reply)
    }

    /// RFC 8880 section 7.1, item 4: both addresses under every prefix, in the order of the configuration.
    private func discovery(_ query: borrowing ClientQuery, policy: Policy, into reply: inout MutableRawSpan) -> Int? {
        let name = query.question.name
        let apex = LocalZone.discovery.apex
        guard name == apex else { return denial(query, zone: apex, .nameError, into: &reply) }
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        switch query.question.type {
        case .ds: return nil
        case .a:
            page.address(name, Discovery.first, ttl: discoveryTTL, into: &reply)
            page.address(name, Discovery.second, ttl: discoveryTTL, into: &reply)
        case .aaaa:
            let own = policy.treatments[query.treatment].prefixes
            for number in 0..<(own?.count ?? policy.prefixes.count) {
                let prefix = policy.prefixes[own?[number] ?? number]
                page.address(name, prefix.embed(Discovery.first), ttl: discoveryTTL, into: &reply)
                page.address(name, prefix.embed(Discovery.second), ttl: discoveryTTL, into: &reply)
            }
        default: return denial(query, zone: apex, .noError, into: &reply)
        }
        return page.finish(query, answering, into: &reply)
    }

    /// A name under a prefix: the discovery addresses point to ipv4only.arpa (RFC 8880 section 7.2.1). Other names are
    /// aliases; whether there is anything that they lead to is asked below in-addr.arpa, which is not done here. Other
    /// types do not exist.
    private func reverse(
        _ query: borrowing ClientQuery,
        _ address: IPv4Address,
        zone: Name,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let (type, isWellKnown) = (query.question.type, Discovery.isWellKnown(address))
        guard type == .ptr || type == .cname && !isWellKnown else {
            return denial(query, zone: zone, .noError, into: &reply)
        }
        guard isWellKnown else { return nil }
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        page.name(query.question.name, .ptr, LocalZone.discovery.apex, ttl: discoveryTTL, into: &reply)
        return page.finish(query, answering, into: &reply)
    }

    /// RFC 6303 section 3: SOA and NS at the apex, nothing else and nothing below.
    private func emptyZone(_ query: borrowing ClientQuery, _ zone: Name, into reply: inout MutableRawSpan) -> Int {
        if query.question.name == zone { return apex(query, zone: zone, into: &reply) }
        return denial(query, zone: zone, .nameError, into: &reply)
    }

    private func apex(_ query: borrowing ClientQuery, zone: Name, into reply: inout MutableRawSpan) -> Int {
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        switch query.question.type {
        case .soa: page.soa(zone, ttl: Self.denialTTL, into: &reply)
        case .ns: page.name(zone, .ns, zone, ttl: Self.denialTTL, into: &reply)
        default: return denial(query, zone: zone, .noError, into: &reply)
        }
        return page.finish(query, answering, into: &reply)
    }

    /// NODATA or NXDOMAIN with the SOA record of the zone.
    func denial(
        _ query: borrowing ClientQuery,
        zone: Name,
        _ code: ResponseCode,
        ttl: UInt32 = Self.denialTTL,
        error: ExtendedError? = nil,
        into reply: inout MutableRawSpan
    ) -> Int {
        var page = Page(query, answering, reply)
        page.code = code
        page.error = error
        page.begin(into: &reply)
        page.isAuthority = true
        page.soa(zone, ttl: ttl, into: &reply)
        return page.finish(query, answering, into: &reply)
    }

    /// The PTR of a synthetic address, from the answer for its IPv4 address: an alias to the name below in-addr.arpa
    /// and what is there (RFC 6147 section 5.3.1, option 2). The alias is made only if something is there.
    ///
    /// - Parameter apex: Where in the name the zone of the prefix begins.
    func pointer(
        _ query: borrowing ClientQuery,
        to target: Name,
        apex: Int,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        let zone = query.question.name.suffix(from: apex)
        let left = Answering.left(of: image.lifetime, after: age, query)
        let error = Answering.error(query, image)
        switch image.kind {
        case .failure: return answering.empty(query, .serverFailure, error: error, into: &reply)
        case .nameError: return denial(query, zone: zone, .nameError, ttl: left, error: error, into: &reply)
        case .noData: return denial(query, zone: zone, .noError, ttl: left, error: error, into: &reply)
        case .positive: break
        }
        let message = octets.extracting(image.message..<image.message + image.messageCount)
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        page.name(query.question.name, .cname, target, ttl: max(left, 1), into: &reply)
        do throws(WireProblem) {
            // Who asks for the alias alone gets no more.
            let answers = query.question.type == .cname ? 0 : try MessageHeader(message).answerCount
            var offset = query.question.end - query.question.name.count + target.count
            for _ in 0..<answers {
                let record = try ResourceRecord(in: message, at: offset)
                try page.copy(record, ttl: Answering.left(of: record.ttl, after: age, query), of: message, into: &reply)
                offset = record.end
            }
        } catch {
            // The message was written by us.
            return answering.empty(query, .serverFailure, into: &reply)
        }
        return page.finish(query, answering, into: &reply)
    }

    /// NXDOMAIN for a name, because a name above it does not exist: RFC 8020 section 2.
    func denialBelow(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        age: UInt32,
        into reply: inout MutableRawSpan
    ) -> Int {
        let message = octets.extracting(image.message..<image.message + image.messageCount)
        var page = Page(query, answering, reply)
        page.code = .nameError
        page.error = Answering.error(query, image)
        page.begin(into: &reply)
        page.isAuthority = true
        do throws(WireProblem) {
            var offset = image.authority
            for _ in 0..<(try MessageHeader(message).authorityCount) {
                let record = try ResourceRecord(in: message, at: offset)
                try page.copy(record, ttl: Answering.left(of: record.ttl, after: age, query), of: message, into: &reply)
                offset = record.end
            }
        } catch {
            // The message was written by us.
            return answering.empty(query, .serverFailure, into: &reply)
        }
        return page.finish(query, answering, into: &reply)
    }

    /// ANY is answered with one record that says why there are not more: RFC 8482 section 4.2.
    func any(_ query: borrowing ClientQuery, into reply: inout MutableRawSpan) -> Int {
        let position = answering.begin(query, .noError, into: &reply)
        let room = answering.room(query, reply, nil)
        guard position + 21 <= room else { return answering.truncated(query, into: &reply) }
        // The owner is the question's name; CPU "RFC8482", no operating system.
        reply.store(UInt16(0xC00C), at: position)
        reply.store(RecordType.hinfo.rawValue, at: position + 2)
        reply.store(RecordClass.internet.rawValue, at: position + 4)
        reply.store(Self.denialTTL, at: position + 6)
        reply.store(UInt16(9), at: position + 10)
        reply.store(0x0752_4643_3834_3832 as UInt64, at: position + 12)
        reply.store(UInt8(0), at: position + 20)
        return answering.finish(query, at: position + 21, answers: 1, into: &reply)
    }
}

extension LocalZone {
    /// Whether a translation prefix lies in the IPv6 range that the zone names.
    func holds(_ prefix: TranslationPrefix) -> Bool {
        guard let reverse = ReverseName6(apex) else { return false }
        return IPv6Prefix(reverse.address, length: 4 * reverse.nibbles).overlaps(prefix.block)
    }
}

/// The last labels that lead to names served here, with their length, in lower case, as one number.
enum FoldedLabel {
    static let arpa: UInt64 = 0x0461_7270_6100_0000
    static let onion: UInt64 = 0x056F_6E69_6F6E_0000
    static let invalid: UInt64 = 0x0769_6E76_616C_6964
    static let localhost: UInt64 = 0x096C_6F63_616C_686F
}

extension Name {
    /// The first eight octets of the last label, its length the first, in lower case, zeros behind a shorter one.
    @inline(__always)
    var foldedLast: UInt64 {
        var offset = 0
        var last = 0
        while octet(offset) != 0 {
            last = offset
            offset &+= 1 &+ Int(octet(offset))
        }
        var word: UInt64 = 0
        for index in 0..<8 {
            word = word &<< 8
            if last &+ index < offset { word |= UInt64(octet(last &+ index)) }
        }
        return Name.folded(word)
    }
}
