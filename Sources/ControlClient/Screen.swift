internal import ControlAPI
private import Glibc
private import Linux

/// Where a command writes, whether colours may be used there, and what it is given to read.
package struct Screen: Sendable {
    private let out: @Sendable (String) -> Bool
    private let err: @Sendable (String) -> Void
    private let colours: Bool
    /// The next line of standard input; nothing at its end.
    let nextLine: @Sendable () -> String?
    /// The journal of the daemon.
    let journal: Journal

    /// Describes a screen.
    ///
    /// - Parameters:
    ///   - colours: Whether somebody looks at standard output who likes them.
    ///   - out: Writes to standard output; says whether anybody still reads it.
    ///   - err: Writes to standard error.
    ///   - nextLine: Reads a line of standard input.
    ///   - journal: The journal of the daemon.
    package init(
        colours: Bool,
        out: @escaping @Sendable (String) -> Bool,
        err: @escaping @Sendable (String) -> Void,
        nextLine: @escaping @Sendable () -> String? = { readLine() },
        journal: Journal = Journal()
    ) {
        self.colours = colours
        self.out = out
        self.err = err
        self.nextLine = nextLine
        self.journal = journal
    }

    /// The standard output and standard error of this process; colours only on a terminal and without `NO_COLOR`.
    static func ofThisProcess() -> Screen {
        let colours =
            isatty(STDOUT_FILENO) == 1 && ProcessEnvironment.value(of: "NO_COLOR") == nil
            && ProcessEnvironment.value(of: "TERM") != "dumb"
        return Screen(
            colours: colours,
            out: { StandardStream.output.write($0) },
            err: { StandardStream.error.write($0) }
        )
    }

    /// A line for standard output; says whether anybody still reads it.
    @discardableResult
    func print(_ text: String) -> Bool { out(text.hasSuffix("\n") ? text : text + "\n") }

    /// A line for standard error.
    func complain(_ text: String) { err(text.hasSuffix("\n") ? text : text + "\n") }

    /// The text in a colour, where colours are wanted.
    func paint(_ text: String, _ colour: Colour) -> String {
        colours ? "\u{1B}[\(colour.rawValue)m\(text)\u{1B}[0m" : text
    }

    /// Tells why a command was not done, and what to do.
    func tell(_ failure: ControlFailure) -> Outcome {
        switch failure {
        case .notReached(let sentence):
            complain("appliance-ctl: \(sentence)")
            return .notReached
        case .refused(let problem):
            complain("appliance-ctl: \(problem.title): \(problem.detail)")
            for line in problem.problems ?? [] { complain("  \(line)") }
            return problem.status == 400 ? .wrongUse : .refused
        }
    }
}

/// The colours we use, as terminals number them.
enum Colour: Int {
    case red = 31
    case green = 32
    case yellow = 33
}
