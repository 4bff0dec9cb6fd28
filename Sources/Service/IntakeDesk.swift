import Decoding
public import Foundation
import Imaging
public import Logging
import Postgres
public import Store

/// Where every way in ends: keeps an object's bytes and enters it into the database, in that order.
///
/// Whoever hands in an object may be told that it was accepted when ``accept(_:from:priority:describe:)`` has returned,
/// and not before.
public struct IntakeDesk: Sendable {
    /// Where the bytes are kept.
    public let folder: ObjectFolder
    /// What came in here since this process began.
    public let tally = IntakeTally()
    private let store: Store
    private let signal: WorkSignal?
    private let logger: Logger
    private let queue = ComputeQueue("intake", concurrent: true)

    /// What became of an object.
    public struct Receipt: Sendable, Equatable {
        /// Digest of its bytes, under which they are kept.
        public var sha256: String
        /// What it turned out to be.
        public var outcome: IntakeOutcome
    }

    /// A desk that keeps objects in `folder` and `store`, and wakes the workers of this process by `signal`.
    public init(folder: ObjectFolder, store: Store, signal: WorkSignal? = nil, logger: Logger) {
        self.folder = folder
        self.store = store
        self.signal = signal
        self.logger = logger
    }

    /// A new object to be written to. Write from a thread that may block, or by ``write(_:to:)``.
    public func newObject() async throws -> IncomingObject {
        try await queue.run { [folder] in try folder.newObject() }
    }

    /// Writes without blocking the caller's thread.
    public func write(_ bytes: some ContiguousBytes & Sendable, to object: IncomingObject) async throws {
        try await queue.run { try bytes.withUnsafeBytes { try object.write($0) } }
    }

    /// Takes in what was written to `object`. A database that does not answer is tried again for a few seconds.
    ///
    /// - Parameter describe: adds the attributes that are known already; where the workers find more when they decode
    ///   the object, they add it. Without the SOP Instance UID, a second object under it is not noticed here.
    /// - Throws: ``ObjectFolderError`` or `PostgresError`. Then the sender must be told that it was not accepted; what
    ///   was kept of it is found again when it is sent again.
    public func accept(
        _ object: IncomingObject, from source: IntakeSource, priority: JobPriority = .normal,
        describe: (inout ObjectRecord) -> Void = { _ in }
    ) async throws -> Receipt {
        do {
            let (sha256, identity) = try await queue.run { [folder] in (try object.keep(), try folder.identity()) }
            var source = source
            source.folder = identity
            var record = ObjectRecord(sha256: sha256, kind: .init(head: object.head), byteCount: object.byteCount)
            describe(&record)
            let outcome = try await enter(record, source, priority)
            try await queue.run { try object.settle(sha256) }
            signal?.notify()
            tally.count(source.way, outcome)
            return Receipt(sha256: sha256, outcome: outcome)
        } catch {
            object.discard()
            tally.count(source.way, nil)
            throw error
        }
    }

    private func enter(_ record: ObjectRecord, _ source: IntakeSource, _ priority: JobPriority) async throws
        -> IntakeOutcome
    {
        // Done twice, as after a COMMIT whose answer was lost, it is a duplicate with no second job.
        for pause in [0.2, 0.5, 1, 2] {
            do {
                return try await store.intake(record, from: source, priority: priority)
            } catch let error as PostgresError where error.isTransient {
                logger.warning("the database did not take an object in; trying again: \(error)")
                try await Task.sleep(for: .seconds(pause))
            }
        }
        return try await store.intake(record, from: source, priority: priority)
    }
}

extension ObjectRecord.Kind {
    /// Told by a file's first 132 bytes; `unknown` also for DICOM without its prefix (PS3.10 section 7.1).
    init(head: [UInt8]) {
        self =
            switch ImageFileKind.sniff(head) {
            case .png: .png
            case .jpeg: .jpeg
            case nil: head.dropFirst(128).starts(with: "DICM".utf8) ? .dicom : .unknown
            }
    }
}

extension PostgresError {
    /// Whether the database, not the work, is the matter: the same again may succeed when it has recovered. Only for
    /// work that may be done twice, as the outcome may be unknown.
    var isTransient: Bool {
        let codes: Set<Code> = [
            .unknownCommitOutcome, .diskFull, .outOfMemory, .readOnly, .statementCancelled, .databaseMissing,
            .authenticationFailed,
        ]
        return isRetryable || codes.contains(code)
    }
}
