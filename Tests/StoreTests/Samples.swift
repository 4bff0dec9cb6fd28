import Postgres
import Store
import TestSupport
import Testing

/// Records for tests.
enum Samples {
    /// A digest that is nobody's: the digit repeated.
    static func digest(_ digit: Character) -> String { String(repeating: digit, count: 64) }

    static let model = RegisteredModel(
        digest: digest("a"), name: "sample", version: "1", weightsSHA256: digest("b"),
        description: #"{"name":"sample"}"#)

    static let picture = PictureRecord(sha256: digest("c"), width: 3, height: 2, png: [0, 255, 10, 0, 92])

    static func object(_ digit: Character = "1", patient: String? = "P1") -> ObjectRecord {
        var object = ObjectRecord(sha256: digest(digit), kind: .dicom, byteCount: 12)
        object.sopInstanceUID = "2.25.1\(digit)"
        object.studyInstanceUID = "2.25.2\(digit)"
        object.patientID = patient
        object.accessionNumber = "A\(digit)"
        return object
    }

    static func inference(of object: ObjectRecord = object(), risk: Double = 0.1 + 0.2) -> InferenceRecord {
        InferenceRecord(
            object: object, pictureSHA256: picture.sha256, modelDigest: model.digest, modelName: model.name,
            modelVersion: model.version, profile: JSONText(#"{"name": "cxr-risk"}"#), rendering: JSONText("{}"),
            gate: JSONText("{}"), views: .profile, viewWeights: [0.4, 0.6], viewRisks: [0.1, .leastNonzeroMagnitude],
            logits: [-0.0, .leastNonzeroMagnitude, 3.4e38, -1.5], risk: risk, category: "low",
            flags: ["view_position_absent"],
            timing: .init(decode: 1.5, render: 2.25, score: 3), engineVersion: "direct-1", kernels: "avx2",
            longviewVersion: "0.0.0", host: "test")
    }

    static let recorder = Recorder(kind: .person, account: "ada", host: "test", version: "0.0.0")

    /// A migrated database with the sample model, and the store on it as the application sees it.
    static func store() async throws -> (database: TestDatabase, store: Store) {
        let database = try await TestDatabase.create()
        let owner = try await database.connect()
        _ = try await Schema.migrator.migrate(on: owner)
        await owner.close()
        let store = Store(
            try database.configuration(user: PrivateCluster.workerRole), recorder: recorder, logger: TestLog.silent)
        #expect(try await store.register(model) == .registered)
        return (database, store)
    }

    /// The store as a clinician or auditor sees it.
    static func reads(_ database: TestDatabase, as role: AuditedReads.Role = .clinician) throws -> AuditedReads {
        try AuditedReads(
            database.configuration(user: role.rawValue), as: role, purpose: "TREAT", recorder: recorder,
            logger: TestLog.silent)
    }
}
