import IPAddressing
import PacketWire

extension PacketDescription {
    /// The packet itself, with every length and checksum right; what was not said gets the usual value.
    ///
    /// A later fragment is its payload as it is; a first fragment has the checksum of the part that is there.
    public var octets: [UInt8] {
        let body = transport()
        return header(length: body.count) + body
    }

    private func header(length: Int) -> [UInt8] {
        let isFragment = offset != nil || more != nil
        switch (source, destination) {
        case (.v6(let source), .v6(let destination)):
            var octets: [UInt8] = [0x60 | (trafficClass ?? 0) >> 4, (trafficClass ?? 0) << 4, 0, 0]
            octets += Self.wire(UInt16(truncatingIfNeeded: length + (isFragment ? 8 : 0)))
            octets += [isFragment ? IPProtocol.fragment : proto, hops ?? 64]
            octets += Self.wire(source) + Self.wire(destination)
            if isFragment {
                let word = UInt16(truncatingIfNeeded: (offset ?? 0) & 0xFFF8) | (more == true ? 1 : 0)
                octets += [proto, 0] + Self.wire(word) + Self.wire(identification ?? 1)
            }
            return octets
        case (.v4(let source), .v4(let destination)):
            var fragment = UInt16(truncatingIfNeeded: (offset ?? 0) / 8)
            if more == true { fragment |= IPv4Field.moreFragments }
            if dontFragment == true { fragment |= IPv4Field.dontFragment }
            var octets: [UInt8] = [0x45, trafficClass ?? 0]
            octets += Self.wire(UInt16(truncatingIfNeeded: 20 + length))
            octets += Self.wire(UInt16(truncatingIfNeeded: identification ?? 1)) + Self.wire(fragment)
            octets += [hops ?? 64, proto, 0, 0] + Self.wire(source.bits) + Self.wire(destination.bits)
            let checksum = Self.sum(octets).checksum
            octets.replaceSubrange(10..<12, with: Self.wire(checksum))
            return octets
        default: return []
        }
    }

    private var proto: UInt8 {
        switch kind {
        case .udp: IPProtocol.udp
        case .tcp: IPProtocol.tcp
        case .ping, .pong, .icmp: isIPv6 ? IPProtocol.icmp6 : IPProtocol.icmp
        case .other(let number): number
        }
    }

    private func transport() -> [UInt8] {
        let data = payload ?? []
        if let offset, offset > 0 { return data }
        let ends = ports.count == 2 ? Self.wire(ports[0]) + Self.wire(ports[1]) : [0, 0, 0, 0]
        switch kind {
        case .udp:
            let head = ends + Self.wire(UInt16(truncatingIfNeeded: 8 + data.count)) + [0, 0]
            return finished(head + data, checksumAt: 6)
        case .tcp:
            let options: [UInt8] = segmentSize.map { [2, 4] + Self.wire($0) } ?? []
            let head =
                ends + [0, 0, 0, 1, 0, 0, 0, 1] + [UInt8(20 + options.count) << 2, (flags ?? .ack).rawValue]
                + [0xFF, 0xFF, 0, 0, 0, 0] + options
            return finished(head + data, checksumAt: 16)
        case .ping, .pong:
            let type =
                switch (kind, isIPv6) {
                case (.ping, true): ICMPv6Type.echoRequest
                case (.ping, false): ICMPv4Type.echoRequest
                case (_, true): ICMPv6Type.echoReply
                case (_, false): ICMPv4Type.echoReply
                }
            let head = [type, 0, 0, 0] + Self.wire(identifier ?? 1) + Self.wire(sequence ?? 1)
            return finished(head + data, checksumAt: 2)
        case .icmp(let type, let code):
            let head = [type, code, 0, 0] + Self.wire(word ?? 0)
            return finished(head + (quote.first?.octets ?? data), checksumAt: 2)
        case .other:
            return data
        }
    }

    private func finished(_ octets: [UInt8], checksumAt field: Int) -> [UInt8] {
        var sum = OnesComplementSum()
        switch (source, destination) {
        case (.v6(let source), .v6(let destination)):
            sum = Checksum.pseudoHeader(source, destination, length: octets.count, proto: proto)
        case (.v4(let source), .v4(let destination)):
            if proto != IPProtocol.icmp {
                sum = Checksum.pseudoHeader(source, destination, length: octets.count, proto: proto)
            }
        default: break
        }
        sum.add(octets: octets)
        var octets = octets
        let checksum = kind == .udp ? Checksum.udp(sum.checksum) : sum.checksum
        octets.replaceSubrange(field..<field + 2, with: Self.wire(checksum))
        return octets
    }

    private static func sum(_ octets: [UInt8]) -> OnesComplementSum {
        var sum = OnesComplementSum()
        sum.add(octets: octets)
        return sum
    }

    private static func wire<Number: FixedWidthInteger>(_ number: Number) -> [UInt8] {
        stride(from: Number.bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: number >> Number($0)) }
    }

    private static func wire(_ address: IPv6Address) -> [UInt8] { wire(address.high) + wire(address.low) }
}
