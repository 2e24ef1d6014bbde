internal import Timing

/// Whether anything comes back from IPv4 for what goes there. A firewall that drops the answers, a filter before ours that
/// keeps them, a pool that nobody routes here: none of them tells us, and all look like this.
struct Silence {
    /// What was counted at the last look: packets to IPv4, and from there.
    private var sent: UInt64 = 0
    private var heard: UInt64 = 0
    /// How many had gone out when one came in for the last time.
    private var answered: UInt64 = 0
    /// When a packet was first and last seen to have gone out since then.
    private var span: (first: Moment, last: Moment)?
    /// Whether an answer has ever come.
    private(set) var hasHeard = false

    /// How long and over how many packets silence must last before it means something: a host that is down is asked a few
    /// times, and then no more.
    private static var shortest: Moment.Span { .seconds(30) }
    private static var fewest: UInt64 { 30 }

    /// Takes the counters as they are; those of a translator that was made anew begin at zero again.
    mutating func look(sent: UInt64, heard: UInt64, at now: Moment) {
        if sent < self.sent || heard < self.heard { self = Silence() }
        if heard > self.heard {
            hasHeard = true
            answered = sent
            span = nil
        } else if sent > self.sent {
            span = (span?.first ?? now, now)
        }
        self.sent = sent
        self.heard = heard
    }

    /// How many packets have gone out, and in how long, since anything came in; nothing unless that is worth telling.
    var unanswered: (packets: UInt64, during: Moment.Span)? {
        guard let span, span.last - span.first >= Self.shortest, sent - answered >= Self.fewest else { return nil }
        return (sent - answered, span.last - span.first)
    }
}
