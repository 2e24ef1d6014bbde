import DNSWire
import PacketMemory
import Policy

/// Names that the operator wrote an answer for.
extension ResolverEngine {
    /// Answers what the operator wrote an answer for: local records first, then the filter, then rules that ask nobody.
    @inline(never)
    mutating func answerByRules(
        _ query: borrowing ClientQuery,
        _ entry: NameRules.Entry,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        if entry.local >= 0 {
            guard
                let own = local.own(
                    query,
                    rules.locals[Int(entry.local)],
                    policy: policy,
                    isSuspended: synthesisIsSuspended,
                    into: &reply
                )
            else { return nil }
            decisions.count(.operatorAnswers)
            if own.isSynthetic { decisions.countSynthesizedOwn() }
            return own.count
        }
        if let count = filtered(query, by: entry, policy: policy, into: &reply) { return count }
        guard entry.rule >= 0 else { return nil }
        let direction = rules.directions[Int(entry.rule)]
        guard direction == .local || direction == .block else { return nil }
        decisions.count(.operatorAnswers)
        return local.nobody(
            query,
            zone: rules.domains[Int(entry.rule)],
            exists: entry.exists,
            isBlocked: direction == .block,
            into: &reply
        )
    }

    /// What the filter of a name says instead of its answer; nothing if there is none, or it allows that.
    private mutating func filtered(
        _ query: borrowing ClientQuery,
        by entry: NameRules.Entry,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        guard entry.filter >= 0, policy.treatments[query.treatment].filters else { return nil }
        decisions.note(.name(Int(entry.filter)))
        let count = local.filtered(
            query,
            rules.filters[Int(entry.filter)],
            policy: policy,
            isSuspended: synthesisIsSuspended,
            counting: decisions,
            into: &reply
        )
        if count != nil { decisions.count(.filtered) }
        return count
    }

    /// The PTR of a synthetic address whose name below in-addr.arpa the operator wrote an answer for.
    mutating func answerPointer(
        _ query: borrowing ClientQuery,
        to target: Name,
        apex: Int,
        policy: Policy,
        into reply: inout MutableRawSpan
    ) -> Int? {
        let entry = rules.entry(for: target, in: query.view)
        decisions.note(rule: entry.rule)
        if entry.local >= 0, rules.locals[Int(entry.local)].alias == nil {
            decisions.count(.operatorAnswers)
            decisions.count(.reverse)
            return local.pointer(query, to: target, apex: apex, rules.locals[Int(entry.local)], into: &reply)
        }
        if entry.local < 0, let count = filtered(query, by: entry, policy: policy, into: &reply) {
            decisions.count(.filteredAlias)
            return count
        }
        guard entry.local < 0, entry.rule >= 0 else { return nil }
        let direction = rules.directions[Int(entry.rule)]
        guard direction == .local || direction == .block else { return nil }
        decisions.count(.operatorAnswers)
        decisions.count(.reverse)
        return local.nobody(
            query,
            zone: query.question.name.suffix(from: apex),
            exists: false,
            isBlocked: direction == .block,
            into: &reply
        )
    }
}
