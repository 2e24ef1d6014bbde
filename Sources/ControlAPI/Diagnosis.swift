/// What follows from the numbers of a report: the findings that need no further look at the machine.
///
/// The composition root puts them together with what the parts themselves report, such as missing rights.
public enum Diagnosis {
    /// Everything in the parts that an operator should know of, with what to do.
    public static func findings(
        dataplane: DataplaneStatus,
        network: NetworkStatus,
        resolver: ResolverStatus,
        configuration: ConfigurationStatus
    ) -> [Finding] {
        self.dataplane(dataplane) + pool(dataplane) + self.network(network) + self.resolver(resolver)
            + certificate(resolver.encryption?.certificate) + recursor(resolver.recursor)
            + upstreams(resolver.upstreams) + self.configuration(configuration)
    }

    private static func dataplane(_ dataplane: DataplaneStatus) -> [Finding] {
        var findings: [Finding] = []
        if dataplane.state != .running {
            findings.append(
                Finding(
                    code: "dataplane-\(dataplane.state.rawValue)",
                    severity: .failure,
                    problem: "The data plane is not running, so no packet is translated.",
                    remedy: "Look for the reason with: journalctl -u nat64-appliance"
                )
            )
        }
        for (name, use) in [("sessions", dataplane.sessions), ("bindings", dataplane.bindings)] {
            guard let limit = use.limit, use.total >= limit - limit / 10 else { continue }
            findings.append(
                Finding(
                    code: "\(name)-nearly-full",
                    severity: .warning,
                    problem: "\(use.total) of \(limit) \(name) are in use; beyond that new ones are refused.",
                    remedy: "Look who holds them with: appliance-ctl \(name)"
                )
            )
        }
        return findings
    }

    private static func pool(_ dataplane: DataplaneStatus) -> [Finding] {
        let total = dataplane.pool.reduce(0) { $0 &+ $1.portsTotal }
        let used = dataplane.pool.reduce(0) { $0 &+ $1.portsInUse }
        guard total > 0 else {
            return [
                Finding(
                    code: "pool-empty",
                    severity: .failure,
                    problem: "The pool has no address, so nothing can stand for a client on the IPv4 side.",
                    remedy: "Give the uplink an IPv4 address, or set nat64.pool."
                )
            ]
        }
        guard used >= total - total / 10 else { return [] }
        return [
            Finding(
                code: "pool-nearly-exhausted",
                severity: .warning,
                problem: "\(used) of \(total) ports of the pool are in use; beyond that new sessions are refused.",
                remedy: "Add addresses or ports to nat64.pool, or look who holds them with: appliance-ctl bindings"
            )
        ]
    }

    private static func network(_ network: NetworkStatus) -> [Finding] {
        var findings = network.forwarding
        for (kind, entries) in [("route", network.routes), ("pool-address", network.poolAddresses)] {
            for entry in entries where !entry.inPlace {
                let noun = kind == "route" ? "The route for \(entry.name)" : "The pool address \(entry.name)"
                let reason = entry.problem.map { " (\($0))" } ?? ""
                findings.append(
                    Finding(
                        code: "\(kind)-missing",
                        severity: .failure,
                        problem: "\(noun) is not in place on \(entry.device)\(reason).",
                        remedy: "It is put back by itself; if it stays away, look with: journalctl -u nat64-appliance"
                    )
                )
            }
        }
        if network.uplink == nil {
            findings.append(
                Finding(
                    code: "no-uplink",
                    severity: .warning,
                    problem: "There is no IPv4 default route, so only networks with routes of their own are reached.",
                    remedy: "Connect the uplink, or add a route with: ip route add default via ROUTER"
                )
            )
        }
        return findings
    }

    private static func resolver(_ resolver: ResolverStatus) -> [Finding] {
        var findings: [Finding] = []
        if resolver.state != .running {
            findings.append(
                Finding(
                    code: "resolver-\(resolver.state.rawValue)",
                    severity: .failure,
                    problem: "The resolver is not running, so no name is answered.",
                    remedy: "Look for the reason with: journalctl -u nat64-appliance"
                )
            )
        } else if resolver.sockets.isEmpty {
            findings.append(
                Finding(
                    code: "no-listener",
                    severity: .failure,
                    problem: "The resolver listens on no address, so no client can ask it.",
                    remedy: "Give this machine an address in the clients' network, or set dns64.listen."
                )
            )
        }
        for trouble in resolver.listenProblems {
            findings.append(
                Finding(
                    code: "not-listening",
                    severity: .warning,
                    problem: "Not listening on \(trouble.address) \(trouble.transport): \(trouble.problem).",
                    remedy: "See who has it with: ss -lnp sport = 53; or name other addresses in dns64.listen."
                )
            )
        }
        return findings
    }

    /// How long before its end a certificate is worth a warning: 14 days.
    private static let renewalDue: Int64 = 14 * 86_400

