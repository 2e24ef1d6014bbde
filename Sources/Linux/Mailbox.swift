private import Synchronization

/// Letters from any thread to the one thread that owns some state.
public final class Mailbox<Letter: Sendable>: Sendable {
    private let letters = Mutex<[Letter]>([])
    private let bell: Bell

    /// Makes an empty mailbox.
    public init() throws(SystemError) { bell = try Bell() }

    /// What the owner polls to be readable.
    public var number: Int32 { bell.number }

    /// Leaves a letter and wakes the owner.
    public func post(_ letter: Letter) {
        let first = letters.withLock { waiting in
            waiting.append(letter)
            return waiting.count == 1
        }
        if first { bell.ring() }
    }

    /// Takes every letter left since the last call; only the owner calls this.
    public func collect() -> [Letter] {
        bell.hush()
        return letters.withLock { waiting in
            var taken: [Letter] = []
            swap(&taken, &waiting)
            return taken
        }
    }
}
