/// What the journal says about a port: who has, or had, the block of ports that it belongs to.
///
/// It is fed line by line, in the order they were written, and knows the lines that the daemon writes of blocks of ports,
/// whatever stands before them.
public struct PortJournal {
    /// The address in question, as the lines write it.
    public let address: String
    /// The port in question.
    public let port: UInt16
    /// The moment in question; nothing means the end of the journal.
    public let time: UTCTime?
    /// Who has the port at that moment; nothing if nobody is known to.
    public private(set) var holder: PortOwner?

    /// Asks for a port at a moment.
    ///
    /// - Parameter external: `192.0.2.1:2050`, else there is no question.
    public init?(_ external: String, at time: UTCTime?) {
        let parts = external.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let port = UInt16(parts[1]) else { return nil }
        let words = parts[0].split(separator: ".", omittingEmptySubsequences: false)
        let octets = words.compactMap { UInt8($0) }
        guard octets.count == 4, words.count == 4 else { return nil }
        address = octets.map(String.init).joined(separator: ".")
        self.port = port
        self.time = time
    }

    /// Takes note of a line.
    public mutating func read(_ line: String) {
        let all = line.split(separator: " ")
        guard let start = all.firstIndex(where: { $0 == "port" || $0.hasSuffix(">port") }), all.count >= start + 5
        else { return }
        let words = all[start...]
        let (kind, verb) = (words[start + 1], words[start + 2])
        guard kind == "block" || kind == "blocks:", let at = Self.value("time", words).flatMap({ UInt64($0) }),
            at <= time?.seconds ?? .max
        else { return }
        if kind == "blocks:" {
            holder = nil
            return
        }
        guard let ports = Self.value("ports", words)?.split(separator: "-").compactMap({ UInt16($0) }),
            ports.count == 2,
            Self.value("address", words).map(String.init) == address,
            ports[0] <= port, port <= ports[1]
        else { return }
        switch verb {
        case "given":
            holder = nil
        case "taken", "held":
            guard let client = Self.value("client", words), client != holder?.client ?? "" else { return }
            holder = PortOwner(
                external: "\(address):\(port)",
                client: String(client),
                ports: "\(ports[0])-\(ports[1])",
                since: UTCTime(seconds: at),
                source: .journal
            )
        default: break
        }
    }

    private static func value(_ name: String, _ words: ArraySlice<Substring>) -> Substring? {
        words.first { $0.hasPrefix(name + "=") }?.dropFirst(name.utf8.count + 1)
    }
}
