internal import Configuration
internal import Control
internal import ControlAPI
internal import IPAddressing
internal import Linux
internal import NAT64
internal import Timing

/// Listings of the tables, slice by slice; packets go on meanwhile.
extension Appliance {
    /// Entries looked at for one page, so that a filter that matches little does not keep the supervisor busy.
    private static let mostLookedAt = 200_000

    /// A page of the sessions that pass a filter.
    func sessions(filter: EntryFilter, cursor: String?, limit: Int) -> Result<SessionPage, ControlRefusal> {
        do throws(ControlRefusal) {
            let matcher = try EntryMatcher(filter)
            let now = MonotonicClock.now()
            let (records, next) = try page(cursor, limit: limit) { tables, place, room in
                tables.sessions(from: place, limit: room, at: now)
            } matches: { record in
                matcher.matches(
                    transport: record.transport.word,
                    client: record.client,
                    peer: record.peer,
                    external: record.external,
                    state: record.state.map { "\($0.name)" }
                )
            }
            return .success(SessionPage(sessions: records.map(Self.entry), next: next))
        } catch {
            return .failure(error)
        }
    }

    /// A page of the bindings that pass a filter.
    func bindings(filter: EntryFilter, cursor: String?, limit: Int) -> Result<BindingPage, ControlRefusal> {
        do throws(ControlRefusal) {
            let matcher = try EntryMatcher(filter)
            let (records, next) = try page(cursor, limit: limit) { tables, place, room in
                tables.bindings(from: place, limit: room)
            } matches: { record in
                matcher.matches(
                    transport: record.transport.word,
                    client: record.client,
                    peer: nil,
                    external: record.external,
                    state: nil
                )
            }
            let entries = records.map { record in
                BindingEntry(
                    transport: record.transport.word,
                    client: "\(record.client)",
                    external: "\(record.external)",
                    sessions: UInt64(record.sessions),
                    isStatic: record.isStatic
                )
            }
            return .success(BindingPage(bindings: entries, next: next))
        } catch {
            return .failure(error)
        }
    }

    /// The records of a page.
    func page<Record>(
        _ cursor: String?,
        limit: Int,
        _ slice: (Tables, TableCursor, Int) -> (records: [Record], next: TableCursor?),
        matches: (Record) -> Bool
    ) throws(ControlRefusal) -> (records: [Record], next: String?) {
        guard let tables = translator?.tables else { return ([], nil) }
        var place: TableCursor? = .start
        if let cursor {
            guard let number = UInt64(cursor, radix: 16) else {
                throw ControlRefusal(.badRequest, "\"\(cursor)\" is no cursor; take it from `next` of the page before.")
            }
            place = TableCursor(rawValue: number)
        }
        var found: [Record] = []
        var lookedAt = 0
        while let here = place, found.count < limit, lookedAt < Self.mostLookedAt {
            let (records, next) = slice(tables, here, limit - found.count)
            found += records.filter(matches)
            lookedAt += max(records.count, 1)
            place = next
        }
        return (found, place.map { String($0.rawValue, radix: 16) })
    }

    private static func entry(_ record: SessionRecord) -> SessionEntry {
        SessionEntry(
            transport: record.transport.word,
            client: "\(record.client)",
            peer: record.transport == .icmpQuery ? "\(record.peer.address)" : "\(record.peer)",
            external: "\(record.external)",
            state: record.state.map { "\($0.name)" },
            secondsLeft: record.remaining.seconds
        )
    }
}
