import DICOM
import Foundation
import Synchronization

/// A server that keeps what it receives in memory, and what happened.
final class TestReceiver: Sendable {
    let server: StorageServer
    private let log: Log

    private final class Log: Sendable {
        let files = Mutex<[Data]>([])
        let events = Mutex<[StorageEvent]>([])
        let discarded = Mutex(0)
    }

    /// One object, in memory.
    private final class Reception: ObjectReception {
        let log: Log
        let finishing: @Sendable () throws(StorageFailure) -> Void
        var bytes = Data()

        init(_ log: Log, _ finishing: @escaping @Sendable () throws(StorageFailure) -> Void) {
            self.log = log
            self.finishing = finishing
        }

        func append(_ piece: UnsafeRawBufferPointer) { bytes.append(contentsOf: piece) }
        func finish() throws(StorageFailure) {
            try finishing()
            log.files.withLock { $0.append(bytes) }
        }
        func discard() { log.discarded.withLock { $0 += 1 } }
    }

    /// Listens on a free port of the loopback; `finishing` is called before an object is kept.
    init(
        _ change: (inout StorageServer.Configuration) -> Void = { _ in },
        isReady: @escaping @Sendable () -> Bool = { true },
        finishing: @escaping @Sendable () throws(StorageFailure) -> Void = { () throws(StorageFailure) in }
    ) throws {
        var configuration = StorageServer.Configuration()
        configuration.address = "127.0.0.1"
        configuration.port = 0
        configuration.securePort = 0
        configuration.callers = nil
        change(&configuration)
        let log = Log()
        self.log = log
        server = try StorageServer(
            configuration, isReady: isReady, events: { event in log.events.withLock { $0.append(event) } }
        ) { _ throws(StorageFailure) in Reception(log, finishing) }
    }

    var port: UInt16 { server.port! }
    var files: [Data] { log.files.withLock { $0 } }
    var events: [StorageEvent] { log.events.withLock { $0 } }
    var discarded: Int { log.discarded.withLock { $0 } }
    var statuses: [DIMSEStatus] {
        events.compactMap { if case .stored(_, let store) = $0 { store.status } else { nil } }
    }
    var rejections: [AssociationRejection] {
        events.compactMap { if case .rejected(_, let rejection) = $0 { rejection } else { nil } }
    }
    /// How the associations and connections ended.
    var ends: [AssociationError.Code] {
        events.compactMap { event in
            switch event {
            case .ended(_, let end, objects: _, duration: _): end.code
            case .connectionFailed(_, let error): error.code
            default: nil
            }
        }
    }

    /// Waits until `condition` holds, for a minute at most.
    func wait(until condition: (TestReceiver) -> Bool) async throws -> Bool {
        for _ in 0..<6000 {
            if condition(self) { return true }
            try await Task.sleep(for: .milliseconds(10))
        }
        return false
    }

    /// A client that calls this receiver as `callingTitle`.
    func client(
        as callingTitle: String = "SENDER", calling calledTitle: String = "LONGVIEW"
    ) throws -> StorageClient {
        try StorageClient(
            StorageClient.Configuration(
                host: "127.0.0.1", port: port, callingTitle: callingTitle, calledTitle: calledTitle))
    }
}
