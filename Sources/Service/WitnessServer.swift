import Glibc
import Hummingbird
import Ledger
public import Logging
import NIOCore
public import ServiceLifecycle

/// A witness over HTTP: C2SP tlog-witness, `POST /add-checkpoint`.
///
/// TLS is for a reverse proxy: requests and answers are signed and hold nothing secret.
public struct WitnessServer: ServiceLifecycle.Service {
    private let state: WitnessState
    private let host: String
    private let port: Int
    private let logger: Logger
    private let onListening: @Sendable (Int) async -> Void

    /// The most bytes of a request: 63 hashes and a note with a hundred signatures have some 20,000.
    static let maximumBytes = 1 << 16
    /// How long a connection may be silent.
    private static let idleTimeout = TimeAmount.seconds(30)
    private static let text = "text/plain; charset=utf-8"

    /// A witness that decides by `state`.
    /// - Parameter onListening: gets the port, which the system chooses where `port` is 0.
    public init(
        state: WitnessState, host: String, port: Int, logger: Logger,
        onListening: @escaping @Sendable (Int) async -> Void = { _ in }
    ) {
        self.state = state
        self.host = host
        self.port = port
        self.logger = logger
        self.onListening = onListening
    }

    /// Serves until the task is cancelled or asked to shut down; requests that were begun are answered.
    public func run() async throws {
        let router = Router()
        let (state, logger) = (state, logger)
        router.post("add-checkpoint") { request, _ in
            await Self.answer(request, state: state, logger: logger)
        }
        let application = Application(
            router: router, server: .http1(configuration: .init(idleTimeout: Self.idleTimeout)),
            configuration: .init(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { [onListening] channel in
                if let port = channel.localAddress?.port { await onListening(port) }
            }, logger: logger)
        try await application.run()
    }

    private static func answer(_ request: Request, state: WitnessState, logger: Logger) async -> Response {
        guard let body = try? await request.body.collect(upTo: maximumBytes) else {
            return response(.contentTooLarge, text, "a request has at most \(maximumBytes) bytes\n")
        }
        let decision: Witness.Decision
        do {
            let parsed = try AddCheckpointRequest(parsing: Array(body.readableBytesView))
            decision = try await state.decide(parsed, time: UInt64(time(nil)))
            logger.info(
                "add-checkpoint",
                metadata: [
                    "origin": "\(parsed.checkpoint.origin)", "size": "\(parsed.checkpoint.size)",
                    "status": "\(decision.status)",
                ])
        } catch let error as LedgerError where error.code != .fileSystem {
            decision = .refused(.badRequest(error))
        } catch {
            // Not kept, so not cosigned.
            logger.error("the witness's state can't be kept", metadata: ["error": "\(error)"])
            return response(.internalServerError, text, "the witness can't keep its state\n")
        }
        switch decision {
        case .accepted(_, let body): return response(.ok, text, body)
        case .refused(let refusal):
            return response(.init(code: refusal.status), refusal.contentType, refusal.body)
        }
    }

    private static func response(_ status: HTTPResponse.Status, _ type: String, _ body: String) -> Response {
        Response(status: status, headers: [.contentType: type], body: .init(byteBuffer: ByteBuffer(string: body)))
    }
}

extension Witness.Decision {
    /// The status of the answer.
    fileprivate var status: Int {
        switch self {
        case .accepted: 200
        case .refused(let refusal): refusal.status
        }
    }
}
