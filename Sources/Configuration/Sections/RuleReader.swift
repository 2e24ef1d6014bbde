internal import DNS64
internal import DNSWire
internal import IPAddressing

/// `[[dns64.rule]]` and `[[dns64.view.rule]]`: who is asked about which names.
extension ValidatedConfiguration {
    private static var exampleDomain: String { "corp.example" }

    /// Reads the rules for everybody, or those of one view.
    ///
    /// - Parameter bound: Where the resolver listens itself; nobody may be sent there.
    func rules(_ sections: [Section], _ bound: [(TransportAddress, PlacedText)]) -> [ForwardingRule] {
        var rules: [ForwardingRule] = []
        var taken: [Name: Place] = [:]
        for section in sections {
            guard let domain = section.text("domain", example: Self.exampleDomain) else {
                section.require("domain", "the names this rule is for")
                continue
            }
            let domains = section.domains(domain, "domain")
            for name in domains {
                if let place = taken[name] {
                    let message = "has a rule already, \(place.seen(from: domain.place)); a domain has one rule"
                    section.refuse(domain, "domain", message)
                    break
                }
                taken[name] = domain.place
            }
            guard let action = ruleAction(section, bound) else { continue }
            for name in domains { rules.append(ForwardingRule(domain: name, action: action)) }
        }
        return rules
    }

    /// Reads the domains without synthesis; nothing if the key is not there.
    func excludedDomains(_ section: Section) -> [Name]? {
        let key = "exclude-domains"
        guard let texts = section.texts(key, example: Self.exampleDomain) else { return nil }
        let domains = texts.compactMap { text in section.domain(text, key).map { ($0, text) } }
        section.refuseRepeated(domains, key)
        return domains.map(\.0)
    }

    private func ruleAction(_ section: Section, _ bound: [(TransportAddress, PlacedText)]) -> ForwardingRule.Action? {
        let words: [String: ForwardingRule.Action] = [
            "system": .askDefault, "local": .local, "block": .block, "recursive": .ask([.recursor]),
        ]
        let empty = "nobody could be asked; \"local\" answers from [[dns64.local]] alone, \"block\" refuses the names"
        guard let texts = section.texts("upstreams", example: "192.0.2.53", empty: empty) else {
            section.require("upstreams", "whom to ask")
            return nil
        }
        let source = ruleSource(section)
        if let word = texts.first(where: { words[$0.text] != nil }), let action = words[word.text] {
            if texts.count > 1 {
                let message = "stands beside others; write either [\"\(word.text)\"] or addresses"
                section.refuse(word, "upstreams", message)
            }
            if word.text == "recursive", validates, upstreams != .addresses([.recursor]) {
                let message =
                    "asks for recursion, while what is validated goes to the upstreams of [dns64]; "
                    + "write upstreams = [\"recursive\"] there, or an address"
                section.refuse(word, "upstreams", message)
            }
            if let value = section.value("source") {
                section.refuse(value, "source", "belongs to rules with addresses in upstreams")
            }
            return action
        }
        var upstreams: [(UpstreamAddress, PlacedText)] = []
        for text in texts {
            if var upstream = upstream(text, section, bound) {
                upstream.source = source
                upstreams.append((upstream, text))
            }
        }
        section.refuseRepeated(upstreams, "upstreams")
        if let source, let value = section.value("source") {
            for (upstream, text) in upstreams where !source.isOfFamily(of: upstream.endpoint.address) {
                section.refuse(value, "source", "is of another family than upstream \"\(text.text)\"")
            }
        }
        return .ask(upstreams.map(\.0))
    }

    private func ruleSource(_ section: Section) -> IPAddress? {
        guard let text = section.text("source", example: "192.0.2.1") else { return nil }
        guard let address = IPAddress(text.text) else {
            section.refuse(text, "source", "is not an address; write one of this machine's such as \"192.0.2.1\"")
            return nil
        }
        return address
    }
}

extension Section {
    /// Reads a domain name. The names below it are meant as well, so an asterisk before it, as other programs want for
    /// that, says nothing; only where records are written each name has its own.
    func domain(_ text: PlacedText, _ key: String) -> Name? {
        var domain = text.text
        if domain == "*" || domain.hasPrefix("*.") {
            guard name != "dns64.local" else {
                refuse(text, key, "has an asterisk, which stands for nothing here: each name has records of its own")
                return nil
            }
            domain = domain == "*" ? "." : String(domain.dropFirst(2))
        }
        if !domain.contains("://"), let name = Name(domain) { return name }
        refuse(text, key, "is not a domain name; write one such as \"corp.example\"")
        return nil
    }

    /// Reads a domain name, or a prefix as the reverse zones that its addresses lie in.
    func domains(_ text: PlacedText, _ key: String) -> [Name] {
        guard text.text.contains("/") else { return domain(text, key).map { [$0] } ?? [] }
        guard let prefix = prefix(text, key, example: "10.0.0.0/8") else { return [] }
        return prefix.reverseZones
    }
}

extension IPPrefix {
    /// The zones below in-addr.arpa or ip6.arpa that hold the names of all its addresses and of no others: one, or as
    /// many as the prefix has octets or nibbles at its end.
    var reverseZones: [Name] {
        let step: Int
        let zone: Name?
        let digit: (Int, Int) -> String
        switch self {
        case .v4(let prefix):
            (step, zone) = (8, Name("in-addr.arpa"))
            digit = { place, extra in String(Int(prefix.address.bits >> UInt32(24 - 8 * place) & 255) + extra) }
        case .v6(let prefix):
            (step, zone) = (4, Name("ip6.arpa"))
            digit = { place, extra in
                let word = place < 16 ? prefix.address.high : prefix.address.low
                return String(Int(word >> UInt64(60 - 4 * (place & 15)) & 15) + extra, radix: 16)
            }
        }
        guard var zone else { return [] }
        let whole = length / step
        for place in 0..<whole { zone = zone.prefixed(with: digit(place, 0).utf8) ?? zone }
        guard length % step != 0 else { return [zone] }
        let count = 1 << (step - length % step)
        return (0..<count).compactMap { zone.prefixed(with: digit(whole, $0).utf8) }
    }
}

extension IPAddress {
    fileprivate func isOfFamily(of other: IPAddress) -> Bool {
        switch (self, other) {
        case (.v4, .v4), (.v6, .v6): true
        default: false
        }
    }
}
