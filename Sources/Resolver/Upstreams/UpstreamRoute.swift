internal import DNS64
internal import IPAddressing

/// How an upstream is reached; stands at the same place as the upstream in the engine's rules.
struct UpstreamRoute: Hashable, Sendable {
    /// Where it listens.
    var endpoint: TransportAddress
    /// The interface of a link-local address.
    var scope: UInt32 = 0
    /// The address of ours to ask from; the routes decide if there is none.
    var source: IPAddress?
    /// How messages travel.
    var way: UpstreamAddress.Way

    /// The way to an upstream of the settings.
    init(_ upstream: UpstreamAddress) {
        endpoint = upstream.endpoint
        scope = upstream.scope
        source = upstream.source
        way = upstream.way
    }
}
