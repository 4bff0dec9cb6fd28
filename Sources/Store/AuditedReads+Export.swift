import Foundation
public import Ledger
import Postgres

/// What an export holds.
public struct ExportRequest: Sendable {
    /// The folder to make.
    public var folder: String
    /// Which entries are selected for projections and proofs; the log itself is always whole.
    public var query: TrailQuery
    /// Projections to add.
    public var formats: [ProjectionFormat]
    /// Whether each selected entry gets a proof file.
    public var withProofs: Bool
    /// Whether openings go with it: only for those who may see patients' data.
    public var withOpenings: Bool
    /// Who it is for.
    public var recipient: String?

    /// A request for a plain bundle.
    public init(folder: String, query: TrailQuery) {
        self.folder = folder
        self.query = query
        formats = []
        withProofs = false
        withOpenings = false
    }
}

/// What was exported.
public struct ExportOutcome: Sendable {
    /// The size of the checkpoint it rests on.
    public var treeSize: Int
    /// The number of selected entries.
    public var entryCount: Int
    /// SHA-256 of the manifest.
    public var manifestSHA256: MerkleHash
    /// What the ledger keeps of it.
    public var entry: ExportEntry
}

extension AuditedReads {
    /// Writes the published ledger to a folder that verifies offline.
    /// - Parameters:
    ///   - policy: which checkpoints count, with the log's keys.
    /// - Throws: ``StoreError`` (`denied`), ``LedgerError``, also where nothing was published yet.
    public func export(_ request: ExportRequest, policy: CheckpointPolicy) async throws -> ExportOutcome {
        try await pool.withConnection { connection in
            var criteria = request.query.criteria
            criteria["limit"] = nil
            criteria["with_openings"] = request.withOpenings ? "true" : nil
            let read = try await begin("export", criteria, on: connection)
            let tables = LedgerTables(connection: connection, read: read)
            let notes: [SignedNote] = try await connection.query(
                "SELECT note FROM longview.read_checkpoints($1) ORDER BY id", read
            ).map { try SignedNote(parsing: $0["note"]) }
            guard let newest = notes.last else {
                throw LedgerError(.fileSystem, "nothing was published yet; run `longview publish --once`")
            }
            let row = try await connection.query(
                "SELECT * FROM longview.export_selection($1)", read)[0]
            let asked: JSONText = try row["criteria"]
            let recorded = try JSONDecoder().decode([Criterion].self, from: Data(asked.text.utf8))
            let selection = ExportSelection(request.query, patients: try row["patients"])
            var writer = try BundleWriter(
                folder: request.folder, checkpoint: newest, policy: policy, initialKeys: [],
                criteria: recorded, formats: request.formats, withProofs: request.withProofs,
                openings: request.withOpenings ? .all : .none)
            do {
                for note in notes.dropLast() { try writer.add(checkpoint: note) }
                if request.withOpenings {
                    try await connection.forEachRow("SELECT * FROM longview.read_openings($1)", read) { row in
                        try writer.add(opening: CommitmentOpening(row))
                    }
                }
                let size = try Checkpoint(text: newest.text).size
                var selected = 0
                for start in stride(from: 0, to: size, by: 4096) {
                    let range = start..<min(size, start + 4096)
                    let entries = try await tables.entries(range)
                    for index in range {
                        guard let entry = entries[index] else {
                            throw StoreError(
                                .ledgerAlarm, "entry \(index) of the ledger is gone; `longview audit verify --database`"
                            )
                        }
                        let isSelected = try selection.holds(entry)
                        if isSelected { selected += 1 }
                        try writer.append(entry, isSelected: isSelected)
                    }
                }
                let manifest = try writer.finish()
                return ExportOutcome(
                    treeSize: size, entryCount: selected, manifestSHA256: manifest,
                    entry: ExportEntry(
                        exportID: read.uuidString.lowercased(), purpose: purpose,
                        formats: ["bundle"] + request.formats.map(\.rawValue),
                        criteria: recorded, treeSize: size, entryCount: selected, withOpenings: request.withOpenings,
                        manifestSHA256: manifest, recipient: request.recipient))
            } catch {
                writer.abandon()
                throw error
            }
        }
    }
}

/// Which entries an export selects.
private struct ExportSelection {
    private let query: TrailQuery
    /// The commitments of the patient who is asked for.
    private let patients: [String]
    private let isAll: Bool

    init(_ query: TrailQuery, patients: [String]) {
        self.query = query
        self.patients = patients
        isAll =
            query.patientID == nil && query.type == nil && query.actor == nil && query.since == nil
            && query.until == nil
    }

    func holds(_ bytes: [UInt8]) throws -> Bool {
        if isAll { return true }
        // A patient's commitment can only be where its text is.
        let text = String(decoding: bytes, as: UTF8.self)
        if query.patientID != nil, !patients.contains(where: { text.contains($0) }) { return false }
        let entry = try Entry(canonicalBytes: bytes)
        if let type = query.type, entry.type != type { return false }
        if let actor = query.actor, entry.actor.id != actor { return false }
        if let since = query.since, entry.time.description < since.description { return false }
        if let until = query.until, entry.time.description >= until.description { return false }
        return true
    }
}

extension CommitmentOpening {
    fileprivate init(_ row: PostgresRow) throws {
        let label: String = try row["domain"]
        guard let domain = CommitmentDomain.all.first(where: { $0.label == label }) else {
            throw LedgerError(.malformedCommitment, "there is no kind of commitment “\(label)”")
        }
        try self.init(domain: domain, salt: row["salt"], value: row["value"])
    }
}
