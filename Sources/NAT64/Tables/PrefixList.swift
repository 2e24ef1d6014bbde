import IPAddressing
import Synchronization

/// The prefixes in force, by number, and those that were. Sessions name their prefix by number and a number keeps its
/// meaning for as long as anybody may know it, so a packet that meets a session in the middle of a change of the Policy
/// is translated under the session's prefix, or is refused, and never under another.
///
/// A number is read without a lock: it comes from a session or a worker's view, and what it names was written before.
/// The number of a prefix that is in force no more is given to another when the sessions under it have ended and every
/// worker has looked at the Policy since, and of those the one that has rested longest first.
@safe
final class PrefixList: @unchecked Sendable {
    /// How many prefixes can have a number at a time.
    static let capacity = 255
    /// The number of a prefix that has none.
    static let none: UInt8 = 255

    private struct Numbers {
        /// No number from here on was ever given.
        var count = 0
        /// Numbers of prefixes that are in force no more, the one that has rested longest first, with the generation of
        /// the workers' view by which nobody knows them.
        var resting: [(number: UInt8, generation: UInt64)] = []
    }

    private let slots: UnsafeMutablePointer<TranslationPrefix>
    private let numbers = Mutex(Numbers())

    /// - Parameter prefixes: Those that get the first numbers.
    init(_ prefixes: [TranslationPrefix]) {
        unsafe slots = .allocate(capacity: Self.capacity + 1)
        unsafe slots.initialize(repeating: .wellKnown, count: Self.capacity + 1)
        _ = admit(prefixes, seen: 0)
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

    /// The number of a prefix; ``none`` if it was not admitted.
    // Asked once for a session at most.
    @_semantics("no_performance_analysis")
    @inline(never)
    func number(of prefix: TranslationPrefix) -> UInt8 {
        numbers.withLock { find(prefix, below: $0.count) } ?? Self.none
    }

    /// Gives prefixes that are to come in force numbers.
    ///
    /// - Parameter seen: The oldest generation that any worker has for its view.
    /// - Returns: Whether each has one now. It has not when too many were in force of late for workers to have looked
    ///   away from.
    func admit(_ prefixes: [TranslationPrefix], seen: UInt64) -> Bool {
        numbers.withLock { numbers in
            var fresh: [TranslationPrefix] = []
            for prefix in prefixes {
                if let number = find(prefix, below: numbers.count) {
                    numbers.resting.removeAll { $0.number == number }
                } else {
                    fresh.append(prefix)
                }
            }
            for prefix in fresh {
                let number: UInt8
                if numbers.count < Self.capacity {
                    number = UInt8(truncatingIfNeeded: numbers.count)
                    numbers.count += 1
                } else if let rested = numbers.resting.firstIndex(where: { $0.generation <= seen }) {
                    number = numbers.resting.remove(at: rested).number
                } else {
                    return false
                }
                unsafe slots[Int(number)] = prefix
            }
            return true
        }
    }

    /// Puts the numbers of all other prefixes to rest. Their sessions must have ended.
    ///
    /// - Parameter generation: The generation of the first view by which nobody knows them.
    func rest(allBut prefixes: [TranslationPrefix], from generation: UInt64) {
        numbers.withLock { numbers in
            for number in 0..<numbers.count where unsafe !prefixes.contains(slots[number]) {
                let number = UInt8(truncatingIfNeeded: number)
                guard !numbers.resting.contains(where: { $0.number == number }) else { continue }
                numbers.resting.append((number, generation))
            }
        }
    }

    private func find(_ prefix: TranslationPrefix, below count: Int) -> UInt8? {
        (0..<count).first { unsafe slots[$0] == prefix }.map { UInt8(truncatingIfNeeded: $0) }
    }
}
