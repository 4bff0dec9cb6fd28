public import Foundation
import Postgres

/// A worker's place in the queue of one model: whose turn it is, and from where on it looks for jobs.
///
/// The second matters when an old snapshot is open somewhere (a long backup): jobs that were taken can't be removed
/// from the index then, and each search would step over all of them again. So a search begins at the last job taken,
/// and every few seconds at the beginning, for jobs that were committed or came back late.
public struct ClaimCursor: Sendable {
    /// Jobs taken so far. Of each three picks the third is for normal jobs first, so that STAT ones starve nobody.
    var picks = 0
    fileprivate var floors: [JobPriority: Timestamp] = [:]
    fileprivate var lastFullSearch: ContinuousClock.Instant?

    /// A place at the beginning.
    public init() {}

    /// How often all is searched while there is work, and while there is none.
    fileprivate static let busyInterval = Duration.seconds(10), idleInterval = Duration.seconds(1)

    /// Whose turn the next `count` picks are.
    func turns(_ count: Int) -> [JobPriority] { (picks..<picks + count).map { $0 % 3 == 2 ? .normal : .stat } }
}

extension Store {
    /// Leases at most `limit` of the due jobs in `selection` for `worker`, of the model `modelDigest`, the first to be
    /// scored first. A cursor is for one model and selection.
    ///
    /// STAT jobs come first, but every third pick goes to a normal one; where there are none of a kind, the other has
    /// its turns. Workers that claim at once get different jobs and do not wait for each other.
    public func claim(
        _ limit: Int, _ selection: JobSelection, modelDigest: String, worker: String, lease: Duration,
        cursor: inout ClaimCursor
    ) async throws -> [Job] {
        let kind = (modelDigest, selection)
        let now = ContinuousClock.now
        let sinceFull = cursor.lastFullSearch.map { now - $0 } ?? .seconds(3600)
        if sinceFull > ClaimCursor.busyInterval { cursor.floors = [:] }
        var jobs = try await claimByTurns(limit, kind, worker, lease, &cursor)
        if jobs.isEmpty, !cursor.floors.isEmpty, sinceFull > ClaimCursor.idleInterval {
            cursor.floors = [:]
            jobs = try await claimByTurns(limit, kind, worker, lease, &cursor)
            cursor.lastFullSearch = now
        }
        if sinceFull > ClaimCursor.busyInterval { cursor.lastFullSearch = now }
        return jobs
    }

    private func claimByTurns(
        _ limit: Int, _ kind: (model: String, selection: JobSelection), _ worker: String, _ lease: Duration,
        _ cursor: inout ClaimCursor
    ) async throws -> [Job] {
        let turns = cursor.turns(limit)
        var found: [JobPriority: [Job]] = [:]
        for priority in JobPriority.allCases {
            let share = turns.count { $0 == priority }
            found[priority] = try await take(share, priority, kind, worker, lease, &cursor)
        }
        // What one kind leaves is the other's.
        for (priority, other) in [(JobPriority.stat, JobPriority.normal), (.normal, .stat)] {
            let missing = turns.count { $0 == other } - found[other]!.count
            let isExhausted = found[priority]!.count < turns.count { $0 == priority }
            guard missing > 0, !isExhausted else { continue }
            found[priority]! += try await take(missing, priority, kind, worker, lease, &cursor)
        }
        var queues = found.mapValues { $0[...] }
        let ordered = turns.compactMap { turn in
            queues[turn]!.popFirst() ?? queues[turn == .stat ? .normal : .stat]!.popFirst()
        }
        cursor.picks += ordered.count
        return ordered
    }

    private func take(
        _ limit: Int, _ priority: JobPriority, _ kind: (model: String, selection: JobSelection), _ worker: String,
        _ lease: Duration, _ cursor: inout ClaimCursor
    ) async throws -> [Job] {
        guard limit > 0 else { return [] }
        // Each has its index, which is used only if the condition is in the statement's text.
        let (condition, folder): (SQL, UUID?) =
            switch kind.selection {
            case .toDecode(let folder): ("stage = 'decode' AND folder = $7", folder)
            case .toScore: ("stage = 'score' AND $7::uuid IS NULL", nil)
            }
        let floor = cursor.floors[priority] ?? Timestamp(microseconds: 0)
        let rows = try await pool.withConnection { connection in
            try await connection.query(
                "WITH next AS (SELECT id FROM longview.jobs WHERE " + condition
                    + """
                         AND state = 'waiting' AND model_digest = $1 AND priority = $2
                         AND due_at >= $3 AND due_at <= statement_timestamp()
                        ORDER BY due_at, id
                        LIMIT $4
                        FOR UPDATE SKIP LOCKED
                    )
                    UPDATE longview.jobs j
                    SET state = 'leased', attempts = j.attempts + 1, token = j.token + 1, leased_by = $5,
                        leased_at = clock_timestamp(), leased_until = clock_timestamp() + make_interval(secs => $6)
                    FROM next
                    WHERE j.id = next.id
                    RETURNING j.id, j.object_sha256, j.model_digest, j.stage, j.priority, j.attempts, j.token, j.due_at
                    """, kind.model, priority.rawValue, floor, limit, worker, lease / .seconds(1), folder)
        }
        let taken = try rows.map { row in (dueAt: try row["due_at"] as Timestamp, job: try Job(row)) }
            .sorted { ($0.dueAt, $0.job.id) < ($1.dueAt, $1.job.id) }
        if let last = taken.last { cursor.floors[priority] = last.dueAt }
        return taken.map(\.job)
    }

