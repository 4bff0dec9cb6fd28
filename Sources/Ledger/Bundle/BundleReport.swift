/// What the verifier of a bundle found: the log's report, and what else the bundle held.
public struct BundleReport: Sendable, Equatable {
    /// Checkpoints, tiles and entries, and all problems.
    public internal(set) var log = VerificationReport()
    /// The number of files that are what the manifest says.
    public internal(set) var files = 0
    /// The number of proof files that prove their entry.
    public internal(set) var proofs = 0
    /// The number of commitments that were opened.
    public internal(set) var openings = 0
    /// The number of patients whose erasure the log records. That their openings are missing is as it should be.
    public internal(set) var erasedPatients = 0

    /// Whether all is as it should be.
    public var isOK: Bool { log.isOK }

    mutating func add(_ code: VerificationReport.Problem.Code, at index: Int? = nil, _ message: String) {
        log.add(.init(code, at: index, message))
    }
}

extension BundleReport: Encodable {
    private enum CodingKeys: String, CodingKey {
        case files, proofs, openings
        case erasedPatients = "erased_patients"
    }

    /// Writes the members of the log's report, then `files`, `proofs`, `openings`, `erased_patients`.
    public func encode(to encoder: any Encoder) throws {
        try log.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(files, forKey: .files)
        try container.encode(proofs, forKey: .proofs)
        try container.encode(openings, forKey: .openings)
        try container.encode(erasedPatients, forKey: .erasedPatients)
    }
}

extension VerificationReport.Problem.Code {
    /// The manifest is missing, can't be read, or does not say what the log says.
    public static let manifestRefused = Self(rawValue: "manifest_refused")
    /// A file is not there.
    public static let fileMissing = Self(rawValue: "file_missing")
    /// A file's bytes are not those of the manifest.
    public static let fileChanged = Self(rawValue: "file_changed")
    /// A file is in the bundle that the manifest does not list.
    public static let fileExtra = Self(rawValue: "file_extra")
    /// The keys and their history are not those that the log's entries tell.
    public static let keysMismatch = Self(rawValue: "keys_mismatch")
    /// The bundle's policy can't be read, or names a key that the log does not know.
    public static let policyRefused = Self(rawValue: "policy_refused")
    /// A proof does not prove the entry it is named after.
    public static let proofRefused = Self(rawValue: "proof_refused")
    /// An opening can't be read, or does not open the commitment it stands by.
    public static let openingRefused = Self(rawValue: "opening_refused")
    /// An opening opens a commitment that no entry has.
    public static let openingUnused = Self(rawValue: "opening_unused")
    /// A commitment has no opening, though all were promised and its patient is not erased.
    public static let openingMissing = Self(rawValue: "opening_missing")
    /// A patient was erased, and is opened here all the same.
    public static let openingNotErased = Self(rawValue: "opening_not_erased")
    /// A projection does not say what its entries say.
    public static let projectionChanged = Self(rawValue: "projection_changed")
}
