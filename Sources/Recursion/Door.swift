internal import Linux

/// One of the ends handed over to the recursor, and the events of its loop: questions to be taken, or room for answers
/// while some wait for it. No more is asked through a door than answers can leave by it.
@safe
final class Door {
    /// The place among the recursor's doors.
    let number: Int
    unowned let recursor: RecursorLoop
    var outbox: Outbox
    /// The event of questions, watched while nothing waits for room.
    var questions: OpaquePointer?
    /// The event of room, watched while something waits for it.
    var room: OpaquePointer?

    init(_ number: Int, _ outbox: consuming Outbox, of recursor: RecursorLoop) {
        self.number = number
        self.outbox = outbox
        self.recursor = recursor
    }
}
