import DNS64
import Linux
import NIOCore
import PacketMemory
import Policy
import TestNamespace
import Testing
import Timing

@testable import Resolver

@Suite("Sockets to upstreams, from inside a worker")
struct UpstreamSocketTests {
    /// Puts a question for 127.0.0.1 at the front of a worker's message buffer; its count of octets.
    private func write(_ name: String, identifier: UInt16, to worker: inout Worker) -> Int {
        let octets = Message.question(name, Message.a, id: identifier)
        var memory = worker.message.mutableOctets
        for (index, octet) in octets.enumerated() { memory.store(octet, at: index) }
        return octets.count
    }

    /// The names of the questions that have come to a socket, once there are so many.
    private func arrived(_ count: Int = 0, at socket: borrowing UDPSocket) throws -> [String] {
        var names: [String] = []
        while DescriptorIO.waitReadable(socket.number, atMost: names.count < count ? failurePatience : .zero) {
            guard let message = try hear(socket).flatMap({ Message($0) }) else { break }
            names.append(message.name)
        }
        return names
    }

    @Test("DNS-18 a question whose socket was closed before it left is not sent by the socket that got its number")
    func identity() async throws {
        try await inNamespace {
            let first = try UDPSocket(listeningOn: endpoint("127.0.0.101:53"))
            let second = try UDPSocket(listeningOn: endpoint("127.0.0.102:53"))
            let settings = settings(upstreams: ["127.0.0.101:53", "127.0.0.102:53"])
            let port = try WorkerPort(number: 0)
            let policies = PolicyInForce(policy())
            let secret = SystemRandom.secret()
            let door = TCPDoor(limits: settings.tcp, certificate: ServerCertificate(), dropsPrivileges: false) { _ in }
            defer { door.stop() }
            var worker = Worker(
                port: port,
                peers: [port],
                cache: AnswerCache(size: settings.dns64.cacheSize, secret: secret),
                policies: policies,
                connections: door,
                encrypted: EncryptedUpstreams(
                    on: door.loop,
                    routes: [],
                    authorities: UpstreamAuthorities(),
                    report: { _ in }
                ),
                queryLog: try QueryLog(pages: [], policies: policies, dropsPrivileges: false, report: { _ in }),
                settings: EngineSettings(
                    settings,
                    UpstreamChoice(settings, listening: []),
                    designated: [],
                    workers: 1,
                    cookieSecret: secret,
                    after: nil
                ),
                sockets: 64,
                poll: .always(.zero)
            )
            try worker.seal(ExchangeID(0), 0, write("closed.test", identifier: 1, to: &worker))
            let number = worker.questionsPort
            worker.exchanges.ports.retire(number)
            worker.exchanges.remove(ExchangeID(0))
            #expect(worker.exchanges.ports[number] == nil)
            #expect(try worker.exchanges.ports.open(1, worker.routes[1], at: worker.now) == number)
            worker.post()
            #expect(try arrived(at: first) == [] && arrived(at: second) == [])

            // What is sealed later leaves, to whom it is for.
            for (route, name) in [(0, "one.test"), (1, "two.test")] {
                try worker.seal(ExchangeID(UInt64(route + 1)), route, write(name, identifier: 2, to: &worker))
            }
            worker.post()
            #expect(try arrived(1, at: first) == ["one.test"])
            #expect(try arrived(1, at: second) == ["two.test"])
        }
    }
}

@Suite("Questions on a connection to an upstream over TLS")
struct UnansweredQuestionsTests {
    @Test("those that an upstream leaves unanswered are forgotten when nobody waits for them any more")
    func oldOnesAreForgotten() throws {
        let port = try WorkerPort(number: 0)
        var unanswered = UnansweredQuestions()
        let start = NIODeadline.uptimeNanoseconds(0)
        for second in 0..<100 as Range<Int64> {
            let now = start + .seconds(second)
            unanswered.forgetOld(at: now)
            for number in 0..<2 as Range<UInt16> {
                let exchange = ExchangeID(UInt64(second) * 2 + UInt64(number))
                let question = EncryptedQuestion(port: port, era: 0, exchange: exchange, message: ByteBuffer())
                let own = unanswered.insert(question, 7, at: now)
                guard number == 0 else { continue }
                let found = unanswered.remove(own)
                let asked = try #require(found)
                #expect(asked.question.exchange == exchange && asked.identifier == 7)
            }
            #expect(unanswered.count <= 10)
        }
        #expect(unanswered.oldest == start + .seconds(90))
        #expect(Set(unanswered.questions.map(\.exchange)).count == 10)
    }
}
