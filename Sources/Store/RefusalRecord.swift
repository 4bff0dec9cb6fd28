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
        try await pool.withConnection { connection in
            try await connection.withTransaction { connection in
                try await refusal.object.insert(on: connection)
                try await connection.execute(
                    """
                    INSERT INTO longview.refusals
                        (object_sha256, model_digest, stage, code, message, gate, longview_version, host)
                    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
                    ON CONFLICT (object_sha256, model_digest, code, longview_version) DO NOTHING
                    """,
                    refusal.object.sha256, refusal.modelDigest, refusal.stage.rawValue, refusal.code, refusal.message,
                    refusal.gate, refusal.longviewVersion, refusal.host)
            }
        }
    }
}
