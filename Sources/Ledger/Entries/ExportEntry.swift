/// The trail, or a part of it, left the system.
public struct ExportEntry: Sendable, Equatable, Codable {
    /// A UUIDv7.
    public var exportID: String
    /// The purpose of use, as in a read.
    public var purpose: String
    /// `bundle`, `csv`, `ndjson`, `fhir`, `atna`.
    public var formats: [String]
    /// What was selected; empty for all.
    public var criteria: [Criterion]
    /// The size of the checkpoint that it rests on.
    public var treeSize: Int
    /// The number of entries exported.
    public var entryCount: Int
    /// Whether openings went with it.
    public var withOpenings: Bool
    /// SHA-256 of the bundle's manifest.
    public var manifestSHA256: MerkleHash
    /// Who it is for.
    public var recipient: String?

    /// What happened, by these values.
    public init(
        exportID: String, purpose: String, formats: [String], criteria: [Criterion], treeSize: Int, entryCount: Int,
        withOpenings: Bool, manifestSHA256: MerkleHash, recipient: String? = nil
    ) {
        self.exportID = exportID
        self.purpose = purpose
        self.formats = formats
        self.criteria = criteria
        self.treeSize = treeSize
        self.entryCount = entryCount
        self.withOpenings = withOpenings
        self.manifestSHA256 = manifestSHA256
        self.recipient = recipient
    }
}
