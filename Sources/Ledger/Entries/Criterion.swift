/// One condition of a question: a plain value, or a commitment where the value names a patient or study.
public struct Criterion: Sendable, Equatable, Codable {
    /// What is compared: `patient`, `since`, `category`…
    public var name: String
    /// The value, where it is nobody's.
    public var value: String?
    /// The commitment to the value, where it is somebody's.
    public var commitment: Commitment?

    /// What happened, by these values.
    public init(
        name: String, value: String? = nil, commitment: Commitment? = nil
    ) {
        self.name = name
        self.value = value
        self.commitment = commitment
    }
}
