internal import Timing

/// How fast a few counters grow, over the last seconds.
struct Rates {
    private var counts: [UInt64] = []
    private var taken = Moment.start
    private var rates: [Double]?

    /// Takes a sample, always of the same counters in the same order; those taken within a second are left out.
    mutating func sample(_ fresh: [UInt64], at now: Moment) {
        guard !counts.isEmpty else {
            counts = fresh
            taken = now
            return
        }
        let span = (now - taken).nanoseconds
        guard span >= 900_000_000 else { return }
        // A part that was made anew counts from zero again.
        rates = zip(fresh, counts).map { Double($0 >= $1 ? $0 - $1 : $0) * 1e9 / Double(span) }
        counts = fresh
        taken = now
    }

    /// The rate of one counter a second; nothing until two samples were taken.
    subscript(index: Int) -> Double? { rates?[index] }
}
