import Configuration
import Testing

@Suite("[dns64.query-log]")
struct QueryLogReaderTests {
    @Test("F18 every key of the query log is read")
    func everyKey() throws {
        let text = """
            [dns64.query-log]
            to = "/var/log/nat64-appliance/queries.json"
            one-in = 10
            ipv4-length = 24
            ipv6-length = 56
            buffer = "2MiB"
            """
        let log = try configuration(text).queryLog
        #expect(log.destination == .file("/var/log/nat64-appliance/queries.json"))
        #expect([log.oneIn, log.ipv4Length, log.ipv6Length, log.buffer] == [10, 24, 56, 2 << 20])
        #expect(try configuration("[dns64.query-log]\nto = \"stdout\"").queryLog.destination == .standardOutput)
        #expect(try configuration("").queryLog.destination == .nowhere)
    }

    @Test(
        "F18 what is wrong with the query log is told with what would be right",
        arguments: [
            ("to = \"queries.json\"", "is not an absolute path"), ("to = \"stdut\"", "did you mean \"stdout\"?"),
            ("to = \"/var/log/\"", "names a folder"), ("one-in = 0", "is not from 1 to"),
            ("ipv4-length = 33", "is not from 0 to 32"), ("ipv6-length = 129", "is not from 0 to 128"),
            ("buffer = \"1KiB\"", "\"64KiB\" to \"1GiB\""),
        ]
    )
    func complaints(line: String, told: String) {
        let all = problems(of: "[dns64.query-log]\n\(line)")
        #expect(all.count == 1)
        #expect(all.first.map { "\($0)".contains(told) } == true, "\(all)")
    }
}
