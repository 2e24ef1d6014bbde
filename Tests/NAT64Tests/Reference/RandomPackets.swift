/// Random packets of the flows of a ``ReferenceWorld``: ordinary, at the edges of sizes, with everything that a header
/// may carry, and slightly damaged.
extension ReferenceWorld {
    func randomSize(_ dice: inout RandomNumbers) -> Int {
        switch dice.below(20) {
        case 0...9: dice.below(64)
        case 10...14: dice.below(1500)
        case 15, 16:
            // Where 1260, 1280, 1500 and the MTUs decide, give or take all headers.
            max(
                0,
                [1260, 1280, 1500, reference.ipv4MTU, reference.ipv6MTU, reference.lowestIPv6MTU][dice.below(6)]
                    - 80 + dice.below(90)
            ) % 65000
        case 17, 18: dice.below(4000)
        default: dice.chance(20) ? 65440 + dice.below(60) : dice.below(9000)
        }
    }

    func randomOctets(_ count: Int, _ dice: inout RandomNumbers) -> [UInt8] {
        // Long runs of zeros and ones are what sums stumble over.
        switch dice.below(8) {
        case 0: [UInt8](repeating: 0, count: count)
        case 1: [UInt8](repeating: 0xFF, count: count)
        default: (0..<count).map { _ in UInt8(truncatingIfNeeded: dice.next()) }
        }
    }

    func randomTCPOptions(_ dice: inout RandomNumbers) -> [UInt8] {
        var options: [UInt8] = []
        while options.count < 24, dice.chance(60) {
            switch dice.below(5) {
            case 0: options += [1]
            case 1: options += [2, 4] + [UInt8](word: dice.below(65536))
            case 2: options += [3, 3, 7]
            case 3: options += [8, 10] + randomOctets(8, &dice)
            default: options += [UInt8(dice.below(256)), UInt8(dice.below(6))]
            }
        }
        return options + [UInt8](repeating: dice.chance(50) ? 0 : 1, count: (4 - options.count % 4) % 4)
    }

    /// Hops 0 and 1 too, but not often.
    func randomHops(_ dice: inout RandomNumbers) -> Int { dice.chance(4) ? dice.below(2) : 2 + dice.below(254) }

    func randomOutward(_ dice: inout RandomNumbers) -> [UInt8] {
        let binding = reference.bindings[dice.below(reference.bindings.count)]
        let place = dice.below(3)
        var packet = packet6(
            binding.proto,
            binding.client,
            binding.clientPort,
            reference.embed(peers[place]),
            peerPorts[place],
            flags: dice.below(256),
            randomOctets(randomSize(&dice), &dice),
            hops: randomHops(&dice),
            trafficClass: dice.below(256),
            options: binding.proto == 6 ? randomTCPOptions(&dice) : []
        )
        if binding.proto == 1, dice.chance(30) {
            packet[40] = 129
            packet.put((packet.word(42) + 0xFFFE - 0x00FF) % 0xFFFF, 42)
        }
        packet[1] |= UInt8(dice.below(16))
        packet.put(dice.below(65536), 2)
        return dice.chance(30) ? extended(packet, &dice) : packet
    }

    /// Puts extension headers in: hop-by-hop options first, then others, perhaps an atomic fragment header.
    private func extended(_ packet: [UInt8], _ dice: inout RandomNumbers) -> [UInt8] {
        var kinds: [Int] = dice.chance(40) ? [0] : []
        while kinds.count < 9, dice.chance(50) { kinds.append(dice.chance(50) ? 60 : 43) }
        if dice.chance(30) { kinds.append(44) }
        var result = Array(packet[40...])
        var next = Int(packet[6])
        for kind in kinds.reversed() {
            if kind == 44 {
                result = fragmentHeader(next: next, offset: 0, more: false, id: dice.below(1 << 32)) + result
            } else {
                let more = dice.below(3)
                var header: [UInt8] = [UInt8(next), UInt8(more)] + randomOctets(6 + 8 * more, &dice)
                if kind == 43 { header[3] = dice.chance(10) ? 2 : 0 }
                result = header + result
            }
            next = kind
        }
        guard result.count <= 65535 else { return packet }
        var header = Array(packet[..<40])
        header[6] = UInt8(next)
        header.put(result.count, 4)
        return header + result
    }

