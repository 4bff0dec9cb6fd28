public import Logging
import NIOCore
import NIOPosix
import NIOSSL

/// Sends audit messages to an audit record repository: syslog over TLS (RFC 5425), in order, one connection.
///
/// Syslog has no acknowledgement. `send` returns when the messages were handed to a connection that was healthy after
/// that; what is lost when the receiver fails just then, nobody is told. So that this is as little as can be, the messages
/// that were handed over shortly before a connection ended are sent again on the next one: a receiver may get a message
/// twice, and tells so by the ledger entry's index in it. Messages that `send` threw for may have arrived, too.
public actor SyslogSender {
    /// Where to send, and how to trust.
    public struct Configuration: Sendable {
        /// The receiver.
        public var host: String
        /// 6514 by RFC 5425.
        public var port: Int
        /// A file with the certificates to trust (PEM); nil for those of the system.
        public var trustedCertificates: String?
        /// Files with this side's certificate chain and private key (PEM), where the receiver asks for them.
        public var certificate: (chain: String, key: String)?
        /// How long to wait for a connection, with its handshake.
        public var connectTimeout: Duration
        /// How often to try to connect before `send` gives up.
        public var attempts: Int
        /// The pause after the first attempt that failed; twice as long after each further one.
        public var pause: Duration
        /// For how long before a connection's end its messages are in doubt.
        public var doubt: Duration

        /// A receiver.
        public init(
            host: String, port: Int = 6514, trustedCertificates: String? = nil,
            certificate: (chain: String, key: String)? = nil, connectTimeout: Duration = .seconds(10),
            attempts: Int = 5, pause: Duration = .milliseconds(200), doubt: Duration = .seconds(5)
        ) {
            self.host = host
            self.port = port
            self.trustedCertificates = trustedCertificates
            self.certificate = certificate
            self.connectTimeout = connectTimeout
            self.attempts = attempts
            self.pause = pause
            self.doubt = doubt
        }
    }

    private let configuration: Configuration
    private let context: NIOSSLContext
    private let logger: Logger
    private var connection: SyslogConnection?
    // What was handed over on the present or last connection, while it is in doubt.
    private var doubtful: [(frame: [UInt8], time: ContinuousClock.Instant)] = []
    // The last of the sends that wait for each other.
    private var last: Task<Void, any Error>?

    /// A sender that is not connected yet.
    /// - Throws: ``SyslogError`` where certificates can't be read.
    public init(_ configuration: Configuration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        do {
            var tls = TLSConfiguration.makeClientConfiguration()
            tls.minimumTLSVersion = .tlsv12
            if let file = configuration.trustedCertificates { tls.trustRoots = .file(file) }
            if let (chain, key) = configuration.certificate {
                tls.certificateChain = try NIOSSLCertificate.fromPEMFile(chain).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(file: key, format: .pem))
            }
            context = try NIOSSLContext(configuration: tls)
        } catch {
            throw SyslogError("the certificates for \(configuration.host) can't be used", error)
        }
    }

    /// Sends messages behind all that were handed in before.
    /// - Throws: ``SyslogError`` where no connection could be made, or it ended; send them again then.
    public func send(_ messages: [SyslogMessage]) async throws {
        let previous = last
        let frames = messages.map(\.frame)
        let task = Task {
            // Its failure is its own caller's.
            _ = await previous?.result
            try await self.deliver(frames)
        }
        last = task
        try await task.value
    }

    /// Ends the connection when what was handed in is sent.
    public func close() async {
        _ = await last?.result
        await connection?.close()
        connection = nil
    }

    private func deliver(_ frames: [[UInt8]]) async throws {
        var pause = configuration.pause
        for attempt in 1... {
            do {
                let connection = try await connected()
                try await connection.write(frames)
                let now = ContinuousClock.now
                doubtful.removeAll { now - $0.time > configuration.doubt }
                doubtful += frames.map { ($0, now) }
                return
            } catch {
                await connection?.close()
                connection = nil
                guard attempt < configuration.attempts else {
                    throw SyslogError("\(configuration.host):\(configuration.port) takes no audit messages", error)
                }
                logger.warning(
                    "no connection to the audit record repository; trying again",
                    metadata: ["host": "\(configuration.host)", "attempt": "\(attempt)"])
                try await Task.sleep(for: pause)
                pause *= 2
            }
        }
    }

    /// The connection, made anew where it has ended.
    private func connected() async throws -> SyslogConnection {
        if let connection, connection.isHealthy { return connection }
        let ended = connection?.end ?? ContinuousClock.now
        await connection?.close()
        connection = nil
        let made = try await SyslogConnection.connect(
            host: configuration.host, port: configuration.port, context: context, timeout: configuration.connectTimeout)
        let again = doubtful.filter { ended - $0.time <= configuration.doubt }.map(\.frame)
        if !again.isEmpty {
            logger.info("sending audit messages of the ended connection again", metadata: ["count": "\(again.count)"])
            try await made.write(again)
        }
        doubtful.removeAll()
        let now = ContinuousClock.now
        doubtful = again.map { ($0, now) }
        connection = made
        return made
    }
}

/// Audit messages could not be handed over.
public struct SyslogError: Error, CustomStringConvertible {
    /// What happened, and to whom.
    public let description: String
    /// The error below.
    public let underlying: any Error

    init(_ description: String, _ underlying: any Error) {
        self.description = "\(description): \(underlying)"
        self.underlying = underlying
    }
}
