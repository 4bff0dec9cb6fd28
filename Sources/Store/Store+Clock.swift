public import Foundation
import Postgres

extension Store {
    /// Undoes what a clock that was set back makes of the queue: jobs that were due are so again, and leases that begin
    /// in the future begin now. Of what waits to be decoded, that whose bytes lie in `folder`, if there is one. Returns how
    /// many jobs were concerned.
    ///
    /// Times of the queue are those of the database's clock. Set back by an hour, what had come within that hour would
    /// be due in the hour to come, and leases of workers that are gone would run for an hour more. Pauses after failed
    /// attempts are left as they are, unless they are longer than `policy` makes any.
    public func undoClockSetBack(
        in folder: UUID?, policy: RetryPolicy = RetryPolicy()
    ) async throws -> Int {
        try await pool.withConnection { connection in
            // By the indexes of waiting jobs, which begin with model, folder and priority: no search through all that wait.
            let due = try await connection.execute(
                """
                WITH future AS (
                    SELECT j.id FROM (SELECT digest FROM longview.models_in_use) u
                    CROSS JOIN LATERAL (
                        SELECT id, due_at, error_code FROM longview.jobs
                        WHERE stage = 'decode' AND folder = $2 AND state = 'waiting' AND model_digest = u.digest
                          AND priority IN (0, 1) AND due_at > statement_timestamp() + interval '1 second'
                        UNION ALL
                        SELECT id, due_at, error_code FROM longview.jobs
                        WHERE stage = 'score' AND state = 'waiting' AND model_digest = u.digest
                          AND priority IN (0, 1) AND due_at > statement_timestamp() + interval '1 second'
                    ) w
                    JOIN longview.jobs j ON j.id = w.id
                    WHERE coalesce(w.error_code, 'lease_expired') = 'lease_expired'
                       OR w.due_at > statement_timestamp() + make_interval(secs => $1 + 1)
                    FOR UPDATE OF j SKIP LOCKED
                )
                UPDATE longview.jobs j SET due_at = statement_timestamp() FROM future WHERE j.id = future.id
                """, policy.longestPause, folder)
            let leased = try await connection.execute(
                """
                WITH future AS (
                    SELECT id FROM longview.jobs
                    WHERE state = 'leased' AND leased_at > statement_timestamp() + interval '1 second'
                    FOR UPDATE SKIP LOCKED
                )
                UPDATE longview.jobs j
                SET leased_until = statement_timestamp() + (leased_until - leased_at), leased_at = statement_timestamp()
                FROM future WHERE j.id = future.id
                """)
            return due + leased
        }
    }
}
