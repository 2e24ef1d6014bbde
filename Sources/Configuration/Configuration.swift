/// Reads configuration files: TOML in, a ``ValidatedConfiguration`` or every problem out.
public enum Configuration {
    /// The largest file that is read, in octets. The file of a large site has some thousand lines.
    public static let largestFile = 4 << 20

    /// Reads a file and its drop-ins.
    ///
    /// Beside `appliance.toml` the files `appliance.d/*.toml` are read in the order of their names. A value in a later
    /// file takes the place of an earlier one, lists as a whole; tables written with two brackets are added to those
    /// before. Values that are replaced are not checked.
    ///
    /// - Throws: Every problem of every file.
    public static func load(path: String) throws(ConfigurationProblems) -> ValidatedConfiguration {
        let problems = ProblemList()
        var files: [(String, PlacedTable)] = []
        for (order, name) in ConfigurationFile.names(of: path, problems).enumerated() {
            let place = Place(file: name, order: order)
            do throws(ConfigurationProblem) {
                files.append((name, try TOMLText.table(from: try ConfigurationFile.octets(at: place), at: place)))
            } catch {
                problems.add(error)
            }
        }
        guard problems.isEmpty else { throw ConfigurationProblems(problems.problems) }
        var configuration = try read(PlacedTable(merging: files.map(\.1)), named: path)
        configuration.files = files.map(\.0)
        return configuration
    }

    /// Reads a text as if it were a file without drop-ins.
    ///
    /// - Parameter name: What the file is called in problems.
    /// - Throws: Every problem of the text.
    public static func check(text: String, name: String) throws(ConfigurationProblems) -> ValidatedConfiguration {
        try check(octets: Array(text.utf8), name: name)
    }

    /// Reads the octets of a file without drop-ins.
    ///
    /// - Parameter name: What the file is called in problems.
    /// - Throws: Every problem of the file.
    public static func check(octets: [UInt8], name: String) throws(ConfigurationProblems) -> ValidatedConfiguration {
        let table: PlacedTable
        do throws(ConfigurationProblem) {
            table = try TOMLText.table(from: octets, at: Place(file: name))
        } catch {
            throw ConfigurationProblems([error])
        }
        return try read(table, named: name)
    }

    private static func read(_ table: PlacedTable, named name: String) throws(ConfigurationProblems)
        -> ValidatedConfiguration
    {
        let problems = ProblemList()
        Vocabulary.check(table, problems)
        let root = Section(name: "", table: table, place: Place(file: name), problems: problems)
        var configuration = ValidatedConfiguration()
        // The order matters: clients and listeners are held against prefixes and pool.
        configuration.readTranslator(root.section("nat64"))
        configuration.readDeterministic(root.section("nat64"))
        configuration.readClients(root.section("clients"))
        configuration.readDestinations(root.section("destinations"))
        configuration.readMaps(root.section("nat64"))
        configuration.readStaticBindings(root.section("nat64"))
        configuration.readResolver(root.section("dns64"))
        configuration.readSystem(
            control: root.section("control"),
            state: root.section("state"),
            log: root.section("log")
        )
        guard problems.isEmpty else { throw ConfigurationProblems(problems.problems) }
        return configuration
    }
}
