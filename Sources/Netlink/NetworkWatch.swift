internal import CNetlink
internal import Glibc
public import IPAddressing

/// Something that changed in the kernel's tables. Many events of one sort are one change.
public enum NetworkChange: Hashable, Sendable {
    /// A link came, went, or changed its state.
    case link(LinkIndex)
    /// Addresses of a link came, went, or became usable.
    case addresses(LinkIndex)
    /// A default route of either family came or went, in whichever table, or one for half of all addresses, as VPNs have.
    case defaultRoute
    /// A route of ours changed, or somebody else's that leads to a destination of ours or to the device.
    case ownRoute
    /// Rules changed that decide which packets go by which table.
    case rules
    /// Other people's routes changed, however many.
    case otherRoutes
    /// Queueing disciplines or filters of a link changed.
    case traffic(LinkIndex)
    /// Settings of IPv4 changed that the kernel tells of, of a link or of all: forwarding and reverse-path filtering.
    case settings
    /// Events were lost: anything may have changed.
    case resync

    /// Whether the installation should be compared with its plan.
    public var asksForRepair: Bool {
        switch self {
        case .link, .addresses, .ownRoute, .traffic, .settings, .resync: true
        case .defaultRoute, .rules, .otherRoutes: false
        }
    }

    /// Whether ``UplinkFacts`` should be read again.
    public var asksForFacts: Bool {
        switch self {
        case .link, .addresses, .defaultRoute, .rules, .resync: true
        case .ownRoute, .otherRoutes, .traffic, .settings: false
        }
    }
}

/// Hears what changes in the kernel's tables.
@safe
public struct NetworkWatch: ~Copyable, Sendable {
    /// A socket is bound to no thread, and a value without copies is in the hands of one at a time.
    private nonisolated(unsafe) let handle: OpaquePointer
    /// The link whose routes are ours.
    public var device: LinkIndex?
    /// The destinations that are ours.
    public var destinations: Set<IPPrefix>

    /// Starts to listen in the network namespace of the calling thread: changes from here on are heard.
    ///
    /// - Parameters:
    ///   - device: The TUN.
    ///   - plan: Whose destinations count as ours.
    public init(device: LinkIndex? = nil, plan: NetworkPlan? = nil) throws(NetlinkError) {
        try self.init(device: device, plan: plan, bufferSize: Self.bufferSize)
    }

    init(device: LinkIndex?, plan: NetworkPlan?, bufferSize: Int32) throws(NetlinkError) {
        var opened: OpaquePointer?
        let code = unsafe cnetlink_watch_open(&opened, bufferSize)
        guard code == 0, let opened = unsafe opened else {
            throw NetlinkError(failing: "listen to network changes", code: code)
        }
        unsafe handle = opened
        self.device = device
        destinations = Set(plan?.destinations ?? [])
    }

    deinit { unsafe cnetlink_close(handle) }

    /// Octets the kernel may keep for us; a route event takes about a thousand of its memory.
    private static let bufferSize: Int32 = 8 << 20
    /// Events read at a time, so that an endless storm lets others on the thread have a turn.
    private static let mostEvents: Int32 = 16384

    /// The descriptor that is readable when there is something to process.
    public var descriptor: Int32 { unsafe cnetlink_watch_descriptor(handle) }

    /// Takes what has happened since the last call; never waits.
    ///
    /// - Returns: Each change once, in the order of its first event; ``NetworkChange/resync`` when events were lost.
    public func process() throws(NetlinkError) -> [NetworkChange] {
        var heard = Heard(device: device, destinations: destinations)
        while true {
            let code = unsafe withUnsafeMutablePointer(to: &heard) { heard in
                unsafe cnetlink_watch_read(
                    handle,
                    Self.mostEvents,
                    { heard, event in
                        guard let heard = unsafe heard, let event = unsafe event else { return }
                        unsafe heard.assumingMemoryBound(to: Heard.self).pointee.hear(event.pointee)
                    },
                    heard
                )
            }
            if code >= 0 { return heard.changes }
            guard code == -ENOBUFS else { throw NetlinkError(failing: "read network changes", code: code) }
            // What is left in the buffer is old news beside a full look; it is still read, to empty the buffer.
            heard.add(.resync)
        }
    }
}

/// Events on their way to becoming changes.
private struct Heard {
    let device: LinkIndex?
    let destinations: Set<IPPrefix>
    private(set) var changes: [NetworkChange] = []
    private var known: Set<NetworkChange> = []

    init(device: LinkIndex?, destinations: Set<IPPrefix>) {
        self.device = device
        self.destinations = destinations
    }

    mutating func add(_ change: NetworkChange) {
        if known.insert(change).inserted { changes.append(change) }
    }

    mutating func hear(_ event: cnetlink_event) {
        switch event.kind {
        case CNETLINK_EVENT_LINK: add(.link(LinkIndex(event.link)))
        case CNETLINK_EVENT_ADDRESS: add(.addresses(LinkIndex(event.link)))
        case CNETLINK_EVENT_RULE: add(.rules)
        case CNETLINK_EVENT_SETTING: add(.settings)
        case CNETLINK_EVENT_TRAFFIC: add(.traffic(LinkIndex(event.link)))
        default: hear(Route(event.route))
        }
    }

    private mutating func hear(_ route: Route?) {
        guard let route else { return }
        if route.origin == .ours || route.link != nil && route.link == device
            || destinations.contains(route.destination)
        {
            add(.ownRoute)
        } else if route.destination.length <= 1 {
            add(.defaultRoute)
        } else {
            add(.otherRoutes)
        }
    }
}
