internal import ArgumentParser
internal import ControlAPI

/// `appliance-ctl status`.
struct StatusCommand: ControlCommand {
    static let configuration = CommandConfiguration(
        commandName: "status",
        abstract: "Tell whether the appliance works and, if not, why.",
        discussion: """
            The first line says whether it works and what to do if not. Then come the data plane, the network, the \
            resolver, the views and the settings, always in this order.

            Examples:
              appliance-ctl status
              appliance-ctl status --explain      what each drop that happened means
              appliance-ctl status --check        for scripts: exit code 1 unless it works
              appliance-ctl status --json | jq .dataplane.sessions
            """
    )

    @OptionGroup var global: GlobalOptions

    @Flag(help: "Explain every reason for which something was dropped or refused.")
    var explain = false

    @Flag(help: "Exit with 1 unless the verdict is \"working\".")
    var check = false

    func act(on socket: ControlSocket, _ screen: Screen) throws(ControlFailure) -> Outcome {
        let body = try socket.send("GET", "/v1/status")
        let report = try socket.decode(StatusReport.self, from: body)
        if global.json {
            screen.print(String(decoding: body, as: UTF8.self))
        } else {
            screen.print(StatusText(screen: screen, explain: explain).text(of: report))
        }
        return check && report.verdict != .working ? .refused : .done
    }
}
