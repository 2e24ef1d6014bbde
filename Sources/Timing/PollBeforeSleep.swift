/// How long a thread looks for work before it sleeps.
@frozen
public enum PollBeforeSleep: Hashable, Sendable {
    /// A short while, and only while that finds some.
    case automatic
    /// Always this long; zero sleeps at once.
    case always(Moment.Span)
}
