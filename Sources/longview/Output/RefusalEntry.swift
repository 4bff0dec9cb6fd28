import Foundation
import Imaging
import Postgres
import Store

/// One refusal as JSON, with the names that `score --json` uses.
struct RefusalEntry: Encodable {
    private struct Model: Encodable { var name, version, digest: String }
    private struct Refusal: Encodable { var stage, code, message: String }

    private var refusalID, createdAt, objectSHA256: String
    private var sopInstanceUID, seriesInstanceUID, studyInstanceUID: String?
    private var patientID, accessionNumber, studyDate: String?
    private var model: Model
    private var refusal: Refusal
    private var gate: GateDecision?
    private var host, longviewVersion: String

    init(_ stored: StoredRefusal) throws {
        let (record, object) = (stored.record, stored.record.object)
        refusalID = stored.id.uuidString.lowercased()
        createdAt = stored.createdAt.description
        objectSHA256 = object.sha256
        (sopInstanceUID, seriesInstanceUID) = (object.sopInstanceUID, object.seriesInstanceUID)
        studyInstanceUID = object.studyInstanceUID
        (patientID, accessionNumber, studyDate) = (object.patientID, object.accessionNumber, object.studyDate)
        model = Model(name: stored.modelName, version: stored.modelVersion, digest: record.modelDigest)
        refusal = Refusal(stage: record.stage.rawValue, code: record.code, message: record.message)
        gate = try record.gate.map { try JSONDecoder().decode(GateDecision.self, from: Data($0.text.utf8)) }
        (host, longviewVersion) = (record.host, record.longviewVersion)
    }

    private enum CodingKeys: String, CodingKey {
        case refusalID = "refusal_id"
        case createdAt = "created_at"
        case objectSHA256 = "object_sha256"
        case sopInstanceUID = "sop_instance_uid"
        case seriesInstanceUID = "series_instance_uid"
        case studyInstanceUID = "study_instance_uid"
        case patientID = "patient_id"
        case accessionNumber = "accession_number"
        case studyDate = "study_date"
        case model, refusal, gate, host
        case longviewVersion = "longview_version"
    }
}
