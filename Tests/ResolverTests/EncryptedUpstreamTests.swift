import DNS64
import Linux
import NIOCore
import TestNamespace
import Testing

@testable import Resolver

@Suite("Upstreams over TLS, RFC 7858")
struct EncryptedUpstreamTests {
    /// Asks by a route; the answer, or nothing if it could not be asked.
    private func ask(_ upstreams: EncryptedUpstreams, _ route: UpstreamRoute, _ port: WorkerPort) -> Message? {
        let question = ByteBuffer(bytes: Message.question("four.test", Message.a, id: 77))
        upstreams.ask(EncryptedQuestion(port: port, era: 0, exchange: ExchangeID(1), message: question), route)
        var letters: [WorkerLetter] = []
        _ = eventually {
            letters += port.mailbox.collect()
            return !letters.isEmpty
        }
        guard case .reply(let reply)? = letters.first, case .message(let message) = reply.outcome else { return nil }
        return Message(Array(message.readableBytesView))
    }

    @Test("an upstream that new settings do not name is forgotten, and its connections end; others stay")
    func forgotten() async throws {
        let folder = try Certificates.folder()
        try Certificates.write(Certificates.wildcardChain, to: folder + "/dns.pem")
        try Certificates.write(Certificates.wildcardKey, to: folder + "/dns.key")
        let files = Certificates.files(in: folder)
        try await withEncryptedBench({ $0.certificate = files }) { (bench: Bench, _: CertificateFiles) throws in
            let route = { @Sendable (port: String) in
                UpstreamRoute(UpstreamAddress(endpoint("127.0.0.1:\(port)"), way: .tls(name: "dns.example.org")))
            }
            let (there, silent) = (route("853"), route("854"))
            let authorities = UpstreamAuthorities()
            #expect(authorities.look(at: files.chain, areNeeded: true) != nil)
            let certificate = ServerCertificate()
            let door = TCPDoor(limits: settings().tcp, certificate: certificate, dropsPrivileges: false) { _ in }
            defer { door.stop() }
            let upstreams = EncryptedUpstreams(
                on: door.loop,
                routes: [there, silent],
                authorities: authorities,
                report: { _ in }
            )
            let count = { try door.loop.submit { upstreams.count }.wait() }
            let port = try WorkerPort(number: 0)

            #expect(ask(upstreams, there, port)?.answers == ["A 5.6.7.8"])
            #expect(ask(upstreams, silent, port) == nil)
            #expect(eventually { bench.resolver.status.connectionsOverTLS == 1 })
            #expect(try count() == 2)

            upstreams.want([there])
            #expect(try eventually { try count() == 1 })
            #expect(bench.resolver.status.connectionsOverTLS == 1)
            upstreams.want([])
            #expect(try eventually { try count() == 0 })
            #expect(eventually { bench.resolver.status.connectionsOverTLS == 0 })
            // A worker that has not taken the new settings up yet is answered, and leaves nothing behind.
            #expect(ask(upstreams, there, port)?.answers == ["A 5.6.7.8"])
            #expect(try eventually { try count() == 0 })
        }
    }
}