    private static func certificate(_ certificate: CertificateStatus?) -> [Finding] {
        guard let certificate else { return [] }
        var findings: [Finding] = []
        if let left = certificate.secondsLeft, left <= renewalDue {
            let days = left / 86_400
            findings.append(
                Finding(
                    code: left <= 0 ? "certificate-expired" : "certificate-expires",
                    severity: .warning,
                    problem: left <= 0
                        ? "The certificate in \(certificate.file) has expired, so clients refuse DNS over TLS and HTTPS."
                        : "The certificate in \(certificate.file) expires within "
                            + "\(days < 1 ? "a day" : "\(days + 1) days").",
                    remedy: "Put a renewed one there with its key; it is taken within a second."
                )
            )
        }
        if let problem = certificate.problem {
            findings.append(
                Finding(
                    code: "certificate-unusable",
                    severity: .warning,
                    problem: "The files of the certificate cannot be used as they are: \(problem).",
                    remedy: certificate.expires == nil
                        ? "Until they can, nothing listens for DNS over TLS and HTTPS."
                        : "Until they can, clients are shown the certificate that was read before."
                )
            )
        }
        if let name = certificate.missingName {
            findings.append(
                Finding(
                    code: "certificate-for-another-name",
                    severity: .warning,
                    problem: "The certificate in \(certificate.file) is not for \(name), so clients that know the "
                        + "resolver by that name refuse DNS over TLS and HTTPS.",
                    remedy: "Put one there that is, or write a name of the certificate as dns64.name."
                )
            )
        }
        if !certificate.missingAddresses.isEmpty {
            findings.append(
                Finding(
                    code: "certificate-without-addresses",
                    severity: .note,
                    problem: "The certificate in \(certificate.file) is not for "
                        + "\(certificate.missingAddresses.joined(separator: ", ")), so clients that discover DNS over "
                        + "TLS or HTTPS by asking there cannot verify it (RFC 9462 section 4.2).",
                    remedy: "Have the addresses written into the certificate, or set dns64.discovery = false."
                )
            )
        }
        return findings
    }

    /// So many ends of the recursor within ten minutes are no accident.
    private static let suspiciousRestarts: UInt64 = 3

    private static func recursor(_ recursor: RecursorStatus?) -> [Finding] {
        guard let recursor, recursor.process == nil || recursor.restartsOfLate >= suspiciousRestarts else { return [] }
        let remedy = "See why with: journalctl -u nat64-appliance; if it lacks memory, raise dns64.recursion-memory."
        guard recursor.restartsOfLate >= suspiciousRestarts else {
            return [
                Finding(
                    code: "recursor-down",
                    severity: .warning,
                    problem: "The recursor is not running, so only names in the cache and names with a rule resolve.",
                    remedy: "It is started again by itself. " + remedy
                )
            ]
        }
        return [
            Finding(
                code: "recursor-restarts",
                severity: .warning,
                problem: "The recursor ended \(recursor.restartsOfLate) times within ten minutes; "
                    + (recursor.process == nil ? "it is started again after a pause." : "it runs at the moment."),
                remedy: remedy
            )
        ]
    }

    private static func upstreams(_ upstreams: [UpstreamStatus]) -> [Finding] {
        let remedy = "See whether it runs and whether a firewall stands between, or name another in dns64.upstreams."
        guard !upstreams.isEmpty else {
            return [
                Finding(
                    code: "no-upstream",
                    severity: .failure,
                    problem: "There is no upstream to ask, so only local names are answered.",
                    remedy: "Set dns64.upstreams, or name a resolver in /etc/resolv.conf."
                )
            ]
        }
        let failing = upstreams.filter { $0.health == .failing }
        guard failing.count < upstreams.count else {
            return [
                Finding(
                    code: "all-upstreams-failing",
                    severity: .failure,
                    problem:
                        "No upstream answers (\(failing.map(\.address).joined(separator: ", "))), so names do not resolve.",
                    remedy: remedy
                )
            ]
        }
        return failing.map { upstream in
            let reason = upstream.lastProblem.map { " (\($0))" } ?? ""
            return Finding(
                code: "upstream-failing",
                severity: .warning,
                problem: "The upstream \(upstream.address) does not answer\(reason).",
                remedy: remedy
            )
        }
    }

    private static func configuration(_ configuration: ConfigurationStatus) -> [Finding] {
        guard let reload = configuration.lastReload, !reload.applied else { return [] }
        let count = reload.problems.count
        return [
            Finding(
                code: "reload-refused",
                severity: .warning,
                problem: "The last reload was refused (\(count) \(count == 1 ? "problem" : "problems")), "
                    + "so the settings before it are in force.",
                remedy: "Put the file right and reload: nat64-appliance check \(configuration.file ?? "FILE")"
            )
        ]
    }
}
