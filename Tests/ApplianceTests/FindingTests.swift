import ControlAPI
import Logging
import TestNamespace
import Testing

@testable import Appliance
@testable import Configuration

@Suite("What is wrong with a machine's network, and what to do")
struct FindingTests {
    /// The problem that a finding of this code tells, if there is one.
    private func problem(_ code: String, _ stage: Stage) throws -> String? {
        try stage.status().findings.first { $0.code == code }?.problem
    }

    @Test(
        "a prefix that a link's hosts take for their own network, and one over such a network, are told",
        arguments: [
            ("fd06:9:0:0:64::/96", "The translation prefix fd06:9:0:0:64::/96 lies in fd06:9::/64"),
            ("fd06:9::/48", "fd06:9::/64, a network on a link of this machine, lies under the translation prefix"),
            ("fd06:8::/96", nil),
        ] as [(String, String?)]
    )
    func prefixOnLink(prefix: String, words: String?) async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            try run(
                "ip link add lan type veth peer name far && ip link set far up && ip link set lan up && ip addr add fd06:9::1/64 dev lan nodad"
            )
            let folder = Folder()
            let pool = "pool = [\"198.18.7.0/29\"]\nprefixes = [\"\(prefix)\"]"
            try folder.write(Stage.configuration(folder, pool: pool), to: "appliance.toml")
            try withAppliance(folder) { (stage: Stage) throws in
                guard let words else {
                    #expect(try problem("prefix-on-link", stage) == nil)
                    return
                }
                #expect(try eventually { try problem("prefix-on-link", stage)?.hasPrefix(words) ?? false })
                let finding = try stage.status().findings.first { $0.code == "prefix-on-link" }
                #expect(finding?.severity == .warning)
            }
        }
    }

    @Test("an upstream that is this resolver itself is named")
    func upstreamIsOurselves() async throws {
        try await inNamespace {
            let upstream = try setTheStage()
            defer { upstream.stop() }
            let folder = Folder()
            let text = Stage.configuration(folder)
            try folder.write(
                text.replacing("\"[fd06::53]:5300\"", with: "\"auto\"").replacing("127.0.0.101:5300", with: "fd06::53"),
                to: "appliance.toml"
            )
            try withAppliance(folder) { (stage: Stage) throws in
                #expect(
                    try problem("upstream-ourselves", stage)
                        == "[fd06::53]:53 is no upstream to ask: it is this resolver itself."
                )
                #expect(try problem("no-upstream", stage) != nil)
            }
        }
    }

    @Test("IPv6 that is switched off on every link is named with its setting")
    func withoutIPv6() async throws {
        try await onStage { (stage: Stage) throws in
            #expect(try problem("ipv6-disabled", stage) == nil)
            try run("echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
            #expect(try problem("ipv6-disabled", stage)?.hasPrefix("net.ipv6.conf.all.disable_ipv6 is 1") ?? false)
        }
    }

    @Test("a device that is another interface of the machine is a wrong configuration, and nothing is done to it")
    func deviceIsTaken() async throws {
        try await inNamespace {
            try run(
                "ip link add wan type veth peer name far && ip link set far up && ip link set wan up && ip addr add 192.0.2.2/24 dev wan"
            )
            let before = try everything()
            let folder = Folder()
            let pool = "pool = [\"198.18.7.0/29\"]\ndevice = \"wan\""
            try folder.write(Stage.configuration(folder, pool: pool), to: "appliance.toml")
            let failure = try #require(throws: StartFailure.self) {
                _ = try Appliance(
                    configuration: try Configuration.load(path: folder.path + "/appliance.toml"),
                    file: folder.path + "/appliance.toml",
                    log: LogBook().logger,
                    logThreshold: LogThreshold()
                )
            }
            #expect(failure.code == 78)
            #expect(failure.report.hasPrefix("nat64.device: wan is an interface of this machine already"))
            #expect(try everything() == before)
        }
    }
}
