import Foundation
public import Ledger
import Postgres

extension AuditedReads {
    /// Verifies the ledger as the database has it, and that inferences and refusals say what their entries say.
    ///
    /// As an auditor: recorded like every read.
    /// - Parameters:
    ///   - policy: which checkpoints count; with keys from outside the database.
    ///   - outside: checkpoints that were kept outside.
    public func verify(policy: CheckpointPolicy, outside: [Checkpoint]) async throws -> VerificationReport {
        try await pool.withConnection { connection in
            let read = try await begin("verify", [:], on: connection)
            let tables = LedgerTables(connection: connection, read: read)
            let notes: [[UInt8]] = try await connection.query(
                "SELECT note FROM longview.read_checkpoints($1) ORDER BY id", read
            ).map { try $0["note"] }
            let waiting: [[UInt8]] = try await connection.query("SELECT entry FROM longview.read_inbox($1)", read)
                .map { try $0["entry"] }
            let size: Int = try await connection.query("SELECT size FROM longview.ledger_status")[0]["size"]
            let reader = StoreLedgerReader(tables, size: size)
            var (report, check) = try await reader.onOwnThread { reader in
                var check = RecordCheck()
                let report = try LedgerVerifier(policy: policy, outsideCheckpoints: outside).verify(
                    checkpoints: notes, reader: reader, inspect: { try check.note($0, $1) })
                // What has its place and no checkpoint yet is recorded too.
                for address in TileAddress.addedEntries(from: report.treeSize, to: size) {
                    try EntryBundle.forEach(in: reader.read(address) ?? []) { position, entry in
                        let index = address.range.lowerBound + position
                        if index >= report.treeSize { try check.note(index, entry) }
                    }
                }
                return (report, check)
            }
            for entry in waiting { check.note(waiting: entry) }
            for kind in RecordKind.allCases {
                var after: UUID?
                repeat {
                    let rows = try await connection.query(kind.select, read, after)
                    for row in rows {
                        let id: UUID = try row["id"]
                        let entry = try kind.entry(row)
                        let finding = try check.check(id, is: entry)
                        guard let problem = try await Self.problem(finding, id, kind, entry, tables) else { continue }
                        report.add(problem)
                    }
                    after = try rows.last.map { try $0["id"] }
                } while after != nil
            }
            for (index, id) in check.withoutRows {
                if let entry = try await tables.entry(index), check.isErased(entry) { continue }
                report.add(
                    .init(
                        .rowMissing, at: index,
                        "the record \(id.uuidString.lowercased()) is gone; its entry says that it was made"))
            }
            return report
        }
    }

    private static func problem(
        _ finding: RecordCheck.Finding, _ id: UUID, _ kind: RecordKind, _ entry: Entry, _ tables: LedgerTables
    ) async throws -> VerificationReport.Problem? {
        let name = "the \(kind.rawValue) \(id.uuidString.lowercased())"
        switch finding {
        case .agrees: return nil
        case .unrecorded:
            return .init(.rowUnrecorded, at: nil, "\(name) has a row, and no entry says that it was made")
        case .differs(nil):
            return .init(.rowChanged, at: nil, "\(name) is not what its entry, which waits for its place, says")
        case .differs(let index?):
            var members = ["its entry can't be read"]
            if var said = try await tables.entry(index) {
                said.actor = entry.actor
                said.source.site = nil
                members = try said.differences(from: entry)
            }
            return .init(
                .rowChanged, at: index,
                "\(name) does not say what its entry says: \(members.joined(separator: ", "))")
        }
    }
}

/// The records whose rows are held against entries.
private enum RecordKind: String, CaseIterable {
    case inference, refusal

    var select: SQL {
        switch self {
        case .inference: "SELECT * FROM longview.read_inference_projection($1, $2)"
        case .refusal: "SELECT * FROM longview.read_refusal_projection($1, $2)"
        }
    }

    func entry(_ row: PostgresRow) throws -> Entry {
        switch self {
        case .inference: try Entry(inferenceRow: row)
        case .refusal: try Entry(refusalRow: row)
        }
    }
}

