import Postgres

/// How the queue stands.
public struct QueueStatus: Sendable, Equatable {
    /// Jobs that may be taken now, by urgency.
    public var waitingSTAT, waitingNormal: Int
    /// Jobs that failed and wait for their next attempt.
    public var pausing: Int
    /// Jobs in the hands of workers.
    public var leased: Int
    /// Waiting jobs (counted above) that are rendered and wait for a network.
    public var rendered: Int
    /// Jobs that failed as often as is tried.
    public var dead: Int
    /// Waiting jobs (counted above) that no model in use is for: none is active, or their model was retired.
    public var withoutModel: Int
    /// Seconds since the oldest job came that may be taken now; nil where there is none.
    public var oldestWaitingSeconds: Double?
    /// Objects kept but not scored, as other bytes are known under their SOP Instance UID.
    public var conflicts: Int
    /// Jobs that ended in the last hour.
    public var doneLastHour, refusedLastHour: Int
    /// Who has jobs, and how many.
    public var workers: [String: Int]
}

extension Store {
    /// How the queue stands now.
    public func queueStatus() async throws -> QueueStatus {
        try await pool.withConnection { connection in
            let row = try await connection.query(
                """
                SELECT q.*,
                       (SELECT count(*) FROM longview.intakes i
                        WHERE i.outcome = 'sop_conflict'
                          AND NOT EXISTS (SELECT FROM longview.finished_jobs f WHERE f.object_sha256 = i.object_sha256)
                          AND NOT EXISTS (SELECT FROM longview.jobs j WHERE j.object_sha256 = i.object_sha256)
                       ) AS conflicts,
                       h.done, h.refused
                FROM (SELECT count(*) FILTER (WHERE state = 'waiting' AND due_at <= now() AND priority = 0) AS stat,
                             count(*) FILTER (WHERE state = 'waiting' AND due_at <= now() AND priority = 1) AS normal,
                             count(*) FILTER (WHERE state = 'waiting' AND due_at > now()) AS pausing,
                             count(*) FILTER (WHERE state = 'leased') AS leased,
                             count(*) FILTER (WHERE state = 'waiting' AND stage = 'score') AS rendered,
                             count(*) FILTER (WHERE state = 'dead') AS dead,
                             count(*) FILTER (WHERE state = 'waiting' AND u.digest IS NULL) AS without_model,
                             extract(epoch FROM now() - min(created_at)
                                 FILTER (WHERE state = 'waiting' AND due_at <= now()))::float8 AS oldest
                      FROM (SELECT state, stage, due_at, priority, model_digest, created_at FROM longview.jobs) j
                      LEFT JOIN (SELECT digest FROM longview.models_in_use) u ON u.digest = j.model_digest) q,
                     (SELECT count(*) FILTER (WHERE state = 'done') AS done,
                             count(*) FILTER (WHERE state = 'refused') AS refused
                      FROM longview.finished_jobs WHERE finished_at > now() - interval '1 hour') h
                """)[0]
            let workers = try await connection.query(
                "SELECT leased_by, count(*) AS jobs FROM longview.jobs WHERE state = 'leased' GROUP BY 1")
            return QueueStatus(
                waitingSTAT: try row["stat"], waitingNormal: try row["normal"], pausing: try row["pausing"],
                leased: try row["leased"], rendered: try row["rendered"], dead: try row["dead"],
                withoutModel: try row["without_model"], oldestWaitingSeconds: try row["oldest"],
                conflicts: try row["conflicts"], doneLastHour: try row["done"], refusedLastHour: try row["refused"],
                workers: Dictionary(
                    uniqueKeysWithValues: try workers.map { (try $0["leased_by"] as String, try $0["jobs"] as Int) }))
        }
    }

    /// Whether more than `mark` jobs wait; looks at no more of them than that.
    public func queueExceeds(_ mark: Int) async throws -> Bool {
        try await pool.withConnection { connection in
            let count: Int = try await connection.query(
                "SELECT count(*) AS n FROM (SELECT FROM longview.jobs WHERE state = 'waiting' LIMIT $1) w", mark + 1)[
                    0]["n"]
            return count > mark
        }
    }

