import ControlAPI
import IPAddressing
import TestNamespace
import Testing
import Timing

@testable import Appliance

@Suite("The networks of the links, which are clients by default")
struct ClientLinksTests {
    private func networks(_ numbers: ClosedRange<Int>) -> [IPPrefix] {
        numbers.compactMap { try? IPPrefix(parsing: "2001:db8:\(String($0, radix: 16))::/64") }
    }

    @Test("a network that goes from the links stays a client for five minutes, and for good if it comes back")
    func patience() {
        var links = ClientLinks(networks(1...3))
        let second = { (number: UInt64) in Moment.start + .seconds(number) }
        let changes = [
            links.follow(networks(2...3), at: second(10)),
            // One is back, and another gone.
            links.follow(networks(1...2), at: second(20)),
        ]
        #expect(changes == [false, false])
        #expect(Set(links.networks) == Set(networks(1...3)))
        let forgotten = [links.forget(at: second(319)), links.forget(at: second(320)), links.forget(at: second(9000))]
        #expect(forgotten == [[], networks(3...3), []])
        #expect(links.networks == networks(1...2))
        let isOther = links.follow(networks(1...4), at: second(9000))
        #expect(isOther, "a new one is a client at once")
    }

    @Test("of very many networks that come and go the last are kept")
    func most() {
        var links = ClientLinks([])
        for number in 1...1000 { _ = links.follow(networks(number...number), at: .start) }
        #expect(links.networks.count == ClientLinks.most + 1)
        #expect(links.networks.first == networks(1000...1000).first && links.networks.last == networks(999...999).first)
    }

    @Test("sessions live on when the address of a client's link is taken away and put back")
    func renewed() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            try run(
                "ip link add lan type veth peer name far && ip link set far up && ip link set lan up && ip addr add fd09::1/64 dev lan nodad"
            )
            let folder = Folder()
            try folder.write(
                Stage.configuration(folder).replacing("\"fd06::/16\"", with: "\"links\""),
                to: "appliance.toml"
            )
            try withAppliance(folder) { (stage: Stage) throws in
                try stage.sendDatagram(to: Stage.synthetic, from: "fd09::1")
                #expect(try eventually { try stage.status().dataplane.sessions.udp == 1 })
                let made = try #require(try stage.status().dataplane.sessions.made)
                try run("ip addr del fd09::1/64 dev lan && ip addr add fd0a::1/64 dev lan nodad")
                // The daemon hears of changes in their order.
                #expect(try eventually { try stage.status().configuration.clients.contains("fd0a::/64") })
                #expect(try stage.status().configuration.clients.contains("fd09::/64"))
                #expect(try stage.status().dataplane.sessions.udp == 1)
                try run("ip addr add fd09::1/64 dev lan nodad && ip addr del fd0a::1/64 dev lan")
                try stage.sendDatagram(to: "64:ff9b::506:709", from: "fd09::1")
                #expect(try eventually { try stage.status().dataplane.sessions.udp == 2 })
                #expect(try stage.status().dataplane.sessions.made == made + 1)
            }
        }
    }
}
