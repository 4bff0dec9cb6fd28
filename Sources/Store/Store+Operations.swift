import Postgres

extension Store {
    /// Makes jobs due at once and gives them all their attempts again: `id`, or every dead one. Jobs that somebody has
    /// stay with them. Returns how many there were.
    public func retry(_ id: Int64?) async throws -> Int {
        try await pool.withConnection { connection in
            try await connection.execute(
                """
                UPDATE longview.jobs SET state = 'waiting', attempts = 0, due_at = clock_timestamp()
                WHERE state IN ('waiting', 'dead') AND (id = $1 OR $1::bigint IS NULL AND state = 'dead')
                """, id)
        }
    }

    /// Takes a job out of the queue for good, also from a worker that has it. False where it is not in the queue.
    public func cancel(_ id: Int64, reason: String) async throws -> Bool {
        try await pool.withConnection { connection in
            try await connection.execute(
                """
                WITH ended AS (DELETE FROM longview.jobs WHERE id = $1 RETURNING *)
                INSERT INTO longview.finished_jobs
                    (id, object_sha256, model_digest, state, is_shadow, reason, priority, attempts, worker, created_at)
                SELECT id, object_sha256, model_digest, 'cancelled',
                       EXISTS (SELECT FROM longview.models_in_use u
                               WHERE u.digest = model_digest AND u.state = 'shadow'),
                       $2, priority, attempts, leased_by, created_at
                FROM ended
                """, id, reason) > 0
        }
    }

    /// What came of ``requeue(object:)``.
    public enum Requeuing: Sendable, Equatable {
        case unknownObject
        /// So many models had not looked at it.
        case queued(Int)
    }

    /// Queues an object that was held back because of its SOP Instance UID, or whose job was cancelled, for the models
    /// in use that have no record of it.
    public func requeue(object sha256: String) async throws -> Requeuing {
        try await pool.withTransaction { connection in
            try await Self.lockModelStates(on: connection)
            let known: Bool = try await connection.query(
                "SELECT EXISTS (SELECT FROM longview.intakes WHERE object_sha256 = $1) AS known", sha256)[0]["known"]
            guard known else { return .unknownObject }
            try await Self.holdJobs(of: sha256, on: connection)
            let count = try await connection.execute(
                """
                INSERT INTO longview.jobs (object_sha256, model_digest, priority, folder)
                SELECT $1::text, u.digest, $2,
                       (SELECT i.folder FROM longview.intakes i WHERE i.object_sha256 = $1::text ORDER BY i.id DESC LIMIT 1)
                FROM longview.models_in_use u
                WHERE NOT EXISTS (SELECT FROM longview.finished_jobs f
                                  WHERE f.object_sha256 = $1::text AND f.model_digest = u.digest
                                    AND f.is_shadow = (u.state = 'shadow') AND f.state <> 'cancelled')
                ON CONFLICT (object_sha256, model_digest) DO NOTHING
                """, sha256, JobPriority.normal.rawValue)
            return .queued(count)
        }
    }

    /// Those of `digests` whose bytes need not be kept: all their jobs ended `days` ago or earlier; or nobody ever took
    /// them in, as a sender that was not told Success sends again.
    public func disposable(_ digests: [String], afterDays days: Int) async throws -> [String] {
        guard !digests.isEmpty else { return [] }
        return try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT d.sha256 FROM unnest($1) AS d (sha256)
                WHERE NOT EXISTS (SELECT FROM longview.jobs j WHERE j.object_sha256 = d.sha256)
                  AND (EXISTS (SELECT FROM longview.finished_jobs f WHERE f.object_sha256 = d.sha256
                               AND f.state IN ('done', 'refused'))
                       OR NOT EXISTS (SELECT FROM longview.intakes i WHERE i.object_sha256 = d.sha256))
                  AND NOT EXISTS (SELECT FROM longview.finished_jobs f
                                  WHERE f.object_sha256 = d.sha256
                                    AND f.finished_at > now() - make_interval(days => $2))
                """, digests, Int32(days)
            ).map { try $0["sha256"] }
        }
    }
}
