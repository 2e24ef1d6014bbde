import IPAddressing

/// Where a client that has no binding yet gets its port, found out before its turn comes.
struct PortAhead: BitwiseCopyable, Sendable {
    /// The layout of the pool that this was read from; zero when nothing is known.
    var serial: UInt32 = 0
    /// The range of the address, as a place in that layout.
    var range: UInt16 = 0
    /// The number of the address.
    var number: UInt16 = 0
    /// The port that is tried first.
    var port = Port(0)
}
