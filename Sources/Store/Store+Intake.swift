public import Foundation
import Ledger
import Postgres

/// How an object came in.
public struct IntakeSource: Sendable, Equatable {
    /// The way it took.
    public enum Way: String, Sendable {
        /// C-STORE.
        case dicom
        /// A watched folder.
        case folder
        /// A command.
        case file
        /// STOW-RS.
        case stow

        var entryVia: IntakeEntry.Via {
            switch self {
            case .dicom: .dicom
            case .folder: .folder
            case .file: .file
            case .stow: .stow
            }
        }
    }

    /// The way it took.
    public var way: Way
    /// The application entities of the association; nil where there was none.
    public var callingAETitle, calledAETitle: String?
    /// The machine that took it in.
    public var host: String
    /// The identity of the object folder that keeps the bytes: workers that have it may take the jobs.
    public var folder = unknownFolder

    /// The folder of what was taken in before folders had an identity.
    public static let unknownFolder = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))

    /// A source by its parts.
    public init(_ way: Way, callingAETitle: String? = nil, calledAETitle: String? = nil, host: String) {
        self.way = way
        self.callingAETitle = callingAETitle
        self.calledAETitle = calledAETitle
        self.host = host
    }
}

/// What an object turned out to be when it was taken in. All of these are kept: the sender may be told Success.
public enum IntakeOutcome: String, Sendable {
    /// Its bytes were not here before; it will be scored.
    case new
    /// The same bytes were here; whatever was not scored yet by a model in use will be.
    case duplicate
    /// Other bytes are known under its SOP Instance UID. Both are kept, and this one is scored only after
    /// ``Store/requeue(object:)``.
    case conflicting = "sop_conflict"
}

extension Store {
    /// Takes in an object whose bytes are on disk and synced: the object, the event and the jobs in one transaction.
    ///
    /// Whoever sends the same bytes or the same UID at once, one after another is looked at, and there is one job.
    public func intake(
        _ object: ObjectRecord, from source: IntakeSource, priority: JobPriority = .normal
    ) async throws -> IntakeOutcome {
        try await pool.withTransaction { connection in
            // As lockModelStates(on:), and the UID, if there is one: held to the end of the transaction, as everything is
            // that Longview locks.
            try await connection.execute(
                """
                SELECT pg_advisory_xact_lock_shared(hashtext('longview.model_states')),
                       pg_advisory_xact_lock(hashtextextended('longview.sop_instance:' || $1, 0))
                """, object.sopInstanceUID)
            let isNew = try await object.insert(on: connection)
            if !isNew { try await Self.holdJobs(of: object.sha256, on: connection) }
            let conflict: Bool = try await connection.query(
                """
                SELECT CASE WHEN $3
                       THEN EXISTS (SELECT FROM longview.objects WHERE sop_instance_uid = $2 AND sha256 <> $1)
                       ELSE EXISTS (SELECT FROM longview.intakes WHERE object_sha256 = $1 AND outcome = 'sop_conflict')
                       END AS conflict
                """, object.sha256, object.sopInstanceUID, isNew)[0]["conflict"]
            let outcome: IntakeOutcome = !isNew ? .duplicate : conflict ? .conflicting : .new
            try await connection.execute(
                """
                INSERT INTO longview.intakes (object_sha256, via, calling_ae, called_ae, outcome, host, folder)
                VALUES ($1, $2, $3, $4, $5, $6, $7)
                """,
                object.sha256, source.way.rawValue, source.callingAETitle, source.calledAETitle, outcome.rawValue,
                source.host, source.folder)
            let (commitments, moment) = try await ObjectCommitments.now(of: object, on: connection)
            try await recorder.append(
                .intake(
                    IntakeEntry(
                        object, commitments, via: source.way.entryVia, isDuplicate: !isNew,
                        callingAETitle: source.callingAETitle, calledAETitle: source.calledAETitle)),
                at: moment, on: connection)
            if !conflict {
                try await Self.enqueue(object.sha256, priority: priority, in: source.folder, on: connection)
            }
            return outcome
        }
    }

    /// Whether the bytes with this digest were taken in before.
    public func wasTakenIn(_ objectSHA256: String) async throws -> Bool {
        try await pool.withConnection { connection in
            try await connection.query(
                "SELECT EXISTS (SELECT FROM longview.intakes WHERE object_sha256 = $1) AS known", objectSHA256)[0][
                    "known"]
        }
    }

    /// Jobs for what the models in use have not looked at: one a model; one for the first to be active where none is.
    /// Those that wait already come to the folder in which the bytes were kept last. Returns how many were added or changed.
    @discardableResult
    static func enqueue(
        _ objectSHA256: String, priority: JobPriority, in folder: UUID, on connection: PostgresConnection
    ) async throws -> Int {
        try await connection.execute(
            """
            INSERT INTO longview.jobs (object_sha256, model_digest, priority, folder)
            SELECT $1::text, u.digest, $2, $3
            FROM (SELECT digest, state FROM longview.models_in_use
                  UNION ALL
                  SELECT NULL, 'active'
                  WHERE NOT EXISTS (SELECT FROM longview.models_in_use WHERE state = 'active')) u
            WHERE NOT EXISTS (SELECT FROM longview.finished_jobs f
                              WHERE f.object_sha256 = $1::text AND f.model_digest = u.digest
                                AND f.is_shadow = (u.state = 'shadow'))
              AND NOT (u.state = 'active'
                       AND EXISTS (SELECT FROM longview.inferences i
                                   WHERE i.object_sha256 = $1::text AND i.model_digest = u.digest
                                     AND i.views = 'profile'))
            ON CONFLICT (object_sha256, model_digest)
            DO UPDATE SET priority = least(jobs.priority, excluded.priority), folder = excluded.folder
            WHERE jobs.state IN ('waiting', 'dead')
              AND (jobs.priority > excluded.priority OR jobs.folder <> excluded.folder)
            """, objectSHA256, priority.rawValue, folder)
    }

    /// Lets whoever is ending a job of the object end it, and keeps the others until the transaction ends. Before jobs are
    /// added: a statement that began while one was being ended would see neither what came of it nor, at last, the job.
    static func holdJobs(of objectSHA256: String, on connection: PostgresConnection) async throws {
        try await connection.execute(
            "SELECT FROM longview.jobs WHERE object_sha256 = $1 FOR KEY SHARE", objectSHA256)
    }

    /// Keeps the states of models as they are until the transaction ends; any number of transactions may.
    static func lockModelStates(on connection: PostgresConnection) async throws {
        try await connection.execute("SELECT pg_advisory_xact_lock_shared(hashtext('longview.model_states'))")
    }
}
