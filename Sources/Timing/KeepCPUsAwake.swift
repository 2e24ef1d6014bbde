/// Whether CPUs are kept from sleeping while polls of the workers go on finding packets.
public enum KeepCPUsAwake: Hashable, Sendable {
    /// On a machine of few CPUs.
    case automatic
    /// On any machine.
    case always
    /// On none.
    case never
}
