public import DICOM
public import Logging
public import ServiceLifecycle
import Store

/// Receives objects by C-STORE and hands them in at the desk.
///
/// Success is answered when the object is on disk, synced, and its intake committed; until then whatever goes wrong is
/// answered with a failure, and the sender keeps the object.
public struct StorageReceiver: ServiceLifecycle.Service {
    private let configuration: StorageServer.Configuration
    private let desk: IntakeDesk
    private let gate: IntakeGate
    private let host: String
    private let logger: Logger
    private let onListening: @Sendable (StorageServer) -> Void

    /// What is being received when it is told to stop has so long to finish.
    private static let patience = Duration.seconds(20)

    /// A receiver that hands in at `desk`, as long as `gate` is open.
    /// - Parameters:
    ///   - host: this machine, as recorded with each intake.
    ///   - onListening: called once, with the server that has its ports.
    public init(
        _ configuration: StorageServer.Configuration, desk: IntakeDesk, gate: IntakeGate, host: String, logger: Logger,
        onListening: @escaping @Sendable (StorageServer) -> Void = { _ in }
    ) {
        self.configuration = configuration
        self.desk = desk
        self.gate = gate
        self.host = host
        self.logger = logger
        self.onListening = onListening
    }

    /// Listens until told to stop; then objects under way are finished and answered.
    public func run() async throws {
        let server = try StorageServer(
            configuration, isReady: { [gate] in (try? Blocking.wait { await gate.answer() }) == .open },
            events: { [logger] in Self.log($0, logger) },
            intake: { [desk, host] object throws(StorageFailure) in
                try Reception(object, desk: desk, host: host)
            })
        onListening(server)
        try? await gracefulShutdown()
        if await !server.stop(within: Self.patience) {
            logger.warning("associations were cut off, as they had not ended after \(Self.patience)")
        }
    }

    /// Titles, addresses, counts and codes alone: no patient is in a log.
    private static func log(_ event: StorageEvent, _ logger: Logger) {
        switch event {
        case .connectionFailed(let address, let error):
            logger.info("a connection from \(address) came to nothing: \(error)")
        case .rejected(let peer, let rejection):
            logger.warning(
                "rejected \(peer.callingTitle) at \(peer.address), who called \(peer.calledTitle): \(rejection)")
        case .accepted(let peer): logger.debug("\(peer.callingTitle) at \(peer.address) has an association")
        case .echoed(let peer): logger.info("answered C-ECHO of \(peer.callingTitle) at \(peer.address)")
        case .stored(let peer, let store) where store.status.isStored:
            logger.info("stored \(store.byteCount) bytes of \(peer.callingTitle) in \(store.duration)")
        case .stored(let peer, let store):
            logger.warning(
                "refused an object of \(peer.callingTitle) at \(peer.address) with \(store.status): \(store.comment ?? "")"
            )
        case .ended(let peer, let error, let objects, _) where error.code != .released:
            logger.notice(
                "the association of \(peer.callingTitle) at \(peer.address) ended after \(objects) objects: \(error)")
        case .ended: break
        }
    }
}

/// One object on its way from an association to the desk, on the association's thread.
private final class Reception: ObjectReception {
    private let desk: IntakeDesk
    private let host: String
    private let description: DICOM.IncomingObject
    private let object: IncomingObject

    init(_ description: DICOM.IncomingObject, desk: IntakeDesk, host: String) throws(StorageFailure) {
        self.desk = desk
        self.host = host
        self.description = description
        object = try Self.answering { try Blocking.wait { try await desk.newObject() } }
    }

    func append(_ bytes: UnsafeRawBufferPointer) throws(StorageFailure) {
        try Self.answering { [object] in try object.write(bytes) }
    }

    func finish() throws(StorageFailure) {
        let source = IntakeSource(
            .dicom, callingAETitle: description.peer.callingTitle, calledAETitle: description.peer.calledTitle,
            host: host)
        _ = try Self.answering { [desk, object, description] in
            try Blocking.wait {
                try await desk.accept(object, from: source) { record in
                    record.sopInstanceUID = description.sopInstanceUID
                    record.sopClassUID = description.sopClassUID
                    record.transferSyntaxUID = description.transferSyntaxUID
                }
            }
        }
    }

    func discard() { object.discard() }

    /// Whatever fails here is this side's fault: the sender is to keep the object and send it again.
    private static func answering<Value>(_ body: () throws -> Value) throws(StorageFailure) -> Value {
        do {
            return try body()
        } catch {
            throw StorageFailure(.outOfResources, "not kept, send it again")
        }
    }
}
