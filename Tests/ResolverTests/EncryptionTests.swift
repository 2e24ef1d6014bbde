import NIOCore
import NIOHTTP1
import TestNamespace
import Testing

@testable import Resolver

@Suite("Certificates of listeners, and requests of HTTP")
struct EncryptionTests {
    /// Why the files of a certificate cannot be used.
    private func problem(of files: CertificateFiles) -> CertificateProblem? {
        var settings = ResolverSettings()
        settings.certificate = files
        do throws(CertificateProblem) {
            _ = try Resolver.certificateGaps(settings)
            return nil
        } catch {
            return error
        }
    }

    @Test("ENC-02 a renewed certificate is taken, one that cannot be used changes nothing and is told once")
    func renewal() throws {
        let folder = try Certificates.folder()
        let files = Certificates.files(in: folder)
        let certificate = ServerCertificate()
        guard case .taken(files) = certificate.look(at: files) else {
            Issue.record("not taken: \(String(describing: certificate.problem))")
            return
        }
        let first = certificate.contexts?.tls
        #expect(first != nil && certificate.look(at: files) == nil)

        try Certificates.write(Certificates.renewedChain, to: files.chain)
        guard case .refused(let problem) = certificate.look(at: files) else {
            Issue.record("the key of another certificate was taken")
            return
        }
        #expect(problem.file == files.key && problem.reason.hasPrefix("is not the key of the first certificate"))
        #expect(certificate.contexts?.tls === first && certificate.look(at: files) == nil)

        try Certificates.write(Certificates.renewedKey, to: files.key)
        guard case .taken = certificate.look(at: files) else {
            Issue.record("not renewed: \(String(describing: certificate.problem))")
            return
        }
        #expect(certificate.contexts?.tls !== first && certificate.problem == nil)
        #expect(certificate.look(at: nil) == nil && certificate.contexts == nil)
    }

    @Test("what is wrong with the files of a certificate is told with the file")
    func badFiles() throws {
        let folder = try Certificates.folder()
        var files = Certificates.files(in: folder)
        #expect(problem(of: files) == nil)
        files.key = folder + "/none.key"
        #expect(
            problem(of: files)?.description.hasPrefix("\(files.key): cannot be read (No such file") == true
        )
        files.key = files.chain
        #expect(problem(of: files)?.reason == "holds no private key in PEM form without a passphrase")
        files.chain = folder + "/dns.key"
        #expect(problem(of: files)?.reason == "holds no certificate in PEM form")
    }

    @Test("without encrypted listeners nobody misses a certificate; with them the resolver does not start without one")
    func start() async throws {
        let complaint = try await inNamespace {
            var settings = settings()
            settings.listenTLS = [endpoint("127.0.0.1:853")]
            settings.certificate = CertificateFiles(chain: "/nowhere/dns.pem", key: "/nowhere/dns.key")
            let resolver = makeResolver(settings)
            defer { resolver.stop() }
            do throws(ResolverError) {
                try resolver.start()
                return ""
            } catch {
                return error.description
            }
        }
        #expect(
            complaint.hasPrefix("the resolver cannot listen for encrypted questions: /nowhere/dns.pem: cannot be read")
        )
    }

    @Test(
        "ENC-04 requests that are no questions get the status that says why",
        arguments: [
            ("GET", "/dns-query", [:], HTTPResponseStatus.badRequest),
            ("GET", "/dns-query?dns=AAAA%3D", [:], .badRequest), ("GET", "/dns-query?dns=AAAAA", [:], .badRequest),
            ("GET", "/dns-query?dns=AAAA=", [:], .badRequest), ("GET", "/dns-query/?dns=AAAA", [:], .notFound),
            ("GET", "/", [:], .notFound), ("PUT", "/dns-query", [:], .methodNotAllowed),
            ("HEAD", "/dns-query?dns=AAAA", [:], .methodNotAllowed),
            ("POST", "/dns-query", [:], .unsupportedMediaType),
            ("POST", "/dns-query", ["content-type": "text/plain"], .unsupportedMediaType),
            (
                "POST", "/dns-query", ["content-type": "application/dns-message", "content-length": "65536"],
                .payloadTooLarge
            ),
            ("GET", "/dns-query?dns=AAAA", ["accept": "text/html"], .notAcceptable),
        ] as [(String, String, [String: String], HTTPResponseStatus)]
    )
    func refused(method: String, path: String, headers: [String: String], status: HTTPResponseStatus) {
        guard case .refused(let found) = request(method, path, headers) else {
            Issue.record("not refused")
            return
        }
        #expect(found == status)
    }

    @Test("ENC-04 the examples of RFC 8484 are understood")
    func examples() {
        let path = "/dns-query?dns=AAABAAABAAAAAAAAA3d3dwdleGFtcGxlA2NvbQAAAQAB"
        let www = request("GET", path, ["accept": "application/dns-message"])
        let message = www.message(ByteBuffer())
        #expect(message.flatMap { Message(Array($0.readableBytesView)) }?.name == "www.example.com")
        let post = request("POST", "/dns-query", ["content-type": "Application/DNS-Message; x=y", "accept": "*/*"])
        #expect(post.message(ByteBuffer(bytes: Message.question("a.example", Message.a))) != nil)
        #expect(post.message(ByteBuffer(bytes: [0, 1, 2])) == nil)
    }

    @Test("ENC-05 a denial is fresh for the smaller of its TTL and its minimum, a failure not at all")
    func freshness() {
        let question = Message.question("a.example", Message.a)
        func reply(_ code: UInt8, _ section: Int, _ records: [[UInt8]]) -> ByteBuffer {
            var octets = question
            octets[2] = 0x81
            octets[3] = 0x80 | code
            octets[section + 1] = UInt8(records.count)
            return ByteBuffer(bytes: octets + records.flatMap(\.self))
        }
        func record(_ type: UInt16, ttl: UInt16, _ data: [UInt8]) -> [UInt8] {
            [0xC0, 12] + Message.words([type, 1, 0, ttl, UInt16(data.count)]) + data
        }
        let soa = record(6, ttl: 300, [0, 0] + [UInt8](repeating: 0, count: 16) + [0, 0, 0, 60])
        let addresses = [record(1, ttl: 90, [1, 2, 3, 4]), record(1, ttl: 80, [1, 2, 3, 5])]
        #expect(Freshness.seconds(of: reply(3, 8, [soa])) == 60)
        #expect(Freshness.seconds(of: reply(0, 6, addresses)) == 80)
        #expect(Freshness.seconds(of: reply(2, 6, [])) == 0)
    }

    private func request(_ method: String, _ path: String, _ headers: [String: String]) -> HTTPSRequest {
        HTTPSRequest(
            HTTPRequestHead(
                version: .http1_1,
                method: HTTPMethod(rawValue: method),
                uri: path,
                headers: HTTPHeaders([("host", "x")] + headers.map { ($0.key, $0.value) })
            )
        )
    }
}
