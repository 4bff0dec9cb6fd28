/// The body of a request to a witness: C2SP tlog-witness, `add-checkpoint`.
public struct AddCheckpointRequest: Sendable, Equatable {
    /// The size that the sender believes the witness has seen last.
    public let oldSize: Int
    /// The consistency proof from there.
    public let proof: [MerkleHash]
    /// The new checkpoint, signed by the log.
    public let note: SignedNote
    /// What it says.
    public let checkpoint: Checkpoint

    /// The most hashes of a proof.
    static let maximumHashes = 63

    /// A request for a cosignature.
    /// - Throws: ``LedgerError`` (`malformedCheckpoint`) where the note is not one.
    public init(oldSize: Int, proof: [MerkleHash], note: SignedNote) throws {
        self.oldSize = oldSize
        self.proof = proof
        self.note = note
        checkpoint = try Checkpoint(text: note.text)
    }

    /// A request as it was sent.
    /// - Throws: ``LedgerError`` (`malformedProof`, `malformedNote`, `malformedCheckpoint`): status 400.
    public init(parsing bytes: [UInt8]) throws {
        func malformed(_ reason: String) -> LedgerError {
            LedgerError(.malformedProof, "not an add-checkpoint request: \(reason)")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else { throw malformed("it is not UTF-8") }
        var lines = NoteLines(text)
        guard let number = lines.next()?.dropPrefix("old "), let oldSize = DecimalNumber.parse(number) else {
            throw malformed("its first line must be “old” and a size in plain decimal")
        }
        let proof = try lines.hashes(atMost: Self.maximumHashes, malformed)
        try self.init(oldSize: oldSize, proof: proof, note: try SignedNote(parsing: lines.rest))
    }

    /// The request as it is sent.
    public var bytes: [UInt8] {
        Array("old \(oldSize)\n\(proof.map { $0.base64 + "\n" }.joined())\n\(note)".utf8)
    }
}
