import NAT64
import Testing

@testable import Configuration

@Suite("Blocks of ports in the configuration")
struct PortBlockReaderTests {
    @Test("LOG-08 the size is a power of two from 64 to 4096, and off by default", arguments: [0, 64, 512, 4096])
    func sizes(_ size: Int) throws {
        #expect(try configuration("").nat64.portBlockSize == 0)
        #expect(try configuration("[nat64]\nport-block-size = \(size)").nat64.portBlockSize == size)
    }

    @Test(
        "LOG-08 what is no size, or does not go together, is refused where it stands",
        arguments: [
            ("[nat64]\nport-block-size = 63", "a.toml:2:19: nat64.port-block-size: 63 is neither 0 nor a power of two"),
            ("[nat64]\nport-block-size = 96", "96 is neither 0 nor a power of two from 64 to 4096"),
            ("[nat64]\nport-block-size = 8192", "8192 is not from 0 to 4096"),
            ("[nat64]\nport-overloading = true\nport-block-size = 64", "does not go with port-overloading"),
            ("[nat64.limits]\nport-blocks-per-client = 0", "0 is not from 1 to 1024"),
        ]
    )
    func refusals(_ text: String, _ message: String) {
        #expect(problems(of: text).contains { "\($0)".contains(message) }, "\(problems(of: text))")
    }

    @Test("a change of the size waits for a restart")
    func restart() throws {
        let (old, new) = (try configuration(""), try configuration("[nat64]\nport-block-size = 64"))
        #expect(new.difference(from: old).needsRestart == ["nat64.port-block-size"])
        #expect(new.keepingUntilRestart(old).nat64.portBlockSize == 0)
    }
}
