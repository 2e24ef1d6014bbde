import Testing
import Timing

@testable import Dataplane

@Suite("The workers' load")
struct WorkloadTests {
    /// Nanoseconds of a period.
    private static let period: UInt64 = 1 << 20

    /// Lets a worker work a part of each of three periods, of which the last has just begun.
    private static func work(_ worker: Int, _ percent: UInt64, on load: Workload) {
        var meter = Workload.Meter(worker: worker)
        for period in 10...12 as ClosedRange<UInt64> {
            let end = Moment(nanoseconds: period * Self.period + 1)
            meter.add(Moment.Span(nanoseconds: Self.period * percent / 100), at: end, to: load)
        }
    }
    private static let now = Moment(nanoseconds: 12 * period + 2)

    @Test("one worker on two CPUs leaves one, however much it works; on one CPU it leaves none")
    func one() {
        let two = Workload(workers: 1, cpus: 2)
        Self.work(0, 250, on: two)
        #expect(two.leavesCPU(at: Self.now))
        let one = Workload(workers: 1, cpus: 1)
        Self.work(0, 10, on: one)
        #expect(!one.leavesCPU(at: Self.now))
    }

    @Test("two workers on two CPUs leave one as long as their work fits on the other")
    func two() {
        let little = Workload(workers: 2, cpus: 2)
        for worker in 0..<2 { Self.work(worker, 40, on: little) }
        #expect(little.leavesCPU(at: Self.now))
        let much = Workload(workers: 2, cpus: 2)
        for worker in 0..<2 { Self.work(worker, 60, on: much) }
        #expect(!much.leavesCPU(at: Self.now))
    }

    @Test("what a worker did long ago does not count")
    func past() {
        let load = Workload(workers: 2, cpus: 2)
        for worker in 0..<2 { Self.work(worker, 100, on: load) }
        #expect(!load.leavesCPU(at: Self.now))
        #expect(load.leavesCPU(at: Self.now + .milliseconds(4)))
    }
}
