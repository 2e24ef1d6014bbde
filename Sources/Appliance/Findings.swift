internal import Configuration
internal import ControlAPI
internal import Dataplane
internal import Linux
internal import NAT64
internal import IPAddressing
internal import Netlink
internal import Policy
internal import Resolver
internal import Timing

/// What is wrong and cannot be seen in the numbers of the report: what the parts said when something failed.
extension Appliance {
    private static var disableIPv6: String { "/proc/sys/net/ipv6/conf/all/disable_ipv6" }

    /// Findings to be told beside those that follow from the report itself.
    func ownFindings() -> [Finding] {
        dataplaneFindings() + prefixFindings() + bypassFindings() + hostPortFindings() + hostSideFindings()
            + silenceFindings() + kernelFindings() + resolverFindings() + stateFindings()
    }

    /// Why packets are not translated, or not by all of the pool.
    private func dataplaneFindings() -> [Finding] {
        var findings: [Finding] = []
        if let dataplaneProblem {
            let waits = plan == nil && configuration.pool.resolve(by: facts, keeping: pool.shares).entries.isEmpty
            findings.append(
                Finding(
                    code: waits ? "no-pool" : "nat64-down",
                    severity: .failure,
                    problem: "NAT64 does not run, and DNS64 makes no AAAA records meanwhile: \(dataplaneProblem).",
                    remedy: waits
                        ? "It starts by itself as soon as there is an address." : "It is tried again every second."
                )
            )
        }
        if isTranslating {
            findings += pool.complaints.map { complaint in
                Finding(
                    code: "pool-incomplete",
                    severity: .warning,
                    problem: "A part of nat64.pool is not in use: \(complaint).",
                    remedy: "Clients have the other addresses; it is taken into use as soon as it can be."
                )
            }
        }
        return findings
    }

    /// What the kernel has not done.
    private func kernelFindings() -> [Finding] {
        var findings = networkNotices.map { notice in
            Finding(
                code: "network-notice",
                severity: .warning,
                problem: "\(notice).",
                remedy: "Packets that need it are lost; all others pass."
            )
        }
        if let error = dataplane?.lastWriteError, let count = dataplane?.unwritten, count > 0 {
            findings.append(
                Finding(
                    code: "packets-not-taken",
                    severity: .note,
                    problem: "The kernel did not take \(count) translated packets (\(error.reason)).",
                    remedy: "A few of them while the device was down are harmless."
                )
            )
        }
        if facts.ipv6Links.isEmpty, let setting = try? WholeFile.read(Self.disableIPv6, limit: 16),
            setting.first == UInt8(ascii: "1")
        {
            findings.append(
                Finding(
                    code: "ipv6-disabled",
                    severity: .warning,
                    problem: "net.ipv6.conf.all.disable_ipv6 is 1: this machine has no IPv6 on any link, so no client "
                        + "reaches it.",
                    remedy:
                        "Set it with `sysctl -w net.ipv6.conf.all.disable_ipv6=0`, keep it in /etc/sysctl.d, and give "
                        + "the clients' link its address again."
                )
            )
        }
        return findings
    }

    /// What the resolver said.
    private func resolverFindings() -> [Finding] {
        var findings: [Finding] = []
        let resolving = resolver.status
        if let problem = resolving.queryLogProblem {
            findings.append(
                Finding(
                    code: "query-log",
                    severity: .warning,
                    problem: "The query log cannot be written: \(problem).",
                    remedy:
                        "Make room there, and let the user nat64-appliance write; it is tried again every second, and "
                        + "questions are answered meanwhile."
                )
            )
        }
        let ourselves = resolving.leftOutOurselves
        if !ourselves.isEmpty {
            findings.append(
                Finding(
                    code: "upstream-ourselves",
                    severity: .note,
                    problem: "\(ourselves.map { "\($0)" }.joined(separator: ", ")) is no upstream to ask: it is this "
                        + "resolver itself.",
                    remedy: "Other upstreams are asked; where there is none, name one in dns64.upstreams."
                )
            )
        }
        return findings
    }

    /// What was written down and is not in force, or not kept.
    private func stateFindings() -> [Finding] {
        var findings: [Finding] = []
        if let (binding, problem) = staticProblems.min(by: { $0.key.text < $1.key.text }) {
            let others = staticProblems.count > 1 ? ", and \(staticProblems.count - 1) more are not" : ""
            findings.append(
                Finding(
                    code: "static-binding",
                    severity: .warning,
                    problem: "The static binding \(binding.text) is not in force, or not all of it: "
                        + "\(problem)\(others).",
                    remedy: "See `appliance-ctl bindings static`."
                )
            )
        }
        if let stateProblem {
            findings.append(
                Finding(
                    code: "state-folder",
                    severity: .warning,
                    problem: "\(stateProblem).",
                    remedy: "Make room in \(configuration.stateDirectory), and let the appliance write there."
                )
            )
        }
        return findings
    }

    /// Translation prefixes that share addresses with a network on a link: whose hosts look for synthetic addresses there,
    /// or are no clients, as nobody under a translation prefix is (RFC 6146 section 3.5).
    private func prefixFindings() -> [Finding] {
        var findings: [Finding] = []
        for block in policy.prefixes.map(\.block) {
            for case .v6(let network) in facts.networks {
                let isWithin = network.contains(block)
                guard isWithin || block.contains(network) else { continue }
                let problem =
                    isWithin
                    ? "The translation prefix \(block) lies in \(network), a network on a link of this machine: hosts there "
                        + "look for its addresses on their own link, and not here."
                    : "\(network), a network on a link of this machine, lies under the translation prefix \(block), from "
                        + "which no client may send: hosts there are not served."
                findings.append(
                    Finding(
                        code: "prefix-on-link",
                        severity: .warning,
                        problem: problem,
                        remedy: "Set nat64.prefixes to a prefix that is routed to this machine and that no link has."
                    )
                )
            }
        }
        return findings
    }

