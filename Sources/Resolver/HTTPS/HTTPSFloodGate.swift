internal import NIOCore
internal import NIOHTTP2

/// What one connection of HTTP/2 may send besides questions: many times what a busy client needs, and little enough that
/// nobody is kept at work by it (RFC 9113 section 10.5).
enum HTTPSLimits {
    /// The time in which the others are counted.
    static let window = TimeAmount.seconds(30)
    /// Streams that the client resets, and streams that are in error: a client that loses interest in so many answers
    /// only wants them to be looked for (CVE-2023-44487).
    static let resets = 200
    /// PING, SETTINGS and PRIORITY frames.
    static let controlFrames = 200
    /// Frames of ours that wait because the peer takes nothing.
    static let bufferedControlFrames = 1_000
    /// Suspicious events in all.
    static let glitches = 200
}

/// Stands behind HTTP/2 and ends a connection whose peer breaks its rules or sends too much: HTTP/2 itself only says so
/// (RFC 9113 section 5.4.1).
final class HTTPSFloodGate: ChannelInboundHandler {
    typealias InboundIn = Never

    private let connection: HTTPSConnection

    init(on connection: HTTPSConnection) { self.connection = connection }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        if Self.isFlood(error) {
            connection.endFlood()
        } else if !Self.isOfOneStream(error) {
            context.close(promise: nil)
        }
    }

    /// Such as an answer to a question that was given up.
    private static func isOfOneStream(_ error: any Error) -> Bool {
        error is NIOHTTP2Errors.StreamError || error is NIOHTTP2Errors.StreamClosed
            || error is NIOHTTP2Errors.NoSuchStream
    }

    private static func isFlood(_ error: any Error) -> Bool {
        error is NIOHTTP2Errors.ExcessiveRSTFrames || error is NIOHTTP2Errors.ExcessiveControlFrames
            || error is NIOHTTP2Errors.ExcessiveContinuationFrames || error is NIOHTTP2Errors.ExcessiveStreamErrors
            || error is NIOHTTP2Errors.ExcessiveEmptyDataFrames || error is NIOHTTP2Errors.ExcessivelyLargeHeaderBlock
            || error is NIOHTTP2Errors.ExcessiveOutboundFrameBuffering
            || error is NIOHTTP2Errors.ExcessiveNumberOfGlitches
    }
}
