import DNSWire
import IPAddressing
import PacketMemory
import Testing

@testable import DNS64

@Suite("Server cookies, RFC 7873 and RFC 9018")
struct CookieTests {
    /// A secret of RFC 9018 appendix A, written as there.
    private static func key(_ first: UInt64, _ second: UInt64) -> KeyedHash {
        KeyedHash(key0: first.byteSwapped, key1: second.byteSwapped)
    }

    private let jar = CookieJar(secrets: [key(0xE5E9_73E5_A6B2_A43F, 0x48E7_DC84_9E37_BFCF)])
    private let client4 = IPAddress.v4(IPv4Address(198, 51, 100, 100))

    @Test("DNS-32 RFC 9018 appendix A.1: a new cookie")
    func newCookie() {
        let cookie = jar.make(for: 0x2464_C4AB_CF10_C957, client4, at: 0x5CF7_9F11)
        #expect(cookie == CookieJar.Cookie(first: 0x0100_0000_5CF7_9F11, second: 0x1F81_30C3_EEE2_9480))
    }

    @Test("DNS-33 RFC 9018 appendix A.2: a cookie is good and made anew after half an hour")
    func renewedCookie() {
        let old = CookieJar.Cookie(first: 0x0100_0000_5CF7_9F11, second: 0x1F81_30C3_EEE2_9480)
        let found = jar.check(old, of: 0x2464_C4AB_CF10_C957, client4, at: 1_559_734_385)
        #expect(found.isOurs && found.isOld)
        let cookie = jar.make(for: 0x2464_C4AB_CF10_C957, client4, at: 1_559_734_385)
        #expect(cookie == CookieJar.Cookie(first: 0x0100_0000_5CF7_A871, second: 0xD4A5_64A1_442A_CA77))
        #expect(jar.check(old, of: 0x2464_C4AB_CF10_C957, client4, at: 0x5CF7_9F11 + 60) == (true, false))
    }

