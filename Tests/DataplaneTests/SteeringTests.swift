import IPAddressing
import Glibc
import Linux
import NAT64
import PacketMemory
import TestNamespace
import Testing

@testable import Dataplane

@Suite("The program that steers packets to their workers")
struct SteeringTests {
    private static let secret = KeyedHash(key0: 0x0123_4567_89AB_CDEF, key1: 0xFEDC_BA98_7654_3210)

    private static func packet(isIPv6: Bool, proto: UInt8, host: UInt8, sourcePort: UInt16) -> [UInt8] {
        var segment = Segment()
        segment.isIPv6 = isIPv6
        segment.host = host
        segment.sourcePort = sourcePort
        var octets = segment.octets
        octets[isIPv6 ? 6 : 9] = proto
        return octets
    }

    @Test("outward packets go to the shard of their client, by the hash of the tables")
    func outward() async throws {
        try await inNamespace {
            let filter = try SteeringFilter(SteeringProgram(secret: Self.secret).instructions)
            for (proto, transport) in [(UInt8(6), TransportProtocol.tcp), (17, .udp)] {
                for number: UInt16 in 0..<200 {
                    let host = UInt8(truncatingIfNeeded: number * 7)
                    let port = 1_024 + number * 300
                    let octets = Self.packet(isIPv6: true, proto: proto, host: host, sourcePort: port)
                    let third = UInt64(port) | UInt64(transport.rawValue) << 16
                    let hash = Self.secret(0x2001_0DB8 << 32, UInt64(host), third)
                    #expect(try filter.answer(to: octets) == UInt32(hash & 63))
                }
            }
            var echo = Self.packet(isIPv6: true, proto: 58, host: 1, sourcePort: 0)
            for type: UInt8 in [128, 129] {
                echo.replaceSubrange(40..<46, with: [type, 0, 0, 0, 0x12, 0x34])
                let hash = Self.secret(
                    0x2001_0DB8 << 32,
                    1,
                    0x1234 | UInt64(TransportProtocol.icmpQuery.rawValue) << 16
                )
                #expect(try filter.answer(to: echo) == UInt32(hash & 63))
            }
        }
    }

    @Test("inward packets go to the shard where their port is at home")
    func inward() async throws {
        try await inNamespace {
            let filter = try SteeringFilter(SteeringProgram(secret: Self.secret).instructions)
            for proto: UInt8 in [6, 17] {
                for port: UInt16 in stride(from: 0, through: 65_472, by: 64) {
                    var octets = Self.packet(isIPv6: false, proto: proto, host: 1, sourcePort: 9)
                    octets.replaceSubrange(22..<24, with: big(port + 63))
                    #expect(try filter.answer(to: octets) == UInt32(port >> 6 & 63))
                }
            }
            var echo = Self.packet(isIPv6: false, proto: 1, host: 1, sourcePort: 0)
            echo.replaceSubrange(20..<26, with: [0, 0, 0, 0, 0x12, 0x34])
            #expect(try filter.answer(to: echo) == 0x1234 >> 6 & 63)
        }
    }

    @Test("what has no port to be read goes to the first queue, however short it is")
    func nowhere() async throws {
        try await inNamespace {
            let filter = try SteeringFilter(SteeringProgram(secret: Self.secret).instructions)
            var fragment = Self.packet(isIPv6: false, proto: 17, host: 1, sourcePort: 1)
            fragment[6] = 0x20
            var options = Self.packet(isIPv6: false, proto: 17, host: 1, sourcePort: 1)
            options[0] = 0x46
            var error = Self.packet(isIPv6: false, proto: 1, host: 1, sourcePort: 1)
            error[20] = 3
            var error6 = Self.packet(isIPv6: true, proto: 58, host: 1, sourcePort: 1)
            error6[40] = 1
            let extended = Self.packet(isIPv6: true, proto: 44, host: 1, sourcePort: 1)
            let other = Self.packet(isIPv6: false, proto: 47, host: 1, sourcePort: 1)
            for octets in [fragment, options, error, error6, extended, other] {
                #expect(try filter.answer(to: octets) == 0)
            }
            for isIPv6 in [false, true] {
                let whole = Self.packet(isIPv6: isIPv6, proto: 6, host: 1, sourcePort: 1)
                for count in 1..<(isIPv6 ? 42 : 24) {
                    #expect(try filter.answer(to: Array(whole[..<count])) == 0)
                }
            }
        }
    }

    @Test("a device takes the program, and both directions of every flow meet the worker of their shard")
    func attached() async throws {
        try await withBench(queues: 4) { (bench: Bench) throws in
            #expect(bench.dataplane.steeringProblem == nil)
            for port: UInt16 in 4_000..<4_016 {
                let peer = try Socket.bound(SOCK_DGRAM, to: Bench.peer(port))
                let client = try Socket.connected(SOCK_DGRAM, to: Bench.peerUnderPrefix(port))
                client.send([1])
                let heard = try #require(peer.receive())
                peer.send([2], to: heard.from)
                #expect(client.receive()?.octets == [2])
            }
            let workers = try #require(bench.dataplane.steering)
            let steering = workers.reduce((hits: UInt64(0), misses: UInt64(0))) {
                ($0.hits + $1.hits, $0.misses + $1.misses)
            }
            #expect(steering.hits >= 32 && steering.misses == 0, "\(steering)")
        }
    }
}
