internal import Configuration
internal import ControlAPI
internal import Dataplane
internal import Linux
internal import NAT64
internal import Netlink

/// What is wrong and cannot be seen in the numbers of the report: what the parts said when something failed.
extension Appliance {
    /// Findings to be told beside those that follow from the report itself.
    func ownFindings() -> [ControlAPI.Finding] {
        var findings: [ControlAPI.Finding] = []
        if let dataplaneProblem {
            findings.append(
                ControlAPI.Finding(
                    code: plan == nil ? "no-pool" : "nat64-down",
                    severity: .failure,
                    problem: "NAT64 does not run, and DNS64 makes no AAAA records meanwhile: \(dataplaneProblem).",
                    remedy: plan == nil
                        ? "It starts by itself as soon as there is an address." : "It is tried again every second."
                )
            )
        }
        if !hostSockets.isEmpty {
            let names = hostSockets.prefix(8).map(\.description) + (hostSockets.count > 8 ? ["others"] : [])
            findings.append(
                ControlAPI.Finding(
                    code: "ports-of-host",
                    severity: .warning,
                    problem: "Programs of this host have ports of the translator's share: "
                        + "\(names.joined(separator: ", ")).",
                    remedy: "Give them other ports, or set nat64.ports to a range without these; until then a client "
                        + "may get such a port, and what comes to it from its peers does not reach the program."
                )
            )
        }
        findings += networkNotices.map { notice in
            ControlAPI.Finding(
                code: "network-notice",
                severity: .warning,
                problem: "\(notice).",
                remedy: "Packets that need it are lost; all others pass."
            )
        }
        if let error = dataplane?.lastWriteError, let count = dataplane?.unwritten, count > 0 {
            findings.append(
                ControlAPI.Finding(
                    code: "packets-not-taken",
                    severity: .note,
                    problem: "The kernel did not take \(count) translated packets (\(error.reason)).",
                    remedy: "A few of them while the device was down are harmless."
                )
            )
        }
        if let (binding, problem) = staticProblems.min(by: { $0.key.text < $1.key.text }) {
            let others = staticProblems.count > 1 ? ", and \(staticProblems.count - 1) more are not" : ""
            findings.append(
                ControlAPI.Finding(
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
                ControlAPI.Finding(
                    code: "state-folder",
                    severity: .warning,
                    problem: "\(stateProblem).",
                    remedy: "Make room in \(configuration.stateDirectory), and let the appliance write there."
                )
            )
        }
        return findings
    }

    /// The host's settings that translated packets need.
    func forwardingFindings() -> [ControlAPI.Finding] {
        guard let plan, dataplane != nil,
            let report = try? installation.forwardingReport(of: plan, facts: facts)
        else { return [] }
        return report.findings.map { finding in
            ControlAPI.Finding(
                code: "forwarding",
                severity: finding.stopsTranslation ? .failure : .warning,
                problem: "\(finding.sysctl) is \(finding.found ?? "not readable"): \(finding.consequence).",
                remedy: "Set it with `sysctl -w \(finding.sysctl)=\(finding.wanted)` and keep it in /etc/sysctl.d."
            )
        }
    }
}