    @Test("DNS-32 RFC 9018 appendix A.3: reserved octets that are set count in the hash")
    func reservedOctets() {
        let client = IPAddress.v4(IPv4Address(203, 0, 113, 203))
        let cookie = CookieJar.Cookie(first: 0x01AB_CDEF_5CF7_8F71, second: 0xA314_227B_6679_EBF5)
        #expect(jar.check(cookie, of: 0xFC93_FC62_807D_DB86, client, at: 0x5CF7_8F71 + 2000) == (true, true))
        #expect(
            jar.make(for: 0xFC93_FC62_807D_DB86, client, at: 1_559_734_700)
                == CookieJar.Cookie(first: 0x0100_0000_5CF7_A9AC, second: 0xF73A_7810_ACA2_381E)
        )
    }

    @Test("DNS-33 RFC 9018 appendix A.4: an IPv6 client, and a secret that was changed")
    func secondSecret() throws {
        let client = try #require(IPAddress("2001:db8:220:1:59de:d0f4:8769:82b8"))
        let jar = CookieJar(secrets: [
            Self.key(0x4455_36BC_D251_3298, 0x075A_5D37_9663_C962),
            Self.key(0xDD3B_DF93_44B6_78B1, 0x85A6_F5CB_60FC_A715),
        ])
        let old = CookieJar.Cookie(first: 0x0100_0000_5CF7_C579, second: 0x2655_6BD0_934C_72F8)
        #expect(jar.check(old, of: 0x2268_1AB9_7D52_C298, client, at: 1_559_741_961) == (true, true))
        #expect(
            jar.make(for: 0x2268_1AB9_7D52_C298, client, at: 1_559_741_961)
                == CookieJar.Cookie(first: 0x0100_0000_5CF7_C609, second: 0xA6BB_79D1_6625_507A)
        )
    }

    @Test(
        "DNS-33 cookies are good for an hour, may be five minutes ahead, and belong to one client",
        arguments: [(3600, true), (3601, false), (-300, true), (-301, false)]
    )
    func times(later: Int, isGood: Bool) {
        let cookie = jar.make(for: 7, client4, at: 1_000_000)
        let time = UInt32(1_000_000 + later)
        #expect(jar.check(cookie, of: 7, client4, at: time).isOurs == isGood)
        #expect(!jar.check(cookie, of: 8, client4, at: time).isOurs)
        #expect(!jar.check(cookie, of: 7, .v4(IPv4Address(198, 51, 100, 101)), at: time).isOurs)
        #expect(
            !jar.check(CookieJar.Cookie(first: cookie.first, second: cookie.second ^ 1), of: 7, client4, at: time)
                .isOurs
        )
    }

    @Test("DNS-31 a client's cookie is answered with ours, and ours is kept by the client")
    func exchange() throws {
        let bench = Bench(change: { $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)] })
        bench.engine.epoch = 1_500_000_000
        var query = PlainMessage()
        query.questions = [("localhost.", 1, 1)]
        query.opt = (1232, 0, [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
        let first = try PlainMessage(bench.ask(query.octets).reply)
        let option = try #require(first.opt?.data)
        #expect(Array(option.prefix(13)) == [0, 10, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8, 1])
        #expect(option.count == 28)
        #expect(bench.counters[.goodCookies] == 0)
        query.opt?.data = option
        #expect(try PlainMessage(bench.ask(query.octets).reply).opt?.data == option)
        #expect(bench.counters[.goodCookies] == 1)
        // Without one from the client there is none from us.
        query.opt?.data = []
        #expect(try PlainMessage(bench.ask(query.octets).reply).opt?.data == [])
    }

    /// A question whose cookie is the client's alone.
    private func withCookie(_ name: String = "localhost.") -> PlainMessage {
        var query = PlainMessage()
        query.questions = [(name, 1, 1)]
        query.flags = 0x0100
        query.opt = (1232, 0, [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
        return query
    }

    @Test("DNS-31 a client over its rate that sends its own cookie gets BADCOOKIE and ours, and with ours an answer")
    func overRate() throws {
        let bench = Bench(change: {
            $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)]
            $0.questionsPerSecond = 1
        })
        var query = withCookie()
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 0)
        let reply = try PlainMessage(bench.ask(query.octets).reply)
        #expect(reply.code == 23)
        #expect(reply.sections[0].isEmpty && reply.questions.count == 1 && reply.flags & 0x200 == 0)
        let option = try #require(reply.opt?.data)
        #expect(Array(option.prefix(13)) == [0, 10, 0, 24, 1, 2, 3, 4, 5, 6, 7, 8, 1])
        #expect(bench.counters[.badCookies] == 1 && bench.counters[.overRate] == 1)
        // A cookie that is not ours is worth no more than none.
        query.opt?.data = Array(option.dropLast()) + [option[option.count - 1] ^ 1]
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 23)
        query.opt?.data = option
        for _ in 0..<10 { #expect(try PlainMessage(bench.ask(query.octets).reply).code == 0) }
        // Who has never heard of cookies is sent to TCP, where nobody is held to the rate.
        query.opt = nil
        #expect(try PlainMessage(bench.ask(query.octets).reply).flags & 0x200 != 0)
        let connection = Client(address: Bench.client.address, transport: .tcp)
        for _ in 0..<10 {
            let answer = try PlainMessage(bench.ask(withCookie().octets, from: connection).reply)
            #expect(answer.code == 0 && answer.opt?.data.count == 28)
        }
        #expect(bench.counters[.badCookies] == 2)
    }

    @Test("DNS-31 where what is over the rate is dropped, only who has a cookie of ours is answered")
    func dropped() throws {
        let bench = Bench(change: {
            $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)]
            $0.questionsPerSecond = 1
            $0.dropsOverLimit = true
        })
        var query = withCookie()
        let option = try #require(try PlainMessage(bench.ask(query.octets).reply).opt?.data)
        for _ in 0..<3 { #expect(bench.ask(query.octets).outcome == .silence(.overRate)) }
        query.opt?.data = option
        for _ in 0..<3 { #expect(try PlainMessage(bench.ask(query.octets).reply).code == 0) }
    }

    @Test("DNS-31 in a flood the last places are for who has a cookie of ours; who may get one is told so by BADCOOKIE")
    func flood() throws {
        let bench = Bench(change: {
            $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)]
            $0.waitingClients = 16
            $0.clientShare = 100
        })
        for number in 0..<14 {
            let forged = Client(address: .v4(IPv4Address(192, 0, 2, UInt8(number))), transport: .udp)
            #expect(bench.ask(Bench.question("n\(number).example.", 1), from: forged).outcome == .waiting)
        }
        #expect(try PlainMessage(bench.ask(Bench.question("one.example.", 1)).reply).code == 2)
        var query = withCookie("one.example.")
        let reply = try PlainMessage(bench.ask(query.octets).reply)
        #expect(reply.code == 23)
        query.opt?.data = try #require(reply.opt?.data)
        #expect(bench.ask(query.octets).outcome == .waiting)
        let connection = Client(address: Bench.client.address, transport: .tcp)
        #expect(bench.ask(Bench.question("two.example.", 1), from: connection).outcome == .waiting)
        // Then there is no more place for anybody.
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 2)
        #expect(bench.counters[.badCookies] == 1 && bench.counters[.refusedOverload] == 2)
        // What is known needs no place.
        #expect(try PlainMessage(bench.ask(withCookie().octets).reply).code == 0)
    }

    @Test("DNS-31 RFC 7873 section 5.4: without a question a client gets a cookie, and nothing if there are none")
    func cookieAlone() throws {
        let bench = Bench(change: { $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)] })
        var query = withCookie()
        query.questions = []
        let reply = try PlainMessage(bench.ask(query.octets).reply)
        #expect(reply.code == 0 && reply.questions.isEmpty && reply.sections[0].isEmpty)
        #expect(reply.opt?.data.count == 28)
        query.opt?.data = [0, 10, 0, 9] + [UInt8](repeating: 1, count: 9)
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 1)
        query.opt?.data = []
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 1)
        query.opt = nil
        #expect(try PlainMessage(bench.ask(query.octets).reply).code == 1)
        let without = Bench()
        var asking = withCookie()
        asking.questions = []
        #expect(try PlainMessage(without.ask(asking.octets).reply).code == 1)
        let stranger = Client(address: .v4(IPv4Address(198, 51, 100, 1)), transport: .udp)
        #expect(try PlainMessage(bench.ask(asking.octets, from: stranger).reply).code == 5)
    }
}
