public import Store
import Imaging

/// A stored picture scored again with the stored model, and held against the record bit by bit.
public struct Replay: Sendable, Equatable {
    /// What the comparison says.
    public enum Outcome: String, Sendable {
        /// Every logit, risk and the category are as recorded, to the bit.
        case equal
        /// The picture is not the one whose digest the record states.
        case pictureAltered = "picture_altered"
        /// The same engine computes other bits from the same picture and model: the record, the picture or the machine
        /// is not what it was.
        case different
        /// This program's engine is another than the one that computed the record, so other bits prove nothing.
        case otherEngine = "other_engine"
    }

    /// What the comparison says.
    public var outcome: Outcome
    /// The largest difference of a logit; nil where nothing was computed, or the numbers of logits differ.
    public var largestDifference: Double?
    /// What was computed now, views × classes, where it differs from the record.
    public var logits: [Float]?
    /// The risk computed now, where anything differs from the record.
    public var risk: Double?

    /// Scores `picture` with `model`, which has the digest that `record` states, and compares. Blocks.
    ///
    /// Throws `ImagingError` where the stored file can't be decoded, `InferenceError` where the network can't run.
    public init(of record: InferenceRecord, picture: PictureRecord, model: ScoringModel) throws {
        precondition(model.package.digest == record.modelDigest, "a replay needs the recorded model")
        let pixels = try GreyPicture(pngFile: picture.png)
        guard pixels.sha256 == record.pictureSHA256 else {
            outcome = .pictureAltered
            return
        }
        let score = try model.score(pixels, views: record.views)
        if score.logits.count == record.logits.count {
            largestDifference = zip(score.logits, record.logits).map { abs(Double($0) - Double($1)) }.max()
        }
        let isEqual =
            score.logits.map(\.bitPattern) == record.logits.map(\.bitPattern)
            && score.viewWeights.map(\.bitPattern) == record.viewWeights.map(\.bitPattern)
            && score.viewRisks.map(\.bitPattern) == record.viewRisks.map(\.bitPattern)
            && score.risk.bitPattern == record.risk.bitPattern && score.category == record.category
        if isEqual {
            outcome = .equal
        } else {
            outcome = model.network.engine.version == record.engineVersion ? .different : .otherEngine
            logits = score.logits
            risk = score.risk
        }
    }
}
