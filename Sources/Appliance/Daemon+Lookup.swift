private import Configuration
internal import ControlAPI
internal import IPAddressing
private import Linux
internal import NAT64

extension Daemon {
    /// Tells whose an external port is, or which ports a client has, from a configuration (RFC 7422), and from the journal
    /// where ports are taken in blocks.
    ///
    /// - Parameters:
    ///   - question: `ADDRESS:PORT` of IPv4, or an address or prefix of IPv6.
    ///   - readsJournal: Whether the journal comes on standard input.
    ///   - time: The moment in question, as ``UTCTime`` reads it; nothing means the end of the journal.
    /// - Returns: The exit code: 0 if it was found, 1 if nobody has it, 64 if the question or the time cannot be read, 78
    ///   for a wrong configuration.
    public static func lookup(
        _ question: String,
        configurationFile path: String?,
        readsJournal: Bool = false,
        at time: String? = nil
    ) -> Int32 {
        do throws(ConfigurationProblems) {
            let moment = time.flatMap { UTCTime($0) }
            guard (time == nil) == (moment == nil) else {
                StandardStream.error.write("--at takes a time such as 2026-11-26T04:11:01Z, or seconds since 1970\n")
                return 64
            }
            let configuration = try Configuration.load(path: path ?? defaultConfigurationFile)
            guard var answer = answer(to: question, by: configuration.nat64.deterministic) else {
                StandardStream.error.write("write IPV4:PORT such as 192.0.2.1:2001, or an IPv6 address or prefix\n")
                return 64
            }
            if !answer.isFound, readsJournal, let journal = PortJournal(question, at: moment) {
                answer = self.answer(of: journal) { readLine() }
            }
            let stream: StandardStream = answer.isFound ? .output : .error
            stream.write(answer.text + "\n")
            return answer.isFound ? 0 : 1
        } catch {
            StandardStream.error.write("\(error)\n")
            return 78
        }
    }

    /// What the journal says of a port.
    ///
    /// - Parameter nextLine: The next line of the journal; nothing at its end.
    static func answer(of journal: PortJournal, _ nextLine: () -> String?) -> (text: String, isFound: Bool) {
        var journal = journal
        while let line = nextLine() { journal.read(line) }
        guard let holder = journal.holder, let since = holder.since else {
            return ("the journal knows of nobody who has \(journal.address):\(journal.port) then", false)
        }
        return ("\(holder.client) has \(holder.external) since \(since)", true)
    }

    /// The answer; nothing if the question cannot be read.
    static func answer(to question: String, by mappings: [DeterministicMapping]) -> (text: String, isFound: Bool)? {
        if case .v4(let external)? = TransportAddress(question) {
            let address = external.address
            for mapping in mappings {
                switch mapping.use(of: address, external.port) {
                case .client(let network, let ports)?:
                    return ("\(network) has \(address) ports \(ports.lowerBound)-\(ports.upperBound)", true)
                case .block(let ports)?:
                    let range = "\(ports.lowerBound)-\(ports.upperBound)"
                    return ("\(external) is of the block \(range), and the journal says who had it", false)
                case .nobody?: return ("\(external) is nobody's", false)
                case nil: continue
                }
            }
            return ("no deterministic mapping has \(address)", false)
        }
        guard let asked = IPv6Address(question).map({ IPv6Prefix($0, length: 128) }) ?? IPv6Prefix(question) else {
            return nil
        }
        let client = asked.address
        for mapping in mappings {
            if asked.length < mapping.clientLength, asked.overlaps(mapping.clients) {
                let length = mapping.clientLength
                return ("\(asked) is more than a client network, which has /\(length); ask for one", false)
            }
            guard let number = mapping.number(of: client) else { continue }
            let (address, ports) = mapping.part(of: number)
            let network = mapping.network(number)
            return ("\(network) has \(address) ports \(ports.lowerBound)-\(ports.upperBound)", true)
        }
        return ("no deterministic mapping has \(client)", false)
    }
}
