import Postgres

extension Store {
    /// The models that what is received is scored with: active ones, and shadows.
    public func modelsInUse() async throws -> [RegisteredModel] {
        try await models().filter { $0.state == .active || $0.state == .shadow }
    }

    /// Brings jobs that wait for a model not in use any more to the active version of its name, and ends what waits for
    /// a shadow that is none any more. Where a name has no active version its jobs go on waiting for one.
    public func retargetJobs() async throws {
        try await pool.withTransaction { connection in
            try await Self.lockModelStates(on: connection)
            try await connection.execute(
                """
                WITH stale AS (
                    SELECT j.id, j.object_sha256, u.digest AS target,
                           (SELECT s.state FROM longview.model_states s
                            WHERE s.model_digest = j.model_digest AND s.state IN ('active', 'shadow')
                            ORDER BY s.id DESC LIMIT 1) = 'shadow' AS was_shadow
                    FROM longview.jobs j
                    JOIN longview.models m ON m.digest = j.model_digest
                    LEFT JOIN longview.models_in_use u ON u.name = m.name AND u.state = 'active'
                    WHERE j.state = 'waiting'
                      AND NOT EXISTS (SELECT FROM longview.models_in_use o WHERE o.digest = j.model_digest)
                    FOR UPDATE OF j
                ), ended AS (
                    DELETE FROM longview.jobs j USING stale
                    WHERE j.id = stale.id
                      AND (stale.was_shadow
                           OR EXISTS (SELECT FROM longview.jobs o
                                      WHERE o.object_sha256 = stale.object_sha256 AND o.model_digest = stale.target))
                    RETURNING j.*, coalesce(stale.was_shadow, false) AS was_shadow
                ), kept AS (
                    INSERT INTO longview.finished_jobs
                        (id, object_sha256, model_digest, state, is_shadow, reason, priority, attempts, created_at)
                    SELECT id, object_sha256, model_digest, 'cancelled', was_shadow, 'model_not_in_use', priority,
                           attempts, created_at
                    FROM ended
                )
                UPDATE longview.jobs j SET model_digest = stale.target
                FROM stale
                WHERE j.id = stale.id AND stale.target IS NOT NULL AND NOT coalesce(stale.was_shadow, false)
                  AND NOT EXISTS (SELECT FROM longview.jobs o
                                  WHERE o.object_sha256 = stale.object_sha256 AND o.model_digest = stale.target)
                """)
        }
    }

    /// Gives what was received while no model was active to `model`, which has just become so.
    static func assignJobs(to model: RegisteredModel, on connection: PostgresConnection) async throws {
        // Its job as a shadow, still in the queue, is scored as the active model's now.
        try await connection.execute(
            """
            DELETE FROM longview.jobs j
            WHERE j.model_digest IS NULL
              AND EXISTS (SELECT FROM longview.jobs o WHERE o.object_sha256 = j.object_sha256 AND o.model_digest = $1)
            """, model.digest)
        try await connection.execute(
            "UPDATE longview.jobs SET model_digest = $1 WHERE model_digest IS NULL", model.digest)
    }
}
