internal import DNS64

/// What became of a question, in the words of the query log.
extension AnswerStory {
    /// Where the answer was taken from; nothing where the cache has no part in it.
    var cache: String? {
        if has(.stale) { return "stale" }
        if has(.fromCache) { return "hit" }
        if has(.local) || has(.operatorAnswers) { return "local" }
        return has(.waited) ? "miss" : nil
    }

    /// What DNS64 made of the question.
    var synthesis: String {
        if has(.synthesized) { return "synth" }
        if has(.reverse) { return "ptr" }
        return has(.excludedDomain) ? "excluded" : "none"
    }

    /// Why DNS64 made that of the question, by the name of the counter; nothing if the question has nothing to do with
    /// it. The more particular comes first.
    var synthesisReason: String? {
        let reasons: [ResolverCount] = [
            .synthesizedOwn, .synthesizedExcluded, .synthesizedFailed, .synthesized, .reverse, .excludedDomain,
            .native, .nothingReachable, .noAddresses, .notSynthesized, .suspended,
        ]
        return reasons.first { has($0) }?.name
    }

    /// Why the question was refused, by the name of the counter; nothing if it was not.
    var refusal: String? {
        let reasons: [ResolverCount] = [
            .overRate, .badCookies, .refusedMalformed, .refusedQuestionCount, .refusedOperation, .refusedVersion,
            .refusedClass, .refusedType, .refusedClient, .refusedRecursion, .refusedOverload, .refusedShare,
            .refusedNoUpstream, .refusedLoop,
        ]
        return reasons.first { has($0) }?.name
    }
}

extension SilenceReason {
    /// Why a message got no answer, in the words of the query log.
    var word: String {
        switch self {
        case .shorterThanHeader: "too-short"
        case .notAQuestion: "not-a-question"
        case .noRoom: "no-room"
        case .overRate: ResolverCount.overRate.name
        }
    }
}
