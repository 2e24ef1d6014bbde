import DNS64
import IPAddressing
import Testing

@Suite("Padding of questions, RFC 8467")
struct PaddingTests {
    /// The messages with which an engine with one upstream asks for names of growing length.
    private func questions(_ way: UpstreamAddress.Way) -> [[UInt8]] {
        let bench = Bench { settings in
            settings.upstreams = [
                UpstreamAddress(TransportAddress(.v4(IPv4Address(192, 0, 2, 200)), Port(853)), way: way)
            ]
        }
        return (1...60).flatMap { length in
            _ = bench.ask(Bench.question(String(repeating: "a", count: length) + ".example", 1))
            var messages: [[UInt8]] = []
            while let next = bench.next() {
                if case .ask = next.action { messages.append(next.message) }
            }
            return messages
        }
    }

    @Test("ENC-03 questions over TLS have a multiple of 128 octets, those in the clear are not padded")
    func upstream() {
        let (encrypted, clear) = (questions(.tls(name: "dns.example")), questions(.clear))
        #expect(encrypted.count >= 60 && encrypted.allSatisfy { $0.count % 128 == 0 })
        #expect(clear.count >= 60 && clear.contains { $0.count % 128 != 0 })
    }
}
