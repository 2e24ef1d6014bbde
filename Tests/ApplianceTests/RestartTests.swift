import Configuration
import DNS64
import Glibc
import IPAddressing
import Linux
import NAT64
import Resolver
import Testing
import Timing

@testable import Appliance

@Suite("What waits for a restart")
struct RestartTests {
    /// Every key has another value than its default.
    private static let everythingChanged = """
        [nat64]
        device = "other"
        prefixes = ["2001:db8:64::/96"]
        pool = ["198.18.7.0/29"]
        ports = "2048-4095"
        workers = 3
        filtering = "endpoint-independent"
        connections-from-outside = false
        lowest-ipv6-mtu = 1400
        mtu = 1600
        clamp-segment-size = false
        traffic-class = 8
        udp-zero-checksum = "drop"
        icmp-errors-per-second = 7
        port-hold-down = "1s"
        [nat64.lifetimes]
        udp = "6m"
        icmp = "61s"
        tcp-established = "3h"
        tcp-transitory = "241s"
        tcp-incoming-syn = "7s"
        fragment = "3s"
        [nat64.limits]
        client-length = 56
        sessions-per-client = 9
        sessions-per-binding = 9
        ports-per-client = 9
        new-bindings-per-second = 9
        spill-to-other-addresses = false
        bindings = 8192
        further-sessions = 8192
        [clients]
        allow = ["2001:db8:6::/48"]
        [destinations]
        allow = ["10.0.0.0/8"]
        refuse = ["192.0.2.0/24"]
        [dns64]
        listen = ["[2001:db8:6::1]:53"]
        upstreams = ["192.0.2.53"]
        synthesize = false
        synthesize-over-ipv4 = false
        exclude-aaaa = ["2001:db8:9::/48"]
        cache-size = "2MiB"
        workers = 3
        poll-before-sleep = 3
        [[dns64.view]]
        clients = ["2001:db8:6:2::/64"]
        synthesize = true
        [control]
        socket = "/run/other.sock"
        group = "adm"
        [state]
        directory = "/var/lib/other"
        [log]
        level = "debug"
        """

    @Test("at a reload every key is either taken over or named as waiting for a restart, and none is both or neither")
    func keeping() throws {
        let old = ValidatedConfiguration()
        let fresh = try Configuration.check(text: Self.everythingChanged, name: "a.toml")
        let difference = fresh.difference(from: old)
        #expect(difference.changed.count >= 40)
        #expect(difference.needsRestart.count > 20)
        let kept = fresh.keepingUntilRestart(old)
        let taken = Set(difference.changed).subtracting(difference.needsRestart)
        #expect(Set(kept.difference(from: old).changed) == taken)
        #expect(Set(kept.difference(from: fresh).changed) == Set(difference.needsRestart))
    }

    @Test("what the resolver is told at a reload is the configuration's, whoever its upstreams are")
    func resolverSettings() throws {
        let fresh = try Configuration.check(text: Self.everythingChanged, name: "a.toml")
        let settings = fresh.resolverSettings
        #expect(settings.dropsPrivileges && !settings.usesSystemUpstreams)
        #expect(settings.dns64.upstreams.map(\.description) == ["192.0.2.53:53"])
        #expect(settings.listen.map(\.description) == ["[2001:db8:6::1]:53"])
        #expect(settings.workers == 3 && settings.dns64.cacheSize == 2 << 20)
        #expect(settings.pollBeforeSleep == .always(Moment.Span(nanoseconds: 3_000)))
        #expect(ValidatedConfiguration().resolverSettings.usesSystemUpstreams)
        #expect(ValidatedConfiguration().resolverSettings.workers == 0, "as many as there are CPUs")
    }
}
