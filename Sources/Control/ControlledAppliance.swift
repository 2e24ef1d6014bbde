public import ControlAPI

/// What the control socket shows and switches: the appliance, as the composition root puts it together.
///
/// Every function may block for as long as it must; none is called on the thread that serves the sockets, and no two
/// are called at once. All take snapshots: none stops packets.
public protocol ControlledAppliance: Sendable {
    /// The version of the running daemon.
    var version: String { get }

    /// The report on everything.
    func status() -> StatusReport

    /// A slice of the sessions that pass the filter.
    ///
    /// - Parameters:
    ///   - cursor: The `next` of the slice before; nothing for the first.
    ///   - limit: The most entries wanted, at least 1.
    /// - Throws: A refusal if filter or cursor cannot be read.
    func sessions(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> SessionPage

    /// A slice of the bindings that pass the filter; they have neither peer nor state.
    ///
    /// - Parameters:
    ///   - cursor: The `next` of the slice before; nothing for the first.
    ///   - limit: The most entries wanted, at least 1.
    /// - Throws: A refusal if filter or cursor cannot be read.
    func bindings(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> BindingPage

    /// A slice of the blocks of ports that pass the filter, which may name a client and an external address or port.
    ///
    /// - Parameters:
    ///   - cursor: The `next` of the slice before; nothing for the first.
    ///   - limit: How many are enough, at least 1; a few more may come, because those of a network come together.
    /// - Throws: A refusal if filter or cursor cannot be read.
    func portBlocks(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> PortBlockPage

    /// Whose an external port is, and has been since a moment; nothing for a moment means now.
    ///
    /// - Throws: A refusal if the port cannot be read, or if it is nobody's.
    func portHolder(external: String, at time: UTCTime?) throws(ControlRefusal) -> PortOwner

    /// The bindings that the operator wrote down, in the file and at runtime.
    func staticBindings() -> StaticBindingList

    /// Adds a static binding. When it returns, packets find it, and it survives a restart.
    ///
    /// - Throws: A refusal if the binding cannot be read, something is in its way, or it cannot be kept.
    func addStaticBinding(_ change: StaticBindingChange) throws(ControlRefusal)

    /// Takes a static binding away that was added at runtime, and ends its sessions.
    ///
    /// - Throws: A refusal if there is none.
    func removeStaticBinding(transport: String, external: String) throws(ControlRefusal)

    /// Where DNS64 is on and off.
    func views() -> ViewList

    /// Switches DNS64 for a network. When it returns, the next query is answered the new way, and the change
    /// survives a restart.
    ///
    /// - Throws: A refusal if the network cannot be read or the change cannot be kept.
    func setView(_ change: ViewChange) throws(ControlRefusal)

    /// Forgets what was switched at runtime for a network, so that the file decides again.
    ///
    /// - Throws: A refusal if nothing was switched for it.
    func removeView(network: String) throws(ControlRefusal)

    /// Reads the configuration again and puts it in force, whole or not at all.
    func reload() -> ReloadReport
}

/// Which sessions or bindings are wanted: those that agree with every part that is given.
public struct EntryFilter: Hashable, Sendable {
    /// An IPv6 address or prefix, with or without `:port`, in the configuration's spelling.
    public var client: String?
    /// An IPv4 address or prefix, with or without `:port`.
    public var peer: String?
    /// An IPv4 address or prefix, with or without `:port`.
    public var external: String?
    /// `tcp`, `udp` or `icmp`: no other text comes here.
    public var transport: String?
    /// A TCP state in RFC 6146's spelling, in capitals with single spaces between its words: `V4 FIN RCV`.
    public var state: String?

    /// Describes a wish; with nothing given, everything is wanted.
    public init(
        client: String? = nil,
        peer: String? = nil,
        external: String? = nil,
        transport: String? = nil,
        state: String? = nil
    ) {
        self.client = client
        self.peer = peer
        self.external = external
        self.transport = transport
        self.state = state
    }
}

/// Why the appliance does not do what it was asked.
public struct ControlRefusal: Error, Hashable, Sendable {
    /// What kind of refusal it is, with the HTTP status it becomes.
    public enum Kind: Int, Hashable, Sendable {
        /// The request cannot be understood.
        case badRequest = 400
        /// There is no such thing.
        case notFound = 404
        /// It cannot be done in the state things are in.
        case conflict = 409
        /// It should have worked and did not: a full disk.
        case failed = 500
        /// Not now: the appliance is starting or stopping.
        case unavailable = 503
    }

    /// What kind of refusal it is.
    public var kind: Kind
    /// What is wrong and what to do: a sentence.
    public var sentence: String

    /// Puts a refusal into words.
    public init(_ kind: Kind, _ sentence: String) {
        self.kind = kind
        self.sentence = sentence
    }
}
