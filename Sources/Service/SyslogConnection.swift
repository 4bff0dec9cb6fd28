import NIOCore
import NIOPosix
import NIOSSL
import NIOTLS
import Synchronization

/// A TLS connection that is written to. That the other side ends it, or half of it, is noticed by reading.
final class SyslogConnection: Sendable {
    private let channel: any Channel
    private let state: ConnectionEnd

    private init(channel: any Channel, state: ConnectionEnd) {
        self.channel = channel
        self.state = state
    }

    static func connect(
        host: String, port: Int, context: NIOSSLContext, timeout: Duration
    ) async throws -> SyslogConnection {
        let state = ConnectionEnd()
        let isAddress = (try? SocketAddress(ipAddress: host, port: port)) != nil
        let limit = TimeAmount.nanoseconds(
            timeout.components.seconds * 1_000_000_000 + timeout.components.attoseconds / 1_000_000_000)
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(limit)
            .channelOption(.socketOption(.so_keepalive), value: 1)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let tls = try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
                    try channel.pipeline.syncOperations.addHandlers(
                        tls, SyslogHandler(state: state, handshake: channel.eventLoop.makePromise(), timeout: limit))
                }
            }
            .connect(host: host, port: port).get()
        do {
            // Over TCP alone nobody is there yet.
            try await channel.pipeline.handler(type: SyslogHandler.self).flatMap(\.handshake.futureResult).get()
        } catch {
            try? await channel.close()
            throw error
        }
        return SyslogConnection(channel: channel, state: state)
    }

    /// Whether neither side has ended it.
    var isHealthy: Bool { channel.isActive && state.time == nil }

    /// When it ended; nil while it is healthy.
    var end: ContinuousClock.Instant? { state.time }

    /// Writes bytes, and returns when the system has taken them and the connection still stands.
    func write(_ frames: [[UInt8]]) async throws {
        let count = frames.reduce(0) { $0 + $1.count }
        guard count > 0 else { return }
        var buffer = channel.allocator.buffer(capacity: count)
        for frame in frames { buffer.writeBytes(frame) }
        try await channel.writeAndFlush(buffer)
        // A turn of the event loop, in which an end that has arrived is read.
        try await channel.eventLoop.submit {}.get()
        guard isHealthy else { throw ChannelError.ioOnClosedChannel }
    }

    func close() async {
        try? await channel.close()
    }
}

/// When a connection ended.
final class ConnectionEnd: Sendable {
    private let moment = Mutex<ContinuousClock.Instant?>(nil)

    var time: ContinuousClock.Instant? { moment.withLock { $0 } }

    func mark() {
        moment.withLock { if $0 == nil { $0 = .now } }
    }
}

/// Waits for the handshake, and notices the end.
private final class SyslogHandler: ChannelInboundHandler, Sendable {
    typealias InboundIn = ByteBuffer

    let handshake: EventLoopPromise<Void>
    private let state: ConnectionEnd
    private let timeout: TimeAmount

    init(state: ConnectionEnd, handshake: EventLoopPromise<Void>, timeout: TimeAmount) {
        self.state = state
        self.handshake = handshake
        self.timeout = timeout
    }

    func handlerAdded(context: ChannelHandlerContext) {
        let handshake = handshake
        let limit = context.eventLoop.scheduleTask(in: timeout) {
            handshake.fail(ChannelError.connectTimeout(self.timeout))
        }
        handshake.futureResult.whenComplete { _ in limit.cancel() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case TLSUserEvent.handshakeCompleted: handshake.succeed()
        case TLSUserEvent.shutdownCompleted, ChannelEvent.inputClosed:
            state.mark()
            context.close(promise: nil)
        default: context.fireUserInboundEventTriggered(event)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.mark()
        handshake.fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        state.mark()
        handshake.fail(error)
        context.close(promise: nil)
    }
}
