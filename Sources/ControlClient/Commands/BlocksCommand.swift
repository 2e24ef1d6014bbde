internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl blocks`.
struct BlocksCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "blocks",
        abstract: "List which client network has which block of ports, and tell whose a port is or was.",
        discussion: """
            Without a word after it, it lists the blocks (nat64.port-block-size, and blocks beyond computed ports).

            Examples:
              appliance-ctl blocks --client 2001:db8:6:1::/64
              appliance-ctl blocks --external 203.0.113.1
              appliance-ctl blocks holder 203.0.113.1:2050
              appliance-ctl blocks holder 203.0.113.1:2050 --at 2026-11-26T04:11:01Z
            """,
        subcommands: [List.self, Holder.self],
        defaultSubcommand: List.self
    )

    @OptionGroup var global: GlobalOptions

    /// `appliance-ctl blocks list`.
    struct List: ControlCommand {
        static let configuration = CommandConfiguration(abstract: "List the blocks of ports that client networks have.")
        @OptionGroup var global: GlobalOptions

        @Option(help: ArgumentHelp("Only of this client or network: an IPv6 address or prefix.", valueName: "network"))
        var client: String?

        @Option(help: ArgumentHelp("Only of this pool address, prefix, or ADDRESS:PORT.", valueName: "network"))
        var external: String?

        @Option(help: ArgumentHelp("Stop after so many entries; all without it.", valueName: "count"))
        var limit: Int?

        func validate() throws {
            if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
        }

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let listing = Listing<PortBlockPage, PortBlockEntry>(
                path: "/v1/port-blocks",
                parameters: [("client", client), ("external", external)],
                limit: limit,
                name: "blocks",
                entries: { $0.blocks },
                next: { $0.next }
            )
            let columns = [
                Column("CLIENT"), Column("ADDRESS"), Column("PORTS"), Column("IN USE", toTheRight: true),
                Column("SINCE"),
            ]
            try listing.show(socket, screen, json: global.json, columns: columns) { block in
                [block.client, block.address, block.ports, Words.number(block.inUse), "\(block.since)"]
            }
            return .done
        }
    }

    /// `appliance-ctl blocks holder ADDRESS:PORT`.
    struct Holder: ControlCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell which client network has an external port, or had it at a moment.",
            discussion: """
                The daemon is asked first: for computed ports, and for the blocks that networks have. Who had the port \
                before is in the journal, which is read with journalctl when a time is given, also while no daemon runs, \
                or from standard input with --journal. Exit code 1 if nobody is known to have the port.
                """
        )
        @OptionGroup var global: GlobalOptions

        @Argument(help: ArgumentHelp("The pool address and the port.", valueName: "address:port"))
        var external: String

        @Option(
            help: ArgumentHelp("The moment: 2026-11-26T04:11:01Z, or seconds since 1970; else now.", valueName: "time"),
            transform: { text in
                guard let time = UTCTime(text) else {
                    throw ValidationError("\"\(text)\" is no time; write it as 2026-11-26T04:11:01Z.")
                }
                return time
            }
        )
        var at: UTCTime?

        @Flag(help: "Read the journal from standard input.")
        var journal = false

        func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
            let query = "external=\(percentEncoded(external))" + (at.map { "&time=\($0.seconds)" } ?? "")
            do throws(ControlFailure) {
                let holder = try socket.get(PortOwner.self, "/v1/port-holder?\(query)")
                show(holder, screen)
                return .done
            } catch {
                guard var records = PortJournal(external, at: at), journal || at != nil, error.leavesItToTheJournal
                else { throw error }
                if journal {
                    while let line = screen.nextLine() { records.read(line) }
                } else if let at {
                    do throws(ControlFailure) {
                        try screen.journal.read(around: at) { records.read($0) }
                    } catch let second {
                        throw error.and(second)
                    }
                }
                guard let holder = records.holder else {
                    screen.complain("appliance-ctl: the journal knows of nobody who has \(external) then")
                    if case .notReached = error {
                        screen.complain(
                            "appliance-ctl: the daemon was not asked; nat64-appliance lookup tells computed ports without it"
                        )
                    }
                    return .refused
                }
                show(holder, screen)
                return .done
            }
        }

        private func show(_ holder: PortOwner, _ screen: Screen) {
            guard !global.json else {
                screen.print(String(decoding: (try? WireFormat.encode(holder)) ?? [], as: UTF8.self))
                return
            }
            for binding in holder.staticBindings ?? [] {
                screen.print("\(binding.client) has \(binding.transport) \(binding.external) by a static binding")
            }
            guard holder.source != .static else { return }
            let since = holder.since.map { "since \($0)" } ?? "by the deterministic mapping"
            screen.print("\(holder.client) has \(holder.external) \(since), with ports \(holder.ports)")
        }
    }
}

extension ControlFailure {
    /// Whether the journal may know what the daemon does not say: nobody has the port, or nobody is there to ask.
    fileprivate var leavesItToTheJournal: Bool {
        switch self {
        case .refused(let problem): problem.status == 404
        case .notReached: true
        }
    }

    /// Why neither the daemon nor the journal was of use.
    fileprivate func and(_ second: ControlFailure) -> ControlFailure {
        guard case .notReached(let first) = self, case .notReached(let then) = second else { return second }
        return .notReached("\(first); and \(then)")
    }
}