    /// Jobs in a state, or those in the queue where none is named; in the order of their turn, ended ones newest first.
    public func jobs(in state: JobEntry.State?, limit: Int) async throws -> [JobEntry] {
        try await pool.withConnection { connection in
            let rows =
                if let state, !state.isInQueue {
                    try await connection.query(
                        Self.selectFinished + " WHERE f.state = $1 ORDER BY f.finished_at DESC, f.id DESC LIMIT $2",
                        state.rawValue, limit)
                } else {
                    try await connection.query(
                        Self.selectQueued
                            + " WHERE $1::text IS NULL OR j.state = $1 ORDER BY j.priority, j.due_at, j.id LIMIT $2",
                        state?.rawValue, limit)
                }
            return try rows.map(JobEntry.init)
        }
    }

    /// The job `id`, in the queue or ended, with the attempts that came to nothing; nil where there is none.
    public func job(_ id: Int64) async throws -> (entry: JobEntry, attempts: [JobAttempt])? {
        try await pool.withConnection { connection in
            let queued = try await connection.query(Self.selectQueued + " WHERE j.id = $1", id)
            let finished = try await connection.query(Self.selectFinished + " WHERE f.id = $1", id)
            guard let row = finished.first ?? queued.first else { return nil }
            let attempts = try await connection.query(
                """
                SELECT attempt, worker, outcome, code, message, began_at, ended_at
                FROM longview.job_attempts WHERE job_id = $1 ORDER BY token
                """, id)
            return (
                try JobEntry(row),
                try attempts.map {
                    JobAttempt(
                        attempt: try $0["attempt"], worker: try $0["worker"], outcome: try $0["outcome"],
                        code: try $0["code"], message: try $0["message"], beganAt: try $0["began_at"],
                        endedAt: try $0["ended_at"])
                }
            )
        }
    }

    /// How the jobs of the objects with these SOP Instance UIDs ended, as far as they have.
    ///
    /// For measurements in a database of their own: nobody's reading of a score is entered into the ledger here.
    public func endings(ofInstances sopInstanceUIDs: [String]) async throws -> [JobEnding] {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT o.sop_instance_uid, f.state, f.reason, i.risk
                FROM unnest($1) AS asked (uid)
                JOIN longview.objects o ON o.sop_instance_uid = asked.uid
                JOIN longview.finished_jobs f ON f.object_sha256 = o.sha256
                LEFT JOIN longview.inferences i ON i.id = f.inference_id
                """, sopInstanceUIDs
            ).map {
                JobEnding(
                    sopInstanceUID: try $0["sop_instance_uid"],
                    state: JobEntry.State(rawValue: try $0["state"]) ?? .cancelled, reason: try $0["reason"],
                    risk: try $0["risk"])
            }
        }
    }

    private static let selectQueued: SQL = """
        SELECT j.id, j.state, j.stage, j.object_sha256, m.name || '@' || m.version AS model, j.priority, j.attempts,
               j.created_at, j.due_at, j.leased_by AS worker, j.leased_until, NULL::timestamptz AS finished_at,
               j.error_code AS code, j.error_message AS message, NULL::uuid AS inference_id, false AS is_shadow
        FROM longview.jobs j LEFT JOIN longview.models m ON m.digest = j.model_digest
        """

    private static let selectFinished: SQL = """
        SELECT f.id, f.state, NULL::text AS stage, f.object_sha256, m.name || '@' || m.version AS model, f.priority, f.attempts,
               f.created_at, NULL::timestamptz AS due_at, f.worker, NULL::timestamptz AS leased_until, f.finished_at,
               f.reason AS code, NULL::text AS message, f.inference_id, f.is_shadow
        FROM longview.finished_jobs f LEFT JOIN longview.models m ON m.digest = f.model_digest
        """
}

extension JobEntry {
    init(_ row: PostgresRow) throws {
        self.init(
            id: try row["id"], state: State(rawValue: try row["state"]) ?? .waiting,
            stage: (try row["stage"] as String?).flatMap(JobStage.init),
            objectSHA256: try row["object_sha256"], model: try row["model"],
            priority: JobPriority(rawValue: try row["priority"]) ?? .normal, attempts: try row["attempts"],
            createdAt: try row["created_at"], dueAt: try row["due_at"], worker: try row["worker"],
            leasedUntil: try row["leased_until"], finishedAt: try row["finished_at"], code: try row["code"],
            message: try row["message"], inferenceID: try row["inference_id"], isShadow: try row["is_shadow"])
    }
}
