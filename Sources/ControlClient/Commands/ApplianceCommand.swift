internal import ArgumentParser

/// `appliance-ctl`.
struct ApplianceCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "appliance-ctl",
        abstract: "Look at the NAT64 and DNS64 appliance of this machine, and switch it.",
        discussion: """
            Examples:
              appliance-ctl status
              appliance-ctl sessions --client 2001:db8:6:1::/64 --protocol tcp
              sudo appliance-ctl dns64 disable 2001:db8:6:2::/64
              sudo appliance-ctl reload

            Looking is for root and the members of the socket's group, changing for root.
            Exit codes: 0 done, 1 refused, 2 wrong use, 3 daemon not reached.
            """,
        subcommands: [
            StatusCommand.self, SessionsCommand.self, BindingsCommand.self, BlocksCommand.self, DNS64Command.self,
            ReloadCommand.self, VersionCommand.self,
        ]
    )

    @OptionGroup var global: GlobalOptions
}

/// A command that speaks with the daemon.
protocol ControlCommand: ParsableCommand {
    /// What every command takes.
    var global: GlobalOptions { get }

    /// Does it.
    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome
}

/// What every command takes, before or after its name.
struct GlobalOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The control socket of the daemon.",
            discussion: "Without it APPLIANCE_SOCKET counts, and then \(ControlSocket.defaultPath).",
            valueName: "path"
        ),
        completion: .file()
    )
    var socket: String?

    @Flag(help: "Print the answer as JSON, for programs.")
    var json = false
}
