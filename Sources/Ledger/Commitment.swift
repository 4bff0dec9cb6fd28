import Crypto

/// What a commitment is to: its label keeps one value's commitments of different kinds apart.
public struct CommitmentDomain: Hashable, Sendable {
    /// ASCII, part of what is hashed.
    public let label: String

    /// A domain of a label that holds no NUL.
    init(_ label: String) {
        self.label = label
    }

    /// A patient: `issuer ‖ 0x00 ‖ patient ID`, each in UTF-8 as in the object, without padding.
    public static let patient = CommitmentDomain("longview/v1/patient")
    /// An accession number, in UTF-8.
    public static let accessionNumber = CommitmentDomain("longview/v1/accession-number")
    /// A Study Instance UID, in ASCII.
    public static let studyInstanceUID = CommitmentDomain("longview/v1/study-instance-uid")
    /// A Series Instance UID, in ASCII.
    public static let seriesInstanceUID = CommitmentDomain("longview/v1/series-instance-uid")
    /// An SOP Instance UID, in ASCII.
    public static let sopInstanceUID = CommitmentDomain("longview/v1/sop-instance-uid")
    /// The SHA-256 of an object's bytes: 32 bytes.
    public static let objectDigest = CommitmentDomain("longview/v1/object-sha256")
    /// The SHA-256 of a rendered picture (as PGM): 32 bytes.
    public static let pictureDigest = CommitmentDomain("longview/v1/picture-sha256")
    /// The SHA-256 of a report's file: 32 bytes.
    public static let reportDigest = CommitmentDomain("longview/v1/report-sha256")
    /// What somebody wrote in their own words, in UTF-8.
    public static let freeText = CommitmentDomain("longview/v1/free-text")

    /// All domains.
    public static let all: [CommitmentDomain] = [
        .patient, .accessionNumber, .studyInstanceUID, .seriesInstanceUID, .sopInstanceUID, .objectDigest,
        .pictureDigest, .reportDigest, .freeText,
    ]
}

/// A value's place in an entry: SHA-256(label ‖ 0x00 ‖ salt ‖ value).
///
/// Nobody can tell the value without the salt, not even by trying all patient numbers; whoever destroys the salt has
/// erased the value from the ledger without changing it. With the salt, nobody can claim another value.
public struct Commitment: Hashable, Sendable {
    /// The hash.
    public let hash: MerkleHash

    /// A commitment read from an entry.
    public init(hash: MerkleHash) {
        self.hash = hash
    }

    /// The commitment of an opening.
    init(domain: CommitmentDomain, salt: [UInt8], value: [UInt8]) {
        var hasher = SHA256()
        for part in [Array(domain.label.utf8), [0], salt, value] {
            part.withUnsafeBytes { hasher.update(bufferPointer: $0) }
        }
        hash = MerkleHash(hasher.finalize())
    }
}

extension Commitment: Codable {
    /// Reads the hash.
    public init(from decoder: any Decoder) throws {
        hash = try MerkleHash(from: decoder)
    }

    /// Writes the hash.
    public func encode(to encoder: any Encoder) throws {
        try hash.encode(to: encoder)
    }
}

/// What opens a commitment: kept in an ordinary table, and destroyed when a patient is erased.
///
/// No description: an opening in a log would be personal data.
public struct CommitmentOpening: Sendable, Equatable {
    /// What it is a value of.
    public let domain: CommitmentDomain
    /// 32 random bytes, made by whoever keeps the opening.
    public let salt: [UInt8]
    /// The value in the domain's encoding.
    public let value: [UInt8]

    /// The number of bytes of a salt.
    public static let saltBytes = 32

    /// An opening of a value in its domain's encoding.
    /// - Throws: ``LedgerError`` (`malformedCommitment`) for a salt of another length.
    public init(domain: CommitmentDomain, salt: [UInt8], value: [UInt8]) throws {
        guard salt.count == Self.saltBytes else {
            throw LedgerError(.malformedCommitment, "a salt has \(Self.saltBytes) bytes, not \(salt.count)")
        }
        self.domain = domain
        self.salt = salt
        self.value = value
    }

    /// An opening of a text: a UID, an accession number, words.
    /// - Throws: ``LedgerError`` (`malformedCommitment`).
    public init(domain: CommitmentDomain, salt: [UInt8], text: String) throws {
        try self.init(domain: domain, salt: salt, value: Array(text.utf8))
    }

    /// An opening of a SHA-256 digest.
    /// - Throws: ``LedgerError`` (`malformedCommitment`).
    public init(domain: CommitmentDomain, salt: [UInt8], digest: MerkleHash) throws {
        try self.init(domain: domain, salt: salt, value: digest.bytes)
    }

    /// An opening of a patient's identity; no issuer is an empty one.
    /// - Throws: ``LedgerError`` (`malformedCommitment`), also where a part holds NUL, which parts them.
    public init(patientID: String, issuer: String?, salt: [UInt8]) throws {
        let parts = [Array((issuer ?? "").utf8), Array(patientID.utf8)]
        guard parts.allSatisfy({ !$0.contains(0) }) else {
            throw LedgerError(.malformedCommitment, "a patient's ID and its issuer hold no NUL")
        }
        try self.init(domain: .patient, salt: salt, value: parts[0] + [0] + parts[1])
    }

    /// The commitment that this opens.
    public var commitment: Commitment { Commitment(domain: domain, salt: salt, value: value) }

    /// Whether this opens `commitment`.
    public func opens(_ commitment: Commitment) -> Bool { self.commitment == commitment }
}
