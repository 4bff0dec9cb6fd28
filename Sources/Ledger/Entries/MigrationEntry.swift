/// The database's schema changed.
public struct MigrationEntry: Sendable, Equatable, Codable {
    /// The migration's number.
    public var number: Int
    /// Its name.
    public var name: String
    /// SHA-256 of its text.
    public var sha256: MerkleHash

    /// What happened, by these values.
    public init(
        number: Int, name: String, sha256: MerkleHash
    ) {
        self.number = number
        self.name = name
        self.sha256 = sha256
    }
}
