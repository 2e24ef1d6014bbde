import ControlClient
import Glibc
import Testing

/// What lies in `packaging/completions`, if the whole repository is here.
private func packaged(_ shell: String) -> String? {
    let top = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(separator: "/")
    let file = open("\(top)/packaging/completions/appliance-ctl.\(shell)", O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var all: [UInt8] = []
    var room = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = read(file, &room, room.count)
        guard count > 0 else { return String(decoding: all, as: UTF8.self) }
        all += room[..<count]
    }
}

@Suite("Shell completion")
struct CompletionTests {
    @Test(
        """
        the packaged scripts are those of the commands as they are now; if not:
        appliance-ctl --generate-completion-script SHELL > packaging/completions/appliance-ctl.SHELL
        """,
        .enabled(if: packaged("bash") != nil, "the packaging folder is not here"),
        arguments: ["bash", "zsh", "fish"]
    )
    func upToDate(shell: String) {
        let run = Run.of(["--generate-completion-script", shell], environment: Environment())
        #expect(packaged(shell) == run.out)
    }
}
