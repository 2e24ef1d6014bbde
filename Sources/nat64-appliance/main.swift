private import Appliance
private import ControlClient
private import Glibc
private import Recursion

// One executable that acts on the name it is called by.
let called = CommandLine.arguments.first?.split(separator: "/").last
if called == "appliance-ctl" {
    exit(ApplianceControl.main(arguments: Array(CommandLine.arguments.dropFirst())))
} else if called == Recursor.name[...] {
    exit(Recursor.main(arguments: Array(CommandLine.arguments.dropFirst())))
} else {
    exit(DaemonCommand.main(arguments: Array(CommandLine.arguments.dropFirst())))
}
