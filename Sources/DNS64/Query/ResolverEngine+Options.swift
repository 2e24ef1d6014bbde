import DNSWire
import PacketMemory
import Timing

/// The options of a client's OPT record.
extension ResolverEngine {
    /// Reads what the client's OPT record asks of the answer's.
    ///
    /// - Returns: Whether a cookie of ours proves that the client is where it says.
    @inline(__always)
    mutating func readOptions(
        _ query: inout ClientQuery,
        _ message: borrowing RawSpan,
        _ transport: Client.Transport,
        at now: Moment
    ) -> Bool {
        guard let edns = query.edns else { return false }
        query.isPadded = transport.isEncrypted && edns.wantsPadding
        if transport == .tcp || transport == .tls, edns.wantsKeepalive {
            query.options.keepalive = UInt16(clamping: settings.connectionIdle.milliseconds / 100)
        }
        guard edns.cookieCount > 0, settings.cookies, !cookies.isEmpty else { return false }
        return readCookie(&query, message, edns, at: now)
    }

    /// RFC 7873 section 5.2: a client that has a cookie of ours keeps it until it is old; every other gets a new one.
    @inline(never)
    mutating func readCookie(
        _ query: inout ClientQuery,
        _ message: borrowing RawSpan,
        _ edns: EDNS,
        at now: Moment
    ) -> Bool {
        let time = UInt32(truncatingIfNeeded: epoch &+ now.seconds)
        let client = message.uint64(at: edns.cookie)
        var cookie = CookieJar.Cookie(first: 0, second: 0)
        var isOurs = false
        var isOld = true
        if edns.cookieCount == 24 {
            cookie.first = message.uint64(at: edns.cookie + 8)
            cookie.second = message.uint64(at: edns.cookie + 16)
            (isOurs, isOld) = cookies.check(cookie, of: client, query.client, at: time)
        }
        if isOurs { counters.add(.goodCookies) }
        if isOld { cookie = cookies.make(for: client, query.client, at: time) }
        query.options.cookie = (client, cookie.first, cookie.second)
        return isOurs
    }
}
