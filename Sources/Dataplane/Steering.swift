public import Linux
private import NAT64
public import PacketMemory

/// The program that tells a TUN which queue a packet is for, in the kernel.
///
/// It is loaded once for the life of the process, because loading needs CAP_BPF, which is given up right after; a device
/// that is made anew later gets the same program.
public final class Steering: Sendable {
    private let filter: SteeringFilter?
    /// Why the kernel did not take the program; nothing if it did.
    public let problem: SystemError?

    /// Loads the program.
    ///
    /// - Parameter secret: That of the translator, whose hashes the program computes.
    public init(secret: KeyedHash) {
        do throws(SystemError) {
            filter = try SteeringFilter(SteeringProgram(secret: secret).instructions)
            problem = nil
        } catch {
            filter = nil
            problem = error
        }
    }

    /// Lets the program choose the queue of each packet of a device.
    ///
    /// - Returns: Why it does not; nothing if it does.
    func attach(to device: borrowing TunDevice) -> SystemError? {
        switch filter {
        case .some(let filter):
            do throws(SystemError) {
                try device.steer(by: filter)
                return nil
            } catch {
                return error
            }
        case .none: return problem
        }
    }
}
