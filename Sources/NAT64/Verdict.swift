/// What becomes of a packet. There is no other way out of the translator.
@frozen
public enum Verdict: Hashable, Sendable {
    /// Memory and frame now hold the translated packet: send it.
    case send
    /// The packet was refused, and memory and frame now hold what is to be sent back to whoever sent it.
    case answer(DropReason)
    /// The packet is unchanged and belongs to this host: give it back to the kernel (shared addresses only).
    case handBack
    /// A copy of the packet was kept: a fragment that waits for the others, a SYN that waits for its client, a
    /// super-packet that must be taken apart. What becomes of it comes out of ``TranslatorWorker/nextExtra(into:_:at:)``.
    case kept
    /// Forget the packet. It has been counted under the reason.
    case drop(DropReason)
}
