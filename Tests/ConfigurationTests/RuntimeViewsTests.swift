import Configuration
import IPAddressing
import Policy
import Testing

@Suite("What was switched at runtime")
struct RuntimeViewsTests {
    private func prefix(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

    @Test("is written and read back the same")
    func roundTrip() throws {
        var views = RuntimeViews()
        views.set(try prefix("2001:db8:2::/64"), synthesize: false)
        views.set(try prefix("0.0.0.0/0"), synthesize: true)
        views.set(try prefix("2001:db8:2::/64"), synthesize: true)
        #expect(
            views.text == """
                # What appliance-ctl dns64 switched at runtime. Written by the appliance, read at its start.

                [[view]]
                network = "0.0.0.0/0"
                synthesize = true

                [[view]]
                network = "2001:db8:2::/64"
                synthesize = true

                """
        )
        let read = RuntimeViews.parse(Array(views.text.utf8), name: "views.toml")
        #expect(read.views == views)
        #expect(read.problems == nil)
        #expect(RuntimeViews.parse([], name: "views.toml").problems == nil)
    }

    @Test("is forgotten when it is taken back")
    func removal() throws {
        var views = RuntimeViews()
        let network = try prefix("2001:db8:2::/64")
        views.set(network, synthesize: false)
        #expect(views.views == [View(network: network, synthesize: false, origin: .runtime)])
        let first = views.remove(network)
        let second = views.remove(network)
        #expect(first)
        #expect(!second)
        #expect(views == RuntimeViews())
    }

    @Test("what is sound in a damaged file is used, the rest is told")
    func damagedFile() throws {
        let text = """
            other = 1
            [[view]]
            network = "2001:db8::/64"
            synthesize = false
            [[view]]
            network = "nonsense"
            synthesize = false
            [[view]]
            network = "::/0"
            """
        let read = RuntimeViews.parse(Array(text.utf8), name: "views.toml")
        #expect(read.views.switches == [try prefix("2001:db8::/64"): false])
        #expect(
            read.problems?.description == """
                views.toml:1:1: "other" is not [[view]]; it is left out
                views.toml:5:3: view.network: "nonsense" is not a prefix; it is left out
                views.toml:8:3: view: has no network with synthesize = true or false; it is left out
                """
        )
        let torn = RuntimeViews.parse(Array("[[view]]\nnetwork = \"2001:".utf8), name: "views.toml")
        #expect(torn.views == RuntimeViews())
        #expect(torn.problems?.problems.count == 1)
    }
}
