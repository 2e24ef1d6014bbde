import DNS64
import IPAddressing
import Recursion
import Testing

@testable import Resolver

@Suite("The resolvers of the system, resolv.conf(5)")
struct SystemResolversTests {
    @Test("name servers are taken in their order, each once, and everything else is passed over")
    func order() {
        let text = """
            # a comment
            ; another
            domain example.net
            search example.net corp.example
            nameserver 192.0.2.53
            nameserver\t2001:db8::53  # trailing
            nameserver 192.0.2.53
            nameserver not-an-address
            nameserver
             nameserver 198.51.100.53
            options edns0 trust-ad
            """
        #expect(
            SystemResolvers.parse(text).map(\.endpoint.description)
                == ["192.0.2.53:53", "[2001:db8::53]:53", "198.51.100.53:53"]
        )
    }

    @Test("the interface of a link-local server is kept")
    func zone() {
        let servers = SystemResolvers.parse("nameserver fe80::1%eth0\n")
        #expect(servers.map(\.endpoint.description) == ["[fe80::1]:53"])
        #expect(servers.map(\.zone) == ["eth0"])
    }

    @Test("a file with very many servers gives eight")
    func many() {
        let text = (0..<100).map { "nameserver 192.0.2.\($0)" }.joined(separator: "\n")
        #expect(SystemResolvers.parse(text).count == 8)
    }

    @Test("a file that is not there names no server")
    func missing() {
        var paths = SystemResolvers.Paths()
        paths.resolvConf = "/nonexistent/resolv.conf"
        #expect(SystemResolvers.read(paths).isEmpty)
    }

    @Test("who validates asks link-local resolvers of the system too, by their interface")
    func linkLocal() throws {
        var paths = SystemResolvers.Paths()
        paths.resolvConf = try Certificates.folder() + "/resolv.conf"
        try Certificates.write("nameserver fe80::53%lo\nnameserver 192.0.2.53\n", to: paths.resolvConf)
        var settings = ResolverSettings()
        settings.systemResolvers = paths
        settings.recursion.validates = true
        let choice = UpstreamChoice(settings, listening: [])
        #expect(choice.upstreams == [.recursor])
        #expect(choice.recursion?.forwarders.map(\.description) == ["[fe80::53]:53%1", "192.0.2.53:53"])
    }
}
