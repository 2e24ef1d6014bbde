internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl sessions`.
struct SessionsCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "List the sessions that pass through the translator.",
        discussion: """
            Every session with its client (the IPv6 host), its external address (what stands for the client on the \
            IPv4 side), its peer (the IPv4 host), its TCP state and the time it lives if no packet comes.

            Examples:
              appliance-ctl sessions --client 2001:db8:6:1::5
              appliance-ctl sessions --peer 192.0.2.0/24 --protocol tcp --state established
              appliance-ctl sessions --external 203.0.113.1 --limit 20
              appliance-ctl sessions --json | jq '.sessions | length'
            """
    )

    @OptionGroup var global: GlobalOptions
    @OptionGroup var filter: EntryFilterOptions

    @Option(help: ArgumentHelp("Only with this peer: an IPv4 address or prefix.", valueName: "network"))
    var peer: String?

    @Option(help: ArgumentHelp("Only in this TCP state: established, v4-fin-rcv, trans, ...", valueName: "state"))
    var state: String?

    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
        let listing = Listing<SessionPage, SessionEntry>(
            path: "/v1/sessions",
            parameters: [
                ("client", filter.client), ("peer", peer), ("external", filter.external),
                ("protocol", filter.transport?.rawValue), ("state", state),
            ],
            limit: filter.limit,
            name: "sessions",
            entries: { $0.sessions },
            next: { $0.next }
        )
        let columns = [
            Column("PROTOCOL"), Column("CLIENT"), Column("EXTERNAL"), Column("PEER"), Column("STATE"),
            Column("LIVES", toTheRight: true),
        ]
        try listing.show(socket, screen, json: global.json, columns: columns) { session in
            [
                session.transport, session.client, session.external, session.peer, session.state ?? "-",
                Words.shortDuration(session.secondsLeft),
            ]
        }
        return .done
    }
}
