import Ledger
import Postgres

/// What entries say of an object in place of its identity.
struct ObjectCommitments {
    var object: Commitment
    var sopInstance, series, study, patient, accession: Commitment?

    /// Reads the columns of `longview.commit_object` and its like.
    init(_ row: PostgresRow) throws {
        guard let object = try Commitment.of("object", in: row) else {
            throw LedgerError(.malformedCommitment, "an object has no commitment")
        }
        self.object = object
        sopInstance = try Commitment.of("sop_instance", in: row)
        series = try Commitment.of("series", in: row)
        study = try Commitment.of("study", in: row)
        patient = try Commitment.of("patient", in: row)
        accession = try Commitment.of("accession", in: row)
    }

    /// The commitments to an object that is recorded, and the moment for an entry with them; those it has not yet are made.
    static func now(
        of object: ObjectRecord, on connection: PostgresConnection
    ) async throws -> (ObjectCommitments, LedgerMoment) {
        let row = try await connection.query(
            "SELECT *, clock_timestamp() AS created_at, session_user::text AS login FROM longview.commit_object($1)",
            object.sha256)[0]
        return (try ObjectCommitments(row), try LedgerMoment(row))
    }
}

extension IntakeEntry {
    init(
        _ object: ObjectRecord, _ commitments: ObjectCommitments, via: Via, isDuplicate: Bool,
        callingAETitle: String? = nil, calledAETitle: String? = nil
    ) {
        self.init(
            object: commitments.object, byteCount: object.byteCount, kind: object.kind.rawValue, via: via,
            isDuplicate: isDuplicate, transferSyntaxUID: object.transferSyntaxUID, sopClassUID: object.sopClassUID,
            sopInstance: commitments.sopInstance, series: commitments.series, study: commitments.study,
            patient: commitments.patient, accession: commitments.accession, callingAETitle: callingAETitle,
            calledAETitle: calledAETitle)
    }
}

extension RefusalEntry {
    init(
        _ refusal: RefusalRecord, id: String, model: ModelReference, _ commitments: ObjectCommitments
    ) throws {
        self.init(
            refusalID: id, object: commitments.object, sopInstance: commitments.sopInstance, study: commitments.study,
            patient: commitments.patient, model: model, stage: refusal.stage.rawValue, code: refusal.code,
            message: refusal.message, gateSHA256: try refusal.gate.map(MerkleHash.init(canonical:)))
    }
}

extension InferenceEntry {
    init(
        _ record: InferenceRecord, id: String, _ commitments: ObjectCommitments, picture: Commitment
    ) throws {
        self.init(
            inferenceID: id, object: commitments.object, picture: picture, sopInstance: commitments.sopInstance,
            study: commitments.study, patient: commitments.patient, accession: commitments.accession,
            model: try ModelReference(
                name: record.modelName, version: record.modelVersion, digest: MerkleHash(digest: record.modelDigest)),
            profileSHA256: try MerkleHash(canonical: record.profile),
            renderingSHA256: try MerkleHash(canonical: record.rendering),
            gateSHA256: try MerkleHash(canonical: record.gate), views: record.views.rawValue,
            viewWeights: record.viewWeights.map(DecimalDouble.init),
            viewRisks: record.viewRisks.map(DecimalDouble.init),
            logits: record.logits.map(DecimalFloat.init), risk: DecimalDouble(record.risk), category: record.category,
            flags: record.flags, decodeMS: DecimalDouble(record.timing.decode),
            renderMS: DecimalDouble(record.timing.render), scoreMS: DecimalDouble(record.timing.score),
            engineVersion: record.engineVersion, kernels: record.kernels)
    }
}

extension ModelReference {
    /// The entry's name of a registered model.
    init(_ model: RegisteredModel) throws {
        self.init(name: model.name, version: model.version, digest: try MerkleHash(digest: model.digest))
    }
}
