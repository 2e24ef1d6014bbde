import Timing

/// Which worker pursues a question, and until when that is believed: equal questions of all workers go out once.
struct Claims {
    private var claims: [PursuitKey: Claim] = [:]

    private struct Claim {
        var worker: Int
        var until: Moment
        /// The ports (never 0) and identifiers with which the question was sent last.
        var sent: SIMD4<UInt32> = .zero
        /// Who waits for what comes of it.
        var awaiting = WorkerSet()

        mutating func note(_ way: UInt32) { sent = SIMD4(way, sent.x, sent.y, sent.z) }
    }

    private var nextTidying = Moment.start

    /// Claims a question, if nobody else pursues it; else the end of the other's claim.
    mutating func claim(_ key: PursuitKey, worker: Int, awaitingNews: Bool, until: Moment, at now: Moment) -> Moment? {
        // Found once, whatever becomes of it.
        func take(_ claim: inout Claim?) -> Moment? {
            if let before = claim, before.worker != worker, before.until > now {
                if awaitingNews { claim?.awaiting.insert(worker) }
                return before.until
            }
            claim = Claim(worker: worker, until: until, awaiting: claim?.awaiting ?? WorkerSet())
            return nil
        }
        if let others = take(&claims[key]) { return others }
        if nextTidying <= now {
            // What a worker left behind that was stopped with its questions.
            claims = claims.filter { $0.value.until > now }
            nextTidying = now + .seconds(60)
        }
        return nil
    }

    /// Takes note of how a question was sent.
    mutating func note(_ key: PursuitKey, sentFrom port: UInt16, identifier: UInt16) {
        claims[key]?.note(UInt32(port) << 16 | UInt32(identifier))
    }

    /// Whether a question was sent by us from this port under this identifier: it has come round.
    func isOwnQuestion(_ key: PursuitKey, from port: UInt16, identifier: UInt16, at now: Moment) -> Bool {
        guard port != 0, let claim = claims[key], claim.until > now else { return false }
        return any(claim.sent .== SIMD4(repeating: UInt32(port) << 16 | UInt32(identifier)))
    }

    /// Gives a claim up; who waits for what came of it.
    mutating func release(_ key: PursuitKey, worker: Int) -> WorkerSet {
        guard let claim = claims[key], claim.worker == worker else { return WorkerSet() }
        claims[key] = nil
        return claim.awaiting
    }
}
