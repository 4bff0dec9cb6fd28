public import Postgres

/// A radiograph between its two stages: rendered and let through by the gate, not yet scored.
public struct RenderingRecord: Sendable, Equatable {
    /// What the network will see.
    public var picture: PictureRecord
    /// How the picture came from the object, and the gate's decision, each a JSON object.
    public var provenance, gate: JSONText
    /// What the gate and the decoder observed that a reader of the score should know, as codes.
    public var flags: [String]
    /// Milliseconds spent decoding and rendering.
    public var decodeMilliseconds, renderMilliseconds: Double

    /// A rendering of values as given.
    public init(
        picture: PictureRecord, provenance: JSONText, gate: JSONText, flags: [String], decodeMilliseconds: Double,
        renderMilliseconds: Double
    ) {
        self.picture = picture
        self.provenance = provenance
        self.gate = gate
        self.flags = flags
        self.decodeMilliseconds = decodeMilliseconds
        self.renderMilliseconds = renderMilliseconds
    }
}

/// Who rendered what another worker scores: in the provenance of its score, under `rendered_by`.
public struct Renderer: Sendable, Equatable, Encodable {
    /// The machine.
    public var host: String
    /// The program's version.
    public var longviewVersion: String

    /// A program of this version on this machine.
    public init(host: String, longviewVersion: String) {
        self.host = host
        self.longviewVersion = longviewVersion
    }

    private enum CodingKeys: String, CodingKey {
        case host
        case longviewVersion = "longview_version"
    }
}

extension Store {
    /// Ends a job's first stage: keeps `rendering` with what is now known of `object`, and gives the job to whoever scores,
    /// in one transaction. False where the lease passed to somebody else: then nothing is kept.
    public func handOver(
        _ job: Job, _ rendering: RenderingRecord, of object: ObjectRecord, by renderer: Renderer
    ) async throws -> Bool {
        precondition(object.sha256 == job.objectSHA256)
        return try await pool.withTransaction { connection in
            let held = try await connection.execute(
                """
                UPDATE longview.jobs
                SET stage = 'score', state = 'waiting', attempts = attempts - 1, due_at = clock_timestamp(),
                    leased_by = NULL, leased_until = NULL, error_code = NULL, error_message = NULL
                WHERE id = $1 AND token = $2 AND state = 'leased' AND stage = 'decode'
                """, job.id, job.token)
            guard held == 1 else { return false }
            try await object.describe(on: connection)
            try await connection.execute(
                """
                INSERT INTO longview.renderings
                    (job_id, picture_sha256, width, height, data, rendering, gate, flags, decode_ms, render_ms)
                VALUES ($1, $2, $3, $4, $5, $6::jsonb || jsonb_build_object('rendered_by', $7::jsonb), $8, $9, $10, $11)
                """, job.id, rendering.picture.sha256, rendering.picture.width, rendering.picture.height,
                rendering.picture.png, rendering.provenance, try JSONText(encoding: renderer), rendering.gate,
                rendering.flags, rendering.decodeMilliseconds, rendering.renderMilliseconds)
            return true
        }
    }

    /// What is known of a leased job's object, and what its first stage left; nil where the job is not `job`'s any more.
    public func rendering(for job: Job) async throws -> (object: ObjectRecord, rendering: RenderingRecord)? {
        try await pool.withConnection { connection in
            try await connection.query(
                """
                SELECT r.picture_sha256, r.width, r.height, r.data, r.rendering, r.gate, r.flags, r.decode_ms, r.render_ms,
                       o.sha256 AS object_sha256, o.*
                FROM longview.jobs j
                JOIN longview.renderings r ON r.job_id = j.id
                JOIN longview.objects o ON o.sha256 = j.object_sha256
                WHERE j.id = $1 AND j.token = $2 AND j.state = 'leased'
                """, job.id, job.token
            ).first.map { row in
                (
                    try ObjectRecord(row),
                    RenderingRecord(
                        picture: PictureRecord(
                            sha256: try row["picture_sha256"], width: try row["width"], height: try row["height"],
                            png: try row["data"]),
                        provenance: try row["rendering"], gate: try row["gate"], flags: try row["flags"],
                        decodeMilliseconds: try row["decode_ms"], renderMilliseconds: try row["render_ms"])
                )
            }
        }
    }

    /// Whether `mark` jobs of a model or more are rendered and wait for a network; looks at no more of them than that.
    public func hasRendered(_ mark: Int, modelDigest: String) async throws -> Bool {
        try await pool.withConnection { connection in
            let count: Int = try await connection.query(
                """
                SELECT count(*) AS n FROM (
                    SELECT FROM longview.jobs WHERE state = 'waiting' AND stage = 'score' AND model_digest = $1 LIMIT $2) w
                """, modelDigest, mark)[0]["n"]
            return count >= mark
        }
    }
}
