private import CCapability
private import CLinux
private import Glibc

/// The privileges of the calling thread (libcap). They are per thread: one that parses what strangers send gives
/// them up for itself, the supervisor keeps what it needs to repair routes and to follow addresses.
public enum Capabilities {
    /// A privilege the appliance needs, or has use for.
    public enum Name: Sendable, CaseIterable {
        /// Devices, addresses, routes.
        case netAdmin
        /// Ports below 1024.
        case netBindService
        /// Loading the steering program.
        case bpf

        fileprivate var number: cap_value_t {
            switch self {
            case .netAdmin: CAP_NET_ADMIN
            case .netBindService: CAP_NET_BIND_SERVICE
            case .bpf: CAP_BPF
            }
        }

        /// The name as `capabilities(7)` spells it.
        public var spelling: String {
            switch self {
            case .netAdmin: "CAP_NET_ADMIN"
            case .netBindService: "CAP_NET_BIND_SERVICE"
            case .bpf: "CAP_BPF"
            }
        }
    }

    /// Whether the calling thread has a privilege in effect.
    public static func has(_ name: Name) -> Bool {
        guard let set = unsafe cap_get_proc() else { return false }
        defer { unsafe _ = cap_free(UnsafeMutableRawPointer(set)) }
        var value = CAP_CLEAR
        return unsafe cap_get_flag(set, name.number, CAP_EFFECTIVE, &value) == 0 && value == CAP_SET
    }

    /// Keeps only these privileges in the calling thread, and forbids it to gain any by running another program.
    public static func keepOnly(_ names: [Name]) throws(SystemError) {
        guard let set = unsafe cap_init() else { throw SystemError(call: "cap_init", code: ENOMEM) }
        defer { unsafe _ = cap_free(UnsafeMutableRawPointer(set)) }
        for name in names where has(name) {
            var number = name.number
            unsafe _ = cap_set_flag(set, CAP_PERMITTED, 1, &number, CAP_SET)
            unsafe _ = cap_set_flag(set, CAP_EFFECTIVE, 1, &number, CAP_SET)
        }
        guard unsafe cap_set_proc(set) == 0 else { throw SystemError(call: "cap_set_proc", code: errno) }
        try SystemError.check(clinux_no_new_privileges(), "prctl PR_SET_NO_NEW_PRIVS")
    }

    /// Gives up one privilege of the calling thread, and with it those that programs it runs would get of it.
    public static func giveUp(_ name: Name) throws(SystemError) {
        guard let set = unsafe cap_get_proc() else { throw SystemError(call: "cap_get_proc", code: errno) }
        defer { unsafe _ = cap_free(UnsafeMutableRawPointer(set)) }
        var number = name.number
        for kind in [CAP_EFFECTIVE, CAP_PERMITTED, CAP_INHERITABLE] {
            unsafe _ = cap_set_flag(set, kind, 1, &number, CAP_CLEAR)
        }
        guard unsafe cap_set_proc(set) == 0 else { throw SystemError(call: "cap_set_proc", code: errno) }
    }

    /// Gives up every privilege of the calling thread. Failing to is no reason to go on with them.
    public static func dropAll() {
        do throws(SystemError) {
            try keepOnly([])
        } catch {
            fatalError("cannot give up privileges: \(error)")
        }
    }
}
