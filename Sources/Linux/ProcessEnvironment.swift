private import Glibc

/// The environment variables of this process.
public enum ProcessEnvironment {
    /// A variable, if it is set and not empty.
    public static func value(of name: String) -> String? {
        guard let value = unsafe getenv(name) else { return nil }
        let text = unsafe String(cString: value)
        return text.isEmpty ? nil : text
    }
}
