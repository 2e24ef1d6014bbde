private import CLinux

/// How many descriptors this process may have open.
public enum DescriptorLimit {
    /// Raises the limit as far as the process may, and returns it.
    public static func raise() -> Int { max(64, Int(clinux_raise_descriptor_limit())) }
}
