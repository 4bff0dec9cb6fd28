import Foundation
public import Postgres

extension Store {
    /// What came of ending a job.
    public enum Completion: Sendable, Equatable {
        /// Recorded; or found recorded before, which ends the job as well.
        case done(RecordOutcome)
        case refused
        /// The lease passed to somebody else, or the job was cancelled: nothing was recorded.
        case leaseLost
    }

    /// What came of a failed attempt.
    public enum FailureOutcome: Sendable, Equatable {
        case retry(at: Timestamp)
        /// It failed as often as is tried.
        case dead
        case leaseLost
    }

    /// Records a score and ends its job, in one transaction: a job is done exactly when its record is there.
    ///
    /// What a shadow model scored is kept apart from results.
    public func complete(_ job: Job, with record: InferenceRecord, picture: PictureRecord) async throws -> Completion {
        precondition(record.object.sha256 == job.objectSHA256 && record.modelDigest == job.modelDigest)
        return try await pool.withTransaction { connection in
            guard let ended = try await Self.end(job, on: connection) else { return .leaseLost }
            try await record.object.describe(on: connection)
            let outcome = try await self.record(record, picture: picture, isShadow: ended.isShadow, on: connection)
            let id =
                switch outcome {
                case .recorded(let id), .duplicate(let id): id
                }
            try await ended.keep(as: .done, inferenceID: id, reason: nil, on: connection)
            return .done(outcome)
        }
    }

    /// Records a refusal and ends its job, in one transaction.
    public func complete(_ job: Job, with refusal: RefusalRecord) async throws -> Completion {
        precondition(refusal.object.sha256 == job.objectSHA256 && refusal.modelDigest == job.modelDigest)
        return try await pool.withTransaction { connection in
            guard let ended = try await Self.end(job, on: connection) else { return .leaseLost }
            try await refusal.object.describe(on: connection)
            try await self.record(refusal, isShadow: ended.isShadow, on: connection)
            try await ended.keep(as: .refused, inferenceID: nil, reason: refusal.code, on: connection)
            return .refused
        }
    }

    /// Gives up an attempt: the job waits for the next, or is dead. `message` is kept and must hold no personal data.
    ///
    /// - Parameter beginsAnew: whether what the first stage left is of no use: then the next attempt is at that stage.
    public func fail(
        _ job: Job, worker: String, code: String, message: String, beginsAnew: Bool = false,
        policy: RetryPolicy = RetryPolicy()
    ) async throws -> FailureOutcome {
        let rows = try await pool.withConnection { connection in
            try await connection.query(
                """
                WITH failed AS (
                    UPDATE longview.jobs
                    SET state = CASE WHEN attempts >= $3 THEN 'dead' ELSE 'waiting' END,
                        stage = CASE WHEN $9 THEN 'decode' ELSE stage END,
                        due_at = clock_timestamp()
                            + make_interval(secs => least($4 * power(2, least(attempts - 1, 30)), $5)),
                        leased_by = NULL, leased_until = NULL, error_code = $6, error_message = $7
                    WHERE id = $1 AND token = $2 AND state = 'leased'
                    RETURNING id, token, attempts, model_digest, leased_at, state, due_at
                ), kept AS (
                    INSERT INTO longview.job_attempts
                        (job_id, token, attempt, model_digest, worker, outcome, code, message, began_at)
                    SELECT id, token, attempts, model_digest, $8, 'failed', $6, $7, leased_at FROM failed
                )
                SELECT state, due_at FROM failed
                """, job.id, job.token, policy.maximumAttempts, policy.firstPause, policy.longestPause, code, message,
                worker, beginsAnew)
        }
        guard let row = rows.first else { return .leaseLost }
        let state: String = try row["state"]
        return state == "dead" ? .dead : .retry(at: try row["due_at"])
    }

    /// Takes the job out of the queue if the lease is still `job`'s: the check and the deed are one statement.
    private static func end(_ job: Job, on connection: PostgresConnection) async throws -> EndedJob? {
        // Whether the model is a shadow must not change before what it said is recorded.
        try await lockModelStates(on: connection)
        return try await connection.query(
            """
            DELETE FROM longview.jobs WHERE id = $1 AND token = $2 AND state = 'leased'
            RETURNING id, object_sha256, model_digest, priority, attempts, leased_by, created_at,
                      coalesce((SELECT s.state FROM longview.model_states s
                                WHERE s.model_digest = jobs.model_digest AND s.state IN ('active', 'shadow')
                                ORDER BY s.id DESC LIMIT 1) = 'shadow', false) AS is_shadow
            """, job.id, job.token
        ).first.map(EndedJob.init)
    }
}

/// A row of `longview.jobs` on its way to `longview.finished_jobs`.
struct EndedJob {
    var id: Int64
    var objectSHA256: String
    var modelDigest: String?
    var priority, attempts: Int
    var worker: String?
    var createdAt: Timestamp
    var isShadow: Bool

    init(_ row: PostgresRow) throws {
        id = try row["id"]
        objectSHA256 = try row["object_sha256"]
        modelDigest = try row["model_digest"]
        priority = try row["priority"]
        attempts = try row["attempts"]
        worker = try row["leased_by"]
        createdAt = try row["created_at"]
        isShadow = try row["is_shadow"]
    }

    func keep(as state: JobEntry.State, inferenceID: UUID?, reason: String?, on connection: PostgresConnection)
        async throws
    {
        try await connection.execute(
            """
            INSERT INTO longview.finished_jobs
                (id, object_sha256, model_digest, state, is_shadow, inference_id, reason, priority, attempts, worker,
                 created_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            """, id, objectSHA256, modelDigest, state.rawValue, isShadow, inferenceID, reason, priority, attempts,
            worker, createdAt)
    }
}
