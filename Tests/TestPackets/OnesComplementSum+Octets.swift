public import PacketWire

extension OnesComplementSum {
    /// Adds octets, the last one padded with a zero octet if their number is odd: slowly, for comparison.
    public mutating func add(octets: [UInt8]) {
        for index in octets.indices { add(UInt16(octets[index]) << (index & 1 == 0 ? 8 : 0)) }
    }
}
