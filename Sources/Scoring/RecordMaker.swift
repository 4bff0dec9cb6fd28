public import Decoding
import Foundation
public import Inference
import Postgres
public import Store

/// Makes the records of what one model says, with everything they rest on.
public struct RecordMaker: Sendable {
    private let package: ModelPackage
    private let views: InferenceRecord.Views
    private let longviewVersion, host: String

    /// Records of scores of `views` by the model in `package`, made by this program on this machine.
    public init(package: ModelPackage, views: InferenceRecord.Views, longviewVersion: String, host: String) {
        self.package = package
        self.views = views
        self.longviewVersion = longviewVersion
        self.host = host
    }

    /// Why `object` got no score.
    public func record(of refusal: Preparation.Refusal, object: ObjectRecord) throws -> RefusalRecord {
        RefusalRecord(
            object: object, modelDigest: package.digest, stage: .init(refusal.stage), code: refusal.code,
            message: refusal.message, gate: try refusal.gate.map(JSONText.init(encoding:)),
            longviewVersion: longviewVersion, host: host)
    }

    /// The score of `object` by `model`, which is the one of the package, from `rendering`.
    public func record(
        of score: RiskScore, by model: ScoringModel, from rendering: RenderingRecord, object: ObjectRecord,
        scoreMilliseconds: Double
    ) throws -> InferenceRecord {
        precondition(model.package.digest == package.digest)
        return InferenceRecord(
            object: object, pictureSHA256: rendering.picture.sha256, modelDigest: package.digest,
            modelName: package.description.name, modelVersion: package.description.version,
            profile: try JSONText(encoding: model.profile), rendering: rendering.provenance, gate: rendering.gate,
            views: views, viewWeights: score.viewWeights, viewRisks: score.viewRisks, logits: score.logits,
            risk: score.risk, category: score.category, flags: rendering.flags,
            timing: .init(
                decode: rendering.decodeMilliseconds, render: rendering.renderMilliseconds, score: scoreMilliseconds),
            engineVersion: model.network.engine.version, kernels: model.network.engine.kernels.rawValue,
            longviewVersion: longviewVersion, host: host)
    }
}

extension RenderingRecord {
    /// What the first stage left of an object, with the picture compressed for keeping. Blocks.
    public init(_ ready: Preparation.Ready, decodeMilliseconds: Double, renderMilliseconds: Double) throws {
        let picture = ready.radiograph.picture
        self.init(
            picture: PictureRecord(
                sha256: picture.sha256, width: picture.width, height: picture.height, png: try picture.pngFile()),
            provenance: try JSONText(encoding: ready.radiograph.provenance), gate: try JSONText(encoding: ready.gate),
            flags: ready.flags, decodeMilliseconds: decodeMilliseconds, renderMilliseconds: renderMilliseconds)
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
