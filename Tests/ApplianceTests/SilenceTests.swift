import Testing
import Timing

@testable import Appliance

@Suite("What is told when nothing comes back")
struct SilenceTests {
    /// Looks once a second, from the first on: so many packets went out, so many came in.
    private func after(_ looks: [(sent: UInt64, heard: UInt64)]) -> Silence {
        var silence = Silence()
        for (second, look) in looks.enumerated() {
            silence.look(sent: look.sent, heard: look.heard, at: .start + .seconds(UInt64(second) + 1))
        }
        return silence
    }

    @Test("thirty packets in thirty seconds without one that comes back are told, and fewer are not")
    func told() {
        let silence = after((1...31).map { ($0, 0) })
        #expect(silence.unanswered?.packets == 31 && silence.unanswered?.during == .seconds(30))
        #expect(!silence.hasHeard)
        #expect(after((1...30).map { ($0, 0) }).unanswered == nil, "29 seconds")
        #expect(after((0...60).map { (min($0, 29), 0) }).unanswered == nil, "29 packets")
    }

    @Test("a storm that is over, however long ago, is no silence")
    func storm() {
        #expect(after([(100_000, 0), (200_000, 0)] + (0...100).map { _ in (200_000, 0) }).unanswered == nil)
    }

    @Test("one packet that comes back ends it, and it begins anew from there")
    func answered() {
        let one = (1...40).map { ($0, 0) } + [(41, 1)] as [(UInt64, UInt64)]
        #expect(after(one).unanswered == nil && after(one).hasHeard)
        let again = after(one + (42...80).map { ($0, 1) })
        #expect(again.unanswered?.packets == 39 && again.hasHeard)
        #expect(after(one + (42...80).map { ($0, $0 - 40) }).unanswered == nil)
    }

    @Test("a translator made anew begins at zero, as if nothing had been")
    func anew() {
        let before = (1...40).map { ($0, 1) } as [(UInt64, UInt64)]
        let fresh = after(before + [(0, 0)])
        #expect(fresh.unanswered == nil && !fresh.hasHeard)
        #expect(after(before + (0...40).map { ($0, 0) }).unanswered?.packets == 40)
    }
}
