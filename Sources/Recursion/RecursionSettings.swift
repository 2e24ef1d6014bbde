public import IPAddressing

/// What the recursor is to do.
public struct RecursionSettings: Hashable, Sendable {
    /// The resolvers it asks; without any it resolves from the root by itself.
    public var forwarders: [Forwarder] = []
    /// Whether it validates: RFC 4035 section 5.
    public var validates = false
    /// A file of trust anchors, as DS or DNSKEY records in zone file form; needed to validate.
    public var trustAnchorFile = "/usr/share/dns/root.key"
    /// A zone file of the root's name servers; the ones libunbound knows if it is empty.
    public var rootHintsFile = ""
    /// How many octets of memory of its own it may have.
    public var memory = 256 << 20

    /// A resolver to ask.
    public struct Forwarder: Hashable, Sendable, CustomStringConvertible {
        /// Where it listens.
        public var endpoint: TransportAddress
        /// The number of the interface by which a link-local address is reached; 0 for others.
        public var scope: UInt32

        /// Names a resolver.
        public init(_ endpoint: TransportAddress, scope: UInt32 = 0) {
            self.endpoint = endpoint
            self.scope = scope
        }

        /// `[fe80::1]:53%2`.
        public var description: String { scope == 0 ? "\(endpoint)" : "\(endpoint)%\(scope)" }

        init?(_ text: Substring) {
            let parts = text.split(separator: "%", maxSplits: 1, omittingEmptySubsequences: false)
            guard let endpoint = TransportAddress(parts[0]), let scope = parts.count == 1 ? 0 : UInt32(parts[1]) else {
                return nil
            }
            self.init(endpoint, scope: scope)
        }
    }

    /// A recursor that resolves from the root and does not validate.
    public init() {}
}

// The settings as the arguments of the process.
extension RecursionSettings {
    private static let forward = "forward="
    private static let trustAnchor = "trust-anchor-file="
    private static let rootHints = "root-hints-file="
    private static let memoryWord = "memory="
    private static let validate = "validate"

    /// The arguments that say the same.
    var arguments: [String] {
        var words = forwarders.map { Self.forward + $0.description }
        if validates { words.append(Self.validate) }
        words.append(Self.trustAnchor + trustAnchorFile)
        words.append(Self.rootHints + rootHintsFile)
        words.append(Self.memoryWord + String(memory))
        return words
    }

    /// Reads arguments; nothing if there is one that it would not have written.
    init?(arguments: some Sequence<String>) {
        self.init()
        for word in arguments {
            if word.hasPrefix(Self.forward), let forwarder = Forwarder(word.dropFirst(Self.forward.count)) {
                forwarders.append(forwarder)
            } else if word == Self.validate {
                validates = true
            } else if word.hasPrefix(Self.trustAnchor) {
                trustAnchorFile = String(word.dropFirst(Self.trustAnchor.count))
            } else if word.hasPrefix(Self.rootHints) {
                rootHintsFile = String(word.dropFirst(Self.rootHints.count))
            } else if word.hasPrefix(Self.memoryWord), let octets = Int(word.dropFirst(Self.memoryWord.count)) {
                memory = octets
            } else {
                return nil
            }
        }
    }
}
