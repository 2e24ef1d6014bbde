/// Where and how questions are logged, with their answers.
public struct QueryLogSettings: Hashable, Sendable {
    /// Where the lines go.
    public enum Destination: Hashable, Sendable {
        /// A file that is added to, or a FIFO.
        case file(String)
        /// The standard output, which systemd hands to the journal.
        case standardOutput
    }

    /// Where the lines go.
    public var destination: Destination
    /// One in so many answers is logged, by chance: 1 logs all.
    public var oneIn = 1
    /// How many bits of an IPv4 client's address are logged; the others are zero.
    public var ipv4Length = 32
    /// How many bits of an IPv6 client's address are logged; the others are zero.
    public var ipv6Length = 128
    /// How many octets of each worker's answers may wait to be written.
    public var buffer = 1 << 20

    /// Logs everything.
    public init(to destination: Destination) { self.destination = destination }
}
