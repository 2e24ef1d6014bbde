import DNS64
import DNSWire
import Glibc
import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing

/// Hears every packet of the namespace as it leaves.
private final class PacketCapture {
    /// A packet of UDP, as far as these tests look at it.
    struct Packet: Equatable {
        var isIPv6: Bool
        /// Whether it is a part of a larger one.
        var isFragment: Bool
        /// Whether it may not be broken on its way; always so over IPv6.
        var mayNotFragment: Bool
        /// Port of the sender; 0 if it is not in this part.
        var source: UInt16
        var destination: UInt16
        /// Octets of data.
        var count: Int
        /// The payload size in an OPT record that ends the data; nothing if there is none.
        var payloadSize: Int?
    }

    private let number: Int32

    init() throws {
        let everything = UInt16(3).bigEndian
        number = socket(AF_PACKET, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue), Int32(everything))
        guard number >= 0 else { throw SystemError(call: "hear packets", code: errno) }
        var size: Int32 = 8 << 20
        setsockopt(number, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    deinit { close(number) }

    /// What has left since the last call.
    func packets() -> [Packet] {
        var all: [Packet] = []
        var octets = [UInt8](repeating: 0, count: 65_535)
        while true {
            // struct sockaddr_ll, of which one octet matters: the way that the packet goes.
            var from = [UInt8](repeating: 0, count: 20)
            var length = socklen_t(from.count)
            let count = from.withUnsafeMutableBytes { from in
                recvfrom(number, &octets, octets.count, 0, from.bindMemory(to: sockaddr.self).baseAddress, &length)
            }
            guard count > 0 else { return all }
            // PACKET_OUTGOING: the same packets come in again.
            if from[10] == 4, let packet = Self.packet(Array(octets[..<count])) { all.append(packet) }
        }
    }

    private static func packet(_ octets: [UInt8]) -> Packet? {
        func word(_ at: Int) -> UInt16 { UInt16(octets[at]) << 8 | UInt16(octets[at + 1]) }
        let isIPv6 = octets[0] >> 4 == 6
        var at = isIPv6 ? 40 : Int(octets[0] & 15) * 4
        var protocolNumber = octets[isIPv6 ? 6 : 9]
        var fragment = isIPv6 ? 0 : word(6) & 0x3FFF
        if isIPv6, protocolNumber == 44 {
            protocolNumber = octets[at]
            fragment = word(at + 2) & 0xFFF9 | 1
            at += 8
        }
        guard protocolNumber == 17 else { return nil }
        let isFirst = isIPv6 ? fragment & 0xFFF8 == 0 : fragment & 0x1FFF == 0
        var packet = Packet(
            isIPv6: isIPv6,
            isFragment: fragment != 0,
            mayNotFragment: isIPv6 || word(6) & 0x4000 != 0,
            source: isFirst ? word(at) : 0,
            destination: isFirst ? word(at + 2) : 0,
            count: octets.count - at - (isFirst ? 8 : 0)
        )
        // Without options, or with a cookie of 8 octets.
        for count in [11, 23] where isFirst && packet.count > 12 + count {
            let option = Array(octets.suffix(count))
            guard option.starts(with: [0, 0, 41]), option[9] == 0, Int(option[10]) == count - 11 else { continue }
            packet.payloadSize = Int(option[3]) << 8 | Int(option[4])
        }
        return packet
    }
}

@Suite("Datagrams that are not fragmented, RFC 9715")
struct FragmentationTests {
    /// A question that takes an answer of 4,096 octets.
    private func question(_ name: String, _ type: UInt16) -> [UInt8] {
        var question = Message.question(name, type)
        question[11] = 1
        return question + [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 0]
    }

    /// Seventy addresses for one name: an answer of 1,170 octets, and of more with more letters.
    private func records(_ name: String, _ count: UInt8 = 70) -> [LocalRecord] {
        (0..<count).map { LocalRecord(name: known(Name(name)), type: .a, data: [9, 8, 7, $0]) }
    }

    @Test(
        "DNS-24 an answer leaves in one piece with DF clear, whatever was learnt of the path, and a larger one is cut",
        arguments: ["192.0.2.9", "2001:db8::9"]
    )
    func answers(client: String) async throws {
        try await inNamespace {
            let isIPv6 = client.contains(":")
            let own = isIPv6 ? "[2001:db8::1]:53" : "192.0.2.1:53"
            addAddress(isIPv6 ? "2001:db8::1/128" : "192.0.2.1/32")
            addAddress(client + (isIPv6 ? "/128" : "/32"))
            shell("ip link set lo mtu 1500")
            // What a forged ICMP error would have us believe; datagrams of others are broken to pieces by it.
            let family = isIPv6 ? "-6" : "-4"
            shell("ip \(family) route replace local \(client) dev lo table local mtu \(isIPv6 ? 1280 : 600)")
            var settings = settings(listen: [own])
            settings.dns64.localRecords = records("whole.test") + records("larger.test", 80)
            let inForce = policy(clients: ["192.0.2.0/24", "2001:db8::/32"])
            let resolver = makeResolver(settings, policy: inForce)
            try resolver.start()
            defer { resolver.stop() }
            let capture = try PacketCapture()
            let socket = try UDPSocket(connectedTo: endpoint(own), from: known(IPAddress(client)))
            for name in ["whole.test", "larger.test"] {
                try send(question(name, Message.a), on: socket)
                let answer = try #require(try hear(socket).flatMap { Message($0) })
                #expect(answer.isTruncated == (name == "larger.test"))
            }
            let sent = capture.packets().filter { $0.isIPv6 == isIPv6 && ($0.source == 53 || $0.isFragment) }
            #expect(sent.map(\.isFragment) == [false, false])
            #expect(sent.allSatisfy { $0.mayNotFragment == isIPv6 && $0.payloadSize == 1232 })
            let sizes = sent.map(\.count)
            #expect((1100...1232).contains(sizes.first ?? 0) && sizes.last ?? 0 < 100)
        }
    }

    @Test("DNS-24 a question to an upstream offers 1,232 octets, in a datagram with DF clear that no ICMP error breaks")
    func questions() async throws {
        try await inNamespace {
            shell("ip link set lo mtu 1500")
            shell("ip route replace local 127.0.0.101 dev lo table local mtu 552")
            let upstream = try ScriptedUpstream(at: "127.0.0.101")
            defer { upstream.stop() }
            let resolver = makeResolver(settings())
            try resolver.start()
            defer { resolver.stop() }
            let capture = try PacketCapture()
            #expect(try ResolverTests.answers("four.test", at: Bench.at) == [synthetic])
            let asked = capture.packets().filter { $0.destination == 53 && $0.payloadSize != nil }
            #expect(asked.count == 2)
            #expect(asked.allSatisfy { !$0.isFragment && !$0.mayNotFragment && $0.payloadSize == 1232 })
        }
    }
}
