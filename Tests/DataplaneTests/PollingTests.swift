import Testing
import Timing

@Suite("Polling before a sleep")
struct PollingTests {
    private static let longest = Moment.Span(nanoseconds: 50_000)
    private static let short = Moment.Span(nanoseconds: 60_000)
    private static let long = Moment.Span.milliseconds(5)

    private static func polling(_ setting: PollBeforeSleep = .automatic) -> Polling {
        Polling(setting, longest: longest, shortSleep: Moment.Span(nanoseconds: 120_000))
    }

    /// A poll that finds a packet at its third look.
    private static func find(_ polling: inout Polling, afterNanoseconds last: UInt64 = 1_500) {
        polling.begin(at: Moment(nanoseconds: 1_000_000), hasCPU: true)
        polling.looked(at: Moment(nanoseconds: 1_000_500))
        polling.found(at: Moment(nanoseconds: 1_000_000 + last))
    }

    @Test("a fixed time is polled always, and none sleeps at once")
    func fixed() {
        var polling = Self.polling(.always(.milliseconds(1)))
        for _ in 0..<5 {
            #expect(polling.window == .milliseconds(1))
            polling.missed()
            polling.slept(Self.long, didWake: false)
        }
        #expect(Self.polling(.always(.zero)).window == .zero)
    }

    /// The time a poll that begins now may take.
    private static func window(_ polling: inout Polling, hasCPU: Bool = true) -> Moment.Span {
        polling.begin(at: Moment(nanoseconds: 1_000_000), hasCPU: hasCPU)
        return polling.window
    }

    @Test("automatic polling waits for a short sleep, goes on while it finds packets, and ends with the first miss")
    func automatic() {
        var polling = Self.polling()
        #expect(Self.window(&polling) == .zero)
        polling.slept(Self.short, didWake: true)
        for _ in 0..<100 {
            #expect(Self.window(&polling) == Self.longest)
            Self.find(&polling)
        }
        polling.missed()
        #expect(Self.window(&polling) == .zero)
        polling.slept(Self.long, didWake: true)
        #expect(Self.window(&polling) == .zero)
        polling.slept(Self.short, didWake: true)
        #expect(Self.window(&polling) == Self.longest)
    }

    @Test("polls have taken the place of sleeps when 64 found something, 16 more for each sleep meanwhile")
    func steady() {
        var polling = Self.polling(.always(.milliseconds(1)))
        for _ in 0..<63 { Self.find(&polling) }
        #expect(!polling.isSteady)
        for _ in 0..<100 { Self.find(&polling) }
        #expect(polling.isSteady)
        polling.slept(Self.short, didWake: true)
        #expect(!polling.isSteady)
        for _ in 0..<15 { Self.find(&polling) }
        #expect(!polling.isSteady)
        Self.find(&polling)
        #expect(polling.isSteady)
        for _ in 0..<100 {
            for _ in 0..<16 { Self.find(&polling) }
            polling.slept(Self.short, didWake: true)
            #expect(!polling.isSteady)
        }
    }

    @Test("an end of traffic is the end of it, and a poll that another thread interrupted is no sign of traffic")
    func unsteady() {
        var polling = Self.polling(.always(.milliseconds(1)))
        for _ in 0..<1_000 { Self.find(&polling, afterNanoseconds: 6_000) }
        #expect(!polling.isSteady)
        for _ in 0..<64 { Self.find(&polling) }
        for _ in 0..<4 { polling.slept(Self.long, didWake: false) }
        for _ in 0..<63 { Self.find(&polling) }
        #expect(!polling.isSteady)
    }

    @Test("automatic polling pauses while much comes at once, which is better left to gather, and then goes on")
    func bulk() {
        var polling = Self.polling()
        polling.slept(Self.short, didWake: true)
        polling.came(isThin: false)
        #expect(Self.window(&polling) == .zero)
        polling.slept(Self.short, didWake: true)
        polling.came(isThin: true)
        #expect(Self.window(&polling) == Self.longest)
    }

    @Test("a packet that came while another thread had the CPU was polled for in vain")
    func interrupted() {
        var polling = Self.polling()
        polling.slept(Self.short, didWake: true)
        Self.find(&polling, afterNanoseconds: 6_000)
        #expect(Self.window(&polling) == .zero)
        polling.slept(Self.short, didWake: true)
        #expect(Self.window(&polling) == Self.longest)
        Self.find(&polling)
        #expect(Self.window(&polling) == Self.longest)
    }

    @Test("a poll ends when another thread has had the CPU meanwhile, found or not")
    func displaced() {
        var polling = Self.polling()
        polling.slept(Self.short, didWake: true)
        #expect(Self.window(&polling) == Self.longest)
        polling.looked(at: Moment(nanoseconds: 1_000_900))
        #expect(polling.window == Self.longest)
        polling.looked(at: Moment(nanoseconds: 1_005_000))
        #expect(polling.window == .zero)
    }

    @Test("automatic polling leaves the last CPU to others, and a fixed time does not ask")
    func lastCPU() {
        var polling = Self.polling()
        polling.slept(Self.short, didWake: true)
        #expect(Self.window(&polling, hasCPU: false) == .zero)
        #expect(Self.window(&polling) == Self.longest)
        var fixed = Self.polling(.always(.milliseconds(1)))
        #expect(Self.window(&fixed, hasCPU: false) == .milliseconds(1))
    }

    @Test("an idle queue, or one with a packet now and then, is never polled")
    func idle() {
        var polling = Self.polling()
        for _ in 0..<1_000 {
            polling.slept(Self.long, didWake: true)
            #expect(Self.window(&polling) == .zero)
            polling.slept(Self.short, didWake: false)
            #expect(Self.window(&polling) == .zero)
        }
    }

    @Test("where polling never finds anything, as on a CPU shared with the sender, tries become rare")
    func inVain() {
        var polling = Self.polling()
        var tries = 0
        for _ in 0..<100_000 {
            if Self.window(&polling) > .zero {
                tries += 1
                polling.missed()
            }
            polling.slept(Self.short, didWake: true)
        }
        #expect(tries < 120)
        // One that finds something makes the next tries quick again.
        while Self.window(&polling) == .zero { polling.slept(Self.short, didWake: true) }
        Self.find(&polling)
        polling.missed()
        polling.slept(Self.short, didWake: true)
        #expect(Self.window(&polling) == Self.longest)
    }
}
