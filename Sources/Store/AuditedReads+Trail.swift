public import Ledger
public import Postgres

/// Which entries of the trail are asked for; nil means any.
public struct TrailQuery: Sendable {
    /// Entries about this patient ID, whoever issued it.
    public var patientID: String?
    /// Entries of this actor: the name it signed in with.
    public var actor: String?
    /// Entries of this type.
    public var type: EntryType?
    /// At or after.
    public var since: Timestamp?
    /// Before.
    public var until: Timestamp?
    /// At most so many, the newest first.
    public var limit: Int

    /// Any entries, at most `limit` of them.
    public init(limit: Int = 50) {
        self.limit = limit
    }

    var criteria: [String: String] {
        [
            "patient": patientID, "actor": actor, "type": type?.rawValue, "since": since?.description,
            "until": until?.description, "limit": String(limit),
        ].compactMapValues(\.self)
    }
}

/// An entry and its place.
public struct PlacedEntry: Sendable, Equatable {
    /// Its place in the ledger, from 0.
    public var index: Int
    /// What is recorded there.
    public var entry: Entry
    /// The bytes that are hashed.
    public var bytes: [UInt8]

    init(_ row: PostgresRow) throws {
        index = try row["index"]
        bytes = try row["entry"]
        entry = try Entry(canonicalBytes: bytes)
    }
}

extension AuditedReads {
    /// Entries matching `query`, the newest first.
    public func entries(_ query: TrailQuery) async throws -> [PlacedEntry] {
        try await entries("ledger", query.criteria)
    }

    /// Who looked at a patient's records, or asked for them in vain: the reads, the newest first.
    public func whoViewed(_ query: TrailQuery) async throws -> [PlacedEntry] {
        var criteria = query.criteria
        criteria["type"] = nil
        return try await entries("who_viewed", criteria)
    }

    private func entries(_ question: String, _ criteria: [String: String]) async throws -> [PlacedEntry] {
        try await pool.withConnection { connection in
            let read = try await begin(question, criteria, on: connection)
            return try await connection.query("SELECT * FROM longview.read_entries($1)", read).map(PlacedEntry.init)
        }
    }
}
