internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl bindings`.
struct BindingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bindings",
        abstract: "List which external address and port stands for which client, and add static ones.",
        discussion: """
            Without a word after it, it lists the bindings. A static binding stays without traffic and lets everyone \
            in; what is added here is in effect at once and survives a restart.

            Examples:
              appliance-ctl bindings --client 2001:db8:6:1::/64
              appliance-ctl bindings --external 203.0.113.1 --protocol udp
              sudo appliance-ctl bindings add tcp 203.0.113.1:443 [2001:db8:6::5]:443
              sudo appliance-ctl bindings add udp 203.0.113.1:8000-8010 [2001:db8:6::5]:8000-8010
              sudo appliance-ctl bindings remove tcp 203.0.113.1:443
            """,
        subcommands: [List.self, Static.self, Add.self, Remove.self],
        defaultSubcommand: List.self
    )

    @OptionGroup var global: GlobalOptions

    /// `appliance-ctl bindings list`.
    struct List: ControlCommand {
        static let configuration = CommandConfiguration(abstract: "List the bindings, static and made by traffic.")
        @OptionGroup var global: GlobalOptions
        @OptionGroup var filter: EntryFilterOptions

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let listing = Listing<BindingPage, BindingEntry>(
                path: "/v1/bindings",
                parameters: [
                    ("client", filter.client), ("external", filter.external),
                    ("protocol", filter.transport?.rawValue),
                ],
                limit: filter.limit,
                name: "bindings",
                entries: { $0.bindings },
                next: { $0.next }
            )
            let columns = [
                Column("PROTOCOL"), Column("CLIENT"), Column("EXTERNAL"), Column("SESSIONS", toTheRight: true),
                Column("ORIGIN"),
            ]
            try listing.show(socket, screen, json: global.json, columns: columns) { binding in
                [
                    binding.transport, binding.client, binding.external, Words.number(binding.sessions),
                    binding.isStatic ? "static" : "traffic",
                ]
            }
            return .done
        }
    }

    /// `appliance-ctl bindings static`.
    struct Static: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the static bindings, who wrote them down, and what is wrong with them."
        )
        @OptionGroup var global: GlobalOptions

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let body = try socket.send("GET", "/v1/static-bindings")
            let list = try socket.decode(StaticBindingList.self, from: body)
            guard !global.json else {
                screen.print(String(decoding: body, as: UTF8.self))
                return .done
            }
            guard !list.bindings.isEmpty else {
                screen.complain("no static bindings")
                return .done
            }
            var table = Table(columns: [
                Column("PROTOCOL"), Column("EXTERNAL"), Column("CLIENT"), Column("ORIGIN"), Column("STATE"),
            ])
            let rows = list.bindings.map { binding in
                [
                    binding.transport, binding.external, binding.client, binding.origin.rawValue,
                    binding.problem ?? "in force",
                ]
            }
            screen.print(table.text(rows: rows, heading: true))
            return .done
        }
    }

    /// Which external transport addresses a change is about.
    struct ExternalSide: ParsableArguments {
        @Argument(help: ArgumentHelp("tcp, udp or icmp.", valueName: "protocol"))
        var transport: TransportName

        @Argument(help: "An address of the pool with a port or a range of ports; for icmp with identifiers.")
        var external: String
    }

    /// `appliance-ctl bindings add PROTOCOL EXTERNAL CLIENT`.
    struct Add: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let an external address and port, or a range of ports, always stand for a client."
        )
        @OptionGroup var global: GlobalOptions
        @OptionGroup var side: ExternalSide

        @Argument(help: "The client's address with as many ports, such as [2001:db8:6::5]:443.")
        var client: String

        @Flag(help: "End bindings made by traffic that stand in the way, with their sessions.")
        var replace = false

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let change = StaticBindingChange(
                transport: side.transport.rawValue,
                external: side.external,
                client: client,
                replace: replace ? true : nil
            )
            let body = try socket.send("PUT", "/v1/static-bindings", body: (try? WireFormat.encode(change)) ?? [])
            screen.print(
                global.json
                    ? String(decoding: body, as: UTF8.self)
                    : "\(side.transport.rawValue) \(side.external) stands for \(client) from now on."
            )
            return .done
        }
    }

    /// `appliance-ctl bindings remove PROTOCOL EXTERNAL`.
    struct Remove: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Take away a static binding that was added here, and end its sessions."
        )
        @OptionGroup var global: GlobalOptions
        @OptionGroup var side: ExternalSide

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let query = "protocol=\(side.transport.rawValue)&external=\(percentEncoded(side.external))"
            let body = try socket.send("DELETE", "/v1/static-bindings?\(query)")
            screen.print(
                global.json
                    ? String(decoding: body, as: UTF8.self)
                    : "\(side.transport.rawValue) \(side.external) stands for nobody any more."
            )
            return .done
        }
    }
}
