public import IPAddressing

/// What the recursor is to do.
public struct RecursionSettings: Hashable, Sendable {
    /// The resolvers it asks; without any it resolves from the root by itself.
    public var forwarders: [TransportAddress] = []
    /// Whether it validates: RFC 4035 section 5.
    public var validates = false
    /// A file of trust anchors, as DS or DNSKEY records in zone file form; needed to validate.
    public var trustAnchorFile = "/usr/share/dns/root.key"
    /// A zone file of the root's name servers; the ones libunbound knows if it is empty.
    public var rootHintsFile = ""
    /// How many octets of memory of its own it may have.
    public var memory = 256 << 20

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
            if word.hasPrefix(Self.forward), let forwarder = TransportAddress(word.dropFirst(Self.forward.count)) {
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
