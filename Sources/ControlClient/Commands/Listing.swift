internal import ControlAPI

/// A list fetched page after page and shown as it comes, so that millions of entries take no memory here.
struct Listing<Page: Decodable, Entry: Encodable> {
    /// Path and parameters.
    var path: String
    var parameters: [(name: String, value: String?)]
    /// The most entries wanted; nothing for all.
    var limit: Int?
    /// The name of the list in JSON.
    var name: String
    var entries: (Page) -> [Entry]
    var next: (Page) -> String?

    /// Fetches and shows; stops early if nobody reads any more.
    func show(
        _ socket: ControlSocket,
        _ screen: Screen,
        json: Bool,
        columns: [Column],
        row: (Entry) -> [String]
    ) throws(ControlFailure) {
        var table = Table(columns: columns)
        var cursor: String?
        var shown = 0
        var isFirst = true
        repeat {
            let wanted = min(limit.map { $0 - shown } ?? ControlDefaults.longestPage, ControlDefaults.longestPage)
            let page = try socket.get(Page.self, target(cursor: cursor, limit: wanted))
            let entries = self.entries(page).prefix(limit.map { $0 - shown } ?? .max)
            let text =
                json
                ? jsonLines(entries, isFirst: isFirst, startsList: shown == 0)
                : table.text(rows: entries.map(row), heading: isFirst)
            if !text.isEmpty, !screen.print(text) { return }
            shown += entries.count
            isFirst = false
            cursor = next(page)
        } while cursor != nil && shown < limit ?? .max
        if json {
            screen.print("]}")
        } else if shown == 0 {
            screen.complain("no \(name)")
        }
    }

    private func target(cursor: String?, limit: Int) -> String {
        let all = parameters + [("limit", "\(limit)"), ("cursor", cursor)]
        let written = all.compactMap { name, value in value.map { "\(name)=\(percentEncoded($0))" } }
        return path + "?" + written.joined(separator: "&")
    }

    /// One entry a line, all inside one object.
    private func jsonLines(_ entries: ArraySlice<Entry>, isFirst: Bool, startsList: Bool) -> String {
        let lines = entries.compactMap { entry in
            (try? WireFormat.encode(entry)).map { String(decoding: $0, as: UTF8.self) }
        }
        let list = lines.joined(separator: ",\n")
        let comma = startsList || lines.isEmpty ? "" : ","
        return (isFirst ? "{\"\(name)\":[" : "") + comma + list
    }
}

/// A value as it may stand in a target: everything but the unreserved characters of RFC 3986 section 2.3 encoded.
func percentEncoded(_ text: String) -> String {
    var out = ""
    for octet in text.utf8 {
        switch octet {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
            UInt8(ascii: "~"):
            out.unicodeScalars.append(Unicode.Scalar(octet))
        default:
            let digits = String(octet, radix: 16, uppercase: true)
            out += digits.utf8.count == 1 ? "%0\(digits)" : "%\(digits)"
        }
    }
    return out
}
