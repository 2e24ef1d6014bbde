import DNSWire
import IPAddressing
import PacketMemory
import Policy

/// What the operator holds back of answers: because of the names that aliases lead to, and because of addresses.
extension KnownAnswers {
    /// What the client gets instead of an answer in which a name or an address is filtered; nothing if none is.
    ///
    /// - Parameter isSuspended: Whether nothing is synthesized now.
    @inline(__always)
    func writeFiltered(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        policy: Policy,
        isSuspended: Bool = false,
        into reply: inout MutableRawSpan
    ) -> Int? {
        guard mayBeFiltered(image, query.treatment, policy) else { return nil }
        return writeFilteredAnswer(query, octets, image, policy: policy, isSuspended: isSuspended, into: &reply)
    }

    /// Whether an answer has to be looked at.
    @inline(__always)
    private func mayBeFiltered(_ image: AnswerImage, _ treatment: Int, _ policy: Policy) -> Bool {
        if image.flags & AnswerImage.leadsToNamed != 0 { return true }
        return !rules.addresses.isEmpty && image.addressCount > 0 && policy.treatments[treatment].filters
    }

    /// Whether a filter may be for an answer to A, or for one of the AAAA records made from it.
    @inline(__always)
    func isFiltered(
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        _ treatment: Int,
        _ type: RecordType,
        policy: Policy
    ) -> Bool {
        guard mayBeFiltered(image, treatment, policy) else { return false }
        return image.flags & AnswerImage.leadsToNamed != 0
            || hasFilteredAddress(octets, image, type, policy: policy)
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
    private func writeFilteredAnswer(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        policy: Policy,
        isSuspended: Bool,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let filters = policy.treatments[query.treatment].filters
        if filters, let own = rules.filter(of: query.question.name), own == .allow { return nil }
        if image.flags & AnswerImage.leadsToNamed != 0, let action = alias(query, octets, image, filters: filters) {
            guard
                let count = local.filtered(
                    query,
                    action,
                    policy: policy,
                    isSuspended: isSuspended,
                    counting: decisions,
                    into: &reply
                )
            else { return nil }
            decisions.count(.filtered)
            decisions.count(.filteredAlias)
            return count
        }
        guard filters else { return nil }
        for index in 0..<image.addressCount {
            let place = filter(octets, image, index, query.question.type, policy: policy)
            guard place >= 0,
                let count = local.filtered(
                    query,
                    rules.addressActions[place],
                    policy: policy,
                    isSuspended: isSuspended,
                    counting: decisions,
                    into: &reply
                )
            else { continue }
            decisions.count(.filtered)
            decisions.note(.address(place))
            return count
        }
        return nil
    }

    /// What the first alias that leads to a name with a filter, or to a blocked one, makes of the answer.
    private func alias(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage,
        filters: Bool
    ) -> FilterAction? {
        let message = octets.extracting(image.message..<image.message + image.messageCount)
        var targets = AliasTargets(message)
        while let target = targets.next(in: message) {
            let entry = rules.entry(for: target, in: query.view)
            // Local records are not filtered.
            if entry.local >= 0 { continue }
            if filters, entry.filter >= 0 {
                decisions.note(.name(Int(entry.filter)))
                return rules.filters[Int(entry.filter)]
            }
            if rules.blocks(entry) { return .nameError }
        }
        return nil
    }

    /// Whether an alias leads to a name that nothing is synthesized for.
    @inline(__always)
    func isExcludedByAlias(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage
    ) -> Bool {
        guard image.flags & AnswerImage.leadsToNamed != 0 else { return false }
        return leadsToExcluded(query, octets, image)
    }

    @inline(never)
    private func leadsToExcluded(
        _ query: borrowing ClientQuery,
        _ octets: borrowing RawSpan,
        _ image: AnswerImage
    ) -> Bool {
        let message = octets.extracting(image.message..<image.message + image.messageCount)
        var targets = AliasTargets(message)
        while let target = targets.next(in: message) {
            if rules.entry(for: target, in: query.view).isExcluded { return true }
        }
        return false
    }
}
