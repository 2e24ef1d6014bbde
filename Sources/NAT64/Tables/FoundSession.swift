/// A session with its place in memory, so that whoever asks several things of it looks for it once. Good for as long as
/// its shard is locked.
@safe
struct FoundSession {
    /// How the tables name it.
    let id: SessionID
    private let place: UnsafeMutablePointer<Session>

    @unsafe @inline(__always)
    init(_ id: SessionID, at place: UnsafeMutablePointer<Session>) {
        self.id = id
        unsafe self.place = place
    }

    /// The session itself.
    @inline(__always)
    var record: Session {
        unsafeAddress { unsafe UnsafePointer(place) }
        nonmutating unsafeMutableAddress { unsafe place }
    }
}
