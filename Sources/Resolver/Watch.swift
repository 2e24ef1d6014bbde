internal import Linux
internal import Synchronization
internal import Timing

/// A thread that looks after something every second.
final class Watch: Sendable {
    private final class Signal: Sendable {
        let bell: Bell
        let hasEnded = Atomic<Bool>(false)
        init() throws(SystemError) { bell = try Bell() }
    }

    private let signal: Signal
    private let thread: PlainThread

    /// Starts the thread.
    init(_ look: @escaping @Sendable () -> Void) throws(SystemError) {
        let signal = try Signal()
        self.signal = signal
        thread = try PlainThread(name: "dns-watch") {
            while !signal.hasEnded.load(ordering: .acquiring) {
                if !DescriptorIO.waitReadable(signal.bell.number, atMost: .seconds(1)) { look() }
            }
        }
    }

    /// Ends the thread, when it has looked to the end.
    func stop() {
        signal.hasEnded.store(true, ordering: .releasing)
        signal.bell.ring()
        thread.join()
    }
}
