internal import Linux
internal import Synchronization
internal import Timing

/// Makes a watch look at once.
final class WatchBell: Sendable {
    fileprivate let bell: Bell
    fileprivate let hasEnded = Atomic<Bool>(false)

    init() throws(SystemError) { bell = try Bell() }

    /// May be called by any thread.
    func ring() { bell.ring() }
}

/// A thread that looks after something every second, and whenever its bell is rung.
final class Watch: Sendable {
    private let bell: WatchBell
    private let thread: PlainThread

    /// Starts the thread.
    init(_ bell: WatchBell, _ look: @escaping @Sendable () -> Void) throws(SystemError) {
        self.bell = bell
        thread = try PlainThread(name: "dns-watch") {
            while true {
                if DescriptorIO.waitReadable(bell.bell.number, atMost: .seconds(1)) { bell.bell.hush() }
                guard !bell.hasEnded.load(ordering: .acquiring) else { return }
                look()
            }
        }
    }

    /// Ends the thread, when it has looked to the end.
    func stop() {
        bell.hasEnded.store(true, ordering: .releasing)
        bell.ring()
        thread.join()
    }
}