    /// Takes over, for `folder`, what `host` took in before folders had an identity. Returns how many jobs there were.
    public func adoptJobs(into folder: UUID, host: String) async throws -> Int {
        try await pool.withConnection { connection in
            try await connection.execute(
                """
                UPDATE longview.jobs j SET folder = $1
                WHERE j.folder = $2 AND j.state IN ('waiting', 'dead')
                  AND EXISTS (SELECT FROM longview.intakes i WHERE i.object_sha256 = j.object_sha256 AND i.host = $3)
                """, folder, IntakeSource.unknownFolder, host)
        }
    }

    /// Lets the leases of `jobs` run for `lease` from now, and returns the ids of those still held.
    public func extend(_ jobs: [Job], by lease: Duration) async throws -> Set<Int64> {
        guard !jobs.isEmpty else { return [] }
        let rows = try await pool.withConnection { connection in
            try await connection.query(
                """
                UPDATE longview.jobs j SET leased_until = clock_timestamp() + make_interval(secs => $3)
                FROM unnest($1, $2) AS held (id, token)
                WHERE j.id = held.id AND j.token = held.token AND j.state = 'leased'
                RETURNING j.id
                """, jobs.map { Int($0.id) }, jobs.map { Int($0.token) }, lease / .seconds(1))
        }
        return Set(try rows.map { try $0["id"] })
    }

    /// Gives back jobs that were not begun: others may take them at once, and the attempt does not count.
    public func release(_ jobs: [Job], code: String, message: String) async throws {
        guard !jobs.isEmpty else { return }
        _ = try await pool.withConnection { connection in
            try await connection.execute(
                """
                WITH lease AS (
                    SELECT j.id, j.leased_by FROM longview.jobs j JOIN unnest($1, $2) AS held (id, token)
                    ON j.id = held.id AND j.token = held.token
                    WHERE j.state = 'leased'
                    FOR UPDATE OF j
                ), returned AS (
                    UPDATE longview.jobs j
                    SET state = 'waiting', attempts = j.attempts - 1, leased_by = NULL, leased_until = NULL
                    FROM lease WHERE j.id = lease.id
                    RETURNING j.id, j.token, j.attempts, j.model_digest, j.leased_at, lease.leased_by
                )
                INSERT INTO longview.job_attempts
                    (job_id, token, attempt, model_digest, worker, outcome, code, message, began_at)
                SELECT id, token, attempts + 1, model_digest, leased_by, 'returned', $3, $4, leased_at FROM returned
                """, jobs.map { Int($0.id) }, jobs.map { Int($0.token) }, code, message)
        }
    }

    /// Ends leases that ran out: whoever had the jobs is gone, or can't be reached. Returns how many there were.
    ///
    /// The attempts count, so that a job which ends its worker each time is dead at last.
    public func expireLeases(policy: RetryPolicy = RetryPolicy()) async throws -> Int {
        try await pool.withConnection { connection in
            try await connection.execute(
                """
                WITH lease AS (
                    SELECT id, leased_by FROM longview.jobs
                    WHERE state = 'leased' AND leased_until < statement_timestamp()
                    ORDER BY leased_until
                    LIMIT 500
                    FOR UPDATE SKIP LOCKED
                ), expired AS (
                    UPDATE longview.jobs j
                    SET state = CASE WHEN j.attempts >= $1 THEN 'dead' ELSE 'waiting' END,
                        due_at = clock_timestamp(), leased_by = NULL, leased_until = NULL,
                        error_code = 'lease_expired', error_message = $2
                    FROM lease WHERE j.id = lease.id
                    RETURNING j.id, j.token, j.attempts, j.model_digest, j.leased_at, lease.leased_by
                )
                INSERT INTO longview.job_attempts
                    (job_id, token, attempt, model_digest, worker, outcome, code, message, began_at)
                SELECT id, token, attempts, model_digest, leased_by, 'expired', 'lease_expired', $2, leased_at
                FROM expired
                """, policy.maximumAttempts, "the worker was not heard of until its lease ended")
        }
    }
}

extension Job {
    init(_ row: PostgresRow) throws {
        self.init(
            id: try row["id"], objectSHA256: try row["object_sha256"], modelDigest: try row["model_digest"],
            stage: JobStage(rawValue: try row["stage"]) ?? .decode,
            priority: JobPriority(rawValue: try row["priority"]) ?? .normal, attempts: try row["attempts"],
            token: try row["token"])
    }
}
