internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl dns64`.
struct DNS64Command: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dns64",
        abstract: "Show or switch DNS64 for a client network.",
        discussion: """
            A switch is in effect for the next query, survives a restart and is stronger than the file for the same \
            network; "reset" lets the file decide again. The most specific network that holds a client decides.

            Examples:
              appliance-ctl dns64 list
              sudo appliance-ctl dns64 disable 2001:db8:6:2::/64
              sudo appliance-ctl dns64 reset 2001:db8:6:2::/64
            """,
        subcommands: [List.self, Enable.self, Disable.self, Reset.self]
    )

    @OptionGroup var global: GlobalOptions

    /// The network a switch is for.
    struct Network: ParsableArguments {
        @Argument(help: "The clients' network, such as 2001:db8:6:2::/64.")
        var network: String
    }

    /// `appliance-ctl dns64 list`.
    struct List: ControlCommand {
        static let configuration = CommandConfiguration(abstract: "Show where DNS64 is on and off, and who said so.")
        @OptionGroup var global: GlobalOptions

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            try show(socket.send("GET", "/v1/views"), socket, screen)
            return .done
        }
    }

    /// `appliance-ctl dns64 enable NETWORK`.
    struct Enable: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make AAAA records from A records for a client network."
        )
        @OptionGroup var global: GlobalOptions
        @OptionGroup var wanted: Network

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            try set(wanted.network, true, socket, screen)
        }
    }

    /// `appliance-ctl dns64 disable NETWORK`.
    struct Disable: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make no AAAA records for a client network; sessions that run go on."
        )
        @OptionGroup var global: GlobalOptions
        @OptionGroup var wanted: Network

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            try set(wanted.network, false, socket, screen)
        }
    }

    /// `appliance-ctl dns64 reset NETWORK`.
    struct Reset: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Forget what was switched for a client network; the file decides again."
        )
        @OptionGroup var global: GlobalOptions
        @OptionGroup var wanted: Network

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let body = try socket.send("DELETE", "/v1/views/\(percentEncoded(wanted.network))")
            if global.json {
                screen.print(String(decoding: body, as: UTF8.self))
            } else {
                screen.print("DNS64 for clients in \(wanted.network) is again as the file says.")
            }
            return .done
        }
    }
}

extension ControlCommand {
    /// Switches DNS64 for a network and says so.
    fileprivate func set(
        _ network: String,
        _ synthesize: Bool,
        _ socket: ControlSocket,
        _ screen: Screen
    ) throws(ControlFailure) -> Outcome {
        let change = (try? WireFormat.encode(ViewChange(network: network, synthesize: synthesize))) ?? []
        let body = try socket.send("PUT", "/v1/views", body: change)
        if global.json {
            screen.print(String(decoding: body, as: UTF8.self))
        } else {
            screen.print("DNS64 is \(synthesize ? "on" : "off") for clients in \(network), from the next query on.")
        }
        return .done
    }

    /// Shows the views.
    fileprivate func show(_ body: [UInt8], _ socket: ControlSocket, _ screen: Screen) throws(ControlFailure) {
        let list = try socket.decode(ViewList.self, from: body)
        guard !global.json else {
            screen.print(String(decoding: body, as: UTF8.self))
            return
        }
        var rows = list.views.map { view in
            [
                view.network, view.synthesize ? "on" : "off", view.origin.rawValue, "\(view.rules)", "\(view.filters)",
                Words.number(view.questions),
            ]
        }
        let others = list.synthesizeByDefault ? "on" : "off"
        rows.append(["all others", others, "default", "", "", Words.number(list.otherQuestions)])
        if !list.synthesizeOverIPv4 { rows.append(["clients that ask over IPv4", "off", "default"]) }
        var table = Table(columns: [
            Column("CLIENTS"), Column("DNS64"), Column("ORIGIN"), Column("RULES", toTheRight: true),
            Column("FILTERS", toTheRight: true), Column("QUESTIONS", toTheRight: true),
        ])
        screen.print(table.text(rows: rows, heading: true))
    }
}
