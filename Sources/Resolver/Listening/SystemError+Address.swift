private import Glibc
internal import Linux

extension SystemError {
    /// Somebody else has the address and port.
    var isAddressInUse: Bool { code == EADDRINUSE }
}