    func randomInward(_ dice: inout RandomNumbers) -> [UInt8] {
        let binding = reference.bindings[dice.below(reference.bindings.count)]
        let place = dice.below(3)
        let options = dice.chance(20) ? randomOptions(&dice) : []
        var packet = packet4(
            binding.proto,
            peers[place],
            peerPorts[place],
            binding.externalPort,
            flags: dice.below(256),
            randomOctets(randomSize(&dice), &dice),
            ttl: randomHops(&dice),
            tos: dice.below(256),
            id: dice.below(65536),
            fragment: (dice.chance(50) ? 0x4000 : 0) | (dice.chance(3) ? 0x8000 : 0),
            options: options,
            tcpOptions: binding.proto == 6 ? randomTCPOptions(&dice) : []
        )
        if binding.proto == 17, dice.chance(20) { packet.put(0, 26 + options.count) }
        return packet
    }

    private func randomOptions(_ dice: inout RandomNumbers) -> [UInt8] {
        var options: [UInt8] = []
        while options.count < 24, dice.chance(70) {
            switch dice.below(5) {
            case 0: options += [1]
            case 1: options += [7, 7, 4, 0, 0, 0, 0]
            case 2: options += [dice.chance(50) ? 131 : 137, 7, dice.chance(80) ? 8 : 4, 192, 0, 2, 1]
            case 3: options += [148, 4, 0, 0]
            default: options += [68, 12, 5, 0] + randomOctets(8, &dice)
            }
        }
        return options + [UInt8](repeating: 0, count: (4 - options.count % 4) % 4)
    }

    /// Damages a packet a little; `isFixed` gives an IPv4 header its right checksum again.
    func damaged(_ packet: [UInt8], _ dice: inout RandomNumbers) -> [UInt8] {
        var packet = packet
        let isIPv4 = packet[0] >> 4 == 4
        switch dice.below(7) {
        case 0: packet = Array(packet.prefix(20 + dice.below(packet.count)))
        case 1: packet += randomOctets(1 + dice.below(40), &dice)
        case 2: packet[dice.below(packet.count)] ^= 1 << UInt8(dice.below(8))
        case 3: packet[dice.below(min(packet.count, 100))] = UInt8(truncatingIfNeeded: dice.next())
        case 4:
            // A length that contradicts: of IP, of UDP, of the TCP header.
            let header = isIPv4 ? 4 * Int(packet[0] & 15) : 40
            let places = [isIPv4 ? 2 : 4, header + 4, header + 12]
            let place = places[dice.below(3)]
            guard place + 2 <= packet.count else { return packet }
            packet.put(dice.chance(50) ? dice.below(65536) : packet.word(place) + 0xFFFD + dice.below(6), place)
        case 5:
            let header = isIPv4 ? 4 * Int(packet[0] & 15) : 40
            let place = header + [2, 6, 16][dice.below(3)]
            if place + 2 <= packet.count { packet.put(dice.chance(50) ? 0 : 0xFFFF, place) }
        default: packet[isIPv4 ? 9 : 6] = UInt8(truncatingIfNeeded: dice.next())
        }
        let length = 4 * Int(packet[0] & 15)
        if packet[0] >> 4 == 4, packet.count >= length, length >= 20, dice.chance(85) {
            packet.put(0, 10)
            packet.put(checksum(others: Array(packet[..<length]).onesComplement), 10)
        }
        return packet
    }
}

