public import Foundation
public import Logging
public import Postgres

/// What clinicians and auditors may ask, each question recorded before its answer.
///
/// The reader's role holds no right on any table. `longview.begin_read` finds the records and writes down who asked what
/// and why; when that is committed, the `longview.read_…` functions hand out those records
/// (`migrations/0004_audited_reads.sql`).
public struct AuditedReads: Sendable {
    let pool: PostgresPool
    let purpose: String
    private let source: JSONText

    /// What the reader is here.
    public enum Role: String, Sendable {
        /// Looks at scores.
        case clinician = "longview_clinician"
        /// Looks at who did what.
        case auditor = "longview_auditor"
    }

    /// Reads in the database that `configuration` names. No connection is opened yet.
    /// - Parameter purpose: the purpose of use, a code of HL7's PurposeOfUse such as `TREAT`.
    public init(
        _ configuration: PostgresConfiguration, as role: Role, purpose: String, recorder: Recorder, logger: Logger
    ) throws {
        var configuration = configuration
        configuration.role = role.rawValue
        pool = PostgresPool(configuration, maximum: 1, logger: logger)
        self.purpose = purpose
        source = try recorder.sourceJSON
    }

    /// Ends the connection.
    public func close() async {
        await pool.close()
    }

    /// Inferences matching `query`, newest first.
    public func inferences(_ query: InferenceQuery) async throws -> [StoredInference] {
        try await pool.withConnection { connection in
            let read = try await begin("scores", query.criteria, on: connection)
            return try await connection.query("SELECT * FROM longview.read_inferences($1)", read)
                .map(StoredInference.init)
        }
    }

    /// Refusals matching `query`, newest first; they have no category.
    public func refusals(_ query: InferenceQuery) async throws -> [StoredRefusal] {
        try await pool.withConnection { connection in
            let read = try await begin("refusals", query.criteria, on: connection)
            return try await connection.query("SELECT * FROM longview.read_refusals($1)", read).map(StoredRefusal.init)
        }
    }

    /// The inference `id` and its picture, where it is still kept; nil where there is no such inference.
    public func inference(_ id: UUID) async throws -> (inference: StoredInference, picture: PictureRecord?)? {
        try await pool.withConnection { connection in
            let read = try await begin("show", ["inference": id.uuidString.lowercased()], on: connection)
            let rows = try await connection.query("SELECT * FROM longview.read_inferences($1)", read)
            guard let row = rows.first else { return nil }
            let pictures = try await connection.query("SELECT * FROM longview.read_pictures($1)", read)
            return (try StoredInference(row), try pictures.first.map(PictureRecord.init))
        }
    }

    /// All models, in the order of their import. They name nobody: this is not recorded.
    public func models() async throws -> [RegisteredModel] {
        try await pool.withConnection { connection in
            try await connection.query("SELECT * FROM longview.read_models()").map(RegisteredModel.init)
        }
    }

    /// Where the ledger stands. Numbers alone: this is not recorded.
    public func ledgerStatus() async throws -> LedgerStatus {
        try await pool.withConnection { try await LedgerStatus(on: $0) }
    }

    /// Records a question, and has it committed.
    /// - Throws: ``StoreError`` (`denied`), which is recorded as well.
    func begin(_ question: String, _ criteria: [String: String], on connection: PostgresConnection) async throws -> UUID
    {
        let row = try await connection.query(
            "SELECT * FROM longview.begin_read($1, $2, $3, $4)", question,
            try JSONText(encoding: criteria), purpose, source)[0]
        guard try row["is_granted"] else {
            let denial: String? = try row["denial"]
            throw StoreError(
                .denied,
                "you may not ask this (\(denial ?? "denied")); the attempt is recorded. "
                    + "A database administrator grants roles: longview_clinician for scores, longview_auditor for the trail"
            )
        }
        return try row["read_id"]
    }
}

extension InferenceQuery {
    var criteria: [String: String] {
        [
            "patient": patientID, "accession": accessionNumber, "study": studyInstanceUID,
            "since": since?.description, "until": until?.description, "category": category, "limit": String(limit),
        ].compactMapValues(\.self)
    }
}
