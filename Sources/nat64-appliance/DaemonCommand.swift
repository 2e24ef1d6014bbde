internal import Appliance
internal import ArgumentParser
internal import Linux

/// `nat64-appliance`: the daemon in the foreground, and the check of a configuration file.
struct DaemonCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nat64-appliance",
        abstract: "Give IPv6-only hosts the IPv4 internet: DNS64 and stateful NAT64 in one process.",
        discussion: """
            Without a subcommand the daemon runs in the foreground, in the network namespace it is started in, until \
            SIGTERM or SIGINT; SIGHUP reads the configuration again. Under systemd: systemctl start nat64-appliance. \
            To look at it and to switch it, use appliance-ctl.

            Exit codes: 0 stopped as asked, 1 something it needs is missing or taken, 64 wrong use of the command, \
            77 a privilege is missing, 78 the configuration is wrong.
            """,
        version: "nat64-appliance \(applianceVersion)",
        subcommands: [Run.self, Check.self, Lookup.self, Withdraw.self],
        defaultSubcommand: Run.self
    )

    /// Parses the arguments and does what they say; the exit code is the result.
    static func main(arguments: [String]) -> Int32 {
        do {
            var command = try parseAsRoot(arguments)
            try command.run()
            return 0
        } catch let code as ExitCode {
            return code.rawValue
        } catch {
            let code = exitCode(for: error)
            let text = fullMessage(for: error)
            let stream: StandardStream = code == .success ? .output : .error
            if !text.isEmpty { stream.write(text + "\n") }
            return code.rawValue
        }
    }
}

extension DaemonCommand {
    /// What several subcommands take.
    struct Options: ParsableArguments {
        @Option(name: .shortAndLong, help: ArgumentHelp("The configuration file.", valueName: "file"))
        var config: String?
    }

    /// The daemon itself.
    struct Run: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "run",
            abstract: "Run the daemon in the foreground (what happens without a subcommand)."
        )

        @OptionGroup var options: Options

        func run() throws {
            throw ExitCode(Daemon.run(configurationFile: options.config))
        }
    }

    /// The check of a configuration file.
    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "check",
            abstract: "Read a configuration file, tell every problem in it, and do nothing else.",
            discussion: "Exit code 0 if the file can be used, 78 if not. Drop-ins beside the file are read too."
        )

        @Argument(help: ArgumentHelp("The configuration file.", valueName: "file"))
        var file: String = Daemon.defaultConfigurationFile

        func run() throws {
            throw ExitCode(Daemon.check(configurationFile: file))
        }
    }

    /// The look-up of who had a port, without a daemon.
    struct Lookup: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which client has a port, or which ports a client has.",
            discussion: """
                nat64.deterministic says it from the configuration alone; blocks of ports are in the journal:
                journalctl -o cat -u nat64-appliance | nat64-appliance lookup --journal --at 2026-09-21T14:13:20Z 192.0.2.1:2001
                Exit code 0 if it was found, 1 if not, 78 for a wrong file.
                """
        )

        @OptionGroup var options: Options

        @Flag(help: "Read the journal from standard input.")
        var journal = false

        @Option(
            help: ArgumentHelp(
                "The moment, 2026-11-26T04:11:01Z or seconds since 1970; else the end of the journal.",
                valueName: "time"
            )
        )
        var at: String?

        @Argument(help: ArgumentHelp("IPV4:PORT, or an IPv6 address or prefix.", valueName: "question"))
        var question: String

        func run() throws {
            throw ExitCode(
                Daemon.lookup(question, configurationFile: options.config, readsJournal: journal, at: at)
            )
        }
    }

    /// Tidying up after a daemon that was killed together with its sentinel.
    struct Withdraw: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take out of the kernel what a killed daemon left there.",
            discussion: "The unit does it after every stop. Refuses while an appliance runs."
        )

        @OptionGroup var options: Options

        func run() throws {
            throw ExitCode(Daemon.withdraw(configurationFile: options.config))
        }
    }
}
