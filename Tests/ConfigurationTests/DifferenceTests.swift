import Testing

@testable import Configuration

@Suite("The difference between two configurations")
struct DifferenceTests {
    @Test("there is none between a configuration and itself")
    func noDifference() throws {
        let read = try configuration("[log]\nlevel = \"info\"")
        #expect(read.difference(from: read).isEmpty)
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

    @Test("every key that exists is compared")
    func everyKeyIsCompared() {
        let known = Vocabulary.keys.flatMap { name, keys in keys.map { name.isEmpty ? $0 : "\(name).\($0)" } }
        // Tables are compared key by key; a view, and filtering by protocol, as a whole; unsafe-short means nothing alone.
        let apart = known.filter {
            Vocabulary.keys[$0] != nil && $0 != "dns64.view" && $0 != "nat64.filtering"
                || $0.hasPrefix("dns64.view.") || $0.hasPrefix("nat64.filtering.")
                || $0 == "nat64.lifetimes.unsafe-short"
        }
        #expect(Set(ValidatedConfiguration.keys.map(\.key)) == Set(known).subtracting(apart))
    }

    @Test(
        "two configurations that agree on every key are equal",
        arguments: [
            "[nat64]\ndevice = \"x\"", "[nat64]\npool = [\"192.0.2.1\"]", "[nat64]\nports = \"2000-3000\"",
            "[nat64]\nworkers = 2",
            "[nat64]\nfiltering = \"endpoint-independent\"", "[nat64]\nmtu = 1400", "[nat64.lifetimes]\nfragment = 3",
            "[nat64.limits]\nbindings = 4096", "[nat64]\nicmp-errors-per-second = 3", "[clients]\nallow = [\"::/0\"]",
            "[destinations]\nrefuse = [\"8.8.8.8\"]", "[dns64]\nlisten = [\"127.0.0.1\"]",
            "[dns64]\nsynthesize = false",
            "[dns64]\nupstreams = [\"192.0.2.53\"]", "[[dns64.view]]\nclients = [\"::/0\"]\nsynthesize = false",
            "[control]\ngroup = \"adm\"",
        ]
    )
    func differenceIsComplete(text: String) throws {
        let changed = try configuration(text)
        #expect(changed != ValidatedConfiguration())
        #expect(changed.difference(from: ValidatedConfiguration()).changed.count == 1)
    }
}
