internal import IPAddressing

/// What the journal says about a port: who has, or had, the block of ports that it belongs to.
///
/// It is fed line by line, in the order they were written, and knows the lines that ``Appliance/recordPortBlocks(at:)``
/// and ``Appliance/recordPortsAtStart()`` write, whatever stands before them.
struct PortJournal {
    /// The port in question.
    let external: TransportAddress4
    /// The moment in question, in seconds since 1970; nothing means the end of the journal.
    let time: UInt64?
    /// The client network that has the port at that moment; nothing if nobody is known to.
    private(set) var owner: Substring?
    /// When the network took the block, or when that was confirmed.
    private(set) var since: UInt64 = 0

    /// Asks for a port at a moment.
    init(_ external: TransportAddress4, at time: UInt64?) {
        self.external = external
        self.time = time
    }

    /// Takes note of a line.
    mutating func read(_ line: String) {
        let all = line.split(separator: " ")
        guard let start = all.firstIndex(where: { $0 == "port" || $0.hasSuffix(">port") }), all.count >= start + 5
        else { return }
        let words = all[start...]
        let (kind, verb) = (words[start + 1], words[start + 2])
        guard kind == "block" || kind == "blocks:", let at = Self.value("time", words).flatMap({ UInt64($0) }),
            at <= time ?? .max
        else { return }
        if kind == "blocks:" {
            owner = nil
            return
        }
        guard let ports = Self.value("ports", words)?.split(separator: "-").compactMap({ UInt16($0) }),
            ports.count == 2,
            Self.value("address", words).flatMap({ IPv4Address($0) }) == external.address,
            external.port.number >= ports[0], external.port.number <= ports[1]
        else { return }
        switch verb {
        case "given":
            owner = nil
        case "taken", "held":
            let client = Self.value("client", words)
            if client != owner { since = at }
            owner = client
        default: break
        }
    }

    private static func value(_ name: String, _ words: ArraySlice<Substring>) -> Substring? {
        words.first { $0.hasPrefix(name + "=") }?.dropFirst(name.utf8.count + 1)
    }
}
