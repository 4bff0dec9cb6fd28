/// A model package: the names people use, and the digest that is the model.
public struct ModelReference: Sendable, Equatable, Codable {
    /// As registered.
    public var name: String
    /// As registered.
    public var version: String
    /// The package's digest (docs/models.md).
    public var digest: MerkleHash

    /// What happened, by these values.
    public init(
        name: String, version: String, digest: MerkleHash
    ) {
        self.name = name
        self.version = version
        self.digest = digest
    }
}
