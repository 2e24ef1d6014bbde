internal import Timing

extension Section {
    /// `poll-before-sleep`: "auto" or microseconds; nothing if it is absent or refused.
    func pollBeforeSleep() -> PollBeforeSleep? {
        let key = "poll-before-sleep"
        guard let value = value(key) else { return nil }
        switch value.kind {
        case .string("auto"): return .automatic
        case .integer(let count) where (0...1_000_000).contains(count):
            return .always(Moment.Span(nanoseconds: UInt64(count) * 1_000))
        default:
            refuse(value, key, "is neither \"auto\" nor microseconds from 0 to 1000000")
            return nil
        }
    }

    /// `keep-cpus-awake`: "auto", true or false; nothing if it is absent or refused.
    func keepCPUsAwake() -> KeepCPUsAwake? {
        let key = "keep-cpus-awake"
        guard let value = value(key) else { return nil }
        switch value.kind {
        case .string("auto"): return .automatic
        case .boolean(let wanted): return wanted ? .always : .never
        default:
            refuse(value, key, "is neither \"auto\" nor true nor false")
            return nil
        }
    }
}
