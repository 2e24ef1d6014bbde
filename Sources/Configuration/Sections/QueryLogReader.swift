extension ValidatedConfiguration {
    /// Where and how questions are logged.
    public struct QueryLog: Hashable, Sendable {
        /// Where the lines go.
        public enum Destination: Hashable, Sendable {
            /// Nothing is logged.
            case nowhere
            /// The standard output.
            case standardOutput
            /// A file of this path.
            case file(String)
        }

        /// Where the lines go.
        public var destination = Destination.nowhere
        /// One in so many answers is logged.
        public var oneIn = 1
        /// How many bits of an IPv4 client's address are logged.
        public var ipv4Length = 32
        /// How many bits of an IPv6 client's address are logged.
        public var ipv6Length = 128
        /// How many octets of answers may wait in each worker.
        public var buffer = 1 << 20
    }

    /// `[dns64.query-log]`.
    mutating func readQueryLog(_ section: Section) {
        queryLog.oneIn = section.integer("one-in", in: 1...1_000_000_000) ?? queryLog.oneIn
        queryLog.ipv4Length = section.integer("ipv4-length", in: 0...32) ?? queryLog.ipv4Length
        queryLog.ipv6Length = section.integer("ipv6-length", in: 0...128) ?? queryLog.ipv6Length
        let sizes: ClosedRange<Int64> = (64 << 10)...(1 << 30)
        queryLog.buffer = section.size("buffer", in: sizes, words: "\"64KiB\" to \"1GiB\"") ?? queryLog.buffer
        guard let to = section.text("to", example: "/var/log/nat64-appliance/queries.json") else { return }
        switch to.text {
        case "none": queryLog.destination = .nowhere
        case "stdout": queryLog.destination = .standardOutput
        default:
            if let near = Spelling.nearest(to: to.text, among: ["stdout", "none"]) {
                section.refuse(to, "to", "is not an absolute path; did you mean \"\(near)\"?")
            } else if !to.text.contains("/") {
                section.refuse(to, "to", "is not an absolute path; write one, \"stdout\" for the journal, or \"none\"")
            } else if isPath(to, section, "to") {
                queryLog.destination = .file(to.text)
            }
        }
    }
}
