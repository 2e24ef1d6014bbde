/// Whose an IPv4 transport address is.
enum PoolMembership {
    /// Not of a pool address.
    case outside
    /// One that may stand for a client.
    case pool
    /// One of a pool address that is ours alone, outside the range of ports we use.
    case unusedPort
    /// One of the host's own address, outside the range of ports it shares with us.
    case host
}
