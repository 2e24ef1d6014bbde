internal import DNSWire
internal import IPAddressing

/// `[dns64]`: listeners for encrypted questions, their certificate, and how clients hear of them.
extension ValidatedConfiguration {
    /// Reads the keys of encrypted listeners and of upstreams over TLS.
    ///
    /// - Parameter bound: Where the resolver listens in the clear.
    mutating func readEncryptedListeners(_ section: Section, _ bound: [(TransportAddress, PlacedText)]) {
        for (endpoint, text) in bound where endpoint.port.number == 853 {
            section.refuse(text, "listen", "has the port of DNS over TLS, where nothing may be said in the clear")
        }
        var taken = bound
        listenTLS = readListeners(section, "listen-tls", defaultPort: 853, &taken) ?? listenTLS
        listenHTTPS = readListeners(section, "listen-https", defaultPort: 443, &taken) ?? listenHTTPS
        certificate = file(section, "certificate", example: "/etc/nat64-appliance/dns.pem")
        certificateKey = file(section, "key", example: "/etc/nat64-appliance/dns.key")
        upstreamAuthorities = file(section, "upstream-ca", example: "/etc/ssl/certs/ca-certificates.crt")
        demandCertificate(section)
        readDiscovery(section)
    }

    private func readListeners(
        _ section: Section,
        _ key: String,
        defaultPort: UInt16,
        _ taken: inout [(TransportAddress, PlacedText)]
    ) -> Listeners? {
        guard let texts = section.texts(key, example: "auto") else { return nil }
        var endpoints: [(TransportAddress, PlacedText)] = []
        for text in texts where text.text != "auto" {
            if let near = Spelling.nearest(to: text.text, among: ["auto"]) {
                section.refuse(text, key, "is not an address; did you mean \"\(near)\"?")
                continue
            }
            guard let endpoint = section.endpoint(text, key, defaultPort: defaultPort) else { continue }
            if let complaint = complaintAboutListening(on: endpoint) {
                section.refuse(text, key, complaint)
            } else if endpoint.port.number == 53 {
                section.refuse(text, key, "has the port of DNS in the clear; leave the port out for \(defaultPort)")
            } else if let other = taken.first(where: { $0.0 == endpoint }) {
                let place = other.1.place.seen(from: text.place)
                section.refuse(text, key, "is where the resolver listens already, \(place); take one out")
            } else {
                endpoints.append((endpoint, text))
                continue
            }
        }
        section.refuseRepeated(texts.filter { $0.text == "auto" }.map { ($0.text, $0) }, key)
        section.refuseRepeated(endpoints, key)
        taken += endpoints
        return Listeners(automatic: texts.contains { $0.text == "auto" }, addresses: endpoints.map(\.0))
    }

    private func file(_ section: Section, _ key: String, example: String) -> String? {
        guard let text = section.text(key, example: example), isPath(text, section, key) else { return nil }
        return text.text
    }

    /// Encrypted listeners need both files; one file alone is a mistake in any case.
    private func demandCertificate(_ section: Section) {
        let wanted = ["listen-tls", "listen-https"].first { key in
            let listeners = key == "listen-tls" ? listenTLS : listenHTTPS
            return listeners.automatic || !listeners.addresses.isEmpty
        }
        for (key, other) in [("certificate", "key"), ("key", "certificate")] where section.value(key) == nil {
            let what = key == "key" ? "the private key of the certificate" : "the certificate that clients are shown"
            if let wanted, let value = section.value(wanted) {
                section.problems.add(
                    value.place,
                    section.path(wanted),
                    "needs \(section.path(key)); write the PEM file with \(what)"
                )
            } else if let value = section.value(other) {
                section.problems.add(
                    value.place,
                    section.path(other),
                    "stands without \(section.path(key)); write the PEM file with \(what)"
                )
            }
        }
    }

    private mutating func readDiscovery(_ section: Section) {
        if let text = section.text("name", example: "dns.example.net") {
            if let name = Name(text.text), let host = Self.hostName(Substring(text.text)), !host.isEmpty,
                !(Name("resolver.arpa").map { name.isAtOrBelow($0) } ?? false)
            {
                resolverName = name
            } else {
                section.refuse(text, "name", "is not the name of a host; write the one the certificate is for")
            }
        }
        discovery = section.flag("discovery") ?? discovery
    }

    /// The name of a host as certificates spell it, in lower case without a dot at its end; nothing if it is none.
    static func hostName(_ text: Substring) -> String? {
        let name = (text.hasSuffix(".") ? text.dropLast() : text).lowercased()
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        let isHost = labels.allSatisfy { label in
            !label.isEmpty && label.utf8.count <= 63 && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { octet in
                    octet == UInt8(ascii: "-") || octet == UInt8(ascii: "_")
                        || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(octet)
                        || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(octet)
                }
        }
        // Four numbers are an address, which certificates name elsewhere.
        guard isHost, name.utf8.count <= 253, IPAddress(name) == nil else { return nil }
        return name
    }
}
