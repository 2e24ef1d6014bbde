internal import NAT64
internal import Timing

/// Which refusals the journal hears of, and how often: each reason at once, then no more than once a minute with the
/// number of packets since (RFC 6888 requirement 11, RFC 7915 section 5.1.1). All of them are counted in any case.
struct DropNotices {
    /// What an operator can do something about, or should know.
    static let reasons: [DropReason] = [
        .poolExhausted, .blocksExhausted, .portsReserved, .tableFull, .sessionLimit, .clientLimit, .bindingLimit,
        .newBindingRate, .fragmentMemory, .heldSYNLimit, .overlappingFragment, .tinyFragment, .extensionChain,
        .hairpinLoop, .badOffload,
    ]
    /// How long a reason is silent after it was told.
    static let pause = Moment.Span.seconds(60)

    private var told = [UInt64](repeating: 0, count: DropReason.allCases.count)
    private var nextAt = [Moment](repeating: .start, count: DropReason.allCases.count)

    /// What is to be told now: reasons, and how many packets since they were told last.
    mutating func due(_ counters: TranslationCounters, at now: Moment) -> [(reason: DropReason, packets: UInt64)] {
        var due: [(reason: DropReason, packets: UInt64)] = []
        for reason in Self.reasons {
            let index = Int(reason.rawValue)
            let count = counters[reason]
            // A translator that was made anew counts from zero again.
            if count < told[index] { told[index] = 0 }
            guard count > told[index], now >= nextAt[index] else { continue }
            due.append((reason, count - told[index]))
            told[index] = count
            nextAt[index] = now + Self.pause
        }
        return due
    }
}