/// Random ICMP errors about packets of the flows.
extension ReferenceWorld {
    /// An error by somebody on the way about a packet from a client, as a router on the IPv4 side writes it.
    func randomError4(_ dice: inout RandomNumbers, about packet: [UInt8]) -> [UInt8] {
        let (type, code) = [(3, dice.below(17)), (11, dice.below(3)), (12, dice.below(4)), (4, 0), (5, 1)][
            dice.chance(60) ? 0 : dice.below(5)
        ]
        let word: Int
        switch (type, code) {
        case (3, 4): word = dice.chance(30) ? 0 : dice.below(2000)
        case (12, _): word = dice.below(24) << 24
        default: word = 0
        }
        let (quote, attribute) = randomQuote(packet, unit: 4, &dice)
        var body = [UInt8(type), UInt8(code), 0, 0] + [UInt8](long: word | attribute << 16) + quote
        body.put(checksum(others: body.onesComplement), 2)
        let router: [UInt8] = dice.chance(50) ? [198, 51, 100, 1] : peers[0]
        return ipv4(
            tos: dice.below(256),
            id: dice.below(65536),
            fragment: 0,
            ttl: randomHops(&dice),
            proto: 1,
            router,
            reference.external,
            body
        )
    }

    /// The same by a client, or a router of its network, about a packet from a peer.
    func randomError6(_ dice: inout RandomNumbers, about packet: [UInt8]) -> [UInt8] {
        let (type, code) = [(1, dice.below(8)), (2, dice.below(2)), (3, dice.below(3)), (4, dice.below(4)), (137, 0)][
            dice.below(dice.chance(90) ? 4 : 5)
        ]
        let word: Int
        switch type {
        case 2: word = dice.chance(10) ? dice.below(1 << 32) : dice.below(2000)
        case 4: word = dice.below(44)
        default: word = 0
        }
        let (quote, attribute) = randomQuote(packet, unit: 8, &dice)
        let speaker = dice.chance(50) ? Array(packet[24..<40]) : clients[0].dropLast() + [0xFE]
        let body = [UInt8(type), UInt8(code), 0, 0] + [UInt8](long: word | attribute << 24) + quote
        let destination = Array(packet[8..<24])
        let sum = checksum(others: pseudoHeader(speaker, destination, body.count, 58) + body.onesComplement)
        return ipv6(
            trafficClass: dice.below(256),
            next: 58,
            hops: randomHops(&dice),
            speaker,
            destination,
            body.putting(sum, 2)
        )
    }

    /// A packet as an error quotes it: cut somewhere; perhaps padded, with an extension object behind it (RFC 4884).
    private func randomQuote(_ packet: [UInt8], unit: Int, _ dice: inout RandomNumbers) -> ([UInt8], Int) {
        var quote = Array(packet.prefix(dice.chance(30) ? 28 + dice.below(60) : 548))
        if dice.chance(10) { quote = Array(packet.prefix(1200)) }
        guard dice.chance(40) else { return (quote, 0) }
        let length = max(128, (quote.count + unit - 1) / unit * unit)
        quote += [UInt8](repeating: 0, count: length - quote.count)
        // Version 2, and one object of RFC 4950; a truncated one at times.
        let object: [UInt8] = [0x20, 0, 0, 0, 0, 8, 1, 1] + randomOctets(4, &dice)
        return (quote + object.prefix(dice.chance(90) ? 12 : dice.below(8)), length / unit)
    }

    /// A datagram in random pieces, in the order of the datagram; every piece but the last a multiple of eight octets,
    /// the first one with the transport header.
    func cut(_ octets: [UInt8], _ dice: inout RandomNumbers) -> [(offset: Int, more: Bool, octets: [UInt8])] {
        var pieces: [(offset: Int, more: Bool, octets: [UInt8])] = []
        var offset = 0
        while offset < octets.count {
            let most = dice.chance(50) ? 1480 : 8 * (8 + dice.below(170))
            let end = octets.count - offset <= 64 ? octets.count : min(offset + most, octets.count)
            pieces.append((offset, end < octets.count, Array(octets[offset..<end])))
            offset = end
        }
        return pieces
    }
}
