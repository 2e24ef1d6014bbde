internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl version`.
struct VersionCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "version",
        abstract: "Tell the version of the running daemon."
    )

    @OptionGroup var global: GlobalOptions

    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
        let body = try socket.send("GET", "/v1/version")
        let report = try socket.decode(VersionReport.self, from: body)
        screen.print(global.json ? String(decoding: body, as: UTF8.self) : "nat64-appliance \(report.version)")
        return .done
    }
}
