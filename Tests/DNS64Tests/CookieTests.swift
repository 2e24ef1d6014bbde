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

    @Test("a cookie of ours frees a client from the limit of its network")
    func rate() throws {
        let bench = Bench(change: {
            $0.cookieSecrets = [KeyedHash(key0: 1, key1: 2)]
            $0.questionsPerSecond = 1
        })
        var query = PlainMessage()
        query.questions = [("localhost.", 1, 1)]
        query.opt = (1232, 0, [0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8])
        let option = try #require(try PlainMessage(bench.ask(query.octets).reply).opt?.data)
        #expect(try PlainMessage(bench.ask(query.octets).reply).flags & 0x200 != 0)
        query.opt?.data = option
        for _ in 0..<10 { #expect(try PlainMessage(bench.ask(query.octets).reply).flags & 0x200 == 0) }
    }
}
