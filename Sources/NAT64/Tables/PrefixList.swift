import IPAddressing
import Synchronization

/// The prefixes that the sessions' indices count, remembered so that another list can be put in its place.
struct PrefixList: ~Copyable {
    private let prefixes: Mutex<[TranslationPrefix]>

    /// - Parameter prefixes: Those in force; none if nobody said.
    init(_ prefixes: [TranslationPrefix]) { self.prefixes = Mutex(prefixes) }

    /// Puts a new list in place.
    ///
    /// - Returns: Where each prefix of the old list stands in the new one, 255 for those that are gone; nothing if all
    ///   stand where they stood.
    borrowing func exchange(_ new: [TranslationPrefix]) -> [UInt8]? {
        let old = prefixes.withLock { list in
            let old = list
            list = new
            return old
        }
        guard !new.starts(with: old) else { return nil }
        return old.map { prefix in UInt8(clamping: new.firstIndex(of: prefix) ?? 255) }
    }
}
