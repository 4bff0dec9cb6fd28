/// A model was imported, or its use changed; the entry's type says which.
public struct ModelEntry: Sendable, Equatable, Codable {
    /// The model.
    public var model: ModelReference
    /// SHA-256 of the weights, of an import.
    public var weightsSHA256: MerkleHash?
    /// SHA-256 of the file that was converted, of an import that was not a package.
    public var sourceSHA256: MerkleHash?
    /// The model that was in this place before: what to activate to roll back.
    public var previous: ModelReference?
    /// Why, in words without personal data.
    public var reason: String?

    /// What happened, by these values.
    public init(
        model: ModelReference, weightsSHA256: MerkleHash? = nil, sourceSHA256: MerkleHash? = nil,
        previous: ModelReference? = nil, reason: String? = nil
    ) {
        self.model = model
        self.weightsSHA256 = weightsSHA256
        self.sourceSHA256 = sourceSHA256
        self.previous = previous
        self.reason = reason
    }
}
