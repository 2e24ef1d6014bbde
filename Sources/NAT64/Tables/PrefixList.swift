import IPAddressing
import Synchronization

/// Every prefix that was ever in force, by number. Sessions name their prefix by number and a number keeps its meaning,
/// so a packet that meets a session in the middle of a change of the Policy is translated under the session's prefix,
/// or is refused, and never under another.
///
/// A number is read without a lock: it comes from a session or a Policy's view, and what it names was written before.
@safe
final class PrefixList: @unchecked Sendable {
    /// How many prefixes can have a number while the process lives.
    static let capacity = 255
    /// The number of a prefix for which there was none left.
    static let none: UInt8 = 255

    private let slots: UnsafeMutablePointer<TranslationPrefix>
    private let count: Mutex<Int>

    /// - Parameter prefixes: Those that get the first numbers.
    init(_ prefixes: [TranslationPrefix]) {
        unsafe slots = .allocate(capacity: Self.capacity + 1)
        unsafe slots.initialize(repeating: .wellKnown, count: Self.capacity + 1)
        count = Mutex(0)
        for prefix in prefixes { _ = number(of: prefix) }
    }

    deinit { unsafe slots.deallocate() }

    /// The prefix that has a number.
    @inline(__always)
    subscript(number: UInt8) -> TranslationPrefix { unsafe slots[Int(number)] }

    /// The same for a worker, which has the tables, and with them the list, as long as it lives: nothing to be retained.
    var byNumber: ByNumber { unsafe ByNumber(slots: slots) }

    /// Prefixes by number.
    @safe
    struct ByNumber: @unchecked Sendable {
        fileprivate let slots: UnsafeMutablePointer<TranslationPrefix>

        /// The prefix that has a number.
        @inline(__always)
        subscript(number: UInt8) -> TranslationPrefix { unsafe slots[Int(number)] }
    }

    /// The number of a prefix; ``none`` for the 256th that a process meets.
    // Asked once for a session at most.
    @_semantics("no_performance_analysis")
    @inline(never)
    func number(of prefix: TranslationPrefix) -> UInt8 {
        count.withLock { count in
            for number in 0..<count where unsafe slots[number] == prefix { return UInt8(truncatingIfNeeded: number) }
            guard count < Self.capacity else { return Self.none }
            unsafe slots[count] = prefix
            count += 1
            return UInt8(truncatingIfNeeded: count - 1)
        }
    }
}
