import Testing
import Timing

@testable import Appliance

@Suite("What the supervisor sees of its workers")
struct PulseTests {
    private static let start = Moment(nanoseconds: 1_000_000_000_000)

    /// Whether everybody was alive at each look: heartbeats with the second of the look.
    private static func looks(_ looks: [(beats: [UInt64], second: UInt64)]) -> [Bool] {
        var pulse = Pulse()
        return looks.map { pulse.isAlive($0.beats, at: start + .seconds($0.second)) }
    }

    @Test("workers that move are alive, however slowly they are looked at")
    func alive() {
        let looks = (UInt64(0)..<20).map { (beats: [$0, 7 &* $0 &+ 1], second: $0 * 9) }
        #expect(Self.looks(looks).allSatisfy { $0 })
    }

    @Test("one worker among others that stands still for five seconds is told, until it moves again")
    func stuck() {
        var looks = [(beats: [UInt64(1), 1], second: UInt64(0))]
        looks += (1...6).map { (beats: [1 + $0, 1], second: $0) }
        looks.append((beats: [9, 2], second: 7))
        #expect(Self.looks(looks) == [true, true, true, true, true, false, false, true])
    }

    @Test("workers that miss a look in turn are alive, because each of them moves")
    func inTurn() {
        let looks = (UInt64(0)..<20).map { (beats: [$0 / 2, ($0 + 1) / 2], second: $0) }
        #expect(Self.looks(looks).allSatisfy { $0 })
    }

    @Test("after the whole process was stopped nobody is stuck, until it does not move for as long as ever")
    func stopped() {
        let looks = [0, 1, 61, 62, 64, 65, 66].map { (beats: [UInt64(1)], second: UInt64($0)) }
        #expect(Self.looks(looks) == [true, true, true, true, true, false, false])
    }

    @Test("workers that come and go with the data plane are no stuck ones")
    func changing() {
        #expect(Self.looks([([5, 5], 0), ([5], 10), ([], 20), ([], 30), ([5, 5], 40)]).allSatisfy { $0 })
    }
}

@Suite("Rates of counters")
struct RatesTests {
    private static let start = Moment(nanoseconds: 1_000_000_000_000)

    @Test("there is no rate before a second look, and looks within a second change nothing")
    func early() {
        var rates = Rates()
        rates.sample([10, 20], at: Self.start)
        #expect(rates[0] == nil && rates[1] == nil)
        rates.sample([1_000, 2_000], at: Self.start + .milliseconds(500))
        #expect(rates[0] == nil)
        rates.sample([110, 40], at: Self.start + .seconds(1))
        #expect(rates[0] == 100 && rates[1] == 20)
    }

    @Test("a rate is the growth of a second, whatever time lies between the looks")
    func perSecond() {
        var rates = Rates()
        rates.sample([0], at: Self.start)
        rates.sample([1_000], at: Self.start + .seconds(4))
        #expect(rates[0] == 250)
        rates.sample([1_000], at: Self.start + .seconds(6))
        #expect(rates[0] == 0)
    }

    @Test("counters of a part that was made anew begin at zero, which is no negative rate")
    func anew() {
        var rates = Rates()
        rates.sample([1_000_000], at: Self.start)
        rates.sample([30], at: Self.start + .seconds(1))
        #expect(rates[0] == 30)
    }
}
