public import Foundation
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
                Self.selectInference + "WHERE i.object_sha256 = $1 AND i.model_digest = $2 AND i.views = $3",
                objectSHA256, modelDigest, views.rawValue)
            return try rows.first.map(StoredInference.init)
        }
    }

    /// The inference `id`, or nil.
    public func inference(_ id: UUID) async throws -> StoredInference? {
        try await pool.withConnection { connection in
            let rows = try await connection.query(Self.selectInference + "WHERE i.id = $1", id)
            return try rows.first.map(StoredInference.init)
        }
    }

    /// Records a score with its object and picture, in one transaction; all or nothing.
    ///
    /// Two processes that score the same bytes at once end with one record: the second reports `duplicate`.
    public func record(_ inference: InferenceRecord, picture: PictureRecord) async throws -> RecordOutcome {
        try await pool.withTransaction { try await Self.record(inference, picture: picture, isShadow: false, on: $0) }
    }

    /// Records a score with its object and picture in the open transaction of `connection`.
    static func record(
        _ inference: InferenceRecord, picture: PictureRecord, isShadow: Bool, on connection: PostgresConnection
    ) async throws -> RecordOutcome {
        try await inference.object.insert(on: connection)
        try await picture.insert(on: connection)
        if let id = try await inference.insert(isShadow: isShadow, on: connection) { return .recorded(id) }
        let rows = try await connection.query(
            (isShadow ? "SELECT id FROM longview.shadow_inferences" : "SELECT id FROM longview.inferences")
                + " WHERE object_sha256 = $1 AND model_digest = $2 AND views = $3",
            inference.object.sha256, inference.modelDigest, inference.views.rawValue)
        return .duplicate(try rows[0]["id"])
    }

    /// Inferences matching `query`, newest first.
    public func inferences(_ query: InferenceQuery) async throws -> [StoredInference] {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                Self.selectInference
                    + """
                    WHERE ($1::text IS NULL OR o.patient_id = $1)
                      AND ($2::text IS NULL OR o.accession_number = $2)
                      AND ($3::text IS NULL OR o.study_instance_uid = $3)
                      AND ($4::timestamptz IS NULL OR i.created_at >= $4)
                      AND ($5::timestamptz IS NULL OR i.created_at < $5)
                      AND ($6::text IS NULL OR i.category = $6)
                    ORDER BY i.created_at DESC, i.id DESC
                    LIMIT $7
                    """,
                query.patientID, query.accessionNumber, query.studyInstanceUID, query.since, query.until,
                query.category, query.limit)
            return try rows.map(StoredInference.init)
        }
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

    private static let selectInference: SQL = """
        SELECT i.id, i.created_at, i.object_sha256, i.picture_sha256, i.model_digest, i.model_name, i.model_version,
               i.profile, i.rendering, i.gate, i.views, i.view_weights, i.view_risks, i.logits, i.risk, i.category,
               i.flags, i.decode_ms, i.render_ms, i.score_ms, i.engine_version, i.kernels, i.longview_version, i.host,
               o.kind, o.byte_count, o.transfer_syntax_uid, o.sop_class_uid, o.sop_instance_uid,
               o.series_instance_uid, o.study_instance_uid, o.modality, o.patient_id, o.issuer_of_patient_id,
               o.accession_number, o.study_date
        FROM longview.inferences i JOIN longview.objects o ON o.sha256 = i.object_sha256

        """
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
    /// Adds the inference; nil where the same bytes, model and views have one already.
    func insert(isShadow: Bool, on connection: PostgresConnection) async throws -> UUID? {
        let rows = try await connection.query(
            (isShadow ? "INSERT INTO longview.shadow_inferences" : "INSERT INTO longview.inferences")
                + """
                    (object_sha256, picture_sha256, model_digest, model_name, model_version, profile, rendering, gate,
                     views, view_weights, view_risks, logits, risk, category, flags, decode_ms, render_ms, score_ms,
                     engine_version, kernels, longview_version, host)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)
                ON CONFLICT (object_sha256, model_digest, views) DO NOTHING
                RETURNING id
                """,
            object.sha256, pictureSHA256, modelDigest, modelName, modelVersion, profile, rendering, gate,
            views.rawValue, viewWeights, viewRisks, logits, risk, category, flags, timing.decode, timing.render,
            timing.score, engineVersion, kernels, longviewVersion, host)
        return try rows.first.map { try $0["id"] }
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
