internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl reload`.
struct ReloadCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "reload",
        abstract: "Read the configuration again and put it in force, whole or not at all.",
        discussion: """
            If the file has a problem, the settings in force stay, every problem is told with its place, and the exit \
            code is 1. Running sessions go on, but for those by a shared address, a prefix or a static binding that \
            the new settings no longer have.

            Example:
              sudo appliance-ctl reload
            """
    )

    @OptionGroup var global: GlobalOptions

    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
        let body = try socket.send("POST", "/v1/reload", body: [])
        let report = try socket.decode(ReloadReport.self, from: body)
        guard !global.json else {
            screen.print(String(decoding: body, as: UTF8.self))
            return .done
        }
        let inForce = report.changed.filter { !report.needsRestart.contains($0) }
        let changed = inForce.isEmpty ? "nothing changed" : "changed \(inForce.joined(separator: ", "))"
        screen.print("reloaded: \(changed)")
        if !report.needsRestart.isEmpty {
            screen.print(
                "still to come with a restart (systemctl restart nat64-appliance): "
                    + report.needsRestart.joined(separator: ", ")
            )
        }
        return .done
    }
}
