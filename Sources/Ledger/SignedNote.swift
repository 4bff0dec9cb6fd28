/// Text signed by one or more keys: C2SP signed-note.
///
/// A parsed note is not yet verified; `verify` says which keys have signed it.
public struct SignedNote: Sendable, Equatable, CustomStringConvertible {
    /// What is signed; ends in a newline.
    public let text: String
    /// The signature lines in their order.
    public private(set) var signatures: [NoteSignature]

    /// The most signatures that are read (as golang.org/x/mod/sumdb/note; the specification asks for 16).
    public static let maximumSignatures = 100
    /// The most bytes that are read (as golang.org/x/mod/sumdb/note).
    public static let maximumBytes = 1_000_000

    /// A note of a text and its signatures.
    /// - Throws: ``LedgerError`` (`malformedNote`) for a text that a note can't hold.
    public init(text: String, signatures: [NoteSignature]) throws {
        try Self.checkText(text)
        self.text = text
        self.signatures = signatures
    }

    /// A note as it is stored and sent.
    /// - Throws: ``LedgerError`` (`malformedNote`).
    public init(parsing bytes: [UInt8]) throws {
        guard bytes.count <= Self.maximumBytes else { throw Self.malformed("it has more than a million bytes") }
        guard bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }), let note = String(validating: bytes, as: UTF8.self) else {
            throw Self.malformed("it is not UTF-8, or holds control characters")
        }
        // The last empty line parts text and signatures. On bytes: Swift takes what follows a newline into account.
        guard let end = bytes.indices.last(where: { $0 > 0 && bytes[$0] == 0x0A && bytes[$0 - 1] == 0x0A }) else {
            throw Self.malformed("no empty line parts the text from the signatures")
        }
        let utf8 = note.utf8
        let split = utf8.index(utf8.startIndex, offsetBy: end)
        let lines = note[utf8.index(after: split)...].utf8
        guard lines.last == 0x0A else { throw Self.malformed("it does not end with a signature line") }
        let parts = lines.dropLast().split(separator: 0x0A, omittingEmptySubsequences: false)
        guard parts.count <= Self.maximumSignatures else {
            throw Self.malformed("it has more than \(Self.maximumSignatures) signatures")
        }
        signatures = try parts.enumerated().map { index, line in
            guard let signature = NoteSignature(line: Substring(line)) else {
                throw Self.malformed("signature line \(index + 1) does not read “— name base64”")
            }
            return signature
        }
        text = String(note[..<split])
    }

    /// Refuses what a note's text must not be.
    static func checkText(_ text: String) throws {
        guard text.utf8.last == 0x0A, text.utf8.allSatisfy({ $0 >= 0x20 || $0 == 0x0A }) else {
            throw malformed("the text must end with a newline and hold no other control character")
        }
    }

    private static func malformed(_ reason: String) -> LedgerError {
        LedgerError(.malformedNote, "not a signed note: \(reason)")
    }

    /// The note as it is stored and sent.
    public var description: String {
        text + "\n" + signatures.map { "\($0)\n" }.joined()
    }

    /// The bytes of the note as it is stored and sent.
    public var bytes: [UInt8] { Array(description.utf8) }

    /// Adds a signature, in place of one by the same key.
    public mutating func add(_ signature: NoteSignature) {
        signatures.removeAll { $0.id == signature.id }
        signatures.append(signature)
    }

    /// The known keys that signed, each once, with their signatures, in the order of the lines.
    ///
    /// Lines of unknown keys are ignored; where a known key has several lines, its first counts.
    /// - Throws: ``LedgerError`` (`invalidSignature`) where a known key's signature does not verify.
    public func verifiedSignatures(
        by verifiers: some Sequence<NoteVerifier>
    ) throws -> [(verifier: NoteVerifier, signature: NoteSignature)] {
        let known = Dictionary(verifiers.map { ($0.id, $0) }, uniquingKeysWith: { first, _ in first })
        var seen: Set<NoteKeyID> = []
        return try signatures.compactMap { signature in
            guard let verifier = known[signature.id], seen.insert(signature.id).inserted else { return nil }
            guard verifier.verifies(signature.bytes, of: text) else {
                throw LedgerError(.invalidSignature, "the signature by \(signature.id) is not that key's on this text")
            }
            return (verifier, signature)
        }
    }
}
