import Glibc
import Linux
import Testing
import Timing

@testable import Dataplane

@Suite("CPUs that are kept awake", .enabled(if: WholeFile.exists(WakefulCPUs.path)))
struct WakefulnessTests {
    /// The longest time in microseconds that waking a CPU may take now, by the wish of whoever wishes the least.
    private static func longestWakeUp() throws -> Int32 {
        let octets = try WholeFile.read(WakefulCPUs.path, limit: 4)
        return octets.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
    }

    private static func pulse() -> WorkerPulse { WorkerPulse(onRecords: {}, onMemory: {}, onLoss: {}) }

    @Test("they may not sleep until 10 ms after the last sign of traffic for which that pays, and the time is counted")
    func pause() throws {
        let pulse = Self.pulse()
        var wakefulness = try Wakefulness(WakefulCPUs())
        let start = Moment.start + .seconds(1)
        wakefulness.look(at: start, pulse: pulse)
        var isKept = wakefulness.isKept
        #expect(!isKept)
        wakefulness.keep(at: start, pulse: pulse)
        #expect(try Self.longestWakeUp() == 0)
        wakefulness.keep(at: start + .milliseconds(5), pulse: pulse)
        wakefulness.look(at: start + .milliseconds(14), pulse: pulse)
        isKept = wakefulness.isKept
        #expect(isKept)
        #expect(pulse.awakeTime == 5_000_000, "the time is counted while it lasts")
        wakefulness.look(at: start + .milliseconds(15), pulse: pulse)
        isKept = wakefulness.isKept
        #expect(!isKept)
        #expect(pulse.awakeTime == 15_000_000)
        #expect(try eventually { try Self.longestWakeUp() != 0 })
    }

    @Test("without leave to ask for it they sleep as ever")
    func refused() {
        let pulse = Self.pulse()
        var wakefulness = Wakefulness(nil)
        wakefulness.keep(at: .start + .seconds(1), pulse: pulse)
        let isKept = wakefulness.isKept
        wakefulness.look(at: .start + .seconds(2), pulse: pulse)
        #expect(!isKept)
        #expect(pulse.awakeTime == 0)
    }
}
