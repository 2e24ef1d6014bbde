internal import Policy
internal import Synchronization

/// The Policy that all workers answer by, changed by one thread and taken up by each worker before its next question.
final class PolicyInForce: Sendable {
    private struct State {
        var policy: Policy
        var suspendsSynthesis = false
    }

    private let state: Mutex<State>
    private let changes = Atomic<UInt64>(1)

    init(_ policy: Policy) { state = Mutex(State(policy: policy)) }

    /// Counts up with every change; cheap enough to be read before each batch.
    var generation: UInt64 { changes.load(ordering: .acquiring) }

    /// Whether no AAAA records are made although the Policy would have it.
    var suspendsSynthesis: Bool { state.withLock { $0.suspendsSynthesis } }

    /// What to answer by, with its generation.
    func current() -> (policy: Policy, suspendsSynthesis: Bool, generation: UInt64) {
        state.withLock { ($0.policy, $0.suspendsSynthesis, changes.load(ordering: .relaxed)) }
    }

    /// Changes the Policy. Returns the generation with which the change comes.
    func change(to policy: Policy) -> UInt64 { change { $0.policy = policy } }

    /// Stops the making of AAAA records, or starts it again. Returns the generation with which the change comes.
    func change(suspendingSynthesis: Bool) -> UInt64 { change { $0.suspendsSynthesis = suspendingSynthesis } }

    private func change(_ body: (inout State) -> Void) -> UInt64 {
        state.withLock { state in
            body(&state)
            return changes.add(1, ordering: .releasing).newValue
        }
    }
}
