import DNS64
import DNSWire
import Glibc
import IPAddressing
import Linux
import Resolver
import TestNamespace
import Testing
import Timing

/// A bench that also listens for DNS over TLS and over HTTPS at 127.0.0.1.
func withEncryptedBench<Result: Sendable>(
    _ change: @escaping @Sendable (inout ResolverSettings) -> Void = { _ in },
    _ body: @escaping @Sendable (Bench, CertificateFiles) throws -> Result
) async throws -> Result {
    let files = Certificates.files(in: try Certificates.folder())
    var settings = settings(workers: 2)
    settings.listenTLS = [endpoint("127.0.0.1:853")]
    settings.listenHTTPS = [endpoint("127.0.0.1:443")]
    settings.certificate = files
    change(&settings)
    return try await withBench(settings) { (bench: Bench) throws in try body(bench, files) }
}

extension Bench {
    static let tls = endpoint("127.0.0.1:853")
    static let https = endpoint("127.0.0.1:443")
}

@Suite("DNS over TLS over real sockets, RFC 7858")
struct TLSTests {
    /// A question with an OPT record, and the option Padding in it (RFC 7830).
    private func padded(_ name: String, _ type: UInt16 = Message.a) -> [UInt8] {
        var question = Message.question(name, type)
        question[11] = 1
        return question + [0, 0, 41, 0x10, 0, 0, 0, 0, 0, 0, 8, 0, 12, 0, 4, 0, 0, 0, 0]
    }

