import Glibc
import IPAddressing
import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization
import Timing

/// A connection over TLS whose octets a test sees and sends as it likes; nothing is checked of the certificate but what
/// the test checks itself.
final class TLSClient: Sendable {
    private struct Seen {
        var octets: [UInt8] = []
        var protocolName: String?
        var isReady = false
        var hasEnded = false
        var certificate: [UInt8] = []
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel
    private let seen: Recorder

    private final class Recorder: Sendable {
        let state = Mutex(Seen())
    }

    private final class Ear: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let seen: Recorder
        private let tls: NIOSSLClientHandler
        init(_ seen: Recorder, _ tls: NIOSSLClientHandler) {
            self.seen = seen
            self.tls = tls
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .handshakeCompleted(let name) = event as? TLSUserEvent {
                let certificate = (try? tls.peerCertificate?.toDERBytes()) ?? []
                seen.state.withLock {
                    $0.isReady = true
                    $0.protocolName = name
                    $0.certificate = certificate
                }
            }
            if let event = event as? ChannelEvent, event == .inputClosed { seen.state.withLock { $0.hasEnded = true } }
        }
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let octets = Array(unwrapInboundIn(data).readableBytesView)
            seen.state.withLock { $0.octets += octets }
        }
        func channelInactive(context: ChannelHandlerContext) { seen.state.withLock { $0.hasEnded = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            seen.state.withLock { $0.hasEnded = true }
            context.close(promise: nil)
        }
    }

    /// Connects, and waits for the end of the handshake.
    init(
        to endpoint: TransportAddress,
        protocols: [String] = ["dot"],
        name: String? = nil,
        from source: String? = nil
    ) throws {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.certificateVerification = .none
        configuration.applicationProtocols = protocols
        let context = try NIOSSLContext(configuration: configuration)
        let seen = Recorder()
        self.seen = seen
        var bootstrap = ClientBootstrap(group: group)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(context: context, serverHostname: name)
                    try channel.pipeline.syncOperations.addHandler(tls)
                    try channel.pipeline.syncOperations.addHandler(Ear(seen, tls))
                }
            }
        if let source { bootstrap = bootstrap.bind(to: try SocketAddress(ipAddress: source, port: 0)) }
        channel = try bootstrap.connect(
            to: SocketAddress(ipAddress: endpoint.address.description, port: Int(endpoint.port.number))
        ).wait()
        _ = eventually { seen.state.withLock { $0.isReady || $0.hasEnded } }
    }

    deinit {
        channel.close(promise: nil)
        group.shutdownGracefully { _ in }
    }

    /// Whether the handshake has succeeded.
    var isReady: Bool { seen.state.withLock { $0.isReady } }
    /// What both have agreed to speak.
    var protocolName: String? { seen.state.withLock { $0.protocolName } }
    /// What the server has shown, in DER form.
    var certificate: [UInt8] { seen.state.withLock { $0.certificate } }

    func sendRaw(_ octets: [UInt8]) { channel.writeAndFlush(ByteBuffer(bytes: octets), promise: nil) }

    func send(_ messages: [UInt8]...) {
        sendRaw(messages.flatMap { [UInt8($0.count >> 8), UInt8($0.count & 255)] + $0 })
    }

    /// Ends our side as TLS does, and still listens.
    func endSending() { channel.close(mode: .output, promise: nil) }

    func close() { channel.close(promise: nil) }

    /// The next message with its length in front; nil if none comes.
    func receiveOctets() -> [UInt8]? {
        var message: [UInt8]?
        _ = eventually {
            seen.state.withLock { seen in
                guard seen.octets.count >= 2 else { return seen.hasEnded }
                let end = 2 + Int(seen.octets[0]) << 8 + Int(seen.octets[1])
                guard seen.octets.count >= end else { return seen.hasEnded }
                message = Array(seen.octets[2..<end])
                seen.octets.removeFirst(end)
                return true
            }
        }
        return message
    }

    func receive() -> Message? { receiveOctets().flatMap { Message($0) } }

    /// All that has come, once there is something of this kind in it.
    func octets(until isEnough: ([UInt8]) -> Bool) -> [UInt8] {
        _ = eventually {
            seen.state.withLock { isEnough($0.octets) || $0.hasEnded }
        }
        return seen.state.withLock { $0.octets }
    }

    func isClosedByPeer(within patience: Moment.Span = failurePatience) -> Bool {
        eventually(patience: patience) { seen.state.withLock { $0.hasEnded } }
    }
}
