/// Which signatures a checkpoint needs to be believed.
public struct CheckpointPolicy: Sendable, Equatable {
    /// The log's name; a checkpoint of another is refused.
    public var origin: String
    /// The log's keys, present and past: a checkpoint needs the signature of one.
    public var logKeys: [NoteVerifier]
    /// The size at which a key of the log was retired: it signs no larger checkpoint. A key that leaked after its
    /// rotation can so tell nothing new.
    public var retiredAt: [NoteKeyID: Int]
    /// The witnesses whose cosignatures count.
    public var witnessKeys: [NoteVerifier]
    /// How many of the witnesses must have cosigned.
    public var requiredCosignatures: Int

    /// A policy of these values.
    /// - Throws: ``LedgerError`` (`malformedKey`) where it can't be met, or a key is of the wrong type.
    public init(
        origin: String, logKeys: [NoteVerifier], retiredAt: [NoteKeyID: Int] = [:], witnessKeys: [NoteVerifier] = [],
        requiredCosignatures: Int = 0
    ) throws {
        guard !logKeys.isEmpty, logKeys.allSatisfy({ $0.algorithm == .ed25519 }) else {
            throw LedgerError(.malformedKey, "a policy needs at least one key of the log, of type 1 (Ed25519)")
        }
        guard witnessKeys.allSatisfy({ $0.algorithm == .cosignatureV1 }) else {
            throw LedgerError(.malformedKey, "a witness's key is of type 4 (cosignature)")
        }
        // One key under two names is one witness: it must not meet a quorum of two.
        guard Set(witnessKeys.map(\.publicKey)).count == witnessKeys.count else {
            throw LedgerError(.malformedKey, "a policy names one witness's key twice")
        }
        guard (0...witnessKeys.count).contains(requiredCosignatures) else {
            throw LedgerError(
                .malformedKey, "\(requiredCosignatures) cosignatures can't come from \(witnessKeys.count) witnesses")
        }
        self.origin = origin
        self.logKeys = logKeys
        self.retiredAt = retiredAt
        self.witnessKeys = witnessKeys
        self.requiredCosignatures = requiredCosignatures
    }

    /// The checkpoint of a signed note that meets this policy.
    /// - Throws: ``LedgerError`` (`malformedNote`, `malformedCheckpoint`, `wrongOrigin`, `invalidSignature`,
    ///   `insufficientSignatures`).
    public func open(_ note: SignedNote) throws -> VerifiedCheckpoint {
        let checkpoint = try Checkpoint(text: note.text)
        guard checkpoint.origin == origin else {
            throw LedgerError(.wrongOrigin, "a checkpoint of “\(checkpoint.origin)”; “\(origin)” was expected")
        }
        let signed = try note.verifiedSignatures(by: logKeys + witnessKeys)
        let byLog = signed.filter { $0.verifier.algorithm == .ed25519 }
        guard byLog.contains(where: { checkpoint.size <= retiredAt[$0.verifier.id] ?? .max }) else {
            throw LedgerError(
                .insufficientSignatures,
                byLog.isEmpty
                    ? "none of the log's keys has signed the checkpoint of size \(checkpoint.size)"
                    : "only keys retired before size \(checkpoint.size) have signed that checkpoint")
        }
        let cosigned = signed.compactMap { verifier, signature in
            verifier.algorithm == .cosignatureV1
                ? Cosignature(bytes: signature.bytes).map { (verifier.id, $0.timestamp) } : nil
        }
        guard cosigned.count >= requiredCosignatures else {
            throw LedgerError(
                .insufficientSignatures,
                "\(cosigned.count) of \(requiredCosignatures) witnesses have cosigned the checkpoint of size \(checkpoint.size)"
            )
        }
        return VerifiedCheckpoint(
            checkpoint: checkpoint, note: note, cosignatureTimes: Dictionary(uniqueKeysWithValues: cosigned))
    }
}

/// A checkpoint whose signatures met a policy.
public struct VerifiedCheckpoint: Sendable, Equatable {
    /// What the log stated.
    public let checkpoint: Checkpoint
    /// The note it came in.
    public let note: SignedNote
    /// When each witness of the policy cosigned it, in seconds since 1970.
    public let cosignatureTimes: [NoteKeyID: UInt64]
}