    @Test("ENC-01 a question over TLS is answered, with the protocol dot agreed upon and without a name asked for")
    func answered() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.tls)
            #expect(client.isReady && client.protocolName == "dot")
            client.send(Message.question("four.test", Message.aaaa, id: 77))
            let answer = try #require(client.receive())
            #expect(answer.id == 77 && answer.answers == [synthetic])
            #expect(eventually { bench.resolver.status.questionsOverTLS == 1 })
            #expect(bench.resolver.status.connectionsOverTLS == 1)
        }
    }

    @Test("ENC-01 what comes to port 853 in the clear gets no answer and is counted")
    func clear() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let stream = try Stream(to: Bench.tls)
            stream.send(Message.question("four.test", Message.a))
            #expect(stream.receive() == nil)
            #expect(eventually { bench.resolver.status.failedHandshakes == 1 })
        }
    }

    @Test("ENC-02 a hundred questions in one write on one connection are all answered, in any order")
    func pipelined() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.tls)
            var frames: [UInt8] = []
            for number in 0..<100 {
                let name = number == 0 ? "held.test" : "n\(number % 9).test"
                let question = Message.question(name, Message.a, id: UInt16(number))
                frames += [0, UInt8(question.count)] + question
            }
            client.sendRaw(frames)
            let first = (0..<99).compactMap { _ in client.receive() }
            #expect(Set(first.map(\.id)) == Set(1..<100))
            bench.upstream.release()
            #expect(client.receive()?.id == 0)
        }
    }

    @Test("ENC-02 a client that has ended its side gets its answers and then the end")
    func halfClosed() async throws {
        try await withEncryptedBench { (bench: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.tls)
            client.send(Message.question("held.test", Message.a), Message.question("four.test", Message.a))
            #expect(client.receive()?.name == "four.test")
            client.endSending()
            bench.upstream.release()
            // BoringSSL ends both sides at once; whether the answer still arrives, nobody is harmed.
            #expect(client.isClosedByPeer())
            #expect(eventually { bench.resolver.status.connectionsOverTLS == 0 })
        }
    }

    @Test("a handshake that is not finished in time is ended, and does not hold up others")
    func slowHandshake() async throws {
        try await withEncryptedBench({ settings in settings.tcp.handshake = .milliseconds(300) }) {
            (bench: Bench, _: CertificateFiles) throws in
            let silent = try Stream(to: Bench.tls)
            // The begin of a ClientHello, and no more.
            let begun = try Stream(to: Bench.tls)
            begun.sendRaw([0x16, 3, 1, 2, 0, 1])
            // On a busy machine a good handshake may be too slow, too: then once more.
            #expect(
                try eventually {
                    let client = try TLSClient(to: Bench.tls)
                    client.send(Message.question("four.test", Message.a))
                    return client.receive()?.answers == ["A 5.6.7.8"]
                }
            )
            #expect(silent.isClosedByPeer() && begun.isClosedByPeer())
            #expect(eventually { bench.resolver.status.failedHandshakes >= 2 })
        }
    }

    @Test("one encrypted connection too many of a client closes the one that is silent longest, of no other client")
    func perClient() async throws {
        try await withEncryptedBench({ settings in settings.tcp.connectionsPerClient = 2 }) {
            (bench: Bench, _: CertificateFiles) throws in
            let other = try TLSClient(to: Bench.tls, from: "127.0.0.9")
            let first = try TLSClient(to: Bench.tls, from: "127.0.0.8")
            let second = try TLSClient(to: Bench.tls, from: "127.0.0.8")
            second.send(Message.question("four.test", Message.a))
            #expect(second.receive() != nil)
            let third = try TLSClient(to: Bench.https, protocols: ["h2"], from: "127.0.0.8")
            #expect(third.isReady && first.isClosedByPeer())
            other.send(Message.question("four.test", Message.a))
            #expect(other.receive()?.answers == ["A 5.6.7.8"])
            #expect(eventually { bench.resolver.status.connectionsRefused == 1 })
        }
    }

    @Test("ENC-03 the answer to a question with padding has a multiple of 468 octets over TLS, and not over TCP")
    func padding() async throws {
        try await withEncryptedBench { (_: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.tls)
            for name in ["four.test", "six.test"] {
                client.send(padded(name, Message.aaaa))
                #expect(try #require(client.receiveOctets()).count == 468)
            }
            client.send(padded("big.test", Message.txt))
            #expect(try #require(client.receiveOctets()).count % 468 == 0)
            client.send(Message.question("four.test", Message.a))
            #expect(try #require(client.receiveOctets()).count < 100)
            let stream = try Stream(to: Bench.at)
            stream.send(padded("four.test"))
            #expect(try #require(stream.receiveOctets()).count < 100)
        }
    }

    @Test("ENC-02 a renewed certificate is shown to new connections, while those that stand go on")
    func renewal() async throws {
        try await withEncryptedBench { (bench: Bench, files: CertificateFiles) throws in
            let old = try TLSClient(to: Bench.tls)
            try Certificates.write(Certificates.renewedChain, to: files.chain)
            try Certificates.write(Certificates.renewedKey, to: files.key)
            #expect(eventually { bench.resolver.status.certificate?.renewals == 1 })
            let new = try TLSClient(to: Bench.tls)
            #expect(!old.certificate.isEmpty && !new.certificate.isEmpty && old.certificate != new.certificate)
            for client in [old, new] {
                client.send(Message.question("four.test", Message.a))
                #expect(client.receive()?.answers == ["A 5.6.7.8"])
            }
            // 2126, as the certificates of tests say.
            #expect(try #require(bench.resolver.status.certificate?.expires) > 4_900_000_000)
        }
    }

    @Test("files that cannot be used are told in the status, and what was read before goes on")
    func badFiles() async throws {
        try await withEncryptedBench { (bench: Bench, files: CertificateFiles) throws in
            try Certificates.write("no certificate", to: files.chain)
            #expect(
                eventually {
                    bench.resolver.status.certificate?.problem?.reason == "holds no certificate in PEM form"
                }
            )
            let client = try TLSClient(to: Bench.tls)
            client.send(Message.question("four.test", Message.a))
            #expect(client.receive()?.answers == ["A 5.6.7.8"])
        }
    }

    @Test("ENC-06 DNS over QUIC is not offered: nothing listens on UDP port 853, and discovery names no doq")
    func noQUIC() async throws {
        try await withEncryptedBench({ settings in settings.discovers = true }) {
            (bench: Bench, _: CertificateFiles) throws in
            #expect(bench.resolver.status.places.allSatisfy { $0.transport != .udp || $0.address != Self.tlsAddress })
            let answer = try askForDesignated("_dns.resolver.arpa", 64)
            #expect(!answer.isEmpty && !contains(answer, Array("doq".utf8)))
        }
    }

    private static let tlsAddress = ListenAddress(Bench.tls)

    @Test("ENC-08 other names and types below resolver.arpa are NODATA, and no upstream is asked")
    func resolverArpa() async throws {
        try await withEncryptedBench({ settings in settings.discovers = true }) {
            (bench: Bench, _: CertificateFiles) throws in
            for (name, type) in [
                ("resolver.arpa", Message.aaaa), ("x.resolver.arpa", 64), ("_dns.resolver.arpa", Message.a),
                ("a.b.RESOLVER.arpa", Message.txt),
            ] {
                let answer = try #require(try ask(name, type, at: Bench.at))
                #expect(answer.code == 0 && answer.answers == [], "\(name)")
            }
            #expect(bench.upstream.log().isEmpty)
        }
    }

    @Test("ENC-08 with no designated resolver every name below resolver.arpa is NODATA")
    func noneDesignated() async throws {
        try await withBench { (bench: Bench) throws in
            let answer = try #require(try ask("_dns.resolver.arpa", 64, at: Bench.at))
            #expect(answer.code == 0 && answer.answers == [])
            #expect(bench.upstream.log().isEmpty)
        }
    }

    @Test("ENC-09 the certificate is shown to clients that name no server, with the addresses that it holds")
    func addressesInCertificate() async throws {
        try await withEncryptedBench { (_: Bench, _: CertificateFiles) throws in
            let client = try TLSClient(to: Bench.tls)
            // 127.0.0.1 as an iPAddress of the subjectAltName (RFC 5280 section 4.2.1.6).
            #expect(contains(client.certificate, [0x87, 4, 127, 0, 0, 1]))
            let named = try TLSClient(to: Bench.tls, name: "dns.example.net")
            #expect(named.certificate == client.certificate)
        }
    }

    @Test("ENC-11 the designated resolver for HTTP has a dohpath, a relative template with the variable dns")
    func path() async throws {
        try await withEncryptedBench({ settings in settings.discovers = true }) {
            (_: Bench, _: CertificateFiles) throws in
            let answer = try askForDesignated("_dns.resolver.arpa", 64)
            // Key 7 (RFC 9461 section 5), after alpn with h2.
            #expect(contains(answer, [2] + Array("h2".utf8)))
            #expect(contains(answer, [0, 7, 0, 16] + Array("/dns-query{?dns}".utf8)))
        }
    }

    /// What clients may miss in the certificate for `*.Example.net`, `dns.example.org`, 192.0.2.7 and 2001:db8::7.
    private func gaps(_ name: String?, listening: [String], discovers: Bool = true) throws -> CertificateGaps? {
        let folder = try Certificates.folder()
        defer { system("rm -r \(folder)") }
        try Certificates.write(Certificates.wildcardChain, to: folder + "/dns.pem")
        try Certificates.write(Certificates.wildcardKey, to: folder + "/dns.key")
        var settings = ResolverSettings()
        settings.certificate = Certificates.files(in: folder)
        settings.name = name.map { known(Name($0)) }
        settings.discovers = discovers
        settings.listen = listening.map(endpoint)
        return try Resolver.certificateGaps(settings)
    }

    @Test("ENC-09 a certificate is for a name if it says so or has a star for its first label, and for addresses")
    func certificateNames() throws {
        for name in ["dns.example.net", "DNS.example.ORG", "other.EXAMPLE.net"] {
            #expect(try gaps(name, listening: []) == gaps(nil, listening: []), "\(name)")
        }
        for name in ["example.net", "a.b.example.net", "www.example.org", "example.org"] {
            #expect(try gaps(name, listening: [])?.name == name + ".")
        }
        let own = ["192.0.2.7:53", "[2001:db8::7]:853", "127.0.0.1:53", "[fe80::1]:53", "0.0.0.0:53"]
        #expect(try gaps(nil, listening: own)?.sentences == [])
        let others = own + ["192.0.2.8:53", "[2001:db8::8]:53", "192.0.2.8:853"]
        #expect(try gaps(nil, listening: others)?.addresses.map(\.description) == ["192.0.2.8", "2001:db8::8"])
        #expect(try gaps(nil, listening: others, discovers: false)?.sentences == [])
        #expect(try gaps("x.test", listening: others)?.sentences.count == 2)
    }

    @Test("ENC-07 ENC-09 clients are told the first host of the certificate, and what it lacks is in the status")
    func nameOfCertificate() async throws {
        try await inNamespace {
            addAddress("192.0.2.8/32")
            let folder = try Certificates.folder()
            defer { system("rm -r \(folder)") }
            try Certificates.write(Certificates.wildcardChain, to: folder + "/dns.pem")
            try Certificates.write(Certificates.wildcardKey, to: folder + "/dns.key")
            var settings = settings(listen: ["127.0.0.1:53", "192.0.2.8:53"])
            settings.certificate = Certificates.files(in: folder)
            settings.listenTLS = [endpoint("192.0.2.8:853")]
            settings.discovers = true
            let resolver = makeResolver(settings)
            try resolver.start()
            defer { resolver.stop() }
            let answer = try askForDesignated("_dns.resolver.arpa", 64)
            #expect(contains(answer, Message.encode("dns.example.org")))
            #expect(resolver.status.certificate?.gaps?.name == nil)
            #expect(resolver.status.certificate?.gaps?.addresses.map(\.description) == ["192.0.2.8"])
            settings.name = known(Name("dns.test"))
            #expect(resolver.apply(settings: settings).isEmpty)
            #expect(resolver.status.certificate?.gaps?.name == "dns.test.")
            // Workers take settings up a moment later.
            #expect(
                try eventually { contains(try askForDesignated("_dns.resolver.arpa", 64), Message.encode("dns.test")) }
            )
        }
    }

    private func askForDesignated(_ name: String, _ type: UInt16) throws -> [UInt8] {
        let stream = try Stream(to: Bench.at)
        stream.send(Message.question(name, type))
        return try #require(stream.receiveOctets())
    }

    private func contains(_ octets: [UInt8], _ part: [UInt8]) -> Bool {
        guard octets.count >= part.count else { return false }
        return (0...octets.count - part.count).contains { octets[$0..<$0 + part.count].elementsEqual(part) }
    }
}