    /// Packets that go out while nothing comes back. Where answers have come before, it may well be that the few hosts that
    /// are asked at the moment are down.
    private func silenceFindings() -> [Finding] {
        guard isTranslating, let (packets, span) = silence.unanswered else { return [] }
        let shared = Set(pool.shares.map(\.interface)).sorted()
        let filters = shared.map { ", no other filter is asked before ours (`tc filter show dev \($0) ingress`)" }
        return [
            Finding(
                code: "no-answers",
                severity: silence.hasHeard ? .note : .warning,
                problem: "\(packets) packets went out to IPv4 in \(span.seconds) seconds, and nothing came back"
                    + (silence.hasHeard ? " meanwhile." : ", then or ever since the start."),
                remedy: "Unless the hosts that were asked are down: see that the firewall of this machine lets pass "
                    + "what comes from \(configuration.device), as nat64-appliance(8) has it, and leaves its ports as "
                    + "they are" + (pool.ownPrefixes.isEmpty ? "" : ", that the pool is routed to this machine")
                    + filters.joined() + "."
            )
        ]
    }

    /// Ports of the share that programs of the host have.
    private func hostPortFindings() -> [Finding] {
        var findings: [Finding] = []
        if !hostPorts.withheld.isEmpty {
            findings.append(
                Finding(
                    code: "ports-of-host",
                    severity: .note,
                    problem: "\(HostPorts.sentence(hostPorts.withheld).capitalizedFirst); no client gets them.",
                    remedy: "Nothing has to be done; nat64.ports can name a range without them."
                )
            )
        }
        if !hostPorts.awaited.isEmpty {
            findings.append(
                Finding(
                    code: "ports-of-host-in-use",
                    severity: .warning,
                    problem:
                        "\(HostPorts.sentence(hostPorts.awaited).capitalizedFirst), and a client has each of them as "
                        + "well: what the client's peers send does not reach the program.",
                    remedy: "No other client gets them after this one. Restart the program with another port, or set "
                        + "nat64.ports to a range without these."
                )
            )
        }
        return findings
    }

    /// Addresses for which there is no stand-in, or which the translator does not know, so that clients and host do not
    /// reach each other by them.
    private func hostSideFindings() -> [Finding] {
        guard translator != nil, !pool.shares.isEmpty else { return [] }
        var findings: [Finding] = []
        let standIns = facts.standIns(for: pool)
        let without = pool.shares.filter { share in !standIns.contains { $0.shared == share.address } }
        if !without.isEmpty {
            let names = without.map { "\($0.address)" }.joined(separator: ", ")
            findings.append(
                Finding(
                    code: "too-many-shared-addresses",
                    severity: .warning,
                    problem:
                        "Clients that have \(names) do not reach this host itself: for its own clients the host sees "
                        + "a stand-in for each address it shares, and there are \(standIns.count) (192.0.0.3-192.0.0.7 "
                        + "without those it has itself).",
                    remedy:
                        "Share no more than \(standIns.count) addresses, or give nat64.pool addresses of its own; all "
                        + "other destinations are reached."
                )
            )
        }
        let own = facts.ownAddresses.compactMap(\.address.ipv4)
        if own.count > HostSide.mostOwnAddresses {
            let names = own[HostSide.mostOwnAddresses...].prefix(8).map { "\($0)" }.joined(separator: ", ")
            findings.append(
                Finding(
                    code: "too-many-own-addresses",
                    severity: .warning,
                    problem:
                        "This host has \(own.count) IPv4 addresses, and clients reach it by \(HostSide.mostOwnAddresses) of "
                        + "them while it shares one; not by \(names)\(own.count > HostSide.mostOwnAddresses + 8 ? " and others" : "").",
                    remedy: "Give nat64.pool addresses of its own if clients need these services of the host."
                )
            )
        }
        return findings
    }

    /// Clients' networks whose packets rules of the host lead past the translator.
    private func bypassFindings() -> [Finding] {
        guard isTranslating, networkProblems.isEmpty, let plan,
            let bypasses = try? installation.bypasses(
                of: plan,
                facts: facts,
                isClient: { policy.clients.admits(.v6($0)) }
            )
        else { return [] }
        return bypasses.map { bypass in
            Finding(
                code: "prefix-bypassed",
                severity: .warning,
                problem: "What clients on \(bypass.interface) send to \(bypass.prefix) "
                    + (bypass.wayOut.map { "leaves by \($0)" } ?? "goes nowhere")
                    + " and does not reach the translator: a rule of this machine leads it past the route of the prefix "
                    + "(`ip -6 rule`).",
                remedy: "Add a rule before that one: ip -6 rule add to \(bypass.prefix) lookup main pref 1"
            )
        }
    }

    /// The host's settings that translated packets need.
    func forwardingFindings() -> [Finding] {
        guard let plan, dataplane != nil,
            let report = try? installation.forwardingReport(of: plan, facts: facts)
        else { return [] }
        return report.findings.map { finding in
            Finding(
                code: "forwarding",
                severity: finding.stopsTranslation ? .failure : .warning,
                problem: "\(finding.sysctl) is \(finding.found ?? "not readable"): \(finding.consequence).",
                remedy: "Set it with `sysctl -w \(finding.sysctl)=\(finding.wanted)` and keep it in /etc/sysctl.d."
            )
        }
    }
}
