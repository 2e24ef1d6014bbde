internal import Linux
internal import NAT64
private import Synchronization
private import Timing

/// The thread that touches the memory of the tables before packets come to it, and joins pages when growth rests: see
/// ``Translator/layInMemory()`` and ``Translator/joinPages()``.
final class MemoryThread: Sendable {
    /// How long no memory is wanted before pages are joined.
    private static let rest = Moment.Span.milliseconds(100)
    /// Between two huge pages.
    private static let breath = Moment.Span.milliseconds(5)
    /// Until the bell rings.
    private static let ever = Moment.Span.seconds(3600)

    private let translator: Translator
    private let bell: Bell
    private let stopped = Atomic<Bool>(false)
    private let thread = Mutex<PlainThread?>(nil)

    init(_ translator: Translator) throws(SystemError) {
        self.translator = translator
        bell = try Bell()
    }

    func start() throws(SystemError) {
        let started = try PlainThread(name: "nat64-memory") { [self] in
            Capabilities.dropAll()
            var patience = Self.ever
            while !stopped.load(ordering: .relaxed) {
                if DescriptorIO.waitReadable(bell.number, atMost: patience) {
                    bell.hush()
                    translator.layInMemory()
                    patience = Self.rest
                } else {
                    patience = translator.joinPages() ? Self.breath : Self.ever
                }
            }
        }
        thread.withLock { $0 = started }
    }

    /// Tells it that there is a need.
    func wake() { bell.ring() }

    /// Stops it and waits for it.
    func stop() {
        stopped.store(true, ordering: .relaxed)
        bell.ring()
        let running = thread.withLock { thread in
            defer { thread = nil }
            return thread
        }
        running?.join()
    }
}
