import IPAddressing
import Testing

@testable import Netlink

/// The kernel's u32 classifier, as far as our filters use it. Those of a preference stand in no particular order.
private func verdict(_ filters: [ShareFilter], _ packet: [UInt8]) -> ShareFilter.Action {
    let found = search(filters, packet)
    let preferences = Set(filters.map(\.preference)).sorted()
    let turned = preferences.flatMap { preference in filters.filter { $0.preference == preference }.reversed() }
    #expect(search(turned, packet) == found)
    return found
}

/// What lies behind the packet's end matches nothing, and ends the search in a preference.
private func search(_ filters: [ShareFilter], _ packet: [UInt8]) -> ShareFilter.Action {
    var ended: UInt16?
    for filter in filters where filter.preference != ended {
        let matches = filter.keys.allSatisfy { key in
            guard Int(key.offset) + 4 <= packet.count else {
                ended = filter.preference
                return false
            }
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

    @Test("the default share is one block of ports and makes twelve filters")
    func defaultShareIsSmall() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share)
        #expect(filters.map(\.preference) == [6400, 6400, 6400, 6401, 6401, 6401, 6401, 6401, 6402, 6403, 6403, 6403])
    }

    @Test("the fragments of TCP, UDP and ICMP go to the translator, other protocols and addresses never")
    func othersAreLeft() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0)) == .toHost)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0, fragment: 0x2000)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0, fragment: 0x00B9)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 1, port: 0, words: 6)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 17, port: 53, fragment: 0x2000)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 6, port: 22, fragment: 0x00B9)) == .toTranslator)
        #expect(verdict(filters, packet(to: address, protocol: 47, port: 65000)) == .toHost)
        #expect(verdict(filters, packet(to: address, protocol: 50, port: 65000, fragment: 0x2000)) == .toHost)
        let other = IPv4Address(203, 0, 113, 6)
        #expect(verdict(filters, packet(to: other, protocol: 6, port: 65000)) == .toHost)
        #expect(verdict(filters, packet(to: other, protocol: 1, port: 0, fragment: 0x2000)) == .toHost)
    }

    @Test(
        "NAT-21 of ICMP the pings with identifiers of the share, and errors about its packets, go to the translator",
        arguments: [false, true]
    )
    func messages(beforeOthers: Bool) {
        let ports = Port(40000)...Port(50001)
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: ports)
        let filters = ShareFilter.filters(for: share, beforeOthers: beforeOthers)
        #expect(filters.allSatisfy { $0.keys.count <= TrafficFilter.mostKeys })
        for number in [0, 39999, 40000, 45000, 50001, 50002, 65535] as [UInt16] {
            let expected: ShareFilter.Action = ports.contains(Port(number)) ? .toTranslator : .toHost
            for type in 0...255 as ClosedRange<UInt8> {
                let isEcho = type == 0 || type == 8
                #expect(verdict(filters, query(type, identifier: number)) == (isEcho ? expected : .toHost))
            }
            for type in [3, 11, 12] as [UInt8] {
                for transport in [1, 6, 17] as [UInt8] {
                    let about = error(type, about: transport, port: number, from: address)
                    #expect(verdict(filters, about) == expected)
                    let elsewhere = error(type, about: transport, port: number, from: IPv4Address(203, 0, 113, 6))
                    #expect(verdict(filters, elsewhere) == .toHost)
                }
                #expect(verdict(filters, error(type, about: 47, port: number, from: address)) == .toHost)
            }
        }
    }

    /// An ICMP message of this type to the address with an identifier, as far as it has one.
    private func query(_ type: UInt8, identifier: UInt16) -> [UInt8] {
        var octets = packet(to: address, protocol: 1, port: 0, fragment: 0)
        octets[20] = type
        octets[24] = UInt8(identifier >> 8)
        octets[25] = UInt8(identifier & 255)
        return octets
    }

    @Test(
        "packets with options go to the translator whatever their port seems to be, fragments too, in both forms",
        arguments: [false, true]
    )
    func optionsAndFragments(beforeOthers: Bool) {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(for: share, beforeOthers: beforeOthers)
        for number in [1, 6, 17] as [UInt8] {
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
                        == (number == 1 ? .toHost : .toTranslator)
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

    /// An ICMP message of this type to the address, about a packet from a port of the source, or a ping with that number.
    private func error(_ type: UInt8, about number: UInt8, port: UInt16, from source: IPv4Address) -> [UInt8] {
        var octets = packet(to: address, protocol: 1, port: 0, fragment: 0)
        octets[20] = type
        var quoted = packet(to: IPv4Address(198, 51, 100, 10), protocol: number, port: 443)
        for index in 0..<4 { quoted[12 + index] = UInt8(source.bits >> UInt32(24 - 8 * index) & 255) }
        let place = number == 1 ? 24 : 20
        quoted[20] = 0
        quoted[21] = 0
        quoted[place] = UInt8(port >> 8)
        quoted[place + 1] = UInt8(port & 255)
        return octets + quoted
    }

    @Test("I46-25 errors that quote options go to the translator, wherever the port may be", arguments: [false, true])
    func quotedOptions(beforeOthers: Bool) {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let atUplink = ShareFilter.filters(for: share, beforeOthers: beforeOthers)
        for filters in [atUplink, ShareFilter.filters(ofOwnErrorsFor: share)] {
            for words in 6...15 as ClosedRange<UInt8> {
                var message = error(3, about: 17, port: 22, from: address)
                message[28] = 0x40 | words
                #expect(verdict(filters, message) == .toTranslator)
                message = error(3, about: 17, port: 62000, from: IPv4Address(203, 0, 113, 6))
                message[28] = 0x40 | words
                #expect(verdict(filters, message) == .toHost)
            }
        }
    }

    @Test("of the kernel's own errors those go to the translator that may be about a client's packet")
    func ownErrors() {
        let share = NetworkPlan.SharedAddress(interface: "eth0", address: address, ports: Port(61440)...Port(65535))
        let filters = ShareFilter.filters(ofOwnErrorsFor: share)
        #expect(filters.allSatisfy { $0.action == .toTranslator && $0.keys.count <= TrafficFilter.mostKeys })
        for number in [1, 6, 17] as [UInt8] {
            for (port, expected) in [(61440, .toTranslator), (65535, .toTranslator), (61439, .toHost), (443, .toHost)]
                as [(UInt16, ShareFilter.Action)]
            {
                #expect(verdict(filters, error(3, about: number, port: port, from: address)) == expected)
                #expect(verdict(filters, error(11, about: number, port: port, from: address)) == .toHost)
            }
            let other = error(3, about: number, port: 62000, from: IPv4Address(203, 0, 113, 6))
            #expect(verdict(filters, other) == .toHost)
        }
        #expect(verdict(filters, error(8, about: 1, port: 0, from: address)) == .toHost)
        #expect(verdict(filters, error(3, about: 47, port: 62000, from: address)) == .toHost)
        for port in [22, 62000] as [UInt16] {
            #expect(verdict(filters, packet(to: address, protocol: 6, port: port)) == .toHost)
            #expect(verdict(filters, packet(to: address, protocol: 17, port: port)) == .toHost)
        }
    }
}
