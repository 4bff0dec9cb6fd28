public import Foundation
import Ledger
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
        try await pool.withTransaction { connection in
            try await record(refusal.object, via: .file, on: connection)
            try await record(refusal, isShadow: false, on: connection)
        }
    }

    /// Records a refusal of an object that is recorded, with its entry, in the open transaction of `connection`. A shadow
    /// model's has no entry.
    func record(_ refusal: RefusalRecord, isShadow: Bool, on connection: PostgresConnection) async throws {
        let rows = try await connection.query(
            (isShadow ? "INSERT INTO longview.shadow_refusals" : "INSERT INTO longview.refusals")
                + """
                    (object_sha256, model_digest, stage, code, message, gate, longview_version, host)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                ON CONFLICT (object_sha256, model_digest, code, longview_version) DO NOTHING
                RETURNING id, created_at, session_user::text AS login
                """,
            refusal.object.sha256, refusal.modelDigest, refusal.stage.rawValue, refusal.code, refusal.message,
            refusal.gate, refusal.longviewVersion, refusal.host)
        guard let row = rows.first, !isShadow else { return }
        let id: UUID = try row["id"]
        let model = try await connection.query(
            "SELECT name, version FROM longview.models WHERE digest = $1", refusal.modelDigest)[0]
        let reference = try ModelReference(
            name: model["name"], version: model["version"], digest: MerkleHash(digest: refusal.modelDigest))
        var source = recorder
        (source.host, source.version) = (refusal.host, refusal.longviewVersion)
        let (commitments, _) = try await ObjectCommitments.now(of: refusal.object, on: connection)
        try await source.append(
            .refusal(RefusalEntry(refusal, id: id.uuidString.lowercased(), model: reference, commitments)),
            outcome: .minorFailure, at: LedgerMoment(row), on: connection)
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
