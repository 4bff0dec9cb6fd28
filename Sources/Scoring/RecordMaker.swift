public import Decoding
import Foundation
public import Imaging
import Inference
import Postgres
public import Store

/// Makes the records of what one model says, with everything they rest on.
public struct RecordMaker: Sendable {
    private let model: ScoringModel
    private let views: InferenceRecord.Views
    private let longviewVersion, host: String

    /// Records of scores of `views` by `model`, made by this program on this machine.
    public init(model: ScoringModel, views: InferenceRecord.Views, longviewVersion: String, host: String) {
        self.model = model
        self.views = views
        self.longviewVersion = longviewVersion
        self.host = host
    }

    /// Why `object` got no score.
    public func record(of refusal: Preparation.Refusal, object: ObjectRecord) throws -> RefusalRecord {
        RefusalRecord(
            object: object, modelDigest: model.package.digest, stage: .init(refusal.stage), code: refusal.code,
            message: refusal.message, gate: try refusal.gate.map(JSONText.init(encoding:)),
            longviewVersion: longviewVersion, host: host)
    }

    /// The score of `object`, whose picture is `picture`.
    public func record(
        of score: RiskScore, ready: Preparation.Ready, object: ObjectRecord, picture: PictureRecord,
        timing: InferenceRecord.Timing
    ) throws -> InferenceRecord {
        let description = model.package.description
        return InferenceRecord(
            object: object, pictureSHA256: picture.sha256, modelDigest: model.package.digest,
            modelName: description.name, modelVersion: description.version,
            profile: try JSONText(encoding: model.profile),
            rendering: try JSONText(encoding: ready.radiograph.provenance), gate: try JSONText(encoding: ready.gate),
            views: views, viewWeights: score.viewWeights, viewRisks: score.viewRisks, logits: score.logits,
            risk: score.risk, category: score.category, flags: ready.flags, timing: timing,
            engineVersion: model.network.engine.version, kernels: model.network.engine.kernels.rawValue,
            longviewVersion: longviewVersion, host: host)
    }
}

extension RefusalRecord.Stage {
    init(_ stage: Preparation.Stage) {
        self =
            switch stage {
            case .decode: .decode
            case .render: .render
            case .gate: .gate
            }
    }
}

extension PictureRecord {
    /// The picture compressed for keeping. Blocks.
    public init(_ picture: GreyPicture) throws {
        self.init(
            sha256: picture.sha256, width: picture.width, height: picture.height, png: try picture.pngFile())
    }
}
