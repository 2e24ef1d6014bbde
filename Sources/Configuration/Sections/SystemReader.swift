internal import Linux

extension ValidatedConfiguration {
    /// `[control]`, `[state]` and `[log]`.
    mutating func readSystem(control: Section, state: Section, log: Section) {
        if let socket = control.text("socket", example: controlSocket), isPath(socket, control, "socket") {
            // sun_path has 108 octets and ends with NUL: unix(7).
            if socket.text.utf8.count > 107 {
                let message =
                    "has \(socket.text.utf8.count) octets, and a socket's path may have 107; use a shorter one"
                control.refuse(socket, "socket", message)
            } else {
                controlSocket = socket.text
            }
        }
        if let group = control.text("group", example: "adm") {
            if !Self.isGroup(group.text) {
                control.refuse(group, "group", "is not the name of a group; write one that `getent group` shows")
            } else if UserGroup.number(of: group.text) == nil {
                let remedy = "make it with `groupadd --system \(group.text)`, or write another"
                control.refuse(group, "group", "is no group of this machine; \(remedy)")
            } else {
                controlGroup = group.text
            }
        }
        if let directory = state.text("directory", example: stateDirectory), isPath(directory, state, "directory") {
            stateDirectory = directory.text
        }
        logLevel =
            log.word(
                "level",
                of: ["error": .error, "warning": .warning, "notice": .notice, "info": .info, "debug": .debug]
            ) ?? logLevel
    }

    func isPath(_ text: PlacedText, _ section: Section, _ key: String) -> Bool {
        if !text.text.hasPrefix("/") {
            section.refuse(text, key, "is not an absolute path; begin it with \"/\"")
        } else if text.text.utf8.count > 4095 {
            section.refuse(text, key, "is longer than the 4,095 octets a path may have")
        } else if !text.text.unicodeScalars.allSatisfy({ $0.value >= 0x20 && $0.value != 0x7F }) {
            section.refuse(text, key, "has control characters")
        } else if text.text.utf8.allSatisfy({ $0 == UInt8(ascii: "/") }) {
            section.refuse(text, key, "is the root of the file system; name a place of the appliance's own")
        } else if key != "directory", text.text.hasSuffix("/") {
            let what = key == "socket" ? "socket" : "file"
            section.refuse(text, key, "names a folder; write the path of the \(what) in it")
        } else {
            return true
        }
        return false
    }

    private static func isGroup(_ name: String) -> Bool {
        !name.isEmpty && name.utf8.count <= 32 && !name.hasPrefix("-")
            && name.utf8.allSatisfy {
                $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: ":") && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: ",")
            }
    }
}
