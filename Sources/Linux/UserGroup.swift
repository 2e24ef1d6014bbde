private import Glibc

/// Groups of users.
public enum UserGroup {
    /// The number of a group; nothing if there is none of this name.
    public static func number(of name: String) -> UInt32? {
        var entry = unsafe group()
        var found: UnsafeMutablePointer<group>?
        var memory = [CChar](repeating: 0, count: 64 * 1_024)
        let code = unsafe getgrnam_r(name, &entry, &memory, memory.count, &found)
        guard code == 0, unsafe found != nil else { return nil }
        return unsafe entry.gr_gid
    }
}
