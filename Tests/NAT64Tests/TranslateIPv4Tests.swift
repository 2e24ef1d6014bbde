import IPAddressing
import NAT64
import PacketWire
import TestPackets
import Testing

/// A bench with one UDP binding: `$t` is the external address of [2001:db8:6::c0]:40000, which has talked to
/// 198.51.100.10:53.
func boundBench(
    prefixes: [String] = [TranslateBench.prefix],
    pool: [(String, Bool)] = [("203.0.113.1", false)],
    clients: [String] = ["2001:db8:6::/48"],
    environment: Environment = Environment(),
    configure: (inout NAT64Settings) -> Void = { _ in }
) throws -> TranslateBench {
    var bench = try TranslateBench(
        prefixes: prefixes,
        pool: pool,
        clients: clients,
        environment: environment,
        configure: configure
    )
    try bench.run(
        """
        in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
        =  udp $t > 198.51.100.10:53
        """
    )
    return bench
}

extension TranslateBench {
    /// The packet a line with names describes.
    func octets(_ line: String) throws -> [UInt8] {
        let text = line.split(separator: " ").map { names[String($0)] ?? String($0) }.joined(separator: " ")
        return try #require(PacketDescription(text), "\(text)").octets
    }
}

/// Puts options into an IPv4 header; the number of octets must be a multiple of four.
func withOptions(_ packet: [UInt8], _ options: [UInt8]) -> [UInt8] {
    var packet = packet
    packet.insert(contentsOf: options, at: 20)
    packet[0] = 0x40 | UInt8((20 + options.count) / 4)
    (packet[2], packet[3]) = (UInt8(packet.count >> 8), UInt8(packet.count & 255))
    return withHeaderChecksum(packet)
}

