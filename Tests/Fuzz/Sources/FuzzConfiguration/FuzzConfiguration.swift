import Configuration
import FuzzedInput

/// Any octets, read as a configuration: it is valid, or every problem has a place in it.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let file = octets(start, count)
    do throws(ConfigurationProblems) {
        _ = try Configuration.check(octets: file, name: "fuzz.toml")
    } catch {
        require(error.description.contains("fuzz.toml"), "a problem names its file")
    }
    return 0
}
