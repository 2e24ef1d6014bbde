import IPAddressing
import NAT64
import Policy
import Testing

@Suite("One Policy in both halves")
struct OnePolicyTests {
    /// What went wrong, a line each; the first few tell enough.
    private struct Violations {
        var lines: [String] = []
        mutating func add(_ line: @autoclosure () -> String) { if lines.count < 5 { lines.append(line()) } }
    }

    @Test("ADR-09 F02-T9 D64-15 for thousands of A records NAT64 translates what DNS64 hands out, and nothing else")
    func handedOutIsTranslated() {
        var random = RandomNumbers(state: 6147)
        var violations = Violations()
        var (translated, refused, unserved, unsynthesized) = (0, 0, 0, 0)
        var halves = Halves(random.policy(0))
        for round in 1...80 {
            let policy = random.policy(UInt64(round))
            halves.adopt(policy)
            for number in 0..<40 {
                let records = random.records()
                let client = known(RandomNumbers.clients.randomElement(using: &random))
                let answer = halves.ask("r\(round)-\(number)", with: records, from: .v6(client), policy)
                guard policy.clients.admits(.v6(client)) else {
                    unserved += 1
                    if answer != .refused { violations.add("\(client) is not served, but gets \(answer)") }
                    continue
                }
                guard case .addresses(let handedOut) = answer else {
                    violations.add("\(client) asks for \(records) and gets \(answer)")
                    continue
                }
                let synthesizes = policy.synthesizes(policy.treatment(of: .v6(client)), for: .v6(client))
                if !synthesizes { unsynthesized += 1 }
                // Every address that could stand for a record, in the order in which they are to be handed out.
                var right: [IPv6Address] = []
                for record in records {
                    for prefix in policy.prefixes {
                        let address = prefix.embed(record)
                        switch halves.send(from: client, to: address) {
                        case .translated(to: record):
                            translated += 1
                            if synthesizes { right.append(address) }
                        case .refused(.destinationRefused): refused += 1
                        case let passage: violations.add("\(record) under \(prefix): \(passage)")
                        }
                    }
                }
                if handedOut != right {
                    violations.add("\(records) under \(policy.prefixes): \(handedOut) instead of \(right)")
                }
            }
        }
        #expect(violations.lines == [])
        // The run is worth nothing if one of the cases hardly happens.
        #expect(translated > 1_000 && refused > 1_000 && unserved > 500 && unsynthesized > 100)
    }

    @Test("ADR-09 a client that DNS64 refuses is refused by NAT64, and every other is served by both")
    func clients() {
        var random = RandomNumbers(state: 8215)
        var violations = Violations()
        var halves = Halves(random.policy(0))
        let record = IPv4Address(5, 6, 7, 8)
        var served = [0, 0]
        for round in 1...200 {
            let policy = Policy(
                generation: UInt64(round),
                prefixes: [.wellKnown],
                clients: random.policy(0).clients,
                destinations: DestinationRules(),
                views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
            )
            halves.adopt(policy)
            for client in RandomNumbers.clients {
                let answer = halves.ask("one-name", with: [record], from: .v6(client), policy)
                let passage = halves.send(from: client, to: TranslationPrefix.wellKnown.embed(record))
                switch (answer, passage) {
                case (.refused, .refused(.clientRefused)): served[0] += 1
                case (.addresses([TranslationPrefix.wellKnown.embed(record)]), .translated(to: record)): served[1] += 1
                default: violations.add("\(client) of \(policy.clients.networks): \(answer), \(passage)")
                }
            }
        }
        #expect(violations.lines == [])
        #expect(served[0] > 200 && served[1] > 200)
    }

    /// The order in which the composition root puts another Policy in force, as far as the halves can tell.
    private enum Step: CaseIterable {
        case before, narrowed, translatorChanged, after
    }

    @Test("ADR-09 while one Policy takes the place of another, no answer leads to an address that NAT64 drops")
    func whilePolicyChanges() {
        var random = RandomNumbers(state: 6052)
        var violations = Violations()
        var handedOut = [Step: Int]()
        for round in 0..<60 {
            let old = random.policy(UInt64(2 * round + 1))
            // With no prefix in common there is nothing between them; then the Policy is changed without a narrowed one.
            let kept = known(old.prefixes.randomElement(using: &random))
            let new = random.policy(UInt64(2 * round + 2), keeping: [kept])
            var halves = Halves(old)
            let names = (0..<12).map { number in ("c\(round)-\(number)", random.records()) }
            for step in Step.allCases {
                let inResolver: Policy
                switch step {
                case .before: inResolver = old
                case .narrowed: inResolver = new.narrowed(to: old)
                case .translatorChanged:
                    inResolver = new.narrowed(to: old)
                    halves.adopt(new)
                case .after: inResolver = new
                }
                for (name, records) in names {
                    for client in RandomNumbers.clients {
                        guard
                            case .addresses(let addresses) = halves.ask(
                                name,
                                with: records,
                                from: .v6(client),
                                inResolver
                            )
                        else { continue }
                        handedOut[step, default: 0] += addresses.count
                        for address in addresses {
                            guard case .translated(let record) = halves.send(from: client, to: address) else {
                                violations.add("\(step): \(client) is sent to \(address), which NAT64 drops")
                                continue
                            }
                            if !records.contains(record) { violations.add("\(step): \(address) leads to \(record)") }
                            // What is said during the change holds after it.
                            guard step == .narrowed, let place = new.extract(address) else { continue }
                            if place.address != record || !new.mayReach(record, under: place.prefix)
                                || !new.clients.admits(.v6(client))
                            {
                                violations.add(
                                    "\(address), handed out to \(client) during the change, is closed after it"
                                )
                            }
                        }
                    }
                }
            }
        }
        #expect(violations.lines == [])
        #expect(Step.allCases.allSatisfy { handedOut[$0, default: 0] > 200 }, "\(handedOut)")
    }

    @Test("ADR-09 under the well-known prefix private addresses have no AAAA record until they are allowed")
    func privateAddress() {
        let (record, client) = (IPv4Address(10, 1, 2, 3), known(IPv6Address("2001:db8:6::1")))
        func policy(_ generation: UInt64, allow: [String]) -> Policy {
            Policy(
                generation: generation,
                prefixes: [.wellKnown],
                clients: ClientAccess(networks: [known(IPPrefix("2001:db8:6::/48"))]),
                destinations: DestinationRules(allow: allow.map { known(IPv4Prefix($0)) }),
                views: Views(synthesizeByDefault: true, synthesizeOverIPv4: true, views: [])
            )
        }
        let (strict, open) = (policy(1, allow: []), policy(2, allow: ["10.0.0.0/8"]))
        let synthetic = TranslationPrefix.wellKnown.embed(record)
        var halves = Halves(strict)
        let closed = halves.ask("private", with: [record], from: .v6(client), strict)
        #expect(closed == .addresses([]))
        let dropped = halves.send(from: client, to: synthetic)
        #expect(dropped == .refused(.destinationRefused))
        halves.adopt(open)
        // From the cache: what the Policy says is decided with every answer.
        let opened = halves.ask("private", with: [record], from: .v6(client), open)
        #expect(opened == .addresses([synthetic]))
        let passed = halves.send(from: client, to: synthetic)
        #expect(passed == .translated(to: record))
    }
}
