public import IPAddressing
private import Linux

/// The resolvers this machine itself uses, as resolv.conf(5) names them.
public enum SystemResolvers {
    /// Where to look.
    public struct Paths: Hashable, Sendable {
        /// The file of the C library.
        public var resolvConf = "/etc/resolv.conf"
        /// The file in which systemd-resolved writes what it asks itself.
        public var behindStub = "/run/systemd/resolve/resolv.conf"

        /// Debian's paths.
        public init() {}
    }

    /// A resolver of this machine.
    public struct Server: Hashable, Sendable {
        /// Where it listens, port 53.
        public var endpoint: TransportAddress
        /// The interface of a link-local address, by index or by name; empty for others.
        public var zone: String
    }

    /// The most servers taken from a file; the C library takes three.
    static let most = 8

    /// The resolvers, none if no file names one.
    ///
    /// Where the file names the stub of systemd-resolved, those behind it are taken: the stub may ask us in turn.
    public static func read(_ paths: Paths) -> [Server] {
        let named = parse(contents(of: paths.resolvConf))
        guard named.contains(where: { isStub($0.endpoint.address) }) else { return named }
        let behind = parse(contents(of: paths.behindStub))
        return (behind + named).filter { !isStub($0.endpoint.address) }
    }

    /// The servers that the text of a resolv.conf names, each once, in their order.
    public static func parse(_ text: String) -> [Server] {
        var servers: [Server] = []
        for line in text.split(whereSeparator: \.isNewline) {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" })
            guard words.count >= 2, words[0] == "nameserver" else { continue }
            let parts = words[1].split(separator: "%", maxSplits: 1)
            guard let first = parts.first, let address = IPAddress(first) else { continue }
            let zone = parts.count == 2 ? String(parts[1]) : ""
            let server = Server(endpoint: TransportAddress(address.unmapped, Port(53)), zone: zone)
            if !servers.contains(server) { servers.append(server) }
            if servers.count == most { break }
        }
        return servers
    }

    /// systemd-resolved listens on 127.0.0.53 and 127.0.0.54.
    private static func isStub(_ address: IPAddress) -> Bool {
        address == .v4(IPv4Address(127, 0, 0, 53)) || address == .v4(IPv4Address(127, 0, 0, 54))
    }

    private static func contents(of path: String) -> String {
        do throws(SystemError) {
            return String(decoding: try WholeFile.read(path, limit: 1 << 16), as: UTF8.self)
        } catch {
            return ""
        }
    }
}
