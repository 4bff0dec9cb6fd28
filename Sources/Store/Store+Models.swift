import Ledger
public import Postgres

/// A model as registered: its identity and description. The weights lie in a folder named by the digest.
public struct RegisteredModel: Sendable, Equatable {
    /// The package's identity, lower-case hex; registered once, for ever.
    public var digest: String
    /// The part of the reference before the @.
    public var name: String
    /// The part of the reference after the @.
    public var version: String
    /// SHA-256 of `weights.safetensors`, lower-case hex.
    public var weightsSHA256: String
    /// `model.json`, byte for byte.
    public var description: String
    /// Set by the database.
    public var importedAt: Timestamp?
    /// What it is used for.
    public var state = ModelState.inactive

    /// A model to register; its time of import is left to the database.
    public init(digest: String, name: String, version: String, weightsSHA256: String, description: String) {
        self.digest = digest
        self.name = name
        self.version = version
        self.weightsSHA256 = weightsSHA256
        self.description = description
    }

    /// Reads the columns of `longview.models`.
    init(_ row: PostgresRow) throws {
        self.init(
            digest: try row["digest"], name: try row["name"], version: try row["version"],
            weightsSHA256: try row["weights_sha256"], description: try row["description"])
        importedAt = try row["imported_at"]
    }

    /// How people name it: `name@version`.
    public var reference: String { "\(name)@\(version)" }
}

extension Store {
    /// What came of registering a model.
    public enum Registration: Sendable, Equatable {
        case registered
        /// The very same package is registered already.
        case alreadyRegistered
        /// Another package has this name and version; one reference has one meaning, for ever.
        case taken(by: String)
    }

    /// Registers `model`. Its name and version are its own from then on.
    /// - Parameter sourceSHA256: the digest of the file that was converted, where it was no package.
    public func register(_ model: RegisteredModel, sourceSHA256: String? = nil) async throws -> Registration {
        try await pool.withConnection { connection in
            try await connection.withTransaction { connection in
                let added = try await connection.execute(
                    """
                    INSERT INTO longview.models (digest, name, version, weights_sha256, description)
                    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING
                    """,
                    model.digest, model.name, model.version, model.weightsSHA256, model.description)
                if added == 1 {
                    let entry = try ModelEntry(
                        model: ModelReference(model), weightsSHA256: MerkleHash(digest: model.weightsSHA256),
                        sourceSHA256: sourceSHA256.map(MerkleHash.init(digest:)))
                    try await recorder.append(.modelImport(entry), on: connection)
                    return .registered
                }
                let rows = try await connection.query(
                    "SELECT digest FROM longview.models WHERE name = $1 AND version = $2", model.name, model.version)
                let holder: String = try rows[0]["digest"]
                return holder == model.digest ? .alreadyRegistered : .taken(by: holder)
            }
        }
    }

    /// All models, in the order of their import.
    public func models() async throws -> [RegisteredModel] {
        try await pool.withConnection { try await Self.models(on: $0) }
    }

    static func models(on connection: PostgresConnection) async throws -> [RegisteredModel] {
        let rows = try await connection.query(
            """
            SELECT m.digest, m.name, m.version, m.weights_sha256, m.description, m.imported_at, s.state
            FROM longview.models m
            LEFT JOIN LATERAL (
                SELECT state FROM longview.model_states WHERE model_digest = m.digest ORDER BY id DESC LIMIT 1
            ) s ON true
            ORDER BY m.imported_at, m.digest
            """)
        return try rows.map { row in
            var model = try RegisteredModel(row)
            let state: String? = try row["state"]
            model.state = state.flatMap(ModelState.init) ?? .inactive
            return model
        }
    }
}
