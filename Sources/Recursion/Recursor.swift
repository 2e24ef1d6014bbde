private import Glibc
public import Linux

/// The recursor: a child process of the same executable in which libunbound resolves and validates. What it parses comes
/// from strangers, so it shares no memory, no privilege and no file with the rest.
public struct Recursor: ~Copyable, Sendable {
    /// What the child is called, by which the executable knows what to do.
    public static let name = "nat64-recursor"

    private let child: ChildProcess

    /// Starts a recursor.
    ///
    /// - Parameter doors: The ends handed over; each is answered where it asked. It ends when all of them are closed.
    public init(_ settings: RecursionSettings, doors: [Int32]) throws(SystemError) {
        child = try ChildProcess([Self.name, "doors=\(doors.count)"] + settings.arguments, descriptors: doors)
    }

    /// The number of the process.
    public var process: Int32 { child.number }

    /// Whether it has ended by itself.
    public func hasEnded() -> Bool { child.hasEnded() }

    /// What the child does: resolve until the doors are closed.
    ///
    /// - Returns: The exit code.
    public static func main(arguments: [String]) -> Int32 {
        guard let word = arguments.first, word.hasPrefix("doors="), let count = Int32(word.dropFirst(6)), count > 0,
            let settings = RecursionSettings(arguments: arguments.dropFirst())
        else {
            complain("this is a part of nat64-appliance, which starts it by itself")
            return 64
        }
        // What libunbound has to say is brought about by those who ask and by those who are asked.
        StandardStream.spareError()
        let guarding: Confinement.FileGuard
        do throws(SystemError) {
            guarding = try Confinement.begin(memory: settings.memory)
        } catch {
            complain(error.description)
            return 71
        }
        do throws(RecursorFailure) {
            try RecursorLoop(settings, doors: 3..<3 + count, hasLandlock: guarding == .landlock).run()
            return 0
        } catch {
            complain(error.reason)
            return 70
        }
    }

    private static func complain(_ words: String) { StandardStream.error.write("\(name): \(words)\n") }
}
