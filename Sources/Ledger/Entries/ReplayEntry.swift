/// A stored picture was scored again, to see whether the bits are the same.
public struct ReplayEntry: Sendable, Equatable, Codable {
    /// The inference that was repeated.
    public var inferenceID: String
    /// What scored it again.
    public var model: ModelReference
    /// Whether all logits have the same bits.
    public var isMatch: Bool
    /// Views × classes as computed now, where they differ.
    public var logits: [DecimalFloat]?
    /// The risk as computed now, where the logits differ.
    public var risk: DecimalDouble?
    /// The identity of the arithmetic now.
    public var engineVersion: String
    /// The instruction set now.
    public var kernels: String

    /// What happened, by these values.
    public init(
        inferenceID: String, model: ModelReference, isMatch: Bool, logits: [DecimalFloat]? = nil,
        risk: DecimalDouble? = nil, engineVersion: String, kernels: String
    ) {
        self.inferenceID = inferenceID
        self.model = model
        self.isMatch = isMatch
        self.logits = logits
        self.risk = risk
        self.engineVersion = engineVersion
        self.kernels = kernels
    }
}
