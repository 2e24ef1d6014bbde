import IPAddressing
import NAT64
import PacketWire
import Testing

/// A translator that builds every packet anew, field by field and with checksums summed from nothing: slow, and so
/// simple that it can be believed.
struct ReferenceTranslator {
    var external: String
    var environment: Environment

    func translated(_ packet: PacketDescription, to kind: PacketDescription.Kind, ends: (String, String))
        -> PacketDescription
    {
        var result = packet
        result.kind = kind
        if let source = TransportAddress(ends.0, defaultPort: Port(0)),
            let destination = TransportAddress(ends.1, defaultPort: Port(0))
        {
            result.source = source.address
            result.destination = destination.address
            if !packet.ports.isEmpty { result.ports = [source.port.number, destination.port.number] }
        }
        result.hops = (packet.hops ?? 64) - 1
        if let size = packet.segmentSize, packet.flags?.contains(.syn) == true {
            result.segmentSize = min(size, UInt16(min(environment.ipv6MTU - 60, environment.ipv4MTU - 40)))
        }
        return result
    }
}

@Suite("Random packets against the reference translator")
struct RandomReferenceTests {
    @Test("X64-21 X46-20 every octet is as the reference has it, with and without offloads", arguments: [1, 2, 3])
    func reference(seed: UInt64) throws {
        let environment = Environment(ipv6MTU: 65_575, ipv4MTU: 65_535)
        var bench = try TranslateBench(environment: environment) { $0.translation.lowestIPv6MTU = 65_575 }
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            =  udp $u > 198.51.100.10:53
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.10:443 > $t  flags SA
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001
            in ping 2001:db8:6::c0 > 2001:db8:64::198.51.100.10 id 7
            =  ping $p > 198.51.100.10 id $i
            """
        )
        var random = RandomNumbers(state: seed)
        let names = bench.names
        let identifier = UInt16(names["$i"] ?? "") ?? 0
        let reference = ReferenceTranslator(external: names["$t"] ?? "", environment: environment)
        let flows: [(PacketDescription.Kind, inside: String, peer6: String, outside: String, peer4: String)] = [
            (.udp, "[2001:db8:6::c0]:40000", "[2001:db8:64::198.51.100.10]:53", names["$u"] ?? "", "198.51.100.10:53"),
            (
                .tcp, "[2001:db8:6::c0]:40001", "[2001:db8:64::198.51.100.10]:443", names["$t"] ?? "",
                "198.51.100.10:443"
            ),
            (.ping, "2001:db8:6::c0", "2001:db8:64::198.51.100.10", names["$p"] ?? "", "198.51.100.10"),
        ]
        for number in 0..<500 {
            let flow = flows[random.below(3)]
            let isOutward = random.chance(50)
            let ends = isOutward ? (flow.inside, flow.peer6) : (flow.peer4, flow.outside)
            let newEnds = isOutward ? (flow.outside, flow.peer4) : (flow.peer6, flow.inside)
            let kind = flow.0 == .ping && !isOutward ? PacketDescription.Kind.pong : flow.0
            let source = try #require(TransportAddress(ends.0, defaultPort: Port(0)))
            let destination = try #require(TransportAddress(ends.1, defaultPort: Port(0)))
            var packet = PacketDescription(kind, from: source.address, to: destination.address)
            if flow.0 != .ping { packet.ports = [source.port.number, destination.port.number] }
            if flow.0 == .ping {
                packet.identifier = isOutward ? 7 : identifier
                packet.sequence = UInt16(random.below(65_536))
            }
            packet.hops = UInt8(2 + random.below(254))
            packet.trafficClass = UInt8(random.below(256))
            if flow.0 == .tcp {
                packet.flags = [.ack, [.syn, .ack], [.ack, .syn]][random.below(3)]
                if packet.flags?.contains(.syn) == true, random.chance(70) {
                    packet.segmentSize = UInt16(random.below(65_536))
                }
            }
            if !isOutward { packet.dontFragment = random.chance(50) }
            var size = random.chance(10) ? random.below(65_000) : random.below(1500)
            let segmentSize = 1 + random.below(1400)
            // A last segment that goes out by itself is not the reference's business either.
            if size > 3000, segmentSize > 1200 { size -= size % segmentSize }
            packet.payload = (0..<size).map { _ in UInt8(truncatingIfNeeded: random.next()) }

            var expected = reference.translated(packet, to: kind, ends: newEnds)
            if flow.0 == .ping { expected.identifier = isOutward ? identifier : 7 }
            var input = packet.octets
            var offload = Offload.none
            if flow.0 != .ping, random.chance(50) {
                let isSuper = size > 3000 && packet.segmentSize == nil
                (input, offload) = leavingChecksum(input, segmentSize: isSuper ? segmentSize : nil)
            }
            let outcome = bench.send(input, offload)
            guard case .sent(let result, let after) = outcome else {
                Issue.record("\(number): \(packet): \(outcome)")
                return
            }
            if isOutward {
                // The generator's identification, and DF by size, are not the reference's business.
                expected.identification = UInt32(result[4]) << 8 | UInt32(result[5])
                let segment =
                    offload.segmentation == .none
                    ? result.count : 20 + Int(after.headerLength) - 20 + Int(after.segmentSize)
                expected.dontFragment = min(segment, result.count) > 1260
            }
            var octets = expected.octets
            if offload.needsChecksum {
                (octets, _) = leavingChecksum(octets)
            }
            #expect(result == octets, "\(number): \(packet)")
            if result != octets { return }
            #expect(bench.extras().isEmpty)
        }
    }
}
