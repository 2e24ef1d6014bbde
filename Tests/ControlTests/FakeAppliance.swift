import Control
import ControlAPI
import Synchronization

/// An appliance that does nothing but remember, with 2,345 sessions and as many bindings.
final class FakeAppliance: ControlledAppliance {
    let version = "1.4.0"
    private let report: Mutex<StatusReport>
    private let runtime = Mutex<[ViewEntry]>([])
    let filters = Mutex<[EntryFilter]>([])
    let reloads = Mutex<[ReloadReport]>([])
    /// Held while a status is made, so that a test decides how long the appliance takes.
    let busy = Mutex<Void>(())

    init(_ report: StatusReport = .working) { self.report = Mutex(report) }

    /// How many reports were asked for.
    let asked = Atomic(0)

    func status() -> StatusReport {
        asked.add(1, ordering: .relaxed)
        busy.withLock { _ in }
        return report.withLock { $0 }
    }

    static let sessionCount = 2_345

    static func session(_ index: Int) -> SessionEntry {
        SessionEntry(
            transport: index.isMultiple(of: 3) ? "udp" : "tcp",
            client: "[2001:db8:6:1::\(String(index, radix: 16))]:\(40_000 + index % 20_000)",
            peer: "192.0.2.\(index % 250 + 1):443",
            external: "203.0.113.1:\(1_024 + index)",
            state: index.isMultiple(of: 3) ? nil : "ESTABLISHED",
            secondsLeft: UInt64(index % 7_440)
        )
    }

    private func slice(_ filter: EntryFilter, _ cursor: String?, _ limit: Int) throws(ControlRefusal) -> Range<Int> {
        filters.withLock { $0.append(filter) }
        guard filter.client != "nonsense" else {
            throw ControlRefusal(.badRequest, "client: \"nonsense\" is no prefix.")
        }
        guard let start = cursor.map({ Int($0.dropFirst(2)) }) ?? 0 else {
            throw ControlRefusal(.badRequest, "cursor: not one of ours.")
        }
        let count = filter.state == "V4 FIN RCV" ? 0 : Self.sessionCount
        return min(start, count)..<min(start + limit, count)
    }

    /// Cursors hold characters that mean something in a query, so that a forgotten encoding is found.
    private func next(_ slice: Range<Int>) -> String? {
        slice.upperBound < Self.sessionCount && !slice.isEmpty ? "&=\(slice.upperBound)" : nil
    }

    func sessions(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> SessionPage {
        let slice = try slice(filter, cursor, limit)
        return SessionPage(sessions: slice.map(Self.session), next: next(slice))
    }

    func bindings(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> BindingPage {
        let slice = try slice(filter, cursor, limit)
        let entries = slice.map(Self.session).map {
            BindingEntry(transport: $0.transport, client: $0.client, external: $0.external, sessions: 1)
        }
        return BindingPage(bindings: entries, next: next(slice))
    }

    /// Two networks' blocks, which come in two slices, the second of them longer than asked for.
    static let blocks = [
        PortBlockEntry(
            client: "2001:db8:6:1::/64",
            address: "203.0.113.1",
            ports: "2048-2111",
            since: UTCTime(seconds: 1_790_000_000),
            inUse: 1_204
        ),
        PortBlockEntry(
            client: "2001:db8:6:2::/64",
            address: "203.0.113.1",
            ports: "1024-1087",
            since: UTCTime(seconds: 1_790_000_060),
            inUse: 0
        ),
        PortBlockEntry(
            client: "2001:db8:6:2::/64",
            address: "203.0.113.2",
            ports: "1024-1087",
            since: UTCTime(seconds: 1_790_000_061),
            inUse: 3
        ),
    ]

    func portBlocks(filter: EntryFilter, cursor: String?, limit: Int) throws(ControlRefusal) -> PortBlockPage {
        filters.withLock { $0.append(filter) }
        guard filter.client != "2001:db8::1" else { return PortBlockPage(blocks: [], next: nil) }
        return cursor == nil
            ? PortBlockPage(blocks: Array(Self.blocks[..<1]), next: "&1")
            : PortBlockPage(blocks: Array(Self.blocks[1...]), next: nil)
    }

    func portHolder(external: String, at time: UTCTime?) throws(ControlRefusal) -> PortOwner {
        guard external.hasPrefix("203.0.113.") else {
            throw ControlRefusal(.badRequest, "\"\(external)\" is no external port.")
        }
        let block = Self.blocks[0]
        guard external == "203.0.113.1:2050", time.map({ $0.seconds >= block.since.seconds }) ?? true else {
            throw ControlRefusal(.notFound, "No client network has \(external) now.")
        }
        return PortOwner(
            external: external,
            client: block.client,
            ports: block.ports,
            since: block.since,
            source: .block
        )
    }

    private let added = Mutex<[StaticBindingEntry]>([])

    func staticBindings() -> StaticBindingList {
        let file = StaticBindingEntry(
            transport: "icmp",
            external: "203.0.113.1:7",
            client: "[2001:db8:6::7]:7",
            origin: .file,
            problem: "its address is none of the pool; write it in nat64.pool"
        )
        return StaticBindingList(bindings: [file] + added.withLock { $0 })
    }

    func addStaticBinding(_ change: StaticBindingChange) throws(ControlRefusal) {
        guard change.external != "203.0.113.1:80" || change.replace == true else {
            throw ControlRefusal(.conflict, "203.0.113.1:80 stands for [2001:db8:6::9]:5 already; --replace ends that.")
        }
        added.withLock {
            $0.append(
                StaticBindingEntry(
                    transport: change.transport,
                    external: change.external,
                    client: change.client,
                    origin: .runtime
                )
            )
        }
    }

    func removeStaticBinding(transport: String, external: String) throws(ControlRefusal) {
        let found = added.withLock { list in
            let before = list.count
            list.removeAll { $0.transport == transport && $0.external == external }
            return list.count < before
        }
        guard found else {
            throw ControlRefusal(.notFound, "No static binding was added for \(transport) \(external).")
        }
    }

    func views() -> ViewList {
        ViewList(
            synthesizeByDefault: true,
            synthesizeOverIPv4: true,
            views: runtime.withLock { $0 } + [ViewEntry(network: "2001:db8:6:9::/64", synthesize: false, origin: .file)]
        )
    }

    func setView(_ change: ViewChange) throws(ControlRefusal) {
        guard change.network.hasPrefix("2001:db8:") else {
            throw ControlRefusal(.badRequest, "network: \"\(change.network)\" is no prefix.")
        }
        guard change.network != "2001:db8:f::/48" else {
            throw ControlRefusal(.failed, "The state folder is full; make room and try again.")
        }
        runtime.withLock { views in
            views.removeAll { $0.network == change.network }
            views.append(ViewEntry(network: change.network, synthesize: change.synthesize, origin: .runtime))
        }
    }

    func removeView(network: String) throws(ControlRefusal) {
        let found = runtime.withLock { views in
            let before = views.count
            views.removeAll { $0.network == network }
            return views.count < before
        }
        guard found else { throw ControlRefusal(.notFound, "Nothing was switched at runtime for \(network).") }
    }

    func reload() -> ReloadReport {
        reloads.withLock { $0.popLast() }
            ?? ReloadReport(
                applied: true,
                changed: ["dns64.upstreams", "nat64.workers"],
                needsRestart: ["nat64.workers"],
                problems: []
            )
    }
}
