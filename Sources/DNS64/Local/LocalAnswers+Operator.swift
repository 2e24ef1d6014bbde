import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// Answers that the operator wrote down: local records, filters, rules that ask nobody.
extension LocalAnswers {
    /// How long what a filter says may be kept, in seconds; a filter may be changed at any time.
    static let filterTTL: UInt32 = 60

    /// What a filter says instead of the answer there is; nothing if it allows that. Counts what is synthesized.
    func filtered(
        _ query: borrowing ClientQuery,
        _ action: FilterAction,
        policy: Policy,
        isSuspended: Bool,
        counting decisions: AnswerDecisions,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let name = query.question.name
        switch action {
        case .allow: return nil
        case .nameError:
            return denial(query, zone: name, .nameError, ttl: Self.filterTTL, error: .blocked, into: &reply)
        case .noData: return denial(query, zone: name, .noError, ttl: Self.filterTTL, error: .blocked, into: &reply)
        case .override(let addresses):
            var page = Page(query, answering, reply)
            page.error = .forgedAnswer
            page.begin(into: &reply)
            for address in addresses {
                switch (address, query.question.type) {
                case (.v4(let address), .a): page.address(name, address, ttl: Self.filterTTL, into: &reply)
                case (.v6(let address), .aaaa): page.address(name, address, ttl: Self.filterTTL, into: &reply)
                default: break
                }
            }
            if page.answers == 0, query.question.type == .aaaa, isSynthesized(query), !isSuspended {
                for case .v4(let address) in addresses {
                    page.synthetic(name, address, ttl: Self.filterTTL, policy: policy, into: &reply)
                }
                if page.answers > 0 { decisions.countSynthesizedOwn() }
            }
            guard page.answers > 0 else {
                return denial(query, zone: name, .noError, ttl: Self.filterTTL, error: .forgedAnswer, into: &reply)
            }
            return page.finish(query, answering, into: &reply)
        }
    }

    /// The answer about a name that has local records, and whether its addresses were made of A records; nothing if it
    /// is an alias that must be followed.
    func own(
        _ query: borrowing ClientQuery,
        _ local: LocalName,
        policy: Policy,
        isSuspended: Bool,
        into reply: inout MutableRawSpan
    ) -> (count: Int, isSynthetic: Bool)? {
        let (name, type) = (query.question.name, query.question.type)
        guard local.alias == nil || type == .cname else { return nil }
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        for record in local.records where record.type == type { page.record(name, record, of: local, into: &reply) }
        var isSynthetic = false
        if page.answers == 0, type == .aaaa, isSynthesized(query), !isSuspended {
            isSynthetic = true
            for record in local.records where record.type == .a && record.count == 4 {
                var bits: UInt32 = 0
                for index in record.first..<record.first + 4 { bits = bits << 8 | UInt32(local.octets[index]) }
                page.synthetic(name, IPv4Address(bits: bits), ttl: record.ttl, policy: policy, into: &reply)
            }
        }
        guard page.answers > 0 else { return (denial(query, zone: name, .noError, into: &reply), false) }
        return (page.finish(query, answering, into: &reply), isSynthetic)
    }

    /// The PTR of a synthetic address whose name below in-addr.arpa has local records.
    ///
    /// - Parameter apex: Where in the name the zone of the prefix begins.
    func pointer(
        _ query: borrowing ClientQuery,
        to target: Name,
        apex: Int,
        _ local: LocalName,
        into reply: inout MutableRawSpan
    ) -> Int {
        guard let first = local.records.first(where: { $0.type == .ptr }) else {
            return denial(query, zone: query.question.name.suffix(from: apex), .noError, into: &reply)
        }
        var page = Page(query, answering, reply)
        page.begin(into: &reply)
        page.name(query.question.name, .cname, target, ttl: first.ttl, into: &reply)
        if query.question.type == .ptr {
            for record in local.records where record.type == .ptr {
                page.record(target, record, of: local, into: &reply)
            }
        }
        return page.finish(query, answering, into: &reply)
    }

    /// The answer about a name whose rule asks nobody and that has no local records.
    ///
    /// - Parameters:
    ///   - zone: The rule's domain.
    ///   - exists: Whether a name below has local records.
    func nobody(
        _ query: borrowing ClientQuery,
        zone: Name,
        exists: Bool,
        isBlocked: Bool,
        into reply: inout MutableRawSpan
    ) -> Int {
        let isApex = query.question.name == zone
        let code: ResponseCode = exists || isApex && !isBlocked ? .noError : .nameError
        return denial(query, zone: zone, code, ttl: Self.filterTTL, error: isBlocked ? .blocked : nil, into: &reply)
    }

    /// RFC 6147 section 5.5: who wants signatures and validates for itself gets nothing made.
    private func isSynthesized(_ query: borrowing ClientQuery) -> Bool {
        guard query.synthesizes else { return false }
        return query.variant != [.dnssec, .checkingDisabled]
    }
}
