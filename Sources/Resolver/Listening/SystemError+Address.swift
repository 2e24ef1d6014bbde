private import Glibc
internal import Linux

extension SystemError {
    /// Somebody else has the address and port.
    var isAddressInUse: Bool { code == EADDRINUSE }

    /// What the kernel says of an address; of a call that is not about the address, its name too.
    var reasonAtAddress: String { call.hasPrefix("bind ") ? reason : description }
}
