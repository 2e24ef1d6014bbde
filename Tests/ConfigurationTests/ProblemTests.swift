import Testing

@testable import Configuration

/// A file and every line that is told about it.
struct BadFile: CustomTestStringConvertible, Sendable {
    let title: String
    let text: String
    let told: [String]

    init(_ title: String, _ text: String, _ told: String...) {
        self.title = title
        self.text = text
        self.told = told
    }

    var testDescription: String { title }
}

@Suite("Problems of a configuration file")
struct ProblemTests {
    @Test(
        "are told with line, column, key, what was found, what is wrong and what would be right",
        arguments: BadFile.all
    )
    func areTold(file: BadFile) {
        #expect(problems(of: file.text) == file.told)
    }

    @Test(
        "ADR-01 prefixes of other lengths than RFC 6052 section 2.2 knows are refused by name",
        arguments: [0, 33, 44, 63, 65, 72, 80, 95, 97, 128]
    )
    func otherLengthsAreRefused(length: Int) {
        let prefix = IPPrefixText.zeroBased("2001:db8::", length)
        let told = problems(of: "[nat64]\nprefixes = [\"\(prefix)\"]")
        #expect(
            told == [
                "a.toml:2:13: nat64.prefixes: \"\(prefix)\" has length \(length); RFC 6052 section 2.2 allows /32, /40, /48, /56, /64 and /96"
            ]
        )
    }

    @Test("ADR-02 the well-known prefix is refused at any length but 96", arguments: [32, 40, 48, 56, 64])
    func wellKnownAtOtherLengthIsRefused(length: Int) {
        let told = problems(of: "[nat64]\nprefixes = [\"64:ff9b::/\(length)\"]")
        #expect(
            told == [
                "a.toml:2:13: nat64.prefixes: \"64:ff9b::/\(length)\" is the well-known prefix at another length; "
                    + "RFC 6052 section 2.1 knows \"64:ff9b::/96\" only"
            ]
        )
    }

    @Test(
        "PFX-11 a prefix in which hosts would discover another one is refused, whichever of the two addresses it holds"
    )
    func discoveryAddressInPrefixIsRefused() {
        for (text, address) in [("c000:aa", "192.0.0.170"), ("c000:ab", "192.0.0.171")] {
            let told = problems(of: "[nat64]\nprefixes = [\"2001:db8:\(text)::/96\"]")
            #expect(told.count == 1 && told.allSatisfy { $0.contains("has the octets of \(address)") }, "\(told)")
        }
        #expect(problems(of: "[nat64]\nprefixes = [\"2001:db8:c000:ac::/96\"]").isEmpty)
    }

    @Test("PFX-13 the pool may not have 192.0.0.170 or 192.0.0.171")
    func discoveryAddressesAreNobodys() {
        for address in ["192.0.0.170", "192.0.0.171", "192.0.0.160/27"] {
            let told = problems(of: "[nat64]\npool = [\"\(address)\"]")
            #expect(told.count == 1 && told.allSatisfy { $0.contains("RFC 7050") }, "\(address): \(told)")
        }
    }

    @Test("ADR-05 a /96 prefix with bits 64 to 71 set is refused, and the one that would be right is named")
    func octet8IsRefused() {
        #expect(
            problems(of: "[nat64]\nprefixes = [\"2001:db8:122:344:100::/96\"]") == [
                "a.toml:2:13: nat64.prefixes: \"2001:db8:122:344:100::/96\" has bits 64 to 71 set, "
                    + "which RFC 6052 section 2.2 wants to be zero; \"2001:db8:122:344::/96\" would be right"
            ]
        )
    }

    @Test(
        "TCP-19, NAT-20 lifetimes below those of RFC 6146 section 4 are refused",
        arguments: [
            ("udp", "119", "120", "UDP_MIN"), ("icmp", "\"59s\"", "60", "ICMP_DEFAULT"),
            ("tcp-established", "7199", "7200", "TCP_EST"), ("tcp-transitory", "\"3m59s\"", "240", "TCP_TRANS"),
            ("tcp-incoming-syn", "5", "6", "TCP_INCOMING_SYN"), ("fragment", "1", "2", "FRAGMENT_MIN"),
        ]
    )
    func shortLifetimesAreRefused(key: String, value: String, least: String, name: String) {
        let column = key.utf8.count + 4
        #expect(
            problems(of: "[nat64.lifetimes]\n\(key) = \(value)") == [
                "a.toml:2:\(column): nat64.lifetimes.\(key): \(value) is shorter than \(least) seconds, the least "
                    + "RFC 6146 section 4 (\(name)) allows; write \(least) or more, or set unsafe-short = true in a laboratory"
            ]
        )
        #expect(problems(of: "[nat64.lifetimes]\n\(key) = \(value)\nunsafe-short = true") == [])
        #expect(problems(of: "[nat64.lifetimes]\n\(key) = \(least)") == [])
    }

    @Test("X46-14 a lowest IPv6 MTU below 1280 is refused")
    func lowMTUIsRefused() {
        #expect(
            problems(of: "[nat64]\nlowest-ipv6-mtu = 1279") == [
                "a.toml:2:19: nat64.lowest-ipv6-mtu: 1279 is not from 1280 to 65535, "
                    + "and RFC 7915 section 4 allows nothing below 1280"
            ]
        )
    }

    @Test("octets that are not UTF-8, and NUL, are told with their place")
    func encodingIsChecked() {
        func told(_ octets: [UInt8]) -> [String] {
            do throws(ConfigurationProblems) {
                _ = try Configuration.check(octets: octets, name: "a.toml")
                return []
            } catch {
                return error.problems.map(\.description)
            }
        }
        let message = "is not text in UTF-8 from here on; a configuration is a TOML file in UTF-8 without NUL"
        #expect(told(Array("# gr\u{FC}n\n# ".utf8) + [0xFF]) == ["a.toml:2:3: \(message)"])
        #expect(told(Array("a = \"x".utf8) + [0] + Array("\"".utf8)) == ["a.toml:1:7: \(message)"])
        #expect(told([0xEF, 0xBB, 0xBF] + Array("[log]\nlevel = \"info\"\n".utf8)) == [])
        #expect(
            told([UInt8](repeating: UInt8(ascii: "\n"), count: Configuration.largestFile + 1)) == [
                "a.toml: is larger than 4 MiB, which no configuration needs"
            ]
        )
    }

    @Test("what is quoted cannot break a line or a terminal")
    func quotationsAreSafe() {
        let told = problems(of: "[log]\nlevel = \"\\u001B[31m\\n\\u202E\(String(repeating: "x", count: 100))\"")
        #expect(told.count == 1)
        #expect(told.first?.hasPrefix("a.toml:2:9: log.level: \"\\u{1b}[31m\\u{a}\\u{202e}xxx") == true)
        #expect(told.first?.contains("…\" is not one of") == true)
        #expect(
            problems(of: "\"a\\u001Bb\" = 1") == [
                "a.toml:1:1: \"a\\u{1b}b\": no such key; the tables are \(Self.tables)"
            ]
        )
    }

    private static let tables = "[nat64], [clients], [destinations], [dns64], [control], [state], [log]"

    @Test("beyond a thousand are only counted")
    func endlessProblemsAreCounted() {
        let told = problems(of: (1...1200).map { "x\($0)x = 1\n" }.joined())
        #expect(told.count == 1001)
        #expect(told.last == "a.toml:1001:1: and 200 more problems from here on")
    }

    @Test(
        "a misspelt word is recognized",
        arguments: [
            ("prefx", "prefixes"), ("Prefixes", "prefixes"), ("lowest_ipv6_mtu", "lowest-ipv6-mtu"), ("pools", "pool"),
            ("devise", "device"), ("worker", "workers"), ("wokrers", "workers"), ("lifetime", "lifetimes"),
        ]
    )
    func misspeltWordIsRecognized(wrong: String, right: String) {
        #expect(
            problems(of: "[nat64]\n\(wrong) = 1") == [
                "a.toml:2:1: nat64.\(wrong): no such key; did you mean \"\(right)\"?"
            ]
        )
    }

    @Test(
        "keys of parts that do not exist yet are refused like any unknown key",
        arguments: ["[health]\nprobe = true"]
    )
    func laterKeysAreRefused(text: String) {
        let told = problems(of: text)
        #expect(told.count == 1)
        #expect(told.first?.contains("no such ") == true)
        #expect(told.first?.contains("did you mean") == false)
    }
}

/// Makes texts of prefixes without set bits past their length.
enum IPPrefixText {
    static func zeroBased(_ address: String, _ length: Int) -> String {
        length == 0 ? "::/0" : length < 32 ? "2000::/\(length)" : "\(address)/\(length)"
    }
}
