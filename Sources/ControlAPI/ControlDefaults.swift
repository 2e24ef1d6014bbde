/// What daemon and `appliance-ctl` agree on without asking.
public enum ControlDefaults {
    /// Where the control socket lies if nobody says otherwise.
    public static let socketPath = "/run/nat64-appliance/control.sock"
    /// Entries in a page of sessions or bindings if the request does not say.
    public static let pageLength = 1_000
    /// The most entries in a page.
    public static let longestPage = 5_000
}
