import Foundation
import Postgres
import Store

/// One inference as JSON, with the names that `score --json` uses.
struct InferenceEntry: Encodable {
    private let inference: StoredInference

    init(_ inference: StoredInference) {
        self.inference = inference
    }

    private struct Model: Encodable { var name, version, digest: String }
    private struct View: Encodable { var weight, risk: Double }
    private struct Elapsed: Encodable { var decode, render, score: Double }

    private enum CodingKeys: String, CodingKey {
        case inferenceID = "inference_id"
        case createdAt = "created_at"
        case sopInstanceUID = "sop_instance_uid"
        case seriesInstanceUID = "series_instance_uid"
        case studyInstanceUID = "study_instance_uid"
        case patientID = "patient_id"
        case accessionNumber = "accession_number"
        case studyDate = "study_date"
        case objectSHA256 = "object_sha256"
        case pictureSHA256 = "picture_sha256"
        case model, risk, category, logits, views, flags
        case elapsed = "elapsed_ms"
        case engineVersion = "engine_version"
        case kernels, host
        case longviewVersion = "longview_version"
    }

    func encode(to encoder: any Encoder) throws {
        let record = inference.record
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(inference.id.uuidString.lowercased(), forKey: .inferenceID)
        try container.encode(inference.createdAt.description, forKey: .createdAt)
        try container.encodeIfPresent(record.object.sopInstanceUID, forKey: .sopInstanceUID)
        try container.encodeIfPresent(record.object.seriesInstanceUID, forKey: .seriesInstanceUID)
        try container.encodeIfPresent(record.object.studyInstanceUID, forKey: .studyInstanceUID)
        try container.encodeIfPresent(record.object.patientID, forKey: .patientID)
        try container.encodeIfPresent(record.object.accessionNumber, forKey: .accessionNumber)
        try container.encodeIfPresent(record.object.studyDate, forKey: .studyDate)
        try container.encode(record.object.sha256, forKey: .objectSHA256)
        try container.encode(record.pictureSHA256, forKey: .pictureSHA256)
        try container.encode(
            Model(name: record.modelName, version: record.modelVersion, digest: record.modelDigest), forKey: .model)
        try container.encode(record.risk, forKey: .risk)
        try container.encodeIfPresent(record.category, forKey: .category)
        try container.encode(record.logits, forKey: .logits)
        try container.encode(
            zip(record.viewWeights, record.viewRisks).map { View(weight: $0, risk: $1) }, forKey: .views)
        try container.encode(record.flags, forKey: .flags)
        try container.encode(
            Elapsed(decode: record.timing.decode, render: record.timing.render, score: record.timing.score),
            forKey: .elapsed)
        try container.encode(record.engineVersion, forKey: .engineVersion)
        try container.encode(record.kernels, forKey: .kernels)
        try container.encode(record.host, forKey: .host)
        try container.encode(record.longviewVersion, forKey: .longviewVersion)
    }
}
