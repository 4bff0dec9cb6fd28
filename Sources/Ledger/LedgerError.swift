/// What is wrong with an entry, a proof, a note, a tile or a key.
///
/// The message names the object and what to do; it never holds a patient's identifier or the value under a commitment.
public struct LedgerError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure, stable across releases; new codes may be added.
    public struct Code: RawRepresentable, Hashable, Sendable {
        /// The code as it is written to reports.
        public let rawValue: String
        /// The code written as `rawValue`.
        public init(rawValue: String) { self.rawValue = rawValue }

        /// The bytes are not JSON as RFC 8259 and RFC 7493 (I-JSON) have it, or exceed a limit.
        public static let malformedJSON = Code(rawValue: "malformed_json")
        /// JSON, but not in the one form that RFC 8785 allows.
        public static let notCanonical = Code(rawValue: "not_canonical")
        /// Canonical JSON, but not an entry as docs/audit.md has it.
        public static let malformedEntry = Code(rawValue: "malformed_entry")
        /// An entry of a type or version that this build does not know.
        public static let unknownEntry = Code(rawValue: "unknown_entry")
        /// An entry exceeds 65,535 bytes.
        public static let entryTooLarge = Code(rawValue: "entry_too_large")
        /// A real number has no decimal form (infinite, or not a number).
        public static let notFinite = Code(rawValue: "not_finite")
        /// The proof's shape does not fit the index and sizes.
        public static let malformedProof = Code(rawValue: "malformed_proof")
        /// The proof leads to another root.
        public static let rootMismatch = Code(rawValue: "root_mismatch")
        /// The bytes are not a signed note.
        public static let malformedNote = Code(rawValue: "malformed_note")
        /// The text is not a verifier or signer key.
        public static let malformedKey = Code(rawValue: "malformed_key")
        /// A signature by a known key does not verify.
        public static let invalidSignature = Code(rawValue: "invalid_signature")
        /// No key that counts has signed, or too few have.
        public static let insufficientSignatures = Code(rawValue: "insufficient_signatures")
        /// The note's text is not a checkpoint.
        public static let malformedCheckpoint = Code(rawValue: "malformed_checkpoint")
        /// The checkpoint is of another log.
        public static let wrongOrigin = Code(rawValue: "wrong_origin")
        /// The path is not one of a tile or entry bundle.
        public static let malformedPath = Code(rawValue: "malformed_path")
        /// A tile or entry bundle has the wrong length.
        public static let malformedTile = Code(rawValue: "malformed_tile")
        /// What was asked for lies outside the tree.
        public static let outsideTree = Code(rawValue: "outside_tree")
        /// A commitment's parts have the wrong size or hold what they must not.
        public static let malformedCommitment = Code(rawValue: "malformed_commitment")
        /// A file of a bundle is not what docs/audit.md says it is.
        public static let malformedBundle = Code(rawValue: "malformed_bundle")
        /// The text is not a policy.
        public static let malformedPolicy = Code(rawValue: "malformed_policy")
        /// A file can't be read or written.
        public static let fileSystem = Code(rawValue: "file_system")
    }

    /// What a program acts upon.
    public let code: Code
    /// What happened, on which object, and what to do.
    public let message: String

    /// An error of a kind, with its message.
    public init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
