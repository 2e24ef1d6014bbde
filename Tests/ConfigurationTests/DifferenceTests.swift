import NAT64
import Testing
import Timing

@testable import Configuration

@Suite("The difference between two configurations")
struct DifferenceTests {
    @Test("there is none between a configuration and itself")
    func noDifference() throws {
        let read = try configuration("[log]\nlevel = \"info\"")
        #expect(read.difference(from: read).changed.isEmpty)
    }

    @Test("changed keys are named, and those that wait for a restart among them")
    func changedKeys() throws {
        let old = try configuration("")
        let new = try configuration(
            "[nat64]\ndevice = \"x\"\nprefixes = [\"2001:db8::/96\"]\n[dns64]\nupstreams = [\"192.0.2.53\"]\nworkers = 2\n[log]\nlevel = \"info\""
        )
        let difference = new.difference(from: old)
        #expect(
            difference.changed == ["dns64.upstreams", "dns64.workers", "log.level", "nat64.device", "nat64.prefixes"]
        )
        #expect(difference.needsRestart == ["dns64.workers", "nat64.device"])
    }

    @Test("another pool and other ports need no restart, and a reload takes them over")
    func poolAtOnce() throws {
        let old = try configuration("")
        let new = try configuration("[nat64]\npool = [\"192.0.2.1\"]\nports = \"2000-3000\"\nport-overloading = true")
        let difference = new.difference(from: old)
        #expect(difference.changed == ["nat64.pool", "nat64.port-overloading", "nat64.ports"])
        #expect(difference.needsRestart == ["nat64.port-overloading"])
        #expect(new.keepingUntilRestart(old).pool == new.pool)
        #expect(!new.keepingUntilRestart(old).nat64.overloadsPorts)
    }

    @Test("another time to drain needs no restart, another limit of sessions does")
    func drainTimeAtOnce() throws {
        let old = try configuration("[nat64]\ndrain-time = 350")
        let new = try configuration("[nat64]\ndrain-time = \"30s\"\n[nat64.limits]\nsessions-per-binding = 10")
        let difference = new.difference(from: old)
        #expect(difference.changed == ["nat64.drain-time", "nat64.limits.sessions-per-binding"])
        #expect(difference.needsRestart == ["nat64.limits.sessions-per-binding"])
        #expect(new.keepingUntilRestart(old).drainTime == .seconds(30))
        #expect(new.keepingUntilRestart(old).nat64.limits.sessionsPerBinding == 0)
    }

    @Test("every key that exists is compared")
    func everyKeyIsCompared() {
        let known = Vocabulary.keys.flatMap { name, keys in keys.map { name.isEmpty ? $0 : "\(name).\($0)" } }
        // Tables are compared key by key; a view, and filtering by protocol, as a whole; unsafe-short means nothing alone.
        let whole: Set = [
            "nat64.map", "nat64.static", "nat64.deterministic", "dns64.rule", "dns64.local", "dns64.filter",
        ]
        let apart =
            known.filter { key in whole.contains { key.hasPrefix($0 + ".") } }
            + known.filter {
                Vocabulary.keys[$0] != nil && $0 != "dns64.view" && !whole.contains($0) && $0 != "nat64.filtering"
                    || $0.hasPrefix("dns64.view.") || $0.hasPrefix("nat64.filtering.")
                    || $0 == "nat64.lifetimes.unsafe-short"
            }
        #expect(Set(ValidatedConfiguration.keys.map(\.key)) == Set(known).subtracting(apart))
    }

    @Test(
        "two configurations that agree on every key are equal",
        arguments: [
            "[nat64]\ndevice = \"x\"", "[nat64]\npool = [\"192.0.2.1\"]", "[nat64]\nports = \"2000-3000\"",
            "[nat64]\nworkers = 2", "[nat64]\nport-overloading = true", "[nat64]\nport-block-size = 64",
            "[nat64.limits]\nport-blocks-per-client = 3", "[nat64.limits]\nports-for-new-clients = 5",
            "[nat64]\ndrain-time = 30", "[nat64.limits]\nsessions-per-binding = 10",
            "[nat64]\nfiltering = \"endpoint-independent\"", "[nat64]\nmtu = 1400", "[nat64.lifetimes]\nfragment = 3",
            "[nat64.limits]\nbindings = 4096", "[nat64]\nicmp-errors-per-second = 3",
            "[[nat64.map]]\nipv4 = \"8.8.8.8\"\nprefix = \"64:ff9b::/96\"",
            "[[nat64.static]]\nprotocol = \"tcp\"\nipv4 = \"192.0.2.1\"\nipv4-port = 1\nipv6 = \"2001:db8::5\"",
            "[nat64.lifetimes]\nshort-after-reset = true", "[nat64]\nicmp-error-source = \"destination\"",
            "[nat64.lifetimes]\ntcp-opening = 300", "[clients]\nallow = [\"::/0\"]",
            "[destinations]\nrefuse = [\"8.8.8.8\"]", "[dns64]\nlisten = [\"127.0.0.1\"]",
            "[dns64]\nsynthesize = false",
            "[dns64]\nupstreams = [\"192.0.2.53\"]", "[[dns64.view]]\nclients = [\"::/0\"]\nsynthesize = false",
            "[dns64]\nexclude-domains = [\"a\"]",
            "[[dns64.view]]\nclients = [\"::/0\"]\nsynthesize = true\nexclude-domains = [\"a\"]",
            "[[dns64.view]]\nclients = [\"::/0\"]\nsynthesize = true\n[[dns64.view.rule]]\ndomain = \"a\"\nupstreams = \"local\"",
            "[control]\ngroup = \"adm\"", "[dns64]\nserve-stale = true", "[dns64]\nprefetch = true",
            "[dns64]\ndiscovery-ttl = \"5m\"", "[dns64]\nbreak-dnssec = true",
            "[dns64]\ncookies = false", "[dns64]\nrandom-case = true", "[dns64]\npoll-before-sleep = 0",
            "[nat64]\npoll-before-sleep = 20", "[nat64]\nkeep-cpus-awake = true",
            "[dns64]\ncookie-secrets = [\"00112233445566778899aabbccddeeff\"]", "[dns64.limits]\nclient-share = 30",
            "[dns64.limits]\nquestions-per-second = 30", "[dns64.limits]\nover-limit = \"drop\"",
            "[dns64.limits]\nconnections = 10", "[dns64.limits]\nconnections-per-client = 2",
            "[dns64.limits]\nquestions-per-connection = 3", "[dns64.limits]\nconnection-idle = \"20s\"",
            "[dns64.query-log]\nto = \"stdout\"", "[dns64.query-log]\none-in = 2",
            "[dns64.query-log]\nbuffer = \"64KiB\"",
            "[dns64.query-log]\nipv4-length = 24", "[dns64.query-log]\nipv6-length = 64",
            "[dns64.limits]\nhandshake = 3", "[dns64]\nrecursion-memory = \"64MiB\"",
            "[dns64.limits]\nclient-length = 56", "[[dns64.rule]]\ndomain = \"x\"\nupstreams = \"block\"",
            "[[dns64.local]]\nname = \"x\"\ntype = \"A\"\ndata = \"10.0.0.1\"",
            "[[dns64.filter]]\nname = \"x\"\naction = \"nodata\"",
            "[[dns64.filter]]\naddress = \"10.0.0.0/8\"\naction = \"nodata\"",
        ]
    )
    func differenceIsComplete(text: String) throws {
        let changed = try configuration(text)
        #expect(changed != ValidatedConfiguration())
        #expect(changed.difference(from: ValidatedConfiguration()).changed.count == 1)
    }
}
