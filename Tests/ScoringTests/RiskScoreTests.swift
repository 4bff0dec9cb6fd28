import Foundation
import Inference
import Scoring
import TestSupport
import Testing

@Suite("Risk of several views")
struct RiskScoreTests {
    private static func shippedDescription() throws -> ModelDescription {
        try ModelPackage.describe(Repository.root.appendingPathComponent("models/nih-pneumonia-1", isDirectory: true))
    }

    @Test("the risk is the mean of the views' risks, weighted")
    func weightedMean() throws {
        let logits: [Float] = [0, 0, 0, log(3)]
        let score = RiskScore(logits: logits, weights: [0.4, 0.6], model: try Self.shippedDescription())
        #expect(abs(score.viewRisks[0] - 0.5) < 1e-12)
        #expect(abs(score.viewRisks[1] - 0.75) < 1e-7)
        #expect(abs(score.risk - 0.65) < 1e-7)
        #expect(score.category == "below threshold")
        #expect(score.logits == logits)
    }

    @Test("certain views give a risk of at most 1, in the last category")
    func bounds() throws {
        let logits: [Float] = (0..<9).flatMap { _ in [-500, 500] }
        let weights = [0.4] + [Double](repeating: 0.6 / 8, count: 8)
        let score = RiskScore(logits: logits, weights: weights, model: try Self.shippedDescription())
        #expect(score.risk <= 1 && score.risk > 0.999999)
        #expect(score.category == "at or above threshold")
    }
}
