public import Decoding
import Foundation
import Hummingbird
import Ledger
public import Logging
import NIOCore
public import ServiceLifecycle
public import Store

/// Receives by STOW-RS, and says how this installation stands.
///
/// `POST /studies` and `POST /studies/{study}` (PS3.18 section 10.5) for who has a token; `GET /healthz`, `/readyz` and
/// `/metrics` for anybody who can connect. TLS is for a reverse proxy.
public struct HTTPService: ServiceLifecycle.Service {
    /// Where it listens, and what it bears.
    public struct Settings: Sendable {
        /// The address that is listened on.
        public var address = "127.0.0.1"
        /// The port; the system chooses where it is 0.
        public var port = 8080
        /// The machine's name, recorded with each intake.
        public var host: String
        /// Bytes of one instance.
        public var maximumInstanceBytes = 256 << 20
        /// Instances of one request.
        public var maximumInstances = 1000
        /// STOW-RS requests at once; more are told to come again.
        public var maximumRequests = 8
        /// Connections at once; more wait until one is closed.
        public var maximumConnections = 128
        /// How long a connection may be silent.
        public var idleTimeout = Duration.seconds(60)
        /// Bytes a second of a body on the whole, after `rateGrace` of waiting for it.
        public var minimumRate = 4096
        /// See `minimumRate`.
        public var rateGrace = Duration.seconds(60)
        /// A database that has not answered by then counts as away in `/readyz` and `/metrics`.
        public var databasePatience = Duration.seconds(3)
        /// How long requests under way may take when the service is to end.
        public var shutdownLimit = Duration.seconds(30)

        /// On 127.0.0.1:8080.
        public init(host: String) {
            self.host = host
        }
    }

    let settings: Settings
    let site: StoreReception.Site
    let tokens: BearerTokens?
    let requests: RequestCount
    private let health: ServiceHealth
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// A service that hands in at `desk` while `gate` is open; `decoders` read what each object says of itself.
    /// - Parameters:
    ///   - tokens: who may send; nil where nothing is received this way.
    ///   - onListening: gets the port.
    public init(
        _ settings: Settings, desk: IntakeDesk, gate: IntakeGate, store: Store, decoders: DecoderPool,
        tokens: BearerTokens?, logger: Logger, onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.settings = settings
        self.tokens = tokens
        self.logger = logger
        self.onListening = onListening
        site = .init(desk: desk, gate: gate, decoders: decoders, host: settings.host, logger: logger)
        health = ServiceHealth(
            desk: desk, gate: gate, store: store, patience: settings.databasePatience, logger: logger)
        requests = RequestCount(settings.maximumRequests)
    }

    /// Serves until the task is cancelled or asked to shut down. Then no connection is taken any more; requests under way
    /// have ``Settings/shutdownLimit`` to end.
    public func run() async throws {
        let application = Application(
            router: router,
            server: .http1(
                configuration: .init(
                    idleTimeout: .init(settings.idleTimeout),
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 1 << 14, maxHeaderListSize: 1 << 14, maxHeaderFieldCount: 100))),
            configuration: .init(
                address: .hostname(settings.address, port: settings.port), serverName: nil,
                availableConnectionsDelegate: .maximum(settings.maximumConnections, logger: logger)),
            onServerRunning: { [onListening] channel in
                if let port = channel.localAddress?.port { await onListening(port) }
            }, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await application.run() }
            group.addTask { [limit = settings.shutdownLimit, logger] in
                try await gracefulShutdown()
                try await Task.sleep(for: limit)
                logger.warning("requests over HTTP were cut off, as they had not ended after \(limit)")
            }
            // The server has ended, or it has had its time.
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    private var router: Router<HTTPContext> {
        let router = Router(context: HTTPContext.self)
        router.get("healthz") { _, _ in Self.text(.ok, "alive\n") }
        router.get("readyz") { [health] _, _ in
            let obstacles = await health.findings().obstacles
            var answer = JSONObject()
            answer["ready"] = .bool(obstacles.members.isEmpty)
            answer["reasons"] = .object(obstacles)
            return Response(
                status: obstacles.members.isEmpty ? .ok : .serviceUnavailable,
                headers: [.contentType: "application/json", .cacheControl: "no-store"],
                body: .init(byteBuffer: ByteBuffer(bytes: try CanonicalJSON.encode(.object(answer)))))
        }
        router.get("metrics") { [health, tally = site.desk.tally] _, _ in
            let page = await health.findings().metrics(tally.current, now: Date())
            return Response(
                status: .ok, headers: [.contentType: PrometheusText.contentType],
                body: .init(byteBuffer: ByteBuffer(string: page)))
        }
        if tokens != nil {
            router.post("studies") { request, context in try await store(request, context, study: nil) }
            router.post("studies/:study") { request, context in
                try await store(request, context, study: try context.parameters.require("study"))
            }
        }
        return router
    }

    static func text(_ status: HTTPResponse.Status, _ text: String, _ headers: HTTPFields = [:]) -> Response {
        var headers = headers
        headers[.contentType] = "text/plain; charset=utf-8"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(string: text)))
    }
}

/// What a request comes by.
struct HTTPContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    /// The connection.
    let channel: any Channel

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        channel = source.channel
    }
}
