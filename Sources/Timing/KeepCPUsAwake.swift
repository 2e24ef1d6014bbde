/// Whether CPUs are kept from sleeping while polls of the workers go on finding packets.
public enum KeepCPUsAwake: Hashable, Sendable {
    /// On a machine of few CPUs.
    case automatic
    /// On any machine.
    case always
    case never

    /// The most CPUs of a machine that are kept awake without being told to.
    public static let fewCPUs = 4
}