extension LedgerTables {
    /// The entry at an index, where it is there and can be read.
    fileprivate func entry(_ index: Int) async throws -> Entry? {
        try await entries(index..<index + 1)[index].flatMap { try? Entry(canonicalBytes: $0) }
    }
}

extension Entry {
    /// The entry, but for the actor, that a row of `longview.inference_projection` stands for.
    init(inferenceRow row: PostgresRow) throws {
        let id: UUID = try row["id"]
        let (profile, rendering, gate): (JSONText, JSONText, JSONText) = (
            try row["profile"], try row["rendering"], try row["gate"]
        )
        let (weights, risks): ([Double], [Double]) = (try row["view_weights"], try row["view_risks"])
        let logits: [Float] = try row["logits"]
        let object = try RowCommitments(row)
        let picture = try Commitment.of("picture", in: row) ?? RowCommitments.none
        try self.init(
            row,
            .inference(
                InferenceEntry(
                    inferenceID: id.uuidString.lowercased(), object: object.object, picture: picture,
                    sopInstance: object.sopInstance, study: object.study, patient: object.patient,
                    accession: object.accession, model: ModelReference(row: row),
                    profileSHA256: MerkleHash(canonical: profile), renderingSHA256: MerkleHash(canonical: rendering),
                    gateSHA256: MerkleHash(canonical: gate), views: row["views"],
                    viewWeights: weights.map(DecimalDouble.init), viewRisks: risks.map(DecimalDouble.init),
                    logits: logits.map(DecimalFloat.init), risk: DecimalDouble(row["risk"]), category: row["category"],
                    flags: row["flags"], decodeMS: DecimalDouble(row["decode_ms"]),
                    renderMS: DecimalDouble(row["render_ms"]), scoreMS: DecimalDouble(row["score_ms"]),
                    engineVersion: row["engine_version"], kernels: row["kernels"])),
            outcome: .success)
    }

    /// The entry, but for the actor, that a row of `longview.refusal_projection` stands for.
    init(refusalRow row: PostgresRow) throws {
        let id: UUID = try row["id"]
        let gate: JSONText? = try row["gate"]
        let object = try RowCommitments(row)
        try self.init(
            row,
            .refusal(
                RefusalEntry(
                    refusalID: id.uuidString.lowercased(), object: object.object, sopInstance: object.sopInstance,
                    study: object.study, patient: object.patient, model: ModelReference(row: row), stage: row["stage"],
                    code: row["code"], message: row["message"], gateSHA256: gate.map(MerkleHash.init(canonical:)))),
            outcome: .minorFailure)
    }

    private init(_ row: PostgresRow, _ body: EntryBody, outcome: EntryOutcome) throws {
        let time: Timestamp = try row["created_at"]
        // The actor and the site are in no row.
        try self.init(
            time: EntryTime(time.description), actor: EntryActor(kind: .service, id: ""),
            source: EntrySource(host: row["host"], program: "longview", version: row["longview_version"]),
            outcome: outcome, body: body)
    }
}

extension ModelReference {
    fileprivate init(row: PostgresRow) throws {
        self.init(
            name: try row["model_name"], version: try row["model_version"],
            digest: try MerkleHash(digest: row["model_digest"]))
    }
}

/// The commitments that a row's values have; one that has none (its opening is gone, or the value was changed) can't be
/// what the entry says, and stands as zeros.
private struct RowCommitments {
    var object: Commitment
    var sopInstance, study, patient, accession: Commitment?

    static let none = Commitment(hash: MerkleHash([UInt8](repeating: 0, count: MerkleHash.byteCount))!)

    init(_ row: PostgresRow) throws {
        object = try Commitment.of("object", in: row) ?? Self.none
        sopInstance = try Commitment.of("sop_instance", in: row)
        study = try Commitment.of("study", in: row)
        patient = try Commitment.of("patient", in: row)
        accession = try Commitment.of("accession", in: row)
    }
}
