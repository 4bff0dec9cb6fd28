public import Foundation
import Ledger
public import Postgres

extension Store {
    /// What came of recording a score.
    public enum RecordOutcome: Sendable, Equatable {
        /// A new record.
        case recorded(UUID)
        /// The same bytes were scored with the same model and views before; the first record stands.
        case duplicate(UUID)
    }

    /// The inference that scored the bytes `objectSHA256` with the model `modelDigest` on `views`, or nil.
    public func inference(
        ofObject objectSHA256: String, modelDigest: String, views: InferenceRecord.Views
    ) async throws -> StoredInference? {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                "SELECT * FROM longview.inference_details WHERE object_sha256 = $1 AND model_digest = $2 AND views = $3",
                objectSHA256, modelDigest, views.rawValue)
            return try rows.first.map(StoredInference.init)
        }
    }

    /// The inference `id`, or nil.
    public func inference(_ id: UUID) async throws -> StoredInference? {
        try await pool.withConnection { connection in
            let rows = try await connection.query("SELECT * FROM longview.inference_details WHERE id = $1", id)
            return try rows.first.map(StoredInference.init)
        }
    }

    /// Records a score with its object and picture, in one transaction; all or nothing.
    ///
    /// Two processes that score the same bytes at once end with one record: the second reports `duplicate`.
    public func record(_ inference: InferenceRecord, picture: PictureRecord) async throws -> RecordOutcome {
        try await pool.withTransaction { connection in
            try await record(inference.object, via: .file, on: connection)
            return try await record(inference, picture: picture, isShadow: false, on: connection)
        }
    }

    /// Records a score of an object that is recorded, with picture and entry, in the open transaction of `connection`. The
    /// score of a shadow model is nobody's result, and has no entry.
    func record(
        _ inference: InferenceRecord, picture: PictureRecord, isShadow: Bool, on connection: PostgresConnection
    ) async throws -> RecordOutcome {
        try await picture.insert(on: connection)
        if let id = try await inference.insert(isShadow: isShadow, on: connection, recorder: recorder) {
            return .recorded(id)
        }
        let rows = try await connection.query(
            (isShadow ? "SELECT id FROM longview.shadow_inferences" : "SELECT id FROM longview.inferences")
                + " WHERE object_sha256 = $1 AND model_digest = $2 AND views = $3",
            inference.object.sha256, inference.modelDigest, inference.views.rawValue)
        return .duplicate(try rows[0]["id"])
    }

    /// The ids of all inferences, the newest first; or of `sample` of them, chosen at random.
    public func inferenceIDs(sample: Int? = nil) async throws -> [UUID] {
        try await pool.withConnection { connection in
            let rows =
                if let sample {
                    try await connection.query("SELECT id FROM longview.inferences ORDER BY random() LIMIT $1", sample)
                } else {
                    try await connection.query("SELECT id FROM longview.inferences ORDER BY created_at DESC, id DESC")
                }
            return try rows.map { try $0["id"] }
        }
    }
}

/// Which inferences, or refusals, are asked for; nil means any.
public struct InferenceQuery: Sendable {
    /// Patient ID, whoever issued it; matched exactly.
    public var patientID: String?
    /// Accession Number, matched exactly.
    public var accessionNumber: String?
    /// Study Instance UID, matched exactly.
    public var studyInstanceUID: String?
    /// Recorded at or after.
    public var since: Timestamp?
    /// Recorded before.
    public var until: Timestamp?
    /// The category's name, matched exactly; refusals have none.
    public var category: String?
    /// At most so many, the newest first.
    public var limit: Int

    /// Any inferences, at most `limit` of them.
    public init(limit: Int = 50) {
        self.limit = limit
    }
}

extension InferenceRecord {
    /// Adds the inference and its entry; nil where the same bytes, model and views have one already.
    func insert(
        isShadow: Bool, on connection: PostgresConnection, recorder: Recorder
    ) async throws -> UUID? {
        let rows = try await connection.query(
            (isShadow ? "INSERT INTO longview.shadow_inferences" : "INSERT INTO longview.inferences")
                + """
                    (object_sha256, picture_sha256, model_digest, model_name, model_version, profile, rendering, gate,
                     views, view_weights, view_risks, logits, risk, category, flags, decode_ms, render_ms, score_ms,
                     engine_version, kernels, longview_version, host)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
                ON CONFLICT (object_sha256, model_digest, views) DO NOTHING
                RETURNING id, created_at, session_user::text AS login
                """,
            object.sha256, pictureSHA256, modelDigest, modelName, modelVersion, profile, rendering, gate,
            views.rawValue, viewWeights, viewRisks, logits, risk, category, flags, timing.decode, timing.render,
            timing.score, engineVersion, kernels, longviewVersion, host)
        guard let row = rows.first else { return nil }
        let id: UUID = try row["id"]
        if isShadow { return id }
        let commitments = try await connection.query(
            "SELECT *, longview.commit_digest('longview/v1/picture-sha256', $2) AS picture FROM longview.commit_object($1)",
            object.sha256, pictureSHA256)[0]
        guard let picture = try Commitment.of("picture", in: commitments) else {
            throw LedgerError(.malformedCommitment, "a picture has no commitment")
        }
        var source = recorder
        (source.host, source.version) = (host, longviewVersion)
        try await source.append(
            .inference(
                InferenceEntry(
                    self, id: id.uuidString.lowercased(), ObjectCommitments(commitments), picture: picture)),
            at: LedgerMoment(row), on: connection)
        return id
    }
}

extension StoredInference {
    init(_ row: PostgresRow) throws {
        id = try row["id"]
        createdAt = try row["created_at"]
        record = InferenceRecord(
            object: try ObjectRecord(row), pictureSHA256: try row["picture_sha256"],
            modelDigest: try row["model_digest"], modelName: try row["model_name"],
            modelVersion: try row["model_version"], profile: try row["profile"], rendering: try row["rendering"],
            gate: try row["gate"], views: InferenceRecord.Views(rawValue: try row["views"]) ?? .profile,
            viewWeights: try row["view_weights"], viewRisks: try row["view_risks"], logits: try row["logits"],
            risk: try row["risk"], category: try row["category"], flags: try row["flags"],
            timing: .init(decode: try row["decode_ms"], render: try row["render_ms"], score: try row["score_ms"]),
            engineVersion: try row["engine_version"], kernels: try row["kernels"],
            longviewVersion: try row["longview_version"], host: try row["host"])
    }
}
