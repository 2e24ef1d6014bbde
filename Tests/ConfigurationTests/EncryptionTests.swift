import DNS64
import DNSWire
import IPAddressing
import Testing

@testable import Configuration

@Suite("Encrypted listeners and upstreams")
struct EncryptionTests {
    @Test("ENC-01 ENC-04 ENC-07 listeners, certificate, name and upstreams are read")
    func keys() throws {
        let read = try configuration(
            """
            [dns64]
            listen-tls = ["auto", "192.0.2.1", "[2001:db8::1]:8853"]
            listen-https = "192.0.2.1"
            certificate = "/etc/x/dns.pem"
            key = "/etc/x/dns.key"
            name = "dns.example.net"
            discovery = true
            upstreams = ["tls://192.0.2.53#DNS.example.", "tls://[2001:db8::53]:8853#b.example", "192.0.2.54"]
            upstream-ca = "/etc/x/ca.pem"
            [[dns64.rule]]
            domain = "corp.example"
            upstreams = "tls://10.0.0.53#ns.corp.example"
            source = "10.0.0.1"
            """
        )
        #expect(read.listenTLS.automatic && !read.listenHTTPS.automatic)
        #expect(read.listenTLS.addresses.map(\.description) == ["192.0.2.1:853", "[2001:db8::1]:8853"])
        #expect(read.listenHTTPS.addresses.map(\.description) == ["192.0.2.1:443"])
        #expect(read.certificate == "/etc/x/dns.pem" && read.certificateKey == "/etc/x/dns.key")
        #expect(read.resolverName == Name("dns.example.net") && read.discovery)
        #expect(read.upstreamAuthorities == "/etc/x/ca.pem")
        #expect(
            read.dns64.upstreams.map(\.description) == [
                "tls://192.0.2.53:853#dns.example", "tls://[2001:db8::53]:8853#b.example", "192.0.2.54:53",
            ]
        )
        guard case .ask(let asked) = try #require(read.dns64.rules.first).action else {
            Issue.record("the rule asks nobody")
            return
        }
        #expect(asked.first?.way == .tls(name: "ns.corp.example") && asked.first?.source != nil)
    }

    @Test(
        "what could not be encrypted, verified or found is refused with what to write instead",
        arguments: [
            ("listen-tls = \"auto\"", "a.toml:2:14: dns64.listen-tls: needs dns64.certificate; "),
            ("certificate = \"/x.pem\"", "a.toml:2:15: dns64.certificate: stands without dns64.key; "),
            ("key = \"x.key\"\ncertificate = \"/x\"", "a.toml:2:7: dns64.key: \"x.key\" is not an absolute path; "),
            ("listen = \"127.0.0.1:853\"", "a.toml:2:10: dns64.listen: \"127.0.0.1:853\" has the port of DNS over TLS"),
            ("name = \"x.resolver.arpa\"", "a.toml:2:8: dns64.name: \"x.resolver.arpa\" is not the name of a host; "),
            ("name = \"192.0.2.1\"", "a.toml:2:8: dns64.name: \"192.0.2.1\" is not the name of a host; "),
            (
                "upstreams = \"tls://1.1.1.1#1.1.1.1\"",
                "a.toml:2:13: dns64.upstreams: \"tls://1.1.1.1#1.1.1.1\" does not say"
            ),
            ("upstreams = \"tls://x#dns.example\"", "a.toml:2:13: dns64.upstreams: \"x\" is not an address; "),
        ]
    )
    func refused(text: String, problem: String) {
        let found = problems(of: "[dns64]\n" + text)
        #expect(found.first?.hasPrefix(problem) == true, "\(found)")
    }
}
