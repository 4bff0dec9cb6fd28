public import Inference

/// The outcome of scoring one radiograph.
public struct RiskScore: Sendable, Equatable {
    /// Views × classes, row-major.
    public var logits: [Float]
    /// The weight of each view's risk, in the order of the logits; they add up to 1.
    public var viewWeights: [Double]
    /// The probability of the model's risk class, by view.
    public var viewRisks: [Double]
    /// The weighted mean of the views' risks, 0…1.
    public var risk: Double
    /// The model's name for that range of risk.
    public var category: String

    /// From the logits of `weights.count` views (views × classes, row-major), as the model's description says.
    public init(logits: [Float], weights: [Double], model: ModelDescription) {
        self.logits = logits
        viewWeights = weights
        let classes = logits.count / weights.count
        viewRisks = weights.indices.map { model.risk(logits: logits[$0 * classes..<($0 + 1) * classes]) }
        // One multiplication and one addition a view, in order: the same bits everywhere. Rounding may exceed 1.
        risk = min(1, zip(viewWeights, viewRisks).reduce(0) { $0 + $1.0 * $1.1 })
        category = model.categories.category(of: risk).name
    }
}
