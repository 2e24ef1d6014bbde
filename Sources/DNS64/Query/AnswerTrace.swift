public import DNSWire

/// What became of one question, learned from what the engine counted while it answered it: so that nothing is noted on
/// the way of the questions whose story nobody wants.
public struct AnswerTrace: Hashable, Sendable {
    /// The counts that tell it. Their places are the bits of ``bits``.
    public static let told: [ResolverCount] = [
        .fromCache, .local, .operatorAnswers, .filtered, .stale, .synthesized, .native, .nothingReachable,
        .notSynthesized, .suspended, .serviceAddresses, .overRate, .refusedMalformed, .refusedQuestionCount,
        .refusedOperation, .refusedVersion, .refusedClass, .refusedType, .refusedClient, .refusedRecursion,
        .refusedOverload, .refusedShare, .refusedNoUpstream, .refusedLoop,
    ]

    /// A bit for each of ``told`` that was counted.
    public var bits: UInt32

    /// Takes the bits.
    public init(bits: UInt32) { self.bits = bits }

    /// Whether something was counted.
    public func has(_ count: ResolverCount) -> Bool {
        guard let place = Self.told.firstIndex(of: count) else { return false }
        return bits >> UInt32(place) & 1 != 0
    }

    /// Why the question was refused; nothing if it was not.
    public var refusal: ResolverCount? { Self.told.dropFirst(12).first { has($0) } }

    /// What had been counted before the question was answered.
    public struct Beginning: Sendable {
        fileprivate var counts = [24 of UInt64](repeating: 0)
    }
}

extension ResolverEngine {
    /// What was counted up to now; to be taken before a question is answered that is to be logged.
    public var beginning: AnswerTrace.Beginning {
        var beginning = AnswerTrace.Beginning()
        for (place, count) in AnswerTrace.told.enumerated() { beginning.counts[place] = counters[count] }
        return beginning
    }

    /// What was counted since.
    public func trace(since beginning: AnswerTrace.Beginning) -> AnswerTrace {
        var bits: UInt32 = 0
        for (place, count) in AnswerTrace.told.enumerated() where counters[count] != beginning.counts[place] {
            bits |= 1 << UInt32(place)
        }
        return AnswerTrace(bits: bits)
    }

    /// What the operator wrote that holds for a name: the domain of the forwarding rule and the name of the filter.
    public func written(for name: Name) -> (rule: Name?, filter: Name?) {
        guard !rules.isIdle else { return (nil, nil) }
        let entry = rules.entry(for: name)
        return (
            entry.rule < 0 ? nil : rules.domains[Int(entry.rule)],
            entry.filter < 0 ? nil : settings.nameFilters[Int(entry.filter)].name
        )
    }

    /// Counts an answer that was put down in the query log, or one that there was no room for.
    public func countLogged(isKept: Bool) { counters.add(isKept ? .logged : .notLogged) }
}
