internal import IPAddressing

/// A prefix with the text it was written as.
struct PlacedPrefix {
    var prefix: IPPrefix
    var written: PlacedText
}

extension Section {
    /// Reads a prefix, or an address alone as the prefix that holds only it.
    func prefix(_ written: PlacedText, _ key: String, example: String) -> IPPrefix? {
        do throws(PrefixProblem) {
            return try IPPrefix(parsing: written.text)
        } catch {
            switch error {
            case .unreadable: refuse(written, key, "is not a prefix; write ADDRESS/LENGTH such as \(quoted(example))")
            case .lengthOutOfRange: refuse(written, key, "has a length beyond the bits of the address")
            case .bitsPastLength(let right): refuse(written, key, "has bits set past its length; write \"\(right)\"")
            }
            return nil
        }
    }

    /// Reads a list of prefixes of one or both families, none twice.
    func prefixes(_ key: String, example: String, words: [String] = [], empty: String? = nil) -> [PlacedPrefix]? {
        guard let texts = texts(key, example: example, empty: empty) else { return nil }
        let prefixes = texts.compactMap { written -> PlacedPrefix? in
            if words.contains(written.text) { return nil }
            if let near = Spelling.nearest(to: written.text, among: words) {
                refuse(written, key, "is not a prefix; did you mean \"\(near)\"?")
                return nil
            }
            return prefix(written, key, example: example).map { PlacedPrefix(prefix: $0, written: written) }
        }
        refuseRepeated(prefixes.map { ($0.prefix, $0.written) }, key)
        return prefixes
    }

    /// Tells every element that stands in a list for the second time.
    func refuseRepeated<Element: Hashable>(_ elements: [(Element, PlacedText)], _ key: String) {
        var first: [Element: Place] = [:]
        for (element, written) in elements {
            if let place = first[element] {
                refuse(written, key, "stands here twice, first \(place.seen(from: written.place)); take one out")
            } else {
                first[element] = written.place
            }
        }
    }

    /// Reads a transport address that a socket can be bound to or a question be sent to.
    func endpoint(_ written: PlacedText, _ key: String, defaultPort: UInt16 = 53) -> TransportAddress? {
        let example = "write ADDRESS or ADDRESS:PORT such as \"192.0.2.53\", \"[2001:db8::53]:53\""
        guard let endpoint = TransportAddress(written.text, defaultPort: Port(defaultPort)) else {
            refuse(written, key, "is not an address; \(example)")
            return nil
        }
        // "::1:53" is an address without a port, and hardly ever meant so.
        if let (address, port) = written.text.addressWithPortInside {
            let remedy = "write \"[\(address)]:\(port)\" if that is its port, or \"[\(written.text)]\""
            refuse(written, key, "does not say whether \(port) is a port; \(remedy)")
            return nil
        }
        guard endpoint.port.number != 0 else {
            refuse(written, key, "has port 0, which nobody can reach; \(example)")
            return nil
        }
        if let complaint = endpoint.address.complaint {
            refuse(written, key, complaint)
            return nil
        }
        return endpoint
    }
}

extension Place {
    /// This place as it is called in a message about another one.
    func seen(from other: Place) -> String {
        guard order == other.order else { return "in \(description)" }
        return line == other.line ? "at column \(column)" : "in line \(line)"
    }
}

extension String {
    /// An IPv6 address without brackets that ends in a port of the resolver's, and what would be left of it: `::1:53`.
    fileprivate var addressWithPortInside: (address: Substring, port: Substring)? {
        guard !hasPrefix("["), let colon = lastIndex(of: ":"), contains("::"), IPAddress(self) != nil else {
            return nil
        }
        let (address, port) = (self[..<colon], self[index(after: colon)...])
        guard ["53", "443", "853", "5353"].contains(port), IPAddress(String(address)) != nil else { return nil }
        return (address, port)
    }
}

extension IPAddress {
    /// Why no single host can have this address, or nothing.
    fileprivate var complaint: String? {
        switch self {
        case .v4(let address) where IPv4Prefix(IPv4Address(224, 0, 0, 0), length: 3).contains(address):
            "is not the address of a single host"
        case .v6(let address) where address.isMulticast: "is a multicast address, not that of a single host"
        case .v6(let address) where address.isIPv4Mapped: "is an IPv4-mapped address; write \"\(unmapped)\""
        case .v6(let address) where address.isLinkLocal:
            "is a link-local address, which means nothing without its link; use another address of that machine"
        default: nil
        }
    }
}
