/// A point on a clock that only goes forward, in nanoseconds since some fixed start.
///
/// Engines read no clock: whoever calls them says what the moment is, so that a year of lifetimes is tested in a
/// millisecond. Sixty-four bits of nanoseconds last 584 years.
@frozen
public struct Moment: Hashable, Comparable, Sendable {
    /// Nanoseconds since the start of the clock.
    public var nanoseconds: UInt64

    /// Makes the moment that lies this many nanoseconds after the start of the clock.
    @inlinable @inline(__always)
    public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

    /// The start of the clock.
    @inlinable @inline(__always)
    public static var start: Moment { Moment(nanoseconds: 0) }

    /// Whole seconds since the start of the clock.
    @inlinable @inline(__always)
    public var seconds: UInt64 { nanoseconds / 1_000_000_000 }

    /// Orders moments by time.
    @inlinable @inline(__always)
    public static func < (left: Moment, right: Moment) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The moment this span of time later; saturates at the end of the clock.
    @inlinable @inline(__always)
    public static func + (moment: Moment, span: Span) -> Moment {
        let (sum, overflow) = moment.nanoseconds.addingReportingOverflow(span.nanoseconds)
        return Moment(nanoseconds: overflow ? .max : sum)
    }

    /// The time from `earlier` to `later`; zero when they stand the other way round.
    @inlinable @inline(__always)
    public static func - (later: Moment, earlier: Moment) -> Span {
        Span(nanoseconds: later.nanoseconds > earlier.nanoseconds ? later.nanoseconds &- earlier.nanoseconds : 0)
    }

    /// A length of time in nanoseconds, never negative.
    @frozen
    public struct Span: Hashable, Comparable, Sendable {
        /// The length in nanoseconds.
        public var nanoseconds: UInt64

        /// A length of time of this many nanoseconds.
        @inlinable @inline(__always)
        public init(nanoseconds: UInt64) { self.nanoseconds = nanoseconds }

        /// No time at all.
        @inlinable @inline(__always)
        public static var zero: Span { Span(nanoseconds: 0) }

        /// A length of time of this many whole seconds; saturates.
        @inlinable @inline(__always)
        public static func seconds(_ count: UInt64) -> Span {
            let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000_000)
            return Span(nanoseconds: overflow ? .max : product)
        }

        /// A length of time of this many whole milliseconds; saturates.
        @inlinable @inline(__always)
        public static func milliseconds(_ count: UInt64) -> Span {
            let (product, overflow) = count.multipliedReportingOverflow(by: 1_000_000)
            return Span(nanoseconds: overflow ? .max : product)
        }

        /// Whole seconds in this length of time, rounded down.
        @inlinable @inline(__always)
        public var seconds: UInt64 { nanoseconds / 1_000_000_000 }

        /// Whole milliseconds in this length of time, rounded down.
        @inlinable @inline(__always)
        public var milliseconds: UInt64 { nanoseconds / 1_000_000 }

        /// Orders lengths of time.
        @inlinable @inline(__always)
        public static func < (left: Span, right: Span) -> Bool { left.nanoseconds < right.nanoseconds }
    }
}
