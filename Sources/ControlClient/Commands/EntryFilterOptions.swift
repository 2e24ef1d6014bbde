internal import ArgumentParser

/// A transport protocol, as the command line writes it.
enum TransportName: String, ExpressibleByArgument, CaseIterable {
    case tcp
    case udp
    case icmp
}

/// Which sessions or bindings are wanted.
struct EntryFilterOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Only of this client: an IPv6 address or prefix.", valueName: "network"))
    var client: String?

    @Option(help: ArgumentHelp("Only of this pool address: an IPv4 address or prefix.", valueName: "network"))
    var external: String?

    @Option(name: .customLong("protocol"), help: "Only of this protocol.")
    var transport: TransportName?

    @Option(help: ArgumentHelp("Stop after so many entries; all without it.", valueName: "count"))
    var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be at least 1.") }
    }
}
