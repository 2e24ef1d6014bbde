public import IPAddressing

extension NetworkProblem {
    /// Whether it keeps a translation prefix or a prefix of the pool from being led to the device.
    public func concerns(_ prefix: IPPrefix) -> Bool {
        switch self {
        case .nothingToTranslate, .deviceMissing: true
        case .interfaceMissing, .addressMissing, .foreignFilters: false
        case .conflict(let conflict): conflict.route.destination == prefix
        case .addressInPool(_, _, let pool), .broadcastAddressInPool(_, _, let pool): prefix == .v4(pool)
        // Where nothing could be read, nothing is known to be in place.
        case .refused(_, let item): item?.concerns(prefix) ?? true
        case .notInPlace(let items): items.contains { $0.concerns(prefix) }
        }
    }

    /// Whether it keeps what comes in for a shared address from being led to the device.
    public func concerns(_ address: IPv4Address, sharedFrom interface: String) -> Bool {
        switch self {
        case .nothingToTranslate, .deviceMissing: true
        case .conflict, .addressInPool, .broadcastAddressInPool: false
        case .interfaceMissing(let name), .foreignFilters(let name): name == interface
        case .addressMissing(let missing, let name): missing == address && name == interface
        case .refused(_, let item): item?.concerns(sharesOf: interface) ?? true
        case .notInPlace(let items): items.contains { $0.concerns(sharesOf: interface) }
        }
    }
}

extension NetworkItem {
    fileprivate func concerns(_ prefix: IPPrefix) -> Bool {
        switch self {
        case .address(_, let peer): prefix == .v4(peer)
        case .route(let destination, _): prefix == destination
        case .proxyNeighbour(let address, _), .broadcastRoute(let address):
            if case .v4(let pool) = prefix { pool.contains(address) } else { false }
        case .noLinkLocalAddress, .mtu, .setting, .up, .clsact, .filter: false
        }
    }

    fileprivate func concerns(sharesOf interface: String) -> Bool {
        switch self {
        case .clsact(let name), .filter(let name, _): name == interface
        default: false
        }
    }
}
