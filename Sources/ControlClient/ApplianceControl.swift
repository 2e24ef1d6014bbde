internal import ArgumentParser
private import Glibc
private import Linux

/// The operator's command, `appliance-ctl`.
public enum ApplianceControl {
    /// Does what the command line says, writes to standard output and standard error.
    ///
    /// - Parameter arguments: The command line without the name of the program.
    /// - Returns: The exit code: 0 done, 1 refused, 2 wrong use, 3 daemon not reached.
    public static func main(arguments: [String]) -> Int32 {
        // Whoever reads our output may stop at any time, `head` for one: that is no crash.
        _ = signal(SIGPIPE, SIG_IGN)
        return run(arguments: arguments, environment: .ofThisProcess(), screen: .ofThisProcess())
    }

    /// Does what the command line says.
    package static func run(arguments: [String], environment: Environment, screen: Screen) -> Int32 {
        do {
            var parsed = try ApplianceCommand.parseAsRoot(arguments)
            guard let command = parsed as? any ControlCommand else {
                // Help, or a command that only has others under it: they throw what they have to say.
                try parsed.run()
                return Outcome.done.rawValue
            }
            let path = command.global.socket ?? environment.socket ?? ControlSocket.defaultPath
            return try command.act(on: ControlSocket(path: path), screen).rawValue
        } catch let failure as ControlFailure {
            return screen.tell(failure).rawValue
        } catch {
            return tell(error, screen).rawValue
        }
    }

    /// Tells what ArgumentParser has to say: help, a completion script, or what is wrong with the command line.
    private static func tell(_ error: any Error, _ screen: Screen) -> Outcome {
        let text = ApplianceCommand.fullMessage(for: error)
        guard ApplianceCommand.exitCode(for: error) != .success else {
            screen.print(text)
            return .done
        }
        screen.complain(text)
        return .wrongUse
    }
}

/// What became of a command: the exit codes.
package enum Outcome: Int32, Sendable {
    /// Done.
    case done = 0
    /// The appliance refused, or does not work and `--check` asked for that.
    case refused = 1
    /// The command line is wrong.
    case wrongUse = 2
    /// The daemon was not reached, or did not answer as it should.
    case notReached = 3
}

/// What the environment says.
package struct Environment: Sendable {
    /// `APPLIANCE_SOCKET`, if it is set and not empty.
    package var socket: String?

    /// Describes an environment.
    package init(socket: String? = nil) { self.socket = socket }

    /// The environment of this process.
    static func ofThisProcess() -> Environment { Environment(socket: ProcessEnvironment.value(of: "APPLIANCE_SOCKET")) }
}