/// Puts the right checksum into an IPv4 header.
func withHeaderChecksum(_ packet: [UInt8]) -> [UInt8] {
    var packet = packet
    (packet[10], packet[11]) = (0, 0)
    var sum = OnesComplementSum()
    sum.add(octets: Array(packet[..<(4 * Int(packet[0] & 15))]))
    (packet[10], packet[11]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
    return packet
}

@Suite("IPv4 to IPv6, RFC 7915 section 4.1")
struct TranslateIPv4Tests {
    private func sent(_ outcome: Outcome, _ location: SourceLocation = #_sourceLocation) throws -> PacketDescription {
        guard case .sent(let octets, let offload) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(octets, offload, location)
        return try describe(octets)
    }

    @Test("X46-01 X46-02 X46-05 version 6, flow label 0, traffic class copied", arguments: [0x00, 0xB9])
    func header(service: Int) throws {
        var bench = try boundBench()
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t class \(service) \"x\""))
        guard case .sent(let packet, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(packet[0] == 0x60 | UInt8(service >> 4) && packet[1] == UInt8(service & 15) << 4)
        #expect(packet[2] == 0 && packet[3] == 0 && packet[6] == 17)
    }

    @Test("X46-03 options are left out and do not count")
    func options() throws {
        var bench = try boundBench()
        let plain = try bench.octets("udp 198.51.100.10:53 > $t size 100")
        // Record Route with three addresses' room less one octet to make twelve.
        let packet = withOptions(plain, [7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0])
        #expect(packet.count == 140)
        let outcome = bench.send(packet)
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(result.count == 148)
        #expect(try sent(outcome).payload == PacketDescription.filler(100))
    }

    @Test("X46-04 an unfinished source route is refused with 3/5, a finished one is no matter", arguments: [131, 137])
    func sourceRoute(kind: UInt8) throws {
        var bench = try boundBench()
        let plain = try bench.octets("udp 198.51.100.10:53 > $t")
        let outcome = bench.send(withOptions(plain, [kind, 7, 4, 1, 2, 3, 4, 0]))
        guard case .answered(.sourceRoute, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(answer, .none)
        #expect(try describe(answer).kind == .icmp(type: 3, code: 5))
        _ = try sent(bench.send(withOptions(plain, [kind, 7, 8, 1, 2, 3, 4, 0])))
    }

    @Test("X46-06 X46-07 the translator takes one hop, and tells a peer whose packet ends here")
    func hops() throws {
        var bench = try boundBench()
        try bench.run(
            """
            in udp 198.51.100.10:53 > $t ttl 64
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 hops 63
            in udp 198.51.100.10:53 > $t ttl 1 "late"
            =  icmp 11/0 203.0.113.1 > 198.51.100.10 { udp 198.51.100.10:53 > $t ttl 1 "late" }
            """
        )
    }

    @Test(
        "X46-09 sources that are no host's are dropped in silence",
        arguments: ["0.0.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"]
    )
    func illegalSource(source: String) throws {
        var bench = try boundBench { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in udp \(source):53 > $t
            ! illegal-source
            """
        )
    }

    @Test("X46-11 what cannot be read is dropped and nothing is sent")
    func malformed() throws {
        var bench = try boundBench()
        let good = try bench.octets("udp 198.51.100.10:53 > $t size 20")
        for count in 0..<good.count { #expect(bench.send(Array(good[..<count])) == .dropped(.malformed)) }
        var packet = good
        packet[0] = 0x44
        #expect(bench.send(packet) == .dropped(.malformed))
        packet = good
        packet[3] = 19
        #expect(bench.send(packet) == .dropped(.malformed))
        packet = good
        packet[10] ^= 1
        #expect(bench.send(packet) == .dropped(.badHeaderChecksum))
    }

    @Test("X46-12 a packet with DF that does not fit is answered with the MTU that would", arguments: [1500, 1280])
    func tooBig(mtu: Int) throws {
        var bench = try boundBench(environment: Environment(ipv6MTU: mtu))
        _ = try sent(bench.send(bench.octets("udp 198.51.100.10:53 > $t df size \(mtu - 48)")))
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t df size \(mtu - 47)"))
        guard case .answered(.tooBig, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        expectWellFormed(answer, .none)
        #expect(try describe(answer).kind == .icmp(type: 3, code: 4))
        #expect(try describe(answer).word == UInt32(mtu - 20))
        #expect(answer.count <= 576)
    }

    @Test("X46-13 X46-16 X46-18 a packet without DF above 1280 octets leaves in fragments of at most 1280")
    func fragments() throws {
        var bench = try boundBench()
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t size 1472 ident 43981"))
        guard case .sent(let first, _) = outcome else { throw Unexpected(outcome: outcome) }
        let pieces = [first] + bench.extras()
        #expect(pieces.count == 2)
        #expect(pieces.allSatisfy { $0.count <= 1280 })
        #expect(try pieces.map { try describe($0).identification } == [0xABCD, 0xABCD])
        #expect(try pieces.map { try fragment($0).offset } == [0, 1232])
        #expect(try reassembled(pieces).payload == PacketDescription.filler(1472))
    }

    @Test("X46-13 a datagram of 64 KiB leaves in fragments too")
    func largestDatagram() throws {
        var bench = try boundBench()
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t size \(65_535 - 28)"))
        guard case .sent(let first, _) = outcome else { throw Unexpected(outcome: outcome) }
        let pieces = [first] + bench.extras()
        #expect(pieces.count == 54 && bench.translator.counters.fragmented == 54)
        #expect(try reassembled(pieces).payload == PacketDescription.filler(65_535 - 28))
    }

    @Test("X46-14 lowest-ipv6-mtu may be raised")
    func lowestMTU() throws {
        var bench = try boundBench { $0.translation.lowestIPv6MTU = 1500 }
        let packet = try sent(bench.send(bench.octets("udp 198.51.100.10:53 > $t size \(1480 - 28)")))
        #expect(packet.isWhole == true)
        #expect(bench.extras().isEmpty)
    }

    @Test("X46-15 X46-18 a packet that fits gets no fragment header, whatever DF is", arguments: ["df", "no-df"])
    func noFragmentHeader(flag: String) throws {
        var bench = try boundBench()
        let packet = try sent(bench.send(bench.octets("udp 198.51.100.10:53 > $t size 972 \(flag)")))
        #expect(packet.isWhole == true)
    }

    @Test("X46-21 a wrong checksum stays wrong", arguments: [1, 0x7FFF, 0x8000])
    func wrongChecksum(error: Int) throws {
        var bench = try boundBench()
        var packet = try bench.octets("udp 198.51.100.10:53 > $t \"hello\"")
        let wrong = (UInt16(packet[26]) << 8 | UInt16(packet[27])) &+ UInt16(error)
        (packet[26], packet[27]) = (UInt8(wrong >> 8), UInt8(wrong & 255))
        let outcome = bench.send(packet)
        guard case .sent(let result, _) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(flaw(result, .none) == "wrong checksum")
    }

    @Test("X46-22 a checksum that comes to zero is sent as 0xFFFF, both ways")
    func zeroResult() throws {
        var bench = try boundBench { $0.translation.udpZeroChecksum = .compute }
        // One of the 65,536 values of a word makes the sum come out as zero; all others must be right too.
        var sawIt = false
        let plain = try bench.octets("udp 198.51.100.10:53 > $t \"ab\"")
        for value in 0...0xFFFF {
            var packet = plain
            (packet[28], packet[29], packet[26], packet[27]) = (UInt8(value >> 8), UInt8(value & 255), 0, 0)
            guard case .sent(let result, _) = bench.send(packet) else { continue }
            if result[46] == 0xFF, result[47] == 0xFF { sawIt = true }
            if let flaw = flaw(result, .none) {
                Issue.record("\(value): \(flaw)")
                break
            }
            if sawIt { break }
        }
        #expect(sawIt)
    }

    @Test("X46-23 a datagram without a checksum gets one, or is dropped if that is wanted")
    func noChecksum() throws {
        for size in [0, 1, 2, 100, 999] {
            var bench = try boundBench()
            var packet = try bench.octets("udp 198.51.100.10:53 > $t size \(size)")
            (packet[26], packet[27]) = (0, 0)
            #expect(try sent(bench.send(packet)).payload == PacketDescription.filler(size))
        }
        var strict = try boundBench { $0.translation.udpZeroChecksum = .drop }
        var packet = try strict.octets("udp 198.51.100.10:53 > $t")
        (packet[26], packet[27]) = (0, 0)
        #expect(strict.send(packet) == .dropped(.zeroChecksum))
    }

    @Test("X46-25 other protocols are answered with 3/2", arguments: [132, 47, 50, 51])
    func otherProtocol(number: Int) throws {
        var bench = try boundBench()
        let outcome = bench.send(try bench.octets("protocol \(number) 198.51.100.10 > 203.0.113.1 \"abcdefgh\""))
        guard case .answered(.unsupportedProtocol, let answer) = outcome else { throw Unexpected(outcome: outcome) }
        #expect(try describe(answer).kind == .icmp(type: 3, code: 2))
    }

    @Test("X46-28 nothing is told to an address of the pool, whatever its packet is refused for")
    func noErrorToPool() throws {
        var bench = try boundBench()
        let packet = try bench.octets("protocol 132 203.0.113.1 > 203.0.113.1 \"abcdefgh\"")
        #expect(bench.send(packet) == .dropped(.unsupportedProtocol))
    }

    @Test("X46-26 IGMP is dropped in silence")
    func igmp() throws {
        var bench = try boundBench()
        #expect(
            bench.send(try bench.octets("protocol 2 198.51.100.10 > 203.0.113.1 \"abcdefgh\""))
                == .dropped(.unsupportedMessage)
        )
    }

    @Test("X46-27 X46-28 only packets for the pool are taken, and nobody is told about others")
    func outsidePool() throws {
        var bench = try boundBench()
        try bench.run(
            """
            in udp 198.51.100.10:53 > 203.0.113.2:1024 ttl 1
            ! destination-outside-pool
            in udp 198.51.100.10:53 > 224.0.0.251:5353 ttl 1
            ! illegal-destination
            """
        )
    }

    @Test("NAT-12 NAT-14 X46-29 refused inbound packets are dropped in silence, or told if that is wanted")
    func refusedInbound() throws {
        var bench = try boundBench()
        try bench.run(
            """
            in udp 198.51.100.20:53 > $t
            ! filtered
            in udp 198.51.100.10:53 > 203.0.113.1:9
            ! no-session
            """
        )
        var talkative = try boundBench { $0.translation.reportsRefusedInbound = true }
        try talkative.run(
            """
            in udp 198.51.100.20:53 > $t
            =  icmp 3/13 203.0.113.1 > 198.51.100.20
            in udp 198.51.100.10:53 > 203.0.113.1:9
            =  icmp 3/1 203.0.113.1 > 198.51.100.10
            """
        )
    }

    @Test("TCP-08 segments of no connection are dropped in silence, even if refusals are told", arguments: ["A", "R"])
    func strayInbound(_ flags: String) throws {
        var bench = try boundBench { $0.translation.reportsRefusedInbound = true }
        try bench.run(
            """
            in tcp 198.51.100.10:443 > 203.0.113.1:9 flags \(flags)
            ! no-session
            """
        )
    }

    @Test("TCP-33 the segment size of a SYN is lowered both ways to what the links carry, and never raised")
    func clamp() throws {
        var bench = try TranslateBench(environment: Environment(ipv4MTU: 1400))
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S mss 1440
            =  tcp $t > 198.51.100.10:443  flags S mss 1360
            in tcp 198.51.100.10:443 > $t  flags SA mss 1460
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001  flags SA mss 1360
            in tcp 198.51.100.10:443 > $t  flags SA mss 1300
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001  flags SA mss 1300
            """
        )
    }

    @Test("TCP-33 a segment size at an odd place keeps the checksum right")
    func clampAtOddPlace() throws {
        var bench = try TranslateBench()
        var packet = try bench.octets("tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443 flags S")
        // A segment with NOP, MSS 9000, then the end of the options.
        packet += [1, 2, 4, 0x23, 0x28, 0, 0, 0]
        packet[5] += 8
        packet[52] = 7 << 4
        (packet[56], packet[57]) = (0, 0)
        var sum = OnesComplementSum()
        sum.add(octets: Array(packet[8..<40]))
        sum.add(UInt16(28))
        sum.add(UInt16(6))
        sum.add(octets: Array(packet[40...]))
        (packet[56], packet[57]) = (UInt8(sum.checksum >> 8), UInt8(sum.checksum & 255))
        #expect(flaw(packet, .none) == nil)
        #expect(try sent(bench.send(packet)).segmentSize == 1440)
    }

    @Test("TCP-03 TCP-04 a SYN without a binding waits six seconds and is then refused with 3/3")
    func heldSYN() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in tcp 198.51.100.10:443 > 203.0.113.1:5000 flags S mss 1460
            kept
            in tcp 198.51.100.10:443 > 203.0.113.1:5000 flags S mss 1460
            kept
            wait 5000 ms
            wait 3 s
            +  icmp 3/3 203.0.113.1 > 198.51.100.10 { tcp 198.51.100.10:443 > 203.0.113.1:5000 flags S mss 1460 }
            """
        )
    }

    @Test("TCP-18 an established session that was idle is probed by an empty segment")
    func probe() throws {
        var bench = try TranslateBench()
        try bench.run(
            """
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags S
            =  tcp $t > 198.51.100.10:443
            in tcp 198.51.100.10:443 > $t  flags SA
            =  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001
            wait 7300 s
            +  tcp [2001:db8:64::198.51.100.10]:443 > [2001:db8:6::c0]:40001 flags A hops 64
            in tcp [2001:db8:6::c0]:40001 > [2001:db8:64::198.51.100.10]:443  flags A
            =  tcp $t > 198.51.100.10:443
            """
        )
        #expect(bench.translator.counters.probes == 1)
    }

    @Test("a shared address: what belongs to no session goes back to the host unchanged")
    func sharedAddress() throws {
        var bench = try boundBench(pool: [("203.0.113.1", true)])
        try bench.run(
            """
            in udp 198.51.100.10:53 > $t
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000
            in udp 198.51.100.20:53 > 203.0.113.1:53
            host
            in tcp 198.51.100.20:53 > 203.0.113.1:61500 flags S
            host
            in protocol 47 198.51.100.20 > 203.0.113.1 "abcdefgh"
            host
            in ping 198.51.100.20 > 203.0.113.1 id 9
            host
            in icmp 3/3 198.51.100.20 > 203.0.113.1 { udp 203.0.113.1:53 > 198.51.100.20:9 }
            host
            in udp 198.51.100.20:53 > 203.0.113.1:53 ttl 1
            host
            """
        )
        let packet = try bench.octets("udp 198.51.100.20:53 > 203.0.113.1:53 size 300")
        let offload = Offload(needsChecksum: true, checksumStart: 20, checksumOffset: 6)
        #expect(bench.send(packet, offload) == .handedBack(packet))
        #expect(bench.translator.counters.handedBack == 7)
    }

    @Test("a change of the environment counts from the next packet on")
    func adoptEnvironment() throws {
        var bench = try boundBench()
        bench.translator.adopt(environment: Environment(ipv6MTU: 1280))
        let outcome = bench.send(try bench.octets("udp 198.51.100.10:53 > $t df size 1300"))
        guard case .answered(.tooBig, _) = outcome else { throw Unexpected(outcome: outcome) }
    }

    @Test("a Policy that refuses a client ends its sessions")
    func adoptPolicy() throws {
        var bench = try boundBench()
        bench.translator.adopt(
            policy: try TranslateBench.policy(prefixes: [TranslateBench.prefix], clients: ["2001:db8:7::/48"])
        )
        try bench.run(
            """
            in udp 198.51.100.10:53 > $t
            ! no-session
            in udp [2001:db8:6::c0]:40000 > [2001:db8:64::198.51.100.10]:53
            ! client-refused answered
            """
        )
    }

    @Test("ADR-07 a private peer is not let in under the well-known prefix, whatever filtering says")
    func privatePeer() throws {
        var bench = try TranslateBench(prefixes: ["64:ff9b::/96"]) { $0.filtering = Filtering(.endpointIndependent) }
        try bench.run(
            """
            in udp [2001:db8:6::c0]:40000 > [64:ff9b::5.6.7.8]:53
            =  udp $t > 5.6.7.8:53
            in udp 10.1.2.3:53 > $t
            ! destination-refused
            in udp 5.6.7.9:53 > $t
            =  udp [64:ff9b::5.6.7.9]:53 > [2001:db8:6::c0]:40000
            """
        )
    }

    @Test("each worker has counters of its own and the translator their sum")
    func counters() throws {
        var bench = try boundBench()
        try bench.run(
            """
            in udp 198.51.100.10:53 > $t size 100
            =  udp [2001:db8:64::198.51.100.10]:53 > [2001:db8:6::c0]:40000 size 100
            in udp 198.51.100.20:53 > $t
            ! filtered
            """
        )
        let other = bench.translator.makeWorker()
        _ = consume other
        let counters = bench.translator.counters
        #expect(counters.packets6to4 == 1 && counters.packets4to6 == 1)
        #expect(counters.octets6to4 == 48 && counters.octets4to6 == 128)
        #expect(counters[.filtered] == 1 && counters.drops.reduce(0, +) == 1)
    }

    @Test("every reason has a name of its own, in words joined by hyphens, and a sentence")
    func reasons() {
        let names = DropReason.allCases.map { $0.name.description }
        #expect(Set(names).count == names.count)
        #expect(names.allSatisfy { $0.allSatisfy { $0.isLowercase || $0 == "-" } })
        #expect(DropReason.allCases.allSatisfy { $0.explanation.description.hasSuffix(".") })
        #expect(DropReason.allCases.enumerated().allSatisfy { $0.offset == Int($0.element.rawValue) })
    }
}
