internal import DNSWire
public import IPAddressing
internal import NIOSSL

/// Whom a certificate is for: the names and addresses that it says (RFC 5280 section 4.2.1.6).
public struct CertificateNames: Hashable, Sendable {
    /// Its names, in their order and in lower case; `*` may stand for the first label.
    public private(set) var names: [String] = []
    /// Its addresses.
    public private(set) var addresses: [IPAddress] = []

    init(_ certificate: NIOSSLCertificate) {
        for name in certificate._subjectAlternativeNames() {
            let octets = [UInt8](name.contents)
            switch name.nameType {
            case .dnsName: names.append(String(decoding: octets, as: UTF8.self).lowercased())
            case .ipAddress: if let address = Self.address(octets) { addresses.append(address) }
            default: break
            }
        }
    }

    private static func address(_ octets: [UInt8]) -> IPAddress? {
        let words = stride(from: 0, to: octets.count - octets.count % 4, by: 4).map { start in
            octets[start..<start + 4].reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        }
        switch octets.count {
        case 4: return .v4(IPv4Address(bits: UInt32(truncatingIfNeeded: words[0])))
        case 16: return .v6(IPv6Address(high: words[0] << 32 | words[1], low: words[2] << 32 | words[3]))
        default: return nil
        }
    }

    /// The first name that is that of one host.
    var host: Name? {
        names.lazy.filter { !$0.hasPrefix("*") }.compactMap { Name($0) }.first
    }

    /// Whether a client that expects this name accepts the certificate: RFC 9525 section 6.3.
    func isFor(_ name: Name) -> Bool {
        names.contains { text in
            if text.hasPrefix("*.") { return Name(String(text.dropFirst(2))) == name.folded.parent }
            return Name(text) == name.folded
        }
    }

    /// Whether a client that expects this address does.
    func isFor(_ address: IPAddress) -> Bool { addresses.contains(address.unmapped) }
}

/// What clients may expect of a certificate that does not say it.
public struct CertificateGaps: Hashable, Sendable {
    /// The name that clients are told or the operator wrote.
    public var name: String?
    /// Addresses at which clients know the resolver: without them they cannot verify what they are told of it (RFC 9462
    /// section 4.2).
    public var addresses: [IPAddress] = []

    /// Compares.
    ///
    /// - Parameter addresses: Of the listeners.
    init(of certificate: CertificateNames, name: Name?, addresses: [ListenAddress]) {
        if let name, !certificate.isFor(name) { self.name = name.description }
        let known = addresses.filter(\.isForOthers).map(\.address.address.unmapped)
        self.addresses = Set(known).filter { !certificate.isFor($0) }.sorted { $0.description < $1.description }
    }

    /// What follows for clients, a sentence each.
    public var sentences: [String] {
        let aboutName = name.map { "is not for \($0), so clients that know the resolver by that name refuse it" }
        let list = addresses.map(\.description).joined(separator: ", ")
        let aboutAddresses =
            addresses.isEmpty ? nil : "is not for \(list), so clients that ask there cannot verify what they discover"
        return [aboutName, aboutAddresses].compactMap(\.self)
    }
}
