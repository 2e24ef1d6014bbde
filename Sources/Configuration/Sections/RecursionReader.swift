internal import DNS64
internal import Linux

/// The keys of `[dns64]` about the recursor.
extension ValidatedConfiguration {
    private static var largestFile: Int { 1 << 20 }

    /// Reads the keys, once the upstreams are known.
    mutating func readRecursion(_ section: Section) {
        validates = section.word("dnssec", of: ["off": false, "validate": true]) ?? validates
        if let file = section.text("trust-anchor-file", example: trustAnchorFile) {
            trustAnchorFile = file.text
            refuseUnreadable(file.text, file.place, section, "trust-anchor-file")
        } else if validates, let value = section.value("dnssec") {
            refuseUnreadable(trustAnchorFile, value.place, section, "trust-anchor-file")
        }
        if let file = section.text("root-hints-file", example: "/usr/share/dns/root.hints") {
            rootHintsFile = file.text
            refuseUnreadable(file.text, file.place, section, "root-hints-file")
        }
        let sizes: ClosedRange<Int64> = (64 << 20)...(64 << 30)
        recursionMemory =
            section.size("recursion-memory", in: sizes, words: "\"64MiB\" to \"64GiB\"") ?? recursionMemory
        guard validates, case .addresses(let addresses) = upstreams, let value = section.value("dnssec") else { return }
        if addresses.contains(where: { if case .tls = $0.way { true } else { false } }) {
            // libunbound would ask them in clear text.
            let message =
                "validating is not possible over tls:// upstreams in this version, it would ask them in clear text; "
                + "write dnssec = \"off\" or other upstreams"
            section.refuse(value, "dnssec", message)
        }
    }

    private func refuseUnreadable(_ path: String, _ place: Place, _ section: Section, _ key: String) {
        do throws(SystemError) {
            guard try WholeFile.read(path, limit: Self.largestFile).isEmpty else { return }
            section.problems.add(place, section.path(key), "\(path) is empty")
        } catch {
            section.problems.add(place, section.path(key), "\(path) cannot be read: \(error.reason)")
        }
    }
}
