internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl bindings`.
struct BindingsCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "bindings",
        abstract: "List which external address and port stands for which client.",
        discussion: """
            Examples:
              appliance-ctl bindings --client 2001:db8:6:1::/64
              appliance-ctl bindings --external 203.0.113.1 --protocol udp
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var filter: EntryFilterOptions

    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
        let listing = Listing<BindingPage, BindingEntry>(
            path: "/v1/bindings",
            parameters: [
                ("client", filter.client), ("external", filter.external), ("protocol", filter.transport?.rawValue),
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
                binding.isStatic ? "file" : "traffic",
            ]
        }
        return .done
    }
}
