import IPAddressing
import PacketMemory
import Policy
import Testing
import Timing

@testable import DNS64

@Suite("Bounds on what strangers make us do")
struct BoundTests {
    @Test(
        "DNS-12 a record that occurs twice in a section is written once, if it comes back within 256 records",
        arguments: [(255, 255), (256, 257)]
    )
    func repetitions(distinct: Int, written: Int) throws {
        var settings = DNS64Settings()
        settings.upstreams = [UpstreamAddress(TransportAddress(.v4(IPv4Address(192, 0, 2, 200)), Port(53)))]
        let policy = Policy(
            generation: 1,
            prefixes: [.wellKnown],
            clients: ClientAccess(networks: [try #require(IPPrefix("2001:db8::/32"))]),
            destinations: DestinationRules(allow: []),
            views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
        )
        var laboratory = Laboratory(settings: settings, policy: policy)
        var script = Laboratory.Script(upstream: nil, name: "x.test.", type: 1)
        let record = { PlainMessage.Record(owner: $0, type: $1, ttl: 300, data: $2) }
        script.reply.sections[0] = [record("x.test.", 1, "5.6.7.8")]
        script.reply.sections[1] = (0..<distinct).map { record("test.", 2, "ns\($0).test.") }
        script.reply.sections[1].append(script.reply.sections[1][0])
        laboratory.scripts = [script]

        var question = PlainMessage()
        question.flags = 0x0100
        question.questions = [("x.test.", 1, 1)]
        let address = IPAddress.v6(IPv6Address(high: 0x2001_0DB8_0000_0000, low: 5))
        let (waiter, _) = laboratory.send(question.octets, from: Client(address: address, transport: .tcp))
        laboratory.run(until: laboratory.now + .seconds(1), waitingFor: [waiter])
        let answer = laboratory.answers[waiter]?.message
        #expect(try PlainMessage(#require(answer)).sections[1].count == written)
    }

    @Test("a network has its share until it has neither a client that waits nor a question under way")
    func shares() {
        var settings = DNS64Settings()
        (settings.waitingClients, settings.outstandingQuestions, settings.clientShare) = (20, 20, 10)
        var shares = ClientShares(settings, secret: KeyedHash(key0: 1, key1: 2))
        // The tables are half full, and a tenth is 2.
        let admits = { (shares: borrowing ClientShares) in shares.admits(7, waiting: 10, asking: 10) }
        for _ in 0..<2 {
            shares.waits(7)
            shares.asks(7)
        }
        #expect(!admits(shares))
        // One is through: there is room for one, and what the other has still counts.
        shares.waitsNoMore(7)
        shares.asksNoMore(7)
        #expect(admits(shares))
        shares.waits(7)
        #expect(!admits(shares))
        // No client waits; both questions are under way.
        shares.asks(7)
        shares.waitsNoMore(7)
        shares.waitsNoMore(7)
        #expect(!admits(shares))
        shares.asksNoMore(7)
        #expect(admits(shares))
        // No question is under way; both clients wait.
        shares.asksNoMore(7)
        shares.waits(7)
        shares.waits(7)
        #expect(!admits(shares))
        shares.waitsNoMore(7)
        shares.waits(7)
        #expect(!admits(shares))
        shares.waitsNoMore(7)
        shares.waitsNoMore(7)
        #expect(admits(shares))
        #expect(shares.isEmpty)
        // Whoever is through twice has no credit.
        shares.waitsNoMore(7)
        for _ in 0..<2 { shares.waits(7) }
        #expect(!admits(shares))
    }
}
