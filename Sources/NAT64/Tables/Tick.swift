import Timing

/// A moment as the tables keep it: counted in units of 2^26 nanoseconds, about fifteen to the second, in 32 bits.
///
/// It wraps after nine years; all comparisons are of differences, so that only lifetimes are bound by that.
struct Tick: Equatable {
    var count: UInt32

    /// The tick a moment lies in.
    @inline(__always)
    init(_ moment: Moment) { count = UInt32(truncatingIfNeeded: moment.nanoseconds >> 26) }

    @inline(__always)
    init(count: UInt32) { self.count = count }

    /// Ticks from `earlier` to this one, negative when they stand the other way round.
    @inline(__always)
    func since(_ earlier: Tick) -> Int32 { Int32(bitPattern: count &- earlier.count) }

    /// How many ticks must pass so that at least this length of time has passed. Lifetimes of more than two
    /// years are cut to two.
    static func count(covering span: Moment.Span) -> UInt32 {
        let rounded = span.nanoseconds >> 26 &+ (span.nanoseconds & 0x3FF_FFFF == 0 ? 1 : 2)
        return UInt32(min(rounded, 1 << 30))
    }

    /// The length of time of this many ticks.
    static func span(of ticks: Int32) -> Moment.Span { Moment.Span(nanoseconds: UInt64(max(ticks, 0)) << 26) }
}
