public import Foundation
public import Postgres

/// Why an object got no score, as it is kept.
public struct RefusalRecord: Sendable, Equatable {
    /// The step that refused it.
    public enum Stage: String, Sendable {
        case decode, render, gate
    }

    /// What was refused.
    public var object: ObjectRecord
    /// The model whose profile it was prepared for.
    public var modelDigest: String
    /// The step that refused it.
    public var stage: Stage
    /// The reason in snake_case; `message` says it in words, without personal data.
    public var code, message: String
    /// The gate's inputs, a JSON object, where the object got that far.
    public var gate: JSONText?
    public var longviewVersion, host: String

    /// A record of values as given; the database checks them when it is added.
    public init(
        object: ObjectRecord, modelDigest: String, stage: Stage, code: String, message: String, gate: JSONText?,
        longviewVersion: String, host: String
    ) {
        self.object = object
        self.modelDigest = modelDigest
        self.stage = stage
        self.code = code
        self.message = message
        self.gate = gate
        self.longviewVersion = longviewVersion
        self.host = host
    }
}

extension Store {
    /// Records a refusal with its object. The same refusal by the same program again adds nothing.
    public func record(_ refusal: RefusalRecord) async throws {
        try await pool.withTransaction { try await Self.record(refusal, isShadow: false, on: $0) }
    }

    /// Records a refusal with its object in the open transaction of `connection`.
    static func record(_ refusal: RefusalRecord, isShadow: Bool, on connection: PostgresConnection) async throws {
        try await refusal.object.insert(on: connection)
        try await connection.execute(
            (isShadow ? "INSERT INTO longview.shadow_refusals" : "INSERT INTO longview.refusals")
                + """
                    (object_sha256, model_digest, stage, code, message, gate, longview_version, host)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                ON CONFLICT (object_sha256, model_digest, code, longview_version) DO NOTHING
                """,
            refusal.object.sha256, refusal.modelDigest, refusal.stage.rawValue, refusal.code, refusal.message,
            refusal.gate, refusal.longviewVersion, refusal.host)
    }
}

/// A refusal as read back.
public struct StoredRefusal: Sendable, Equatable {
    /// UUIDv7, made by the database.
    public var id: UUID
    /// When it was first recorded, by the clock of the database.
    public var createdAt: Timestamp
    /// The model whose profile refused it.
    public var modelName, modelVersion: String
    /// What was recorded.
    public var record: RefusalRecord
}

extension Store {
    /// Refusals matching `query`, newest first.
    public func refusals(_ query: InferenceQuery) async throws -> [StoredRefusal] {
        try await pool.withConnection { connection in
            let rows = try await connection.query(
                """
                SELECT r.id, r.created_at, r.object_sha256, r.model_digest, m.name AS model_name,
                       m.version AS model_version, r.stage, r.code, r.message, r.gate, r.longview_version, r.host,
                       o.kind, o.byte_count, o.transfer_syntax_uid, o.sop_class_uid, o.sop_instance_uid,
                       o.series_instance_uid, o.study_instance_uid, o.modality, o.patient_id, o.issuer_of_patient_id,
                       o.accession_number, o.study_date
                FROM longview.refusals r
                JOIN longview.objects o ON o.sha256 = r.object_sha256
                JOIN longview.models m ON m.digest = r.model_digest
                WHERE ($1::text IS NULL OR o.patient_id = $1)
                  AND ($2::text IS NULL OR o.accession_number = $2)
                  AND ($3::text IS NULL OR o.study_instance_uid = $3)
                  AND ($4::timestamptz IS NULL OR r.created_at >= $4)
                  AND ($5::timestamptz IS NULL OR r.created_at < $5)
                ORDER BY r.created_at DESC, r.id DESC
                LIMIT $6
                """,
                query.patientID, query.accessionNumber, query.studyInstanceUID, query.since, query.until, query.limit)
            return try rows.map(StoredRefusal.init)
        }
    }
}

extension StoredRefusal {
    init(_ row: PostgresRow) throws {
        id = try row["id"]
        createdAt = try row["created_at"]
        modelName = try row["model_name"]
        modelVersion = try row["model_version"]
        record = RefusalRecord(
            object: try ObjectRecord(row), modelDigest: try row["model_digest"],
            stage: RefusalRecord.Stage(rawValue: try row["stage"]) ?? .decode, code: try row["code"],
            message: try row["message"], gate: try row["gate"], longviewVersion: try row["longview_version"],
            host: try row["host"])
    }
}
