internal import DNS64
internal import DNSWire
internal import IPAddressing
internal import Timing

/// `[[dns64.local]]` and `[[dns64.filter]]`: what the operator answers himself.
extension ValidatedConfiguration {
    /// Reads the local records.
    mutating func readLocalRecords(_ sections: [Section]) {
        var taken: Set<LocalRecord> = []
        var aliases: [Name: Place] = [:]
        var others: [Name: Place] = [:]
        for section in sections {
            for (key, what) in [("name", "the name it belongs to"), ("type", "its type"), ("data", "its data")] {
                section.require(key, what)
            }
            let ttl = section.duration("ttl", in: 0...604_800).map { UInt32(clamping: $0.seconds) } ?? 3600
            guard let name = section.text("name", example: "printer.home.arpa").flatMap({ section.domain($0, "name") }),
                let typeText = section.text("type", example: "A"),
                let dataText = section.text("data", example: "10.0.0.9")
            else { continue }
            guard let type = RecordType(typeText.text), !type.isMeta else {
                section.refuse(typeText, "type", "is not a type of record; write one such as \"A\" or \"TYPE65\"")
                continue
            }
            guard let data = recordData(type, dataText, section) else { continue }
            let record = LocalRecord(name: name, type: type, data: data, ttl: ttl)
            guard taken.insert(record).inserted else {
                section.refuse(dataText, "data", "is a record that stands in the file already; take one out")
                continue
            }
            // RFC 1034 section 3.6.2.
            if let other = aliases[name] ?? (type == .cname ? others[name] : nil) {
                let message = "stands beside another record of the name, \(other.seen(from: typeText.place)); "
                section.refuse(typeText, "type", message + "an alias has no other records")
            }
            if type == .cname { aliases[name] = typeText.place } else { others[name] = typeText.place }
            dns64.localRecords.append(record)
        }
    }

    private func recordData(_ type: RecordType, _ text: PlacedText, _ section: Section) -> [UInt8]? {
        do throws(RecordText.Problem) {
            return try RecordText.octets(type, text.text)
        } catch {
            let what =
                switch error {
                case .address4: "is not an IPv4 address, which an A record holds"
                case .address6: "is not an IPv6 address, which an AAAA record holds"
                case .name: "is not a domain name, which a \(type) record holds"
                case .form(let example): "is not the data of a \(type) record; write it like \"\(example)\""
                case .stringTooLong: "has a string of more than 255 octets"
                case .unknownType:
                    "cannot be read for type \(type); write it as \"\\\\# LENGTH HEX\" (RFC 3597 section 5)"
                }
            section.refuse(text, "data", what)
            return nil
        }
    }

    /// Reads the filters.
    mutating func readFilters(_ sections: [Section]) {
        var names: [Name: Place] = [:]
        var prefixes: [IPPrefix: Place] = [:]
        for section in sections {
            guard section.value("name") == nil || section.value("address") == nil else {
                section.problems.add(section.place, section.name, "name and address stand in one filter; write two")
                continue
            }
            guard let action = filterAction(section) else { continue }
            if let text = section.text("name", example: "ads.example") {
                guard let name = section.domain(text, "name") else { continue }
                if let place = names[name] {
                    section.refuse(text, "name", "has a filter already, \(place.seen(from: text.place))")
                }
                names[name] = text.place
                dns64.nameFilters.append(NameFilter(name: name, action: action))
            } else if let text = section.text("address", example: "203.0.113.0/24") {
                guard let prefix = section.prefix(text, "address", example: "203.0.113.0/24") else { continue }
                if let place = prefixes[prefix] {
                    section.refuse(text, "address", "has a filter already, \(place.seen(from: text.place))")
                }
                prefixes[prefix] = text.place
                dns64.addressFilters.append(AddressFilter(prefix: prefix, action: action))
            } else if section.value("address") == nil {
                section.require("name", "the name it is for, or address = \"PREFIX\"")
            }
        }
    }

    private func filterAction(_ section: Section) -> FilterAction? {
        enum Word { case nameError, noData, override, allow }
        let words: KeyValuePairs<String, Word> = [
            "nxdomain": .nameError, "nodata": .noData, "override": .override, "allow": .allow,
        ]
        section.require("action", "\"nxdomain\", \"nodata\", \"override\" or \"allow\"")
        guard let word = section.word("action", of: words) else { return nil }
        if word != .override, let data = section.value("data") {
            section.refuse(data, "data", "belongs to action = \"override\"")
        }
        switch word {
        case .nameError: return .nameError
        case .noData: return .noData
        case .allow: return .allow
        case .override:
            section.require("data", "the addresses that clients get instead")
            let empty = "clients would get nothing; action = \"nodata\" does that"
            guard let texts = section.texts("data", example: "192.0.2.9", empty: empty) else { return nil }
            let addresses = texts.compactMap { text -> (IPAddress, PlacedText)? in
                if let address = IPAddress(text.text) { return (address, text) }
                section.refuse(text, "data", "is not an address")
                return nil
            }
            section.refuseRepeated(addresses, "data")
            return .override(addresses.map(\.0))
        }
    }
}
