/// Names that Linux accepts for a network interface.
enum InterfaceName {
    /// Why a text cannot be the name of an interface, or nothing.
    static func complaint(about name: String) -> String? {
        if name.isEmpty { return "the name is empty" }
        if name.utf8.count > 15 { return "the name has \(name.utf8.count) octets, and Linux allows 15" }
        let isPlain = name.utf8.allSatisfy { octet in
            octet > 0x20 && octet < 0x7F && octet != UInt8(ascii: "/") && octet != UInt8(ascii: ":")
                && octet != UInt8(ascii: "%")
        }
        if !isPlain { return "a name has no blanks, no \"/\", \":\" or \"%\", and ASCII letters only" }
        if name == "." || name == ".." { return "Linux does not allow this name" }
        if name == "all" || name == "default" { return "this name means all interfaces in sysctl settings" }
        return nil
    }
}
