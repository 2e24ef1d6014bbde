import IPAddressing
import NAT64
import Testing

/// What an operator, or the machine, may choose of what decides how a packet is translated.
struct ReferenceSetup: Sendable, CustomTestStringConvertible {
    var ipv6MTU = 1500
    var ipv4MTU = 1500
    var lowestIPv6MTU = 1280
    /// 96, 64, 56, 48, 40 or 32.
    var prefixLength = 96
    var fixedTrafficClass: UInt8?
    var clampsSegmentSize = true
    var udpZeroChecksum = TranslationSettings.ZeroChecksum.compute
    var errorSource = TranslationSettings.ErrorSource.router
    var sendsICMPErrors = true
    /// What random packets begin with.
    var seed: UInt64
    /// By how much a run is shorter than one with the links that matter most.
    var shortening = 1

    /// Links, and all else by default.
    init(_ ipv6MTU: Int, _ ipv4MTU: Int, _ lowestIPv6MTU: Int) {
        self.ipv6MTU = ipv6MTU
        self.ipv4MTU = ipv4MTU
        self.lowestIPv6MTU = lowestIPv6MTU
        seed = UInt64(ipv6MTU * 7 + ipv4MTU)
    }

    /// Anything that may be chosen, by a number.
    init(seed: UInt64) {
        var dice = RandomNumbers(state: seed &* 0x1F3D)
        self.seed = seed
        shortening = 4
        ipv6MTU = [1280, 1500, 1280 + dice.below(300), 1280 + dice.below(9000), 65_575][dice.below(5)]
        ipv4MTU = [1260, 1280, 1500, 68 + dice.below(1500), 576 + dice.below(9000), 65_535][dice.below(6)]
        lowestIPv6MTU = [1280, 1280 + dice.below(300), 1280 + dice.below(9000)][dice.below(3)]
        prefixLength = [96, 64, 56, 48, 40, 32][dice.below(6)]
        if dice.chance(30) { fixedTrafficClass = UInt8(dice.below(256)) }
        clampsSegmentSize = dice.chance(70)
        udpZeroChecksum = dice.chance(70) ? .compute : .drop
        errorSource = dice.chance(70) ? .router : .destination
        sendsICMPErrors = dice.chance(85)
    }

    var testDescription: String {
        "\(seed): \(ipv6MTU) \(ipv4MTU) \(lowestIPv6MTU) /\(prefixLength) \(udpZeroChecksum) \(errorSource)"
    }

    /// Sixteen octets.
    var prefix: [UInt8] {
        let octets: [UInt8] = [0x20, 1, 0xD, 0xB8, 0, 0x64, 7, 9, 0, 0, 0, 0]
        return Array(octets[..<(prefixLength / 8)]) + [UInt8](repeating: 0, count: 16 - prefixLength / 8)
    }

    /// The prefix as an operator writes it.
    var prefixText: String {
        let octets = prefix
        let words = stride(from: 0, to: 16, by: 2).map { String(octets.word($0), radix: 16) }
        return words.joined(separator: ":") + "/\(prefixLength)"
    }

    /// Links that differ, with all else by default; and some worlds of any kind.
    static let some =
        [(1500, 1500, 1280), (1280, 1280, 1280), (1500, 1492, 1400), (9000, 576, 2000), (65575, 65535, 65575)]
        .map { ReferenceSetup($0.0, $0.1, $0.2) } + [2, 5, 8, 12].map { ReferenceSetup(seed: $0) }
}
