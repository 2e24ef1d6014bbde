private import Configuration
private import Linux
private import Logging
private import Netlink
private import Resolver
private import Timing

/// The daemon's two ways in: run, and check a file.
public enum Daemon {
    /// Where the package puts the configuration.
    public static let defaultConfigurationFile = "/etc/nat64-appliance/appliance.toml"

    /// Reads a configuration file and its drop-ins, and tells every problem.
    ///
    /// - Returns: The exit code: 0 if it can be used, 78 if not.
    public static func check(configurationFile path: String) -> Int32 {
        do throws(ConfigurationProblems) {
            let configuration = try Configuration.load(path: path)
            do throws(CertificateProblem) {
                let gaps = try Resolver.certificateGaps(configuration.resolverSettings)
                for sentence in gaps?.sentences ?? [] {
                    StandardStream.error.write("\(path): warning: dns64.certificate: \(sentence)\n")
                }
            } catch {
                StandardStream.error.write("\(path): dns64.certificate: \(error)\n")
                return 78
            }
            StandardStream.output.write("\(path): the configuration is valid\n")
            return 0
        } catch {
            StandardStream.error.write("\(error)\n")
            return 78
        }
    }

    /// Runs the appliance in the foreground until SIGTERM or SIGINT.
    ///
    /// - Parameter path: The configuration file; without one the packaged place is tried, and without a file there
    ///   the defaults hold.
    /// - Returns: The exit code: 0 after an orderly stop, 78 for a wrong configuration, 77 for a missing privilege,
    ///   1 for anything else.
    public static func run(configurationFile path: String?) -> Int32 {
        // Before any other thread exists, so that every thread inherits the blocked signals.
        let signals: Signals
        do throws(SystemError) {
            signals = try Signals()
        } catch {
            StandardStream.error.write("\(error)\n")
            return 1
        }
        let level = LogThreshold()
        LoggingSystem.bootstrap { _ in JournalLog(threshold: level) }
        let log = Logger(label: "nat64-appliance")
        do throws(StartFailure) {
            let file = file(path)
            let configuration = try load(file)
            level.set(configuration.logLevel)
            // Both before the first thread: the sentinel keeps the name until it has tidied up, so that the next start
            // does not meet it halfway.
            let name = try claim(configuration.device)
            try postSentinel(for: configuration.device)
            defer { withExtendedLifetime(name) {} }
            let appliance = try Appliance(configuration: configuration, file: file, log: log, logThreshold: level)
            appliance.supervise(signals)
            return 0
        } catch {
            log.error("\(error.report)")
            return error.code
        }
    }

    /// Takes out of the kernel what an appliance that was killed left there. Does nothing while one runs.
    ///
    /// - Returns: The exit code: 0 if nothing is left, 1 if something could not be taken out.
    public static func withdraw(configurationFile path: String?) -> Int32 {
        do throws(StartFailure) {
            let configuration = try load(file(path))
            let name = try claim(configuration.device)
            defer { withExtendedLifetime(name) {} }
            let removed: [NetworkItem]
            do {
                var installation = try NetworkInstallation()
                removed = try installation.withdraw(device: configuration.device).removed
            } catch {
                throw StartFailure.failed("\(error)")
            }
            for item in removed { StandardStream.output.write("removed \(item)\n") }
            return 0
        } catch {
            StandardStream.error.write("\(error.report)\n")
            return error.code
        }
    }

    private static func claim(_ device: String) throws(StartFailure) -> ClaimedName {
        do throws(SystemError) {
            return try ClaimedName("nat64-appliance/\(device)", patience: .seconds(2))
        } catch {
            throw .failed(
                "another appliance runs with the device \(device) in this network namespace: stop it, or give this one a "
                    + "device of its own (nat64.device)"
            )
        }
    }

    private static func postSentinel(for device: String) throws(StartFailure) {
        do throws(SystemError) {
            try Sentinel.post {
                guard var installation = try? NetworkInstallation() else { return }
                _ = try? installation.withdraw(device: device)
            }
        } catch {
            throw .failed("\(error)")
        }
    }

    /// The file that is read at the start and at every reload: the one that is named, or the packaged one if it is there.
    static func file(_ path: String?, packaged: String = defaultConfigurationFile) -> String? {
        path ?? (WholeFile.exists(packaged) ? packaged : nil)
    }

    private static func load(_ file: String?) throws(StartFailure) -> ValidatedConfiguration {
        guard let file else { return ValidatedConfiguration() }
        do throws(ConfigurationProblems) {
            return try Configuration.load(path: file)
        } catch {
            throw .configuration(error.description)
        }
    }
}
