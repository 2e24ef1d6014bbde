import Testing
import Timing

@testable import Linux

@Suite("The clock on the wall")
struct WallClockTests {
    @Test("LOG-11 a moment has the same second whenever it is asked, whatever fraction either clock stands at")
    func sameSecond() {
        // Zero of the engines' clock is 0.7 s after a full second of the wall's.
        let zero: UInt64 = 1_790_000_000_700_000
        let taken = Moment(nanoseconds: 5_400_000_000)
        for later in stride(from: 0, through: 3_000_000, by: 1_000) as StrideThrough<UInt64> {
            let now = Moment(nanoseconds: taken.nanoseconds + later * 1_000)
            let wall = zero + now.nanoseconds / 1_000
            #expect(WallClock.seconds(at: taken, wall: wall, now: now) == 1_790_000_006)
        }
    }

    @Test("a moment before the Unix time begins is its beginning, and one that is still to come has its second")
    func edges() {
        let now = Moment.start + .seconds(10)
        #expect(WallClock.seconds(at: .start, wall: 3_000_000, now: now) == 0)
        #expect(WallClock.seconds(at: now + .seconds(2), wall: 3_000_000, now: now) == 5)
    }
}
