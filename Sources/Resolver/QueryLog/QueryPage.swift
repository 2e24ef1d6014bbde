internal import DNSWire
internal import PacketMemory
internal import Synchronization

/// The answers of one worker that wait to be written to the query log.
///
/// The worker adds, the writer takes everything at once and leaves empty memory of the same kind, so neither holds the
/// lock for longer than an answer is copied. What does not fit is not kept: the worker never waits.
final class QueryPage: Sendable {
    private struct Contents: ~Copyable {
        /// One octet while nothing is logged, so that nothing has room.
        var memory = OctetBuffer(count: 1)
        var used = 0
        /// Whether the writer was told that there is much to write.
        var isFilling = false
    }

    /// What became of an answer.
    enum Outcome {
        case kept
        /// Kept, and there is so much now that the writer should come.
        case keptAndFilling
        case lost
    }

    private let contents = Mutex(Contents())

    /// Makes sure that there is memory.
    func open(octets: Int) {
        contents.withLock { contents in
            if contents.memory.count == 1 { contents.memory = OctetBuffer(count: octets) }
        }
    }

    /// Adds an answer; its notes say how much of it is kept.
    func add(_ notes: QueryNotes, _ reply: RawSpan, rule: Name?, filter: Name?) -> Outcome {
        contents.withLock { contents in
            let (start, room) = (contents.used, contents.memory.count)
            guard room - start >= notes.total else { return .lost }
            var octets = contents.memory.mutableOctets
            notes.write(into: &octets, at: start)
            octets.copy(reply, from: 0, to: start + QueryNotes.size, count: notes.kept)
            let names = start + QueryNotes.size + notes.kept
            if let rule { rule.write(into: &octets, at: names) }
            if let filter { filter.write(into: &octets, at: names + notes.ruleCount) }
            contents.used = start + notes.total
            guard !contents.isFilling, contents.used > room / 2 else { return .kept }
            contents.isFilling = true
            return .keptAndFilling
        }
    }

    /// Takes everything that waits, in exchange for empty memory.
    ///
    /// - Returns: How many octets lie in the memory now.
    func take(into memory: inout OctetBuffer) -> Int {
        contents.withLock { contents in
            guard contents.used > 0 else { return 0 }
            swap(&contents.memory, &memory)
            let used = contents.used
            contents.used = 0
            contents.isFilling = false
            return used
        }
    }
}
