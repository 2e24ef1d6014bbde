import NAT64
import Testing
import Timing

@testable import Appliance

@Suite("What the journal hears of refused packets")
struct DropNoticesTests {
    private func counters(_ drops: [DropReason: UInt64]) -> TranslationCounters {
        var counters = TranslationCounters()
        for (reason, count) in drops { counters.drops[Int(reason.rawValue)] = count }
        return counters
    }

    @Test("CGN-11 X64-17 a reason is told at once, then once a minute with the number of packets since")
    func onceAMinute() {
        var notices = DropNotices()
        let start = Moment.start + .seconds(100)
        #expect(notices.due(counters([:]), at: start).isEmpty)
        var told = notices.due(counters([.poolExhausted: 3, .extensionChain: 1]), at: start)
        #expect(told.map(\.reason) == [.poolExhausted, .extensionChain] && told.map(\.packets) == [3, 1])
        for second in 1..<60 as Range<UInt64> {
            let more = counters([.poolExhausted: 3 + second * 1000, .extensionChain: 1])
            #expect(notices.due(more, at: start + .seconds(second)).isEmpty)
        }
        told = notices.due(counters([.poolExhausted: 60_003, .extensionChain: 1]), at: start + .seconds(60))
        #expect(told.map(\.reason) == [.poolExhausted] && told.map(\.packets) == [60_000])
    }

    @Test("what is everyday is told to nobody, and a translator that starts anew counts from zero")
    func everyday() {
        var notices = DropNotices()
        let start = Moment.start + .seconds(100)
        #expect(notices.due(counters([.noSession: 9, .filtered: 9, .linkLocal: 9, .malformed: 9]), at: start).isEmpty)
        #expect(notices.due(counters([.tableFull: 5]), at: start).map(\.packets) == [5])
        #expect(notices.due(counters([.tableFull: 2]), at: start + .seconds(61)).map(\.packets) == [2])
    }
}
