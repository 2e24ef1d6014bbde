import IPAddressing
import Testing

@testable import Netlink

/// The kernel's u32 classifier, as far as our filters use it.
private func verdict(_ filters: [ShareFilter], _ packet: [UInt8]) -> ShareFilter.Action {
    for filter in filters {
        let matches = filter.keys.allSatisfy { key in
            let word = (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(packet[Int(key.offset) + $1]) }
            return word & key.mask == key.value
        }
        if matches { return filter.action }
    }
    return .toHost
}

private func packet(
    to: IPv4Address,
    protocol number: UInt8,
    port: UInt16,
    fragment: UInt16 = 0x4000,
    words: UInt8 = 5
) -> [UInt8] {
    var octets = [UInt8](repeating: 0, count: 28)
    octets[0] = 0x40 | words
    octets[6] = UInt8(fragment >> 8)
    octets[7] = UInt8(fragment & 255)
    octets[9] = number
    for index in 0..<4 { octets[16 + index] = UInt8(to.bits >> UInt32(24 - 8 * index) & 255) }
    octets[20] = 0xAB  // the source port, of no account
    octets[22] = UInt8(port >> 8)
    octets[23] = UInt8(port & 255)
    return octets
}

@Suite("The filters of a shared address")
struct ShareFilterTests {
    private let address = IPv4Address(203, 0, 113, 5)

    @Test(
        "exactly the ports of the share go to the translator",
        arguments: [(61440, 65535), (1024, 65535), (5000, 5000), (40000, 50001), (0, 65535)]
    )
    func portsAreExact(first: Int, last: Int) {
        let ports = Port(UInt16(first))...Port(UInt16(last))
        let filters = ShareFilter.filters(for: .init(interface: "eth0", address: address, ports: ports))
        let edges = [0, 1, first - 1, first, first + 1, last - 1, last, last + 1, 65534, 65535]
        for port in (edges.filter { (0...65535).contains($0) } + Array(stride(from: 0, to: 65536, by: 61))).map(
            UInt16.init
        ) {
            let expected: ShareFilter.Action = ports.contains(Port(port)) ? .toTranslator : .toHost
            guard verdict(filters, packet(to: address, protocol: 6, port: port)) == expected,
                verdict(filters, packet(to: address, protocol: 17, port: port, fragment: 0)) == expected
            else {
                Issue.record("port \(port) of \(first)-\(last)")
                return
            }
        }
    }

    @Test("the default share is one block of ports and makes six filters")
    func defaultShareIsSmall() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share)
        #expect(filters.map(\.preference) == [6400, 6400, 6401, 6402, 6403, 6403])
    }

    @Test("ICMP and the fragments of TCP and UDP go to the translator, other protocols and addresses never")
    func othersAreLeft() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0, fragment: 0x2000)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 17, port: 53, fragment: 0x2000)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 6, port: 22, fragment: 0x00B9)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 47, port: 65000)) == .toHost)
        #expect(verdict(filters, packet(to: address, protocol: 50, port: 65000, fragment: 0x2000)) == .toHost)
        let other = IPv4Address(203, 0, 113, 6)
        #expect(verdict(filters, packet(to: other, protocol: 6, port: 65000)) == .toHost)
        #expect(verdict(filters, packet(to: other, protocol: 1, port: 0)) == .toHost)
    }

    @Test(
        "packets with options go to the translator whatever their port seems to be, fragments too, in both forms",
        arguments: [false, true]
    )
    func optionsAndFragments(beforeOthers: Bool) {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share, beforeOthers: beforeOthers)
        for number in [6, 17] as [UInt8] {
            for words in 6...15 as ClosedRange<UInt8> {
                for port in [22, 62000] as [UInt16] {
                    #expect(
                        verdict(filters, packet(to: address, protocol: number, port: port, words: words))
                            == .toTranslator
                    )
                }
            }
            // Every offset there is, the last fragment and others.
            for offset in 1...0x1FFF as ClosedRange<UInt16> {
                guard
                    verdict(filters, packet(to: address, protocol: number, port: 22, fragment: offset)) == .toTranslator
                else {
                    Issue.record("fragment at \(offset)")
                    return
                }
            }
            #expect(
                verdict(filters, packet(to: address, protocol: number, port: 22, fragment: 0x2000)) == .toTranslator
            )
            for plain in [0, 0x4000, 0x8000, 0xC000] as [UInt16] {
                #expect(verdict(filters, packet(to: address, protocol: number, port: 22, fragment: plain)) == .toHost)
                #expect(
                    verdict(filters, packet(to: address, protocol: number, port: 62000, fragment: plain))
                        == .toTranslator
                )
            }
        }
        #expect(verdict(filters, packet(to: address, protocol: 47, port: 62000, words: 7)) == .toHost)
        let other = IPv4Address(203, 0, 113, 6)
        #expect(verdict(filters, packet(to: other, protocol: 17, port: 62000, words: 7)) == .toHost)
    }

    @Test("before filters of others none of ours ends the search for a packet that is the host's")
    func searchGoesOn() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share, beforeOthers: true)
        #expect(filters.allSatisfy { $0.action == .toTranslator })
        #expect(filters.allSatisfy { $0.keys.count <= TrafficFilter.mostKeys })
        #expect(Set(filters).count == filters.count)
    }

    /// An ICMP message of this type to the address, about a packet of the address.
    private func error(_ type: UInt8, about number: UInt8, port: UInt16, from source: IPv4Address) -> [UInt8] {
        var octets = packet(to: address, protocol: 1, port: 0, fragment: 0)
        octets[20] = type
        var quoted = packet(to: IPv4Address(198, 51, 100, 10), protocol: number, port: 443)
        for index in 0..<4 { quoted[12 + index] = UInt8(source.bits >> UInt32(24 - 8 * index) & 255) }
        quoted[20] = UInt8(port >> 8)
        quoted[21] = UInt8(port & 255)
        return octets + quoted
    }

    @Test("of the kernel's own errors those go to the translator that may be about a client's packet")
    func ownErrors() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(ofOwnErrorsFor: share)
        #expect(filters.allSatisfy { $0.action == .toTranslator && $0.keys.count <= TrafficFilter.mostKeys })
        for number in [6, 17] as [UInt8] {
            for (port, expected) in [(61440, .toTranslator), (65535, .toTranslator), (61439, .toHost), (443, .toHost)]
                as [(UInt16, ShareFilter.Action)]
            {
                #expect(verdict(filters, error(3, about: number, port: port, from: address)) == expected)
                #expect(verdict(filters, error(11, about: number, port: port, from: address)) == .toHost)
            }
            let other = error(3, about: number, port: 62000, from: IPv4Address(203, 0, 113, 6))
            #expect(verdict(filters, other) == .toHost)
        }
        #expect(verdict(filters, error(3, about: 1, port: 0, from: address)) == .toTranslator)
        #expect(verdict(filters, error(8, about: 1, port: 0, from: address)) == .toHost)
        #expect(verdict(filters, error(3, about: 47, port: 62000, from: address)) == .toHost)
        for port in [22, 62000] as [UInt16] {
            let padding = [UInt8](repeating: 0, count: 28)
            #expect(verdict(filters, packet(to: address, protocol: 6, port: port) + padding) == .toHost)
            #expect(verdict(filters, packet(to: address, protocol: 17, port: port) + padding) == .toHost)
        }
    }
}
